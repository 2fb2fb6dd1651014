//! Durations as scenarios write them: `500ms`, `2s`, `-10m`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A duration in milliseconds. As an offset from now, a negative one lies in the past.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

/// A text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write a whole number with a unit (ms, s, m, h, d), such as 500ms or -10m")]
pub struct ParseMillisError(String);

impl Millis {
    /// As a time to wait; zero if it is negative.
    pub fn as_duration(self) -> Duration {
        Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl FromStr for Millis {
    type Err = ParseMillisError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseMillisError(text.to_owned());
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
        let (digits, unit) = rest.split_at(at);
        let number: i64 = digits.parse().map_err(|_| refused())?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(refused()),
        };
        number.checked_mul(factor * sign).map(Self).ok_or_else(refused)
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 != 0 && self.0 % 1_000 == 0 {
            write!(f, "{}s", self.0 / 1_000)
        } else {
            write!(f, "{}ms", self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Millis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^-?\d+(ms|s|m|h|d)$"})
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("500ms", Some(500))]
    #[case("2s", Some(2_000))]
    #[case("-10m", Some(-600_000))]
    #[case("1h", Some(3_600_000))]
    #[case("2d", Some(172_800_000))]
    #[case("10", None)]
    #[case("s", None)]
    #[case("1.5s", None)]
    #[case("10 s", None)]
    #[case("99999999999999999d", None)]
    fn a_duration_is_a_whole_number_with_a_unit(#[case] text: &str, #[case] millis: Option<i64>) {
        assert_eq!(text.parse::<Millis>().ok().map(|m| m.0), millis);
    }
}

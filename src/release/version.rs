//! A release: its version number and its place in the chronological order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A published version of the gateway, such as `2026.3.31` or `2026.2.2-3`.
///
/// Versions are calendar dates. `-beta.N` comes *before* the plain version, a bare `-N` is a
/// respin that comes *after* it. Semantic versioning sorts respins wrongly, so the order is ours:
/// `2026.2.2-beta.1 < 2026.2.2 < 2026.2.2-3 < 2026.2.3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// Calendar year, such as 2026.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Third number: the day for most releases, a counter for late patch lines (`2026.7.35`).
    pub day: u16,
    /// What follows the date.
    pub suffix: Suffix,
}

/// What follows the date in a version. The variants are in chronological order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suffix {
    /// `-beta.N`: a preview, before the release.
    Beta(u16),
    /// No suffix.
    None,
    /// `-N`: published again, after the release.
    Respin(u16),
}

/// A text that is not a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a release: expected YEAR.MONTH.DAY, such as 2026.3.31, 2026.2.2-3 or 2026.7.1-beta.2"
)]
pub struct ParseReleaseError {
    /// The text that was given.
    pub text: String,
}

impl Release {
    /// A release without suffix.
    pub const fn new(year: u16, month: u8, day: u16) -> Self {
        Self { year, month, day, suffix: Suffix::None }
    }

    /// Whether this is a preview, published before its release.
    pub const fn is_beta(&self) -> bool {
        matches!(self.suffix, Suffix::Beta(_))
    }

    /// The version without its year (`3.31`), as timelines print it.
    pub fn short(&self) -> String {
        let full = self.to_string();
        match full.split_once('.') {
            Some((_, rest)) => rest.to_owned(),
            None => full,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.suffix {
            Suffix::None => format!("{}.{}.{}", self.year, self.month, self.day),
            Suffix::Beta(n) => format!("{}.{}.{}-beta.{n}", self.year, self.month, self.day),
            Suffix::Respin(n) => format!("{}.{}.{}-{n}", self.year, self.month, self.day),
        };
        f.pad(&text)
    }
}

impl FromStr for Release {
    type Err = ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseReleaseError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Release> {
    let bare = text.trim();
    let bare = bare.strip_prefix('v').unwrap_or(bare);
    let (date, suffix) = match bare.split_once('-') {
        None => (bare, Suffix::None),
        Some((date, tail)) => match tail.strip_prefix("beta.") {
            Some(n) => (date, Suffix::Beta(number(n)?)),
            None => (date, Suffix::Respin(number(tail)?)),
        },
    };
    let mut parts = date.split('.');
    let year: u16 = number(parts.next()?)?;
    let month = u8::try_from(number(parts.next()?)?).ok()?;
    let day = number(parts.next()?)?;
    let plausible = (2020..=9999).contains(&year) && (1..=12).contains(&month) && day > 0;
    (plausible && parts.next().is_none()).then_some(Release { year, month, day, suffix })
}

/// Accepts digits only: `u16::from_str` would also accept a sign.
fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

impl Serialize for Release {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Release {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Release {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Release".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A published release, such as 2026.3.31",
            "pattern": r"^v?\d{4}\.\d{1,2}\.\d+(-beta\.\d+|-\d+)?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    #[test]
    fn releases_are_ordered_chronologically() {
        let in_order = [
            "2026.1.29",
            "2026.2.2",
            "2026.2.2-3",
            "2026.2.3-beta.1",
            "2026.2.3-beta.10",
            "2026.2.3",
            "2026.2.3-1",
            "2026.2.19",
            "2026.3.2",
            "2026.7.1-1",
            "2026.7.1-2",
            "2026.7.35",
            "2026.10.1",
        ];
        for pair in in_order.windows(2) {
            assert!(release(pair[0]) < release(pair[1]), "{} < {}", pair[0], pair[1]);
        }
    }

    #[rstest]
    #[case("v2026.3.31", "2026.3.31")]
    #[case(" 2026.3.31 ", "2026.3.31")]
    #[case("2026.7.1-beta.2", "2026.7.1-beta.2")]
    #[case("2026.2.2-3", "2026.2.2-3")]
    fn a_release_prints_as_it_is_published(#[case] text: &str, #[case] printed: &str) {
        assert_eq!(release(text).to_string(), printed);
    }

    #[rstest]
    #[case("")]
    #[case("3.31")]
    #[case("2026.3")]
    #[case("2026.13.1")]
    #[case("2026.3.0")]
    #[case("2026.3.31.1")]
    #[case("2026.3.+1")]
    #[case("2026.3.1-")]
    #[case("2026.3.1-rc.1")]
    #[case("2026.3.1-beta")]
    #[case("2026.3.99999999")]
    #[case("0.0.1")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(text.parse::<Release>().is_err());
    }

    #[test]
    fn the_short_form_omits_the_year() {
        assert_eq!(release("2026.2.2-3").short(), "2.2-3");
    }

    proptest! {
        #[test]
        fn a_printed_release_parses_to_itself(
            year in 2020u16..2100, month in 1u8..=12, day in 1u16..100, kind in 0u8..3, n in 0u16..100,
        ) {
            let suffix = match kind { 0 => Suffix::Beta(n), 1 => Suffix::None, _ => Suffix::Respin(n) };
            let one = Release { year, month, day, suffix };
            prop_assert_eq!(release(&one.to_string()), one);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = text.parse::<Release>();
        }
    }
}

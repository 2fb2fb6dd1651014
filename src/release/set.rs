//! Sets of releases: several ranges, such as `>=2026.3.2, <2026.4.2 || >=2026.8.1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::range::{ParseRangeError, ReleaseRange};
use super::version::Release;

/// The releases in any of several ranges, which are written with `||` between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseSet(Vec<ReleaseRange>);

impl ReleaseSet {
    /// Whether `release` is in one of the ranges.
    pub fn contains(&self, release: &Release) -> bool {
        self.0.iter().any(|one| one.contains(release))
    }

    /// Whether any release can be both in the set and in `range`.
    pub fn overlaps(&self, range: &ReleaseRange) -> bool {
        self.0.iter().any(|one| one.overlaps(range))
    }

    /// The releases that are in both sets, if there can be any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let pairs = self.0.iter().flat_map(|a| other.0.iter().filter_map(|b| a.intersection(b)));
        let both: Vec<ReleaseRange> = pairs.collect();
        (!both.is_empty()).then_some(Self(both))
    }
}

impl FromStr for ReleaseSet {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split("||").map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for ReleaseSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, one) in self.0.iter().enumerate() {
            let or = if at == 0 { "" } else { " || " };
            write!(f, "{or}{one}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for ReleaseSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for ReleaseSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReleaseSet".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "Releases: one span, such as \">=2026.3.31, <2026.4.2\", or several joined by \"||\"",
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn set(text: &str) -> ReleaseSet {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("2026.3.2", true)]
    #[case("2026.4.2", false)]
    #[case("2026.7.35", false)]
    #[case("2026.8.1", true)]
    fn a_set_contains_the_releases_of_its_ranges(#[case] release: &str, #[case] inside: bool) {
        let both = set(">=2026.3.2, <2026.4.2 || >=2026.8.1");
        assert_eq!(both.contains(&release.parse().unwrap()), inside);
        assert_eq!(both.to_string(), ">=2026.3.2, <2026.4.2 || >=2026.8.1");
    }

    #[test]
    fn sets_can_be_intersected() {
        let (old, new) = (set("<2026.4.2 || >=2026.8.1"), set(">=2026.3.31"));
        let shared = old.intersection(&new).map(|one| one.to_string());
        assert_eq!(shared.as_deref(), Some(">=2026.3.31, <2026.4.2 || >=2026.8.1"));
        assert_eq!(old.intersection(&set(">=2026.5.1, <2026.6.1")), None);
        assert!(old.overlaps(&"2026.8.1".parse().unwrap()) && !old.overlaps(&"2026.5.1".parse().unwrap()));
    }

    #[rstest]
    #[case("")]
    #[case(">=2026.3.2 ||")]
    #[case("a || b")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(text.parse::<ReleaseSet>().is_err());
    }
}

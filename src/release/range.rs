//! Ranges of releases, such as `>=2026.3.31, <2026.4.2`.

use std::fmt;
use std::ops::Bound;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ParseReleaseError, Release};

/// A contiguous range of releases: those that satisfy all of its comparators.
///
/// Written as comparators joined by commas (`>=2026.3.31, <2026.4.2`), as one release
/// (`2026.3.31`), or as `*` for every release. A range is never empty: a text such as `>=2026.4.2, <2026.3.31` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReleaseRange {
    low: Bound<Release>,
    high: Bound<Release>,
}

/// Why a text is not a range of releases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRangeError {
    /// One of the versions cannot be read.
    #[error(transparent)]
    Release(#[from] ParseReleaseError),
    /// What stands before a version is not a comparator.
    #[error(
        "`{0}` is not a comparison: write >=, >, <=, < or = before a release, and join comparisons with a comma"
    )]
    Comparator(String),
    /// The comparators exclude each other.
    #[error("the range `{0}` is empty: no release is inside it")]
    Empty(String),
}

impl ReleaseRange {
    /// Every release.
    pub const ALL: Self = Self { low: Bound::Unbounded, high: Bound::Unbounded };

    /// Exactly one release.
    pub const fn only(release: Release) -> Self {
        Self { low: Bound::Included(release), high: Bound::Included(release) }
    }

    /// From `first` up to, but without, `end`; either may be open.
    pub fn from_until(first: Option<Release>, end: Option<Release>) -> Self {
        Self {
            low: first.map_or(Bound::Unbounded, Bound::Included),
            high: end.map_or(Bound::Unbounded, Bound::Excluded),
        }
    }

    /// From `first` to `last`, both included.
    pub const fn from_through(first: Release, last: Release) -> Self {
        Self { low: Bound::Included(first), high: Bound::Included(last) }
    }

    /// The smallest range that contains both and whatever lies between them.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        let low = if tighter_low(self.low, other.low) == self.low { other.low } else { self.low };
        let high = if tighter_high(self.high, other.high) == self.high { other.high } else { self.high };
        Self { low, high }
    }

    /// Its lower bound.
    pub const fn low(&self) -> Bound<Release> {
        self.low
    }

    /// Its upper bound.
    pub const fn high(&self) -> Bound<Release> {
        self.high
    }

    /// The range from the lower bound of one range to the upper bound of another; none if that is empty.
    pub fn between(begins: &Self, ends: &Self) -> Option<Self> {
        (!is_empty(begins.low, ends.high)).then_some(Self { low: begins.low, high: ends.high })
    }

    /// Whether `release` is inside.
    pub fn contains(&self, release: &Release) -> bool {
        std::ops::RangeBounds::contains(&(self.low, self.high), release)
    }

    /// Whether any release can be inside both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.intersection(other).is_some()
    }

    /// The releases that are inside both, if there can be any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let low = tighter_low(self.low, other.low);
        let high = tighter_high(self.high, other.high);
        (!is_empty(low, high)).then_some(Self { low, high })
    }
}

fn tighter_low(a: Bound<Release>, b: Bound<Release>) -> Bound<Release> {
    match (a, b) {
        (Bound::Unbounded, other) | (other, Bound::Unbounded) => other,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) if x != y => {
            if x > y { a } else { b }
        }
        (Bound::Excluded(_), _) => a,
        _ => b,
    }
}

fn tighter_high(a: Bound<Release>, b: Bound<Release>) -> Bound<Release> {
    match (a, b) {
        (Bound::Unbounded, other) | (other, Bound::Unbounded) => other,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) if x != y => {
            if x < y { a } else { b }
        }
        (Bound::Excluded(_), _) => a,
        _ => b,
    }
}

fn is_empty(low: Bound<Release>, high: Bound<Release>) -> bool {
    match (low, high) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(x), Bound::Included(y)) => x > y,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) => x >= y,
    }
}

impl FromStr for ReleaseRange {
    type Err = ParseRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "*" {
            return Ok(Self::ALL);
        }
        let mut range = Self::ALL;
        for part in text.split(',') {
            let part = part.trim();
            let at = part.find(|c: char| c.is_ascii_digit() || c == 'v').unwrap_or(part.len());
            let (comparator, version) = part.split_at(at);
            let release: Release = version.parse()?;
            let (low, high) = match comparator.trim() {
                "" | "=" => (Bound::Included(release), Bound::Included(release)),
                ">=" => (Bound::Included(release), Bound::Unbounded),
                ">" => (Bound::Excluded(release), Bound::Unbounded),
                "<=" => (Bound::Unbounded, Bound::Included(release)),
                "<" => (Bound::Unbounded, Bound::Excluded(release)),
                other => return Err(ParseRangeError::Comparator(other.to_owned())),
            };
            range = Self { low: tighter_low(range.low, low), high: tighter_high(range.high, high) };
        }
        if is_empty(range.low, range.high) {
            return Err(ParseRangeError::Empty(text.trim().to_owned()));
        }
        Ok(range)
    }
}

impl fmt::Display for ReleaseRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Bound::Included(low), Bound::Included(high)) = (self.low, self.high)
            && low == high
        {
            return write!(f, "{low}");
        }
        let low = match self.low {
            Bound::Included(release) => Some(format!(">={release}")),
            Bound::Excluded(release) => Some(format!(">{release}")),
            Bound::Unbounded => None,
        };
        let high = match self.high {
            Bound::Included(release) => Some(format!("<={release}")),
            Bound::Excluded(release) => Some(format!("<{release}")),
            Bound::Unbounded => None,
        };
        match (low, high) {
            (Some(low), Some(high)) => write!(f, "{low}, {high}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(&one),
            (None, None) => f.write_str("*"),
        }
    }
}

impl Serialize for ReleaseRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReleaseRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for ReleaseRange {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ReleaseRange".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A span of releases, such as \">=2026.3.31, <2026.4.2\", one release, or \"*\"",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::release::Suffix;

    fn range(text: &str) -> ReleaseRange {
        text.parse().unwrap()
    }

    #[rstest]
    #[case(">=2026.3.31, <2026.4.2", "2026.3.31", true)]
    #[case(">=2026.3.31, <2026.4.2", "2026.4.1", true)]
    #[case(">=2026.3.31, <2026.4.2", "2026.4.2", false)]
    #[case(">=2026.3.31, <2026.4.2", "2026.3.28", false)]
    #[case(">2026.2.2", "2026.2.2-3", true)]
    #[case("<2026.2.2", "2026.2.2-beta.1", true)]
    #[case("2026.3.31", "2026.3.31", true)]
    #[case("=2026.3.31", "2026.4.1", false)]
    #[case("*", "2026.1.29", true)]
    fn a_range_contains_the_releases_between_its_bounds(
        #[case] text: &str,
        #[case] release: &str,
        #[case] inside: bool,
    ) {
        assert_eq!(range(text).contains(&release.parse().unwrap()), inside);
    }

    #[rstest]
    #[case(">=2026.4.2, <2026.3.31")]
    #[case(">2026.4.2, <2026.4.2")]
    #[case(">=2026.4.2, <2026.4.2")]
    #[case("2026.4.1, 2026.4.2")]
    fn empty_ranges_are_refused(#[case] text: &str) {
        assert!(matches!(text.parse::<ReleaseRange>(), Err(ParseRangeError::Empty(_))));
    }

    #[rstest]
    #[case("")]
    #[case("~2026.4.2")]
    #[case(">=")]
    #[case(">=2026.3.31 <2026.4.2")]
    fn other_texts_are_refused(#[case] text: &str) {
        assert!(text.parse::<ReleaseRange>().is_err());
    }

    #[rstest]
    #[case(">=2026.3.31, <2026.4.2", ">=2026.4.2", false)]
    #[case(">=2026.3.31, <=2026.4.2", ">=2026.4.2", true)]
    #[case("<2026.3.31", ">2026.3.31", false)]
    #[case("*", "2026.3.31", true)]
    fn overlapping_ranges_are_recognized(#[case] a: &str, #[case] b: &str, #[case] overlap: bool) {
        assert_eq!(range(a).overlaps(&range(b)), overlap);
        assert_eq!(range(b).overlaps(&range(a)), overlap);
    }

    fn any_release() -> impl Strategy<Value = Release> {
        (1u8..4, 1u16..5, 0u8..3, 0u16..3).prop_map(|(month, day, kind, n)| Release {
            year: 2026,
            month,
            day,
            suffix: match kind {
                0 => Suffix::Beta(n),
                1 => Suffix::None,
                _ => Suffix::Respin(n),
            },
        })
    }

    fn any_range() -> impl Strategy<Value = ReleaseRange> {
        let comparator = (prop::sample::select(vec![">=", ">", "<=", "<", "="]), any_release());
        prop::collection::vec(comparator, 1..4).prop_filter_map("empty", |parts| {
            let text: Vec<String> = parts.iter().map(|(op, r)| format!("{op}{r}")).collect();
            text.join(", ").parse().ok()
        })
    }

    proptest! {
        #[test]
        fn a_printed_range_parses_to_itself(one in any_range()) {
            prop_assert_eq!(range(&one.to_string()), one);
        }

        #[test]
        fn ranges_with_a_common_release_overlap(a in any_range(), b in any_range(), r in any_release()) {
            if a.contains(&r) && b.contains(&r) {
                prop_assert!(a.overlaps(&b));
            }
        }
    }
}

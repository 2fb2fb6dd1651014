//! Ranges of neighbouring releases with the same measurement.

use crate::release::{Release, ReleaseRange};

/// Neighbouring releases with the same measurement.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReleaseSpan<'a, T> {
    pub(super) value: &'a T,
    pub(super) first: Release,
    pub(super) last: Release,
    /// The next release, if it was measured; its measurement differs.
    pub(super) next: Option<Release>,
}

impl<T> ReleaseSpan<'_, T> {
    /// The range of the span: up to the next release if that was measured, else up to and including the last one.
    pub(super) fn range(&self) -> ReleaseRange {
        match self.next {
            Some(next) => ReleaseRange::from_until(Some(self.first), Some(next)),
            None => self.closed(),
        }
    }

    /// The range up to and including the last release.
    pub(super) fn closed(&self) -> ReleaseRange {
        ReleaseRange::from_through(self.first, self.last)
    }
}

/// The spans of releases with equal measurements. `run` has all releases that were run, in their order. A release without
/// a measurement interrupts a span.
pub(super) fn spans<T: PartialEq>(run: &[(Release, Option<T>)]) -> Vec<ReleaseSpan<'_, T>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((first, value)) = run.get(at) {
        let Some(value) = value else {
            at += 1;
            continue;
        };
        let same = run[at..].iter().take_while(|(_, one)| one.as_ref() == Some(value)).count();
        let last = run.get(at + same - 1).map_or(*first, |(release, _)| *release);
        let next = run.get(at + same).filter(|(_, one)| one.is_some()).map(|(release, _)| *release);
        found.push(ReleaseSpan { value, first: *first, last, next });
        at += same;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release(day: u16) -> Release {
        Release::new(2026, 4, day)
    }

    #[test]
    fn neighbouring_releases_that_agree_share_a_range() {
        let days =
            [(1, Some('a')), (2, Some('b')), (3, Some('b')), (5, Some('a')), (7, None), (8, Some('a'))];
        let run = days.map(|(day, value)| (release(day), value));
        let texts: Vec<_> =
            spans(&run).into_iter().map(|one| format!("{} {}", one.range(), one.value)).collect();
        assert_eq!(texts, [">=2026.4.1, <2026.4.2 a", ">=2026.4.2, <2026.4.5 b", "2026.4.5 a", "2026.4.8 a"]);
    }

    proptest! {
        #[test]
        fn every_measured_release_is_only_in_the_range_of_its_value(
            values in prop::collection::vec(prop::option::of(0..3_u8), 1..20),
        ) {
            let run: Vec<_> = (1..).map(release).zip(values).collect();
            let spans = spans(&run);
            for (release, value) in &run {
                let inside: Vec<_> = spans.iter().filter(|one| one.range().contains(release)).collect();
                prop_assert_eq!(inside.len(), usize::from(value.is_some()));
                prop_assert_eq!(inside.first().map(|one| *one.value), *value);
            }
        }
    }
}

//! The fewest ranges of releases for what was measured.

use crate::release::{Release, ReleaseRange};

/// The ranges in which a measurement holds: one for each stretch of measured releases that agree.
///
/// A range ends before the next release that was measured otherwise; what holds on the oldest or the
/// newest measured release is taken to hold before or after it.
pub(super) fn ranges<T: PartialEq>(measured: &[(Release, T)]) -> Vec<(ReleaseRange, &T)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((first, value)) = measured.get(at) {
        let same = measured[at..].iter().take_while(|(_, one)| one == value).count();
        let low = (at > 0).then_some(*first);
        let high = measured.get(at + same).map(|(release, _)| *release);
        found.push((ReleaseRange::from_until(low, high), value));
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
    fn neighbours_that_agree_share_a_range() {
        let measured = [(release(1), 'a'), (release(2), 'b'), (release(3), 'b'), (release(5), 'a')];
        let texts: Vec<_> =
            ranges(&measured).into_iter().map(|(range, value)| format!("{range} {value}")).collect();
        assert_eq!(texts, ["<2026.4.2 a", ">=2026.4.2, <2026.4.5 b", ">=2026.4.5 a"]);
    }

    proptest! {
        #[test]
        fn every_measured_release_is_in_exactly_the_ranges_of_its_value(values in prop::collection::vec(0..3_u8, 1..20)) {
            let measured: Vec<_> = (1..).map(release).zip(values).collect();
            let ranges = ranges(&measured);
            for (release, value) in &measured {
                let inside: Vec<_> = ranges.iter().filter(|(range, _)| range.contains(release)).collect();
                prop_assert_eq!(inside.len(), 1);
                prop_assert_eq!(inside[0].1, value);
            }
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 != pair[1].1));
        }
    }
}

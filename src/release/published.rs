//! The stable releases that are known to be published, which tell whether two releases are neighbours.

use super::version::{Release, Suffix};

const fn day(month: u8, day: u16) -> Release {
    Release::new(2026, month, day)
}

const fn respin(month: u8, day: u16, number: u16) -> Release {
    Release { year: 2026, month, day, suffix: Suffix::Respin(number) }
}

/// Every stable release from 2026.1.29 to 2026.9.6, in chronological order, as the registry lists them.
#[rustfmt::skip]
pub const PUBLISHED: &[Release] = &[
    day(1, 29), day(1, 30),
    day(2, 1), day(2, 2), respin(2, 2, 3), day(2, 3), respin(2, 3, 1), respin(2, 6, 3), day(2, 9), day(2, 12), day(2, 17), day(2, 19), day(2, 21), day(2, 22), respin(2, 22, 1), day(2, 23), day(2, 24), day(2, 25), day(2, 26),
    day(3, 1), day(3, 2), day(3, 7), day(3, 8), day(3, 11), day(3, 13), day(3, 22), day(3, 23), respin(3, 23, 1), respin(3, 23, 2), day(3, 24), day(3, 28), day(3, 31),
    day(4, 1), day(4, 2), day(4, 5), day(4, 7), day(4, 8), day(4, 9), day(4, 10), day(4, 11), day(4, 12), day(4, 14), day(4, 15), day(4, 20), day(4, 21), day(4, 22), day(4, 23), day(4, 24), day(4, 25), day(4, 26), day(4, 27), day(4, 29),
    day(5, 2), day(5, 3), respin(5, 3, 1), day(5, 4), day(5, 5), day(5, 6), day(5, 7), day(5, 12), day(5, 18), day(5, 19), day(5, 20), day(5, 22), day(5, 26), day(5, 27), day(5, 28),
    day(6, 1), day(6, 5), day(6, 6), day(6, 8), day(6, 9), day(6, 10), day(6, 11), day(6, 33), day(6, 34), day(6, 35),
    day(7, 1), respin(7, 1, 1), respin(7, 1, 2), day(7, 33), day(7, 34), day(7, 35),
    day(8, 1), day(8, 2),
    day(9, 1), day(9, 2), day(9, 3), day(9, 4), day(9, 5), day(9, 6),
];

/// Whether the later of two releases is known to be the next stable one after the earlier.
///
/// Releases that are not in the list (betas, and what was published after this version of gatecrash) have no known
/// neighbours.
pub fn are_neighbours(earlier: Release, later: Release) -> bool {
    let at = PUBLISHED.iter().position(|one| *one == earlier);
    at.is_some_and(|at| PUBLISHED.get(at + 1) == Some(&later))
}

/// When a change came that the later of two releases shows and the earlier does not: `2026.4.2` if they are neighbours, else
/// `between 2026.4.2 and 2026.9.6`.
pub fn span_of_change(earlier: Release, later: Release) -> String {
    if are_neighbours(earlier, later) {
        return later.to_string();
    }
    format!("between {earlier} and {later}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_list_is_in_chronological_order() {
        assert!(PUBLISHED.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[rstest]
    #[case::the_next_day("2026.3.28", "2026.3.31", "2026.3.31")]
    #[case::a_respin("2026.3.23-2", "2026.3.24", "2026.3.24")]
    #[case::a_respin_lies_between("2026.3.23", "2026.3.24", "between 2026.3.23 and 2026.3.24")]
    #[case::months_lie_between("2026.7.1", "2026.9.6", "between 2026.7.1 and 2026.9.6")]
    #[case::later_than_the_list("2026.9.6", "2026.9.7", "between 2026.9.6 and 2026.9.7")]
    #[case::a_beta("2026.6.35", "2026.7.1-beta.1", "between 2026.6.35 and 2026.7.1-beta.1")]
    #[case::the_wrong_way_round("2026.3.31", "2026.3.28", "between 2026.3.31 and 2026.3.28")]
    fn a_change_is_attributed_to_a_release_only_if_its_neighbour_lacks_it(
        #[case] earlier: &str,
        #[case] later: &str,
        #[case] told: &str,
    ) {
        assert_eq!(span_of_change(earlier.parse().unwrap(), later.parse().unwrap()), told);
    }
}

//! Finds every change of a scenario over a range, not just one.

use super::entry::Reading;
use super::search::{Mark, SearchOutcome};

/// What is known of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Observation {
    /// It has not been tested.
    Untested,
    /// It could not be tested.
    Unclear,
    /// It behaves like this.
    Behaves(String),
}

impl Observation {
    /// What a reading shows.
    pub(super) fn of(reading: &Reading) -> Self {
        match reading {
            Reading::Right => Self::Behaves("ok".to_owned()),
            Reading::Wrong(signature) => Self::Behaves(signature.to_string()),
            Reading::Unclear(_) => Self::Unclear,
        }
    }

    fn behaviour(&self) -> Option<&String> {
        if let Self::Behaves(how) = self { Some(how) } else { None }
    }
}

/// The candidate to test next: the ends, then both sides of each guessed change, then the middle between two tested
/// neighbours that differ.
///
/// Nothing is tested between two neighbours that behave alike, so a change that is reverted there stays unnoticed.
pub(super) fn next(observations: &[Observation], guesses: &[usize]) -> Option<usize> {
    let ends = [0, observations.len().checked_sub(1)?];
    let sides = guesses.iter().flat_map(|guess| [guess.saturating_sub(1), *guess]);
    let mut wanted = ends.into_iter().chain(sides.filter(|side| *side < observations.len()));
    if let Some(untested) = wanted.find(|at| observations[*at] == Observation::Untested) {
        return Some(untested);
    }
    let known: Vec<(usize, &String)> = observations
        .iter()
        .enumerate()
        .filter_map(|(at, observation)| Some((at, observation.behaviour()?)))
        .collect();
    known.windows(2).filter(|pair| pair[0].1 != pair[1].1).find_map(|pair| {
        let middle = usize::midpoint(pair[0].0, pair[1].0);
        (pair[0].0 + 1..pair[1].0)
            .filter(|at| observations[*at] == Observation::Untested)
            .min_by_key(|at| (at.abs_diff(middle), *at))
    })
}

/// The last change of a range, once nothing is left to test.
pub(super) fn outcome(observations: &[Observation]) -> SearchOutcome {
    let known: Vec<(usize, &String)> = observations
        .iter()
        .enumerate()
        .filter_map(|(at, observation)| Some((at, observation.behaviour()?)))
        .collect();
    let change = known.windows(2).rev().find(|pair| pair[0].1 != pair[1].1);
    match (change.map(|pair| (pair[0].0, pair[1].0)), known.first()) {
        (Some((before, first_new)), _) if before + 1 == first_new => SearchOutcome::Found { first_new },
        (Some((last_old, first_new)), _) => SearchOutcome::FoundDespiteSkips { last_old, first_new },
        (None, Some((_, observation))) => {
            SearchOutcome::EndsDoNotDiffer { both: if *observation == "ok" { Mark::Old } else { Mark::New } }
        }
        (None, None) => SearchOutcome::Indeterminate,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn explored(truth: &[u8], tested: &[usize]) -> (Vec<Observation>, usize) {
        let observation = |at: usize| {
            if truth[at] < 9 { Observation::Behaves(truth[at].to_string()) } else { Observation::Unclear }
        };
        let mut observations = vec![Observation::Untested; truth.len()];
        for at in tested {
            observations[*at] = observation(*at);
        }
        let mut probes = 0;
        while let Some(at) = next(&observations, &[]) {
            assert_eq!(observations[at], Observation::Untested, "{at} is tested twice");
            observations[at] = observation(at);
            probes += 1;
        }
        (observations, probes)
    }

    #[test]
    fn two_changes_are_both_found_where_something_between_is_known() {
        let truth = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0];
        let (observations, probes) = explored(&truth, &[5]);
        let first = |at: usize| {
            observations[at] != Observation::Untested && observations[at - 1] != Observation::Untested
        };
        assert!(first(4) && first(7), "{observations:?}");
        assert!(probes <= 8, "{probes} tests");
        assert_eq!(outcome(&observations), SearchOutcome::Found { first_new: 7 });
    }

    #[test]
    fn a_range_without_a_change_says_so() {
        let (observations, probes) = explored(&[0; 40], &[]);
        assert_eq!((outcome(&observations), probes), (SearchOutcome::EndsDoNotDiffer { both: Mark::New }, 2));
        assert_eq!(outcome(&[]), SearchOutcome::Indeterminate);
    }

    proptest! {
        #[test]
        fn every_change_between_two_tested_candidates_is_narrowed_to_neighbours(truth in prop::collection::vec(prop_oneof![0u8..3, Just(9)], 1..60)) {
            let (observations, _) = explored(&truth, &[]);
            let known: Vec<usize> = (0..truth.len()).filter(|at| matches!(observations[*at], Observation::Behaves(_))).collect();
            for pair in known.windows(2).filter(|pair| truth[pair[0]] != truth[pair[1]]) {
                prop_assert!((pair[0] + 1..pair[1]).all(|at| truth[at] == 9));
            }
        }
    }
}

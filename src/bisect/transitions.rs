//! All changes of a scenario over a range, not only one.
use super::entry::Reading;
use super::search::{Finding, Mark};

/// What was seen of a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nobody looked.
    Nothing,
    /// It cannot be told.
    Unclear,
    /// How it behaves.
    Behaves(String),
}

impl Seen {
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

/// The candidate to look at next: the ends, both sides of where a change is guessed, then the middle
/// between two neighbours that differ.
///
/// Between two that behave alike nothing is looked at, so a change there and back stays unseen.
pub(super) fn next(words: &[Seen], guesses: &[usize]) -> Option<usize> {
    let ends = [0, words.len().checked_sub(1)?];
    let sides = guesses.iter().flat_map(|guess| [guess.saturating_sub(1), *guess]);
    let mut wanted = ends.into_iter().chain(sides.filter(|side| *side < words.len()));
    if let Some(untested) = wanted.find(|at| words[*at] == Seen::Nothing) {
        return Some(untested);
    }
    let told: Vec<(usize, &String)> =
        words.iter().enumerate().filter_map(|(at, word)| Some((at, word.behaviour()?))).collect();
    told.windows(2).filter(|pair| pair[0].1 != pair[1].1).find_map(|pair| {
        let middle = usize::midpoint(pair[0].0, pair[1].0);
        (pair[0].0 + 1..pair[1].0)
            .filter(|at| words[*at] == Seen::Nothing)
            .min_by_key(|at| (at.abs_diff(middle), *at))
    })
}

/// The last change of a range in which everything has been looked at that has to be.
pub(super) fn finding(words: &[Seen]) -> Finding {
    let told: Vec<(usize, &String)> =
        words.iter().enumerate().filter_map(|(at, word)| Some((at, word.behaviour()?))).collect();
    let change = told.windows(2).rev().find(|pair| pair[0].1 != pair[1].1);
    match (change.map(|pair| (pair[0].0, pair[1].0)), told.first()) {
        (Some((before, first_new)), _) if before + 1 == first_new => Finding::Found { first_new },
        (Some((last_old, first_new)), _) => Finding::FoundDespiteSkips { last_old, first_new },
        (None, Some((_, word))) => {
            Finding::EndsDoNotDiffer { both: if *word == "ok" { Mark::Old } else { Mark::New } }
        }
        (None, None) => Finding::Indeterminate,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn explored(truth: &[u8], known: &[usize]) -> (Vec<Seen>, usize) {
        let word =
            |at: usize| if truth[at] < 9 { Seen::Behaves(truth[at].to_string()) } else { Seen::Unclear };
        let mut words = vec![Seen::Nothing; truth.len()];
        for at in known {
            words[*at] = word(*at);
        }
        let mut looks = 0;
        while let Some(at) = next(&words, &[]) {
            assert_eq!(words[at], Seen::Nothing, "{at} is looked at twice");
            words[at] = word(at);
            looks += 1;
        }
        (words, looks)
    }

    #[test]
    fn two_changes_are_both_found_where_something_between_is_known() {
        let truth = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0];
        let (words, looks) = explored(&truth, &[5]);
        let first = |at: usize| words[at] != Seen::Nothing && words[at - 1] != Seen::Nothing;
        assert!(first(4) && first(7), "{words:?}");
        assert!(looks <= 8, "{looks} looks");
        assert_eq!(finding(&words), Finding::Found { first_new: 7 });
    }

    #[test]
    fn a_range_without_a_change_says_so() {
        let (words, looks) = explored(&[0; 40], &[]);
        assert_eq!((finding(&words), looks), (Finding::EndsDoNotDiffer { both: Mark::New }, 2));
        assert_eq!(finding(&[]), Finding::Indeterminate);
    }

    proptest! {
        #[test]
        fn every_change_between_two_looks_is_narrowed_to_neighbours(truth in prop::collection::vec(prop_oneof![0u8..3, Just(9)], 1..60)) {
            let (words, _) = explored(&truth, &[]);
            let told: Vec<usize> = (0..truth.len()).filter(|at| matches!(words[*at], Seen::Behaves(_))).collect();
            for pair in told.windows(2).filter(|pair| truth[pair[0]] != truth[pair[1]]) {
                prop_assert!((pair[0] + 1..pair[1]).all(|at| truth[at] == 9));
            }
        }
    }
}

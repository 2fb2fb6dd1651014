//! What the search promises, over histories that are known.

use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// Runs a search on what is really there; the tested candidates come back in order.
fn search(truth: &[Mark], first: RangeEnd) -> (SearchOutcome, Vec<usize>) {
    run(Search::new(truth.len(), first), truth)
}

fn run(mut search: Search, truth: &[Mark]) -> (SearchOutcome, Vec<usize>) {
    let mut tested = Vec::new();
    loop {
        match search.next() {
            Next::Done(outcome) => return (outcome, tested),
            Next::Test(candidate) => {
                assert!(tested.len() <= truth.len(), "the search does not end");
                tested.push(candidate);
                search.mark(candidate, truth[candidate]);
            }
        }
    }
}

fn marks(text: &str) -> Vec<Mark> {
    let mark = |letter| match letter {
        'o' => Mark::Old,
        'n' => Mark::New,
        _ => Mark::Skip,
    };
    text.chars().map(mark).collect()
}

fn ceil_log2(count: usize) -> usize {
    usize::try_from(count.next_power_of_two().trailing_zeros()).unwrap()
}

#[rstest]
#[case("on", SearchOutcome::Found { first_new: 1 })]
#[case("ooonnn", SearchOutcome::Found { first_new: 3 })]
#[case("oosnnn", SearchOutcome::FoundDespiteSkips { last_old: 1, first_new: 3 })]
#[case("soonnn", SearchOutcome::Found { first_new: 3 })]
#[case("ooonss", SearchOutcome::Found { first_new: 3 })]
#[case("ssssonn", SearchOutcome::Indeterminate)]
#[case("snnn", SearchOutcome::Indeterminate)]
#[case("ooos", SearchOutcome::Indeterminate)]
#[case("ss", SearchOutcome::Indeterminate)]
#[case("oooo", SearchOutcome::EndsDoNotDiffer { both: Mark::Old })]
#[case("nnnn", SearchOutcome::EndsDoNotDiffer { both: Mark::New })]
#[case("onno", SearchOutcome::EndsDoNotDiffer { both: Mark::Old })]
#[case("nnoo", SearchOutcome::EndsSwapped)]
#[case("o", SearchOutcome::EndsDoNotDiffer { both: Mark::Old })]
#[case("", SearchOutcome::Indeterminate)]
fn each_history_has_its_outcome(#[case] truth: &str, #[case] outcome: SearchOutcome) {
    assert_eq!(search(&marks(truth), RangeEnd::Later).0, outcome);
    assert_eq!(search(&marks(truth), RangeEnd::Earlier).0, outcome);
}

#[test]
fn the_chosen_end_is_tested_first() {
    assert_eq!(search(&marks("ooonn"), RangeEnd::Later).1[..2], [4, 0]);
    assert_eq!(search(&marks("ooonn"), RangeEnd::Earlier).1[..2], [0, 4]);
}

#[test]
fn known_candidates_cost_no_test() {
    let truth = marks("oooooonnnn");
    let mut known = Search::new(truth.len(), RangeEnd::Later);
    for (at, mark) in truth.iter().enumerate() {
        known.mark(at, *mark);
    }
    assert_eq!(run(known, &truth), (SearchOutcome::Found { first_new: 6 }, vec![]));
}

#[test]
fn after_a_skip_the_search_leaves_the_neighbourhood() {
    let mut truth = vec![Mark::Old; 128];
    truth[40..96].fill(Mark::Skip);
    truth[96..].fill(Mark::New);
    truth[10..40].fill(Mark::New);
    let (outcome, tested) = search(&truth, RangeEnd::Later);
    assert_eq!(outcome, SearchOutcome::Found { first_new: 10 });
    assert!(tested.len() <= 11, "{tested:?}");
}

#[test]
fn lookahead_names_the_next_candidate_and_both_possible_successors() {
    let mut search = Search::new(9, RangeEnd::Later);
    assert_eq!(search.lookahead(2), [8, 0]);
    search.mark(8, Mark::New);
    search.mark(0, Mark::Old);
    assert_eq!(search.lookahead(3), [4, 6, 2]);
    assert!(search.lookahead(0).is_empty());
    assert!(search.is_open(3));
    search.mark(4, Mark::New);
    assert!(!search.is_open(6));
}

fn any_mark() -> impl Strategy<Value = Mark> {
    prop_oneof![4 => Just(Mark::Old), 4 => Just(Mark::New), 2 => Just(Mark::Skip)]
}

fn any_end() -> impl Strategy<Value = RangeEnd> {
    prop_oneof![Just(RangeEnd::Earlier), Just(RangeEnd::Later)]
}

/// What a outcome says of the truth.
fn check(outcome: SearchOutcome, truth: &[Mark]) -> Result<(), TestCaseError> {
    match outcome {
        SearchOutcome::Found { first_new } => {
            prop_assert_eq!((truth[first_new - 1], truth[first_new]), (Mark::Old, Mark::New));
        }
        SearchOutcome::FoundDespiteSkips { last_old, first_new } => {
            prop_assert_eq!((truth[last_old], truth[first_new]), (Mark::Old, Mark::New));
            prop_assert!(last_old + 1 < first_new);
            prop_assert!(truth[last_old + 1..first_new].iter().all(|mark| *mark == Mark::Skip));
        }
        SearchOutcome::EndsDoNotDiffer { both } => {
            let told = |mark: &&Mark| **mark != Mark::Skip;
            prop_assert_eq!(truth.iter().find(told), Some(&both));
            prop_assert_eq!(truth.iter().rev().find(told), Some(&both));
        }
        SearchOutcome::EndsSwapped => {
            let told = |mark: &&Mark| **mark != Mark::Skip;
            prop_assert_eq!(truth.iter().find(told), Some(&Mark::New));
            prop_assert_eq!(truth.iter().rev().find(told), Some(&Mark::Old));
        }
        SearchOutcome::Indeterminate => {
            let ends = [truth.first(), truth.last()];
            prop_assert!(ends.iter().any(|end| end.is_none_or(|mark| *mark == Mark::Skip)));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn one_change_is_found_within_the_bound(count in 2usize..3000, at in any::<prop::sample::Index>(), first in any_end()) {
        let first_new = 1 + at.index(count - 1);
        let truth: Vec<Mark> =
            (0..count).map(|one| if one < first_new { Mark::Old } else { Mark::New }).collect();
        let (outcome, tested) = search(&truth, first);
        prop_assert_eq!(outcome, SearchOutcome::Found { first_new });
        prop_assert!(tested.len() <= ceil_log2(count) + 2, "{} tests of {count}", tested.len());
    }

    #[test]
    fn a_right_guess_needs_only_its_two_sides_and_the_ends(count in 2usize..3000, at in any::<prop::sample::Index>(), first in any_end(), free in any::<bool>()) {
        let first_new = 1 + at.index(count - 1);
        let truth: Vec<Mark> =
            (0..count).map(|one| if one < first_new { Mark::Old } else { Mark::New }).collect();
        let plan = Search::new(count, first).guided(&[first_new]);
        let plan = if free { plan.with_free_ends() } else { plan };
        let (outcome, tested) = run(plan, &truth);
        prop_assert_eq!(outcome, SearchOutcome::Found { first_new });
        prop_assert!(tested.len() <= if free { 2 } else { 4 }, "{:?}", tested);
    }

    #[test]
    fn a_wrong_guess_costs_at_most_two_tests(count in 2usize..3000, at in any::<prop::sample::Index>(), guess in 0usize..3000, first in any_end(), free in any::<bool>()) {
        let first_new = 1 + at.index(count - 1);
        let truth: Vec<Mark> =
            (0..count).map(|one| if one < first_new { Mark::Old } else { Mark::New }).collect();
        let plan = Search::new(count, first).guided(&[guess]);
        let plan = if free { plan.with_free_ends() } else { plan };
        let (outcome, tested) = run(plan, &truth);
        prop_assert_eq!(outcome, SearchOutcome::Found { first_new });
        prop_assert!(tested.len() <= ceil_log2(count) + 4, "{:?}", tested);
    }

    #[test]
    fn wrong_guesses_do_not_make_the_outcome_wrong(truth in prop::collection::vec(any_mark(), 0..60), guesses in prop::collection::vec(0usize..70, 0..5), first in any_end()) {
        let (outcome, tested) = run(Search::new(truth.len(), first).guided(&guesses), &truth);
        check(outcome, &truth)?;
        let mut unique = tested.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), tested.len());
        let free = Search::new(truth.len(), first).guided(&guesses).with_free_ends();
        let (outcome, _) = run(free, &truth);
        if matches!(outcome, SearchOutcome::Found { .. } | SearchOutcome::FoundDespiteSkips { .. }) {
            check(outcome, &truth)?;
        }
    }

    #[test]
    fn every_history_gives_a_true_outcome(truth in prop::collection::vec(any_mark(), 0..60), first in any_end()) {
        let (outcome, tested) = search(&truth, first);
        let mut once = tested.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), tested.len(), "tested twice: {:?}", tested);
        check(outcome, &truth)?;
    }

    #[test]
    fn marks_may_come_in_any_order(
        truth in prop::collection::vec(any_mark(), 0..40),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        first in any_end(),
    ) {
        let mut ahead = Search::new(truth.len(), first);
        for at in order.iter().filter(|_| !truth.is_empty()).map(|at| at.index(truth.len())) {
            ahead.mark(at, truth[at]);
        }
        // The same marks in another order make the same search.
        let mut again = Search::new(truth.len(), first);
        for at in (0..truth.len()).rev().filter(|at| ahead.marked(*at).is_some()) {
            again.mark(at, truth[at]);
        }
        prop_assert_eq!(ahead.next(), again.next());
        check(run(ahead, &truth).0, &truth)?;
    }

    #[test]
    fn with_skips_the_answer_always_includes_the_change(
        count in 3usize..80, at in any::<prop::sample::Index>(), skips in prop::collection::vec(any::<bool>(), 80),
    ) {
        let first_new = 1 + at.index(count - 1);
        let truth: Vec<Mark> = (0..count)
            .map(|one| match (skips[one] && one > 0 && one + 1 < count, one < first_new) {
                (true, _) => Mark::Skip,
                (false, true) => Mark::Old,
                (false, false) => Mark::New,
            })
            .collect();
        match search(&truth, RangeEnd::Later).0 {
            SearchOutcome::Found { first_new: found } => prop_assert_eq!(found, first_new),
            SearchOutcome::FoundDespiteSkips { last_old, first_new: found } => {
                prop_assert!(last_old < first_new && first_new <= found);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn lookahead_begins_with_the_next_candidate(truth in prop::collection::vec(any_mark(), 2..60), most in 1usize..8) {
        let mut search = Search::new(truth.len(), RangeEnd::Later);
        while let Next::Test(candidate) = search.next() {
            let ahead = search.lookahead(most);
            prop_assert_eq!(ahead.first(), Some(&candidate));
            prop_assert!(ahead.len() <= most);
            prop_assert!(search.is_open(candidate));
            search.mark(candidate, truth[candidate]);
        }
    }
}

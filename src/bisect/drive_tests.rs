use std::sync::Mutex;

use rstest::rstest;

use super::*;
use crate::bisect::test_support::question;
use crate::run::test_support::cell;
use crate::verdict::{Signature, Verdict};

/// An oracle that reads its answers from a text: `.` right, `x` wrong, `y` wrong in another way, `-` broken, `?` wrong in
/// every second attempt, `!` wrong in another way in the first attempt.
struct Scripted {
    truth: Vec<char>,
    known: Vec<usize>,
    measured: Mutex<Vec<usize>>,
}

impl Scripted {
    fn new(truth: &str) -> Self {
        Self { truth: truth.chars().collect(), known: Vec::new(), measured: Mutex::default() }
    }

    fn cell(&self, candidate: usize, attempt: u32) -> Cell {
        let letter = match self.truth[candidate] {
            '?' if attempt.is_multiple_of(2) => 'x',
            '!' if attempt == 1 => 'y',
            '?' | '!' => '.',
            letter => letter,
        };
        let verdict = match letter {
            '.' => Verdict::Pass,
            '-' => Verdict::Error,
            _ => Verdict::Fail,
        };
        let mut cell = cell("a", "t", verdict);
        cell.signature = (verdict == Verdict::Fail).then(|| Signature {
            step: "s".into(),
            class: letter.to_string(),
            code: None,
            detail: None,
            reason: None,
        });
        cell
    }
}

impl Oracle for Scripted {
    async fn measure(
        &self,
        candidate: usize,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Measurement> {
        self.measured.lock().unwrap().push(candidate);
        tokio::task::yield_now().await;
        let measurement = Measurement { cell: self.cell(candidate, attempt), boots: 1, duration_ms: 1 };
        (!cancel.is_cancelled()).then_some(measurement)
    }

    async fn prepare(&self, _: usize) {}

    fn known(&self, candidate: usize) -> Option<Cell> {
        self.known.contains(&candidate).then(|| self.cell(candidate, 1))
    }
}

fn drive(
    oracle: &Scripted,
    question: &Question,
    jobs: usize,
    past: Vec<Probe>,
) -> (DriveResult, Vec<LogEntry>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut entries = Vec::new();
    let mut emit = |entry| entries.push(entry);
    let cancel = CancellationToken::new();
    let result = runtime.block_on(
        SearchDriver::new(oracle, question, oracle.truth.len(), jobs, &cancel, &mut emit)
            .after(past)
            .search(),
    );
    (result, entries)
}

#[rstest]
#[case("....xxxx", SoughtChange::Regression, SearchOutcome::Found { first_new: 4 })]
#[case("xxx.....", SoughtChange::Fix, SearchOutcome::Found { first_new: 3 })]
#[case("...yxxxx", SoughtChange::Regression, SearchOutcome::FoundDespiteSkips { last_old: 2, first_new: 4 })]
#[case("...--xxx", SoughtChange::Regression, SearchOutcome::FoundDespiteSkips { last_old: 2, first_new: 5 })]
#[case("........", SoughtChange::Regression, SearchOutcome::EndsDoNotDiffer { both: Mark::Old })]
#[case("xxxxxxxx", SoughtChange::Regression, SearchOutcome::EndsDoNotDiffer { both: Mark::New })]
#[case("--------", SoughtChange::Regression, SearchOutcome::Indeterminate)]
fn each_history_has_its_outcome(
    #[case] truth: &str,
    #[case] find: SoughtChange,
    #[case] outcome: SearchOutcome,
) {
    for jobs in 1..4 {
        let oracle = Scripted::new(truth);
        let (result, _) = drive(&oracle, &Question { find, ..question() }, jobs, vec![]);
        assert_eq!(result, DriveResult::Done(outcome, None), "{jobs} jobs");
        let mut measured = oracle.measured.into_inner().unwrap();
        let all = measured.len();
        measured.sort_unstable();
        measured.dedup();
        assert_eq!(measured.len(), all, "a candidate was measured twice");
    }
}

#[test]
fn with_any_failure_a_different_failure_is_bad() {
    let question = Question { any_failure: true, ..question() };
    let (result, _) = drive(&Scripted::new("...yxxxx"), &question, 1, vec![]);
    assert_eq!(result, DriveResult::Done(SearchOutcome::Found { first_new: 3 }, None));
}

#[test]
fn stored_results_cost_no_measurement() {
    let mut oracle = Scripted::new("....xxxx");
    oracle.known = (0..8).collect();
    let (result, entries) = drive(&oracle, &question(), 1, vec![]);
    assert_eq!(result, DriveResult::Done(SearchOutcome::Found { first_new: 4 }, None));
    assert!(oracle.measured.into_inner().unwrap().is_empty());
    assert!(entries.iter().all(|entry| matches!(entry, LogEntry::Probed(probe) if probe.cached)));
}

#[test]
fn a_resumed_bisect_gives_the_same_answer_and_measures_nothing_twice() {
    let truth = "..........xxxxxxxxxxxxxxx";
    let whole = drive(&Scripted::new(truth), &question(), 1, vec![]);
    let probes: Vec<Probe> = whole
        .1
        .iter()
        .filter_map(|entry| if let LogEntry::Probed(probe) = entry { Some((**probe).clone()) } else { None })
        .collect();
    for kept in 0..=probes.len() {
        let oracle = Scripted::new(truth);
        let (result, entries) = drive(&oracle, &question(), 1, probes[..kept].to_vec());
        assert_eq!(result, whole.0);
        assert_eq!(entries, whole.1[kept..]);
        assert_eq!(oracle.measured.into_inner().unwrap().len(), probes.len() - kept);
    }
}

#[test]
fn a_flaky_failure_is_found_with_the_requested_confidence() {
    let question = Question { confidence: Some(0.99), ..question() };
    let (result, _) = drive(&Scripted::new("......????????"), &question, 1, vec![]);
    let DriveResult::Done(SearchOutcome::Found { first_new: 6 }, Some(likely)) = result else {
        panic!("{result:?}");
    };
    assert!(likely >= 0.99);
}

#[test]
fn with_confidence_the_failure_of_the_bad_end_counts_even_if_the_good_end_fails_first() {
    let question = Question { confidence: Some(0.99), ..question() };
    let (result, entries) = drive(&Scripted::new("!.....????????"), &question, 1, vec![]);
    let DriveResult::Done(SearchOutcome::Found { first_new: 6 }, Some(_)) = result else {
        panic!("{result:?}");
    };
    for entry in entries {
        let LogEntry::Probed(probe) = entry else { continue };
        let expected = match &probe.reading {
            Reading::Wrong(signature) if signature.class == "y" => BuildVerdict::Other,
            Reading::Wrong(_) => BuildVerdict::Bad,
            _ => BuildVerdict::Good,
        };
        assert_eq!(probe.verdict, expected, "{probe:?}");
    }
}

#[test]
fn with_confidence_swapped_ends_are_recognised() {
    let question = Question { confidence: Some(0.99), ..question() };
    let (result, _) = drive(&Scripted::new("xxxxxx......"), &question, 1, vec![]);
    assert_eq!(result, DriveResult::Done(SearchOutcome::EndsSwapped, None));
}

#[test]
fn every_change_is_found() {
    let mut oracle = Scripted::new("....xxxx....yyyy");
    oracle.known = vec![5, 9];
    let question = Question { all_transitions: true, ..question() };
    let (result, entries) = drive(&oracle, &question, 1, vec![]);
    assert_eq!(result, DriveResult::Done(SearchOutcome::Found { first_new: 12 }, None));
    let tested: Vec<usize> = entries
        .iter()
        .filter_map(|entry| if let LogEntry::Probed(probe) = entry { Some(probe.candidate) } else { None })
        .collect();
    for at in [3, 4, 7, 8, 11, 12] {
        assert!(tested.contains(&at), "{at} was not tested");
    }
}

#[test]
fn an_interrupt_ends_the_search() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let mut emit = |_| {};
    let (oracle, question) = (Scripted::new("..xx"), question());
    let result = runtime.block_on(SearchDriver::new(&oracle, &question, 4, 1, &cancel, &mut emit).search());
    assert_eq!(result, DriveResult::Interrupted);
}

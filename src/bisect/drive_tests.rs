use parking_lot::Mutex;
use rstest::rstest;

use super::*;
use crate::bisect::entry::tests::question;
use crate::run::test_support::cell;
use crate::verdict::{Signature, Verdict};

/// An oracle that reads its answers from a text: `.` right, `x` wrong, `y` wrong in another way, `-`
/// broken, `?` wrong in every second look.
struct Scripted {
    truth: Vec<char>,
    known: Vec<usize>,
    looks: Mutex<Vec<usize>>,
}

impl Scripted {
    fn new(truth: &str) -> Self {
        Self { truth: truth.chars().collect(), known: Vec::new(), looks: Mutex::default() }
    }

    fn cell(&self, candidate: usize, attempt: u32) -> Cell {
        let letter = match self.truth[candidate] {
            '?' if attempt.is_multiple_of(2) => 'x',
            '?' => '.',
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
    async fn look(&self, candidate: usize, attempt: u32, cancel: &CancellationToken) -> Option<Measurement> {
        self.looks.lock().push(candidate);
        tokio::task::yield_now().await;
        let sight = Measurement { cell: self.cell(candidate, attempt), boots: 1, duration_ms: 1 };
        (!cancel.is_cancelled()).then_some(sight)
    }

    async fn warm(&self, _: usize) {}

    fn known(&self, candidate: usize) -> Option<Cell> {
        self.known.contains(&candidate).then(|| self.cell(candidate, 1))
    }
}

fn drive(oracle: &Scripted, question: &Question, jobs: usize, past: Vec<Probe>) -> (Ending, Vec<Entry>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut entries = Vec::new();
    let mut emit = |entry| entries.push(entry);
    let cancel = CancellationToken::new();
    let ending = runtime.block_on(
        Drive::new(oracle, question, oracle.truth.len(), jobs, &cancel, &mut emit).after(past).search(),
    );
    (ending, entries)
}

#[rstest]
#[case("....xxxx", Find::Regression, Finding::Found { first_new: 4 })]
#[case("xxx.....", Find::Fix, Finding::Found { first_new: 3 })]
#[case("...yxxxx", Find::Regression, Finding::FoundDespiteSkips { last_old: 2, first_new: 4 })]
#[case("...--xxx", Find::Regression, Finding::FoundDespiteSkips { last_old: 2, first_new: 5 })]
#[case("........", Find::Regression, Finding::EndsDoNotDiffer { both: Mark::Old })]
#[case("xxxxxxxx", Find::Regression, Finding::EndsDoNotDiffer { both: Mark::New })]
#[case("--------", Find::Regression, Finding::Indeterminate)]
fn each_history_has_its_answer(#[case] truth: &str, #[case] find: Find, #[case] finding: Finding) {
    for jobs in 1..4 {
        let oracle = Scripted::new(truth);
        let (ending, _) = drive(&oracle, &Question { find, ..question() }, jobs, vec![]);
        assert_eq!(ending, Ending::Done(finding, None), "{jobs} jobs");
        let mut looks = oracle.looks.into_inner();
        let all = looks.len();
        looks.sort_unstable();
        looks.dedup();
        assert_eq!(looks.len(), all, "something was looked at twice");
    }
}

#[test]
fn with_any_failure_another_failure_is_bad() {
    let asked = Question { any_failure: true, ..question() };
    let (ending, _) = drive(&Scripted::new("...yxxxx"), &asked, 1, vec![]);
    assert_eq!(ending, Ending::Done(Finding::Found { first_new: 3 }, None));
}

#[test]
fn what_is_known_costs_no_look() {
    let mut oracle = Scripted::new("....xxxx");
    oracle.known = (0..8).collect();
    let (ending, entries) = drive(&oracle, &question(), 1, vec![]);
    assert_eq!(ending, Ending::Done(Finding::Found { first_new: 4 }, None));
    assert!(oracle.looks.into_inner().is_empty());
    assert!(entries.iter().all(|entry| matches!(entry, Entry::Looked(look) if look.cached)));
}

#[test]
fn a_bisect_that_goes_on_from_its_log_gives_the_same_answer_and_looks_at_nothing_twice() {
    let truth = "..........xxxxxxxxxxxxxxx";
    let whole = drive(&Scripted::new(truth), &question(), 1, vec![]);
    let looks: Vec<Probe> = whole
        .1
        .iter()
        .filter_map(|entry| if let Entry::Looked(look) = entry { Some((**look).clone()) } else { None })
        .collect();
    for kept in 0..=looks.len() {
        let oracle = Scripted::new(truth);
        let (ending, entries) = drive(&oracle, &question(), 1, looks[..kept].to_vec());
        assert_eq!(ending, whole.0);
        assert_eq!(entries, whole.1[kept..]);
        assert_eq!(oracle.looks.into_inner().len(), looks.len() - kept);
    }
}

#[test]
fn a_flaky_failure_is_found_with_the_confidence_asked_for() {
    let asked = Question { confidence: Some(0.99), ..question() };
    let (ending, _) = drive(&Scripted::new("......????????"), &asked, 1, vec![]);
    let Ending::Done(Finding::Found { first_new: 6 }, Some(likely)) = ending else {
        panic!("{ending:?}");
    };
    assert!(likely >= 0.99);
}

#[test]
fn all_transitions_are_listed() {
    let mut oracle = Scripted::new("....xxxx....yyyy");
    oracle.known = vec![5, 9];
    let asked = Question { all_transitions: true, ..question() };
    let (ending, entries) = drive(&oracle, &asked, 1, vec![]);
    assert_eq!(ending, Ending::Done(Finding::Found { first_new: 12 }, None));
    let seen: Vec<usize> = entries
        .iter()
        .filter_map(|entry| if let Entry::Looked(look) = entry { Some(look.candidate) } else { None })
        .collect();
    for at in [3, 4, 7, 8, 11, 12] {
        assert!(seen.contains(&at), "{at} was not looked at");
    }
}

#[test]
fn an_interrupt_ends_the_search() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let mut emit = |_| {};
    let (oracle, question) = (Scripted::new("..xx"), question());
    let ending = runtime.block_on(Drive::new(&oracle, &question, 4, 1, &cancel, &mut emit).search());
    assert_eq!(ending, Ending::Interrupted);
}

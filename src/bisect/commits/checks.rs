//! Checks of an answer: the commit and its parent are measured again, and on request the ends with the commit applied and
//! reverted.

use tokio_util::sync::CancellationToken;

use super::oracle::CommitOracle;
use super::trees::{CommitChange, CommitVariant};
use crate::bisect::confidence::Tally;
use crate::bisect::entry::{BuildVerdict, Check, LogEntry, Question, Reading, SoughtChange};
use crate::bisect::log_writer::LogWriter;
use crate::bisect::reading::{Judge, read};
use crate::bisect::search_record::SearchRecord;

/// The number of the first check's attempt: checks use other keys than the search.
const FIRST_ATTEMPT: u32 = 10_000;

/// Most runs of a check of flaky behaviour.
const MOST_RUNS: i32 = 40;

/// Checks that the candidate `at` brought the change.
pub(super) struct Checks<'a> {
    question: &'a Question,
    oracle: &'a CommitOracle<'a>,
    search: &'a SearchRecord,
    at: usize,
    ablate: bool,
}

impl<'a> Checks<'a> {
    pub(super) fn new(
        question: &'a Question,
        oracle: &'a CommitOracle<'a>,
        search: &'a SearchRecord,
        at: usize,
        ablate: bool,
    ) -> Self {
        Self { question, oracle, search, at, ablate }
    }

    /// Makes the checks; whether they were interrupted.
    pub(super) async fn run(&self, log: &mut LogWriter<'_>, cancel: &CancellationToken) -> bool {
        let Some(runs) = self.runs_per_check() else { return false };
        for (what, expected, variant) in self.planned() {
            let Some(check) = self.check(&variant, runs, cancel).await else { return true };
            let ablation = variant.change.is_some();
            log.add(LogEntry::Checked(Check { what: what.to_owned(), expected, ablation, ..check }));
        }
        false
    }

    fn planned(&self) -> Vec<(&'static str, BuildVerdict, CommitVariant)> {
        let (old, new) = self.question.find.ordered(BuildVerdict::Good, BuildVerdict::Bad);
        let commit = self.search.name(self.at);
        let variant = |at: usize, change| CommitVariant { base: self.search.name(at), change };
        let mut planned = vec![
            ("the parent, measured again", old, variant(self.at.saturating_sub(1), None)),
            ("the commit, measured again", new, variant(self.at, None)),
        ];
        if self.ablate {
            let last = self.search.start.candidates.len().saturating_sub(1);
            let applied = Some(CommitChange::Applied(commit.clone()));
            let reverted = Some(CommitChange::Reverted(commit));
            planned.push(("the earlier end with the commit applied", new, variant(0, applied)));
            planned.push(("the later end with the commit reverted", old, variant(last, reverted)));
        }
        planned
    }

    /// How many runs show whether a variant fails now and then; none if the right side fails now and then, too, so that no
    /// number of runs would.
    fn runs_per_check(&self) -> Option<u32> {
        let Some(wanted) = self.question.confidence else { return Some(1) };
        let (mut right, mut wrong) = (Tally::default(), Tally::default());
        let clear = |verdict| matches!(verdict, BuildVerdict::Good | BuildVerdict::Bad);
        for probe in self.search.probes.iter().filter(|probe| clear(probe.verdict)) {
            let on_wrong_side =
                (probe.candidate >= self.at) == (self.question.find == SoughtChange::Regression);
            let side = if on_wrong_side { &mut wrong } else { &mut right };
            side.add(probe.verdict == BuildVerdict::Bad);
        }
        let needed = (1..MOST_RUNS).find(|runs| (1.0 - wrong.rate()).powi(*runs) <= 1.0 - wanted);
        (right.new == 0).then(|| u32::try_from(needed.unwrap_or(MOST_RUNS)).unwrap_or(1))
    }

    /// Measures a variant this often, or until it fails; none when interrupted.
    async fn check(&self, variant: &CommitVariant, runs: u32, cancel: &CancellationToken) -> Option<Check> {
        let mut judge = Judge::new(self.question);
        if let Some(signature) = self.search.signature() {
            judge.verdict(&Reading::Wrong(signature.clone()));
        }
        let mut check = Check {
            what: String::new(),
            expected: BuildVerdict::Skip,
            verdict: BuildVerdict::Skip,
            why: None,
            ablation: false,
            boots: 0,
            duration_ms: 0,
        };
        for attempt in 1..=runs {
            let measurement = self.oracle.measure_variant(variant, FIRST_ATTEMPT + attempt, cancel).await?;
            let reading = read(&measurement.cell, self.question.step.as_deref());
            check.boots += measurement.boots;
            check.duration_ms += measurement.duration_ms;
            check.verdict = judge.verdict(&reading);
            check.why = match reading {
                Reading::Right => None,
                Reading::Wrong(signature) => Some(signature.to_string()),
                Reading::Unclear(why) => Some(why),
            };
            if check.verdict != BuildVerdict::Good {
                break;
            }
        }
        Some(check)
    }
}

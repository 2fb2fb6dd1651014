//! The exit codes.

use std::process::ExitCode;

use crate::run::{Ending, RunRecord, Summary};

/// The result of a command as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: all fine (passes, and listed deviations that are not denied).
    Fine,
    /// 1: an unlisted failure, a fixed or denied deviation, or a flake; targets that differ.
    Bad,
    /// 2: bad usage or a bad scenario.
    Usage,
    /// 3: nothing to test or to show.
    NothingTestable,
    /// 4: harness or gateway broke, or the record of the run stops before its end, so that planned cells are missing.
    Broke,
    /// 125: undecided, for `git bisect run`.
    CannotTell,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The exit code as a number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Bad => 1,
            Self::Usage => 2,
            Self::NothingTestable => 3,
            Self::Broke => 4,
            Self::CannotTell => 125,
            Self::Interrupted => 130,
        }
    }

    /// The exit of a run. Errors outweigh failures: a broken harness says nothing about the gateway.
    pub fn of_run(record: &RunRecord) -> Self {
        let Summary { fail, fixed, flaky, error, untestable, listed, .. } = record.summary;
        let ending = record.ending();
        if ending == Ending::Interrupted {
            Self::Interrupted
        } else if ending == Ending::CutOff || error > 0 || !record.run.unusable.is_empty() {
            Self::Broke
        } else if fail + fixed + flaky + listed.denied > 0 {
            Self::Bad
        } else if ending == Ending::Incomplete {
            Self::Broke
        } else if untestable == record.summary.total() {
            Self::NothingTestable
        } else {
            Self::Fine
        }
    }

    /// The exit of a command that shows a stored run: 0, unless the run is incomplete.
    ///
    /// A run that a failure ended early (`--fail-fast`) counts as complete.
    pub fn of_stored(record: &RunRecord) -> Self {
        match (record.ending(), Self::of_run(record)) {
            (Ending::Interrupted, _) => Self::Interrupted,
            (Ending::CutOff, _) => Self::Broke,
            (Ending::Incomplete, Self::Broke) if record.summary.error == 0 => Self::Broke,
            _ => Self::Fine,
        }
    }

    /// The exit of a run for `git bisect run`: 0 good, 1 bad, 125 undecided.
    ///
    /// A listed regression is bad, too: a bisect asks how the build behaves, not whether that is known.
    pub fn for_bisect(record: &RunRecord) -> Self {
        match Self::of_run(record) {
            Self::Interrupted => Self::Interrupted,
            Self::Bad => Self::Bad,
            Self::Fine if record.cells.iter().any(|cell| cell.signature.is_some()) => Self::Bad,
            Self::Fine if record.summary.untestable == 0 => Self::Fine,
            _ => Self::CannotTell,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::test_support::{cell, finished, listed_step, started};
    use crate::run::{Cell, Deny, Event, RunRecord};
    use crate::scenario::DeviationClass;
    use crate::verdict::Verdict::{self, *};

    fn record(verdicts: &[Verdict]) -> RunRecord {
        let names: Vec<String> = (0..verdicts.len()).map(|at| format!("s{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut events = vec![started(&names, &["2026.3.31"])];
        let cells = names.iter().zip(verdicts).map(|(name, verdict)| cell(name, "2026.3.31", *verdict));
        events.extend(cells.map(|one| Event::CellFinished(Box::new(one))));
        events.push(finished());
        RunRecord::of(&events)
    }

    /// A run of two planned cells, of which only the first finished, and the last event.
    fn partial(verdict: Verdict, end: Option<bool>) -> RunRecord {
        let done = Event::CellFinished(Box::new(cell("a", "2026.3.31", verdict)));
        let end = end.map(|interrupted| Event::RunFinished { duration_ms: 1, interrupted });
        RunRecord::of(
            &[started(&["a", "b"], &["2026.3.31"]), done].into_iter().chain(end).collect::<Vec<_>>(),
        )
    }

    #[rstest]
    #[case::cut_off(Pass, None, Exit::Broke, Exit::Broke)]
    #[case::cut_off_after_a_failure(Fail, None, Exit::Broke, Exit::Broke)]
    #[case::interrupted(Pass, Some(true), Exit::Interrupted, Exit::Interrupted)]
    #[case::lines_are_missing(Pass, Some(false), Exit::Broke, Exit::Broke)]
    #[case::nothing_testable_of_what_was_run(Untestable, Some(false), Exit::Broke, Exit::Broke)]
    #[case::ended_by_the_first_failure(Fail, Some(false), Exit::Bad, Exit::Fine)]
    #[case::ended_by_the_first_error(Error, Some(false), Exit::Broke, Exit::Fine)]
    fn an_incomplete_run_is_never_fine(
        #[case] verdict: Verdict,
        #[case] end: Option<bool>,
        #[case] exit: Exit,
        #[case] shown: Exit,
    ) {
        let record = partial(verdict, end);
        assert_eq!((Exit::of_run(&record), Exit::of_stored(&record)), (exit, shown));
        assert!(!matches!(Exit::for_bisect(&record), Exit::Fine));
    }

    #[rstest]
    #[case(&[Pass, Known], Exit::Fine, Exit::Fine)]
    #[case(&[Pass, Fail], Exit::Bad, Exit::Bad)]
    #[case(&[Fixed], Exit::Bad, Exit::Bad)]
    #[case(&[Flaky], Exit::Bad, Exit::Bad)]
    #[case(&[Fail, Error], Exit::Broke, Exit::CannotTell)]
    #[case(&[Untestable], Exit::NothingTestable, Exit::CannotTell)]
    #[case(&[Untestable, Pass], Exit::Fine, Exit::CannotTell)]
    fn each_result_has_its_exit(#[case] verdicts: &[Verdict], #[case] exit: Exit, #[case] bisect: Exit) {
        assert_eq!(Exit::of_run(&record(verdicts)), exit);
        assert_eq!(Exit::for_bisect(&record(verdicts)), bisect);
    }

    #[test]
    fn a_denied_deviation_is_bad() {
        let run = |deny: Vec<Deny>| {
            let mut first = started(&["s"], &["2026.3.31"]);
            if let Event::RunStarted(started) = &mut first {
                started.deny = deny;
            }
            let step = listed_step(DeviationClass::Regression, true);
            let known = Cell { steps: vec![step], ..cell("s", "2026.3.31", Known) };
            Exit::of_run(&RunRecord::of(&[first, Event::CellFinished(Box::new(known)), finished()]))
        };
        assert_eq!(run(vec![]), Exit::Fine);
        assert_eq!(run(vec![Deny::Security]), Exit::Bad);
        assert_eq!(run(vec![Deny::Regression]), Exit::Bad);
        assert_eq!(run(vec![Deny::Superseded, Deny::Unsupported, Deny::Unreviewed]), Exit::Fine);
    }
}

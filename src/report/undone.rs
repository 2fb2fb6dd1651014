//! Describes what an incomplete run left undone, for all reports.

use super::text::count;
use crate::run::{Ending, RunRecord, Unfinished};

/// How an incomplete run ended, such as `cut off, 12 cells not run`; `None` for a complete run.
pub(crate) fn ending(record: &RunRecord) -> Option<String> {
    let word = match record.ending() {
        Ending::Whole => return None,
        other => other.word(),
    };
    let fewer = record.unfinished.iter().filter(|one| !one.has_no_verdict()).count();
    let mut text = word.to_owned();
    if record.summary.not_run > 0 {
        text.extend([", ", &count(record.summary.not_run, "cell"), " not run"]);
    }
    if fewer > 0 {
        text.extend([", ", &count(fewer, "cell"), " run less often than planned"]);
    }
    Some(text)
}

/// What is missing: one line for each cell that was running, and one for each target.
pub(crate) fn lines(record: &RunRecord) -> Vec<String> {
    let mut lines: Vec<String> =
        record.unfinished.iter().filter(|one| one.was_running()).map(was_running).collect();
    for target in &record.targets {
        let of_target = |one: &&Unfinished| one.target == target.target && !one.was_running();
        let (never, fewer): (Vec<&Unfinished>, Vec<&Unfinished>) =
            record.unfinished.iter().filter(of_target).partition(|one| one.has_no_verdict());
        if !never.is_empty() {
            let ids: Vec<&str> = never.iter().map(|one| one.scenario.as_str()).collect();
            lines.push(format!("{} on {}: {}", count(ids.len(), "cell"), target.target, ids.join(", ")));
        }
        lines.extend(fewer.into_iter().map(|one| {
            let Unfinished { scenario, target, planned, missing, .. } = one;
            format!("{scenario} on {target}: {missing} of {planned} repetitions")
        }));
    }
    lines
}

/// Such as `was running: a/b on 2026.3.31 (repetition 2 of 5)`.
pub(crate) fn was_running(one: &Unfinished) -> String {
    let Unfinished { scenario, target, planned, running, .. } = one;
    if *planned < 2 {
        return format!("was running: {scenario} on {target}");
    }
    let numbers: Vec<String> = running.iter().map(|one| one.attempt.to_string()).collect();
    format!("was running: {scenario} on {target} (repetition {} of {planned})", numbers.join(", "))
}

/// Why a cell has no verdict, such as `was running when the run was interrupted`.
pub(crate) fn why(record: &RunRecord, one: &Unfinished) -> String {
    let state = if one.was_running() { "was running" } else { "was not run" };
    match record.ending() {
        Ending::Interrupted | Ending::CutOff if one.was_running() => {
            format!("{state} when the run was {}", record.ending().word())
        }
        Ending::Interrupted | Ending::CutOff => format!("{state}: the run was {}", record.ending().word()),
        Ending::Whole | Ending::Incomplete => format!("{state}: the run ended before"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Event;
    use crate::run::test_support::{cell, finished, started};
    use crate::verdict::Verdict;

    fn begun(scenario: &str, target: &str, attempt: u32) -> Event {
        Event::CellStarted { scenario: scenario.into(), target: target.into(), attempt }
    }

    fn done(scenario: &str, target: &str) -> Event {
        Event::CellFinished(Box::new(cell(scenario, target, Verdict::Pass)))
    }

    #[test]
    fn running_cells_come_before_those_that_never_started() {
        let events = [
            started(&["a", "b", "c"], &["2026.3.28", "2026.3.31"]),
            begun("a", "2026.3.28", 1),
            done("a", "2026.3.28"),
            begun("b", "2026.3.28", 1),
        ];
        let record = RunRecord::of(&events);
        assert_eq!(
            lines(&record),
            ["was running: b on 2026.3.28", "1 cell on 2026.3.28: c", "3 cells on 2026.3.31: a, b, c"]
        );
        assert_eq!(ending(&record).unwrap(), "cut off, 5 cells not run");
    }

    #[test]
    fn missing_repetitions_are_listed() {
        let mut start = started(&["a", "b"], &["2026.3.28"]);
        if let Event::RunStarted(started) = &mut start {
            started.repeat = 3;
        }
        let events = [
            start,
            done("a", "2026.3.28"),
            begun("b", "2026.3.28", 1),
            done("b", "2026.3.28"),
            begun("b", "2026.3.28", 2),
            finished(),
        ];
        let record = RunRecord::of(&events);
        assert_eq!(
            lines(&record),
            ["was running: b on 2026.3.28 (repetition 2 of 3)", "a on 2026.3.28: 2 of 3 repetitions"]
        );
        assert_eq!(ending(&record).unwrap(), "incomplete, 2 cells run less often than planned");
    }

    #[test]
    fn a_complete_run_lists_nothing() {
        let record = RunRecord::of(&[started(&["a"], &["2026.3.28"]), done("a", "2026.3.28"), finished()]);
        assert_eq!((ending(&record), lines(&record)), (None, Vec::new()));
    }
}

//! Differences that a person has to look at.

use super::standing::Standing;
use super::text::count;
use crate::run::{
    Cell, CellName, Known, RunRecord, ScenarioInfo, StepRecord, deciding, shows, start_failure,
};
use crate::verdict::{Signature, Verdict};

/// The repetitions that most likely reproduce a flaky cell.
const OFTEN: u32 = 20;

/// A cell that is not as expected, together with the other targets that show the same.
#[derive(Clone, Debug)]
pub struct Difference<'a> {
    /// The scenario, if the run describes it.
    pub scenario: Option<&'a ScenarioInfo>,
    /// The first cell that shows it.
    pub cell: &'a Cell,
    /// Other targets with the same verdict and signature, in the order of the columns.
    pub also: Vec<&'a str>,
    /// Other scenarios that did not run on this target for the same reason.
    pub more: Vec<&'a str>,
}

impl Difference<'_> {
    /// The id of the scenario, and how many more there are.
    pub(crate) fn heading(&self) -> String {
        match self.more.len() {
            0 => self.cell.scenario.clone(),
            more => format!("{} and {}", self.cell.scenario, count(more, "more scenario")),
        }
    }
}

/// The differences of a run: failures, fixed or denied deviations, flaky cells and errors, in the order of rows.
pub fn differences(record: &RunRecord) -> Vec<Difference<'_>> {
    let mut found: Vec<Difference<'_>> = Vec::new();
    let differs = |cell: &&Cell| Standing::of(&record.run.deny, cell).is_difference();
    for cell in record.cells.iter().filter(differs) {
        if let Some(open) = found.iter_mut().find(|one| is_same_start(one.cell, cell)) {
            open.more.push(&cell.scenario);
            continue;
        }
        match found.iter_mut().find(|one| one.more.is_empty() && is_same(one.cell, cell)) {
            Some(open) => open.also.push(&cell.target),
            None => found.push(Difference {
                scenario: record.scenarios.iter().find(|one| one.id == cell.scenario),
                cell,
                also: Vec::new(),
                more: Vec::new(),
            }),
        }
    }
    found
}

/// Whether two scenarios did not run because their target failed to start for the same reason.
fn is_same_start(one: &Cell, other: &Cell) -> bool {
    let not_run = |cell: &Cell| cell.verdict == Verdict::Error && cell.steps.is_empty();
    not_run(one)
        && not_run(other)
        && one.target == other.target
        && one.scenario != other.scenario
        && one.reason.as_deref().map(start_failure) == other.reason.as_deref().map(start_failure)
}

fn is_same(one: &Cell, other: &Cell) -> bool {
    let key = |cell: &Cell| -> (Verdict, Option<Signature>, Option<String>) {
        let why = if cell.signature.is_none() { cell.reason.clone() } else { None };
        (cell.verdict, cell.signature.clone(), why)
    };
    one.scenario == other.scenario && key(one) == key(other)
}

/// The step that determines the verdict of a cell.
pub(crate) fn deciding_step(cell: &Cell) -> Option<&StepRecord> {
    if cell.verdict == Verdict::Known {
        return deciding(cell);
    }
    let of_signature = |step: &&StepRecord| cell.signature.as_ref().is_some_and(|one| one.step == step.id);
    let heaviest = cell.steps.iter().map(|step| step.verdict).max()?;
    cell.steps
        .iter()
        .find(|step| step.verdict == heaviest && !heaviest.is_fine())
        .or_else(|| cell.steps.iter().find(of_signature))
}

/// The log lines of the cell; if the gateway broke, its last lines.
pub(crate) fn log_of<'a>(record: &'a RunRecord, cell: &'a Cell) -> &'a [String] {
    if !cell.log.is_empty() {
        return &cell.log;
    }
    cell.gateway.and_then(|number| record.gateways.get(number)).map_or(&[], |gateway| &gateway.log)
}

/// The listed deviations that a cell shows, such as ``known regression (openclaw#59045) at `node` ``.
pub(crate) fn listed_deviations(cell: &Cell) -> String {
    let listed = cell.steps.iter().filter_map(|step| {
        let known = Known::of_step(step)?;
        let issue = step.deviation.as_ref().and_then(|listed| listed.issue.as_deref());
        let issue = issue.map(|issue| format!(" ({issue})")).unwrap_or_default();
        Some(format!("{}{issue} at `{}`", known.phrase(), step.id))
    });
    listed.collect::<Vec<_>>().join(", ")
}

/// The command that runs a cell again.
pub fn reproduce(record: &RunRecord, cell: &Cell) -> String {
    // A flaky outcome may need several repetitions, and only repetitions get other keys than the first attempt.
    let times = if cell.verdict == Verdict::Flaky { cell.attempt.max(OFTEN) } else { cell.attempt };
    let seed = Some(record.run.seed);
    let name = CellName { scenario: &cell.scenario, target: &cell.target, seed, times };
    let mut words = record.run.rerun.words(&name);
    // Without the option, a denied deviation counts as known.
    let denied: Vec<&str> =
        record.run.deny.iter().filter(|one| shows(cell, **one)).map(|one| one.word()).collect();
    if !denied.is_empty() {
        words.extend(["--deny".to_owned(), denied.join(",")]);
    }
    shell_line(&words)
}

/// Words as a command line for a shell.
pub(crate) fn shell_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word, quoted for a shell if needed.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "._-/:@%+,=".contains(one);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The section of a scenario in a matrix: the part of its id before the first `/`.
pub(crate) fn section(id: &str) -> &str {
    id.split_once('/').map_or("", |(section, _)| section)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::sample;
    use crate::run::Deny;

    #[test]
    fn each_unlisted_difference_is_found_once() {
        let record = RunRecord::of(&sample::events());
        let found: Vec<String> = differences(&record)
            .iter()
            .map(|one| format!("{} {} {}", one.cell.verdict, one.cell.scenario, one.cell.target))
            .collect();
        assert_eq!(
            found,
            [
                "fail pairing/legacy-empty-token-map 2026.4.1",
                "fixed pairing/legacy-empty-token-map 2026.4.2",
                "fail pairing/remote-role-upgrade 2026.9.6",
                "error state/restart-keeps-pairing 2026.3.24",
                "flaky state/restart-keeps-pairing 2026.4.1",
            ]
        );
    }

    #[test]
    fn targets_with_the_same_difference_are_grouped() {
        let mut record = RunRecord::of(&sample::events());
        let failed = record.cell("pairing/remote-role-upgrade", "2026.9.6").unwrap().clone();
        record.cells.push(Cell { target: "embedded:2026.9.6".into(), ..failed });
        let found = differences(&record);
        assert_eq!(found.len(), 5);
        assert!(found.iter().any(|one| one.also == ["embedded:2026.9.6"]));
    }

    #[test]
    fn the_command_denies_what_the_run_denied() {
        let mut record = RunRecord::of(&sample::events());
        record.run.deny = vec![Deny::Superseded, Deny::Security, Deny::Regression];
        let line =
            |target| reproduce(&record, record.cell("pairing/revoked-node-stays-out", target).unwrap());
        assert!(line("2026.4.2").ends_with(" --deny security,regression"), "{}", line("2026.4.2"));
        assert!(!line("2026.4.1").contains("--deny"), "{}", line("2026.4.1"));
    }

    #[test]
    fn a_target_that_does_not_start_is_reported_once() {
        let mut record = RunRecord::of(&sample::events());
        record.cells.retain(|cell| cell.target == "2026.3.31");
        for cell in &mut record.cells {
            *cell = Cell {
                verdict: Verdict::Error,
                reason: Some("the gateway died at boot with code 7".into()),
                signature: None,
                steps: Vec::new(),
                ..cell.clone()
            };
        }
        let last = record.cells.len() - 1;
        record.cells[last].reason = Some("the gateway was not ready after 4.0 s".into());
        let found = differences(&record);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].more.len(), last - 1);
        assert_eq!(found[0].heading(), format!("{} and {} more scenarios", found[0].cell.scenario, last - 1));
    }

    #[rstest]
    #[case("2026.3.31", "2026.3.31")]
    #[case("cmd:node x.mjs {port}", "'cmd:node x.mjs {port}'")]
    #[case("it's", r"'it'\''s'")]
    #[case("", "''")]
    fn words_are_quoted_for_a_shell_where_needed(#[case] word: &str, #[case] text: &str) {
        assert_eq!(quoted(word), text);
    }
}

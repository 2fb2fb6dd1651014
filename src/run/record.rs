//! The record of a run: one document, built from its events.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deny::Deny;
use super::event::{Cell, Event, Format, PlannedPart, RUN_FORMAT, RunStarted, ScenarioInfo, TargetInfo};
use super::known::KnownCounts;
use super::rerun::Rerun;
use super::timeline::{Timeline, timelines};
use super::unfinished::{Begun, Ending, Unfinished, unfinished};
use crate::release::Release;
use crate::verdict::{Signature, Verdict};

/// The most gateways whose start may be recorded before that of one with a lower number.
const GATEWAYS_AT_ONCE: usize = 4_096;

/// The record of a run, which is also the JSON report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Format version of this document.
    pub format: Format,
    /// Facts about the run as a whole.
    pub run: RunInfo,
    /// Targets, in the order of the columns.
    pub targets: Vec<TargetInfo>,
    /// Scenarios, in the order of the rows.
    pub scenarios: Vec<ScenarioInfo>,
    /// Gateways that were started.
    pub gateways: Vec<GatewayRecord>,
    /// Cells, in the order of rows and columns; the repetitions of a cell are combined.
    pub cells: Vec<Cell>,
    /// How the behaviour of each scenario changes over the releases.
    pub timelines: Vec<Timeline>,
    /// Number of cells by verdict.
    pub summary: Summary,
    /// Planned cells that were not run, or not as often as planned, in the order of rows and columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<Unfinished>,
}

/// Facts about a run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Id of the run.
    pub id: String,
    /// Version of gatecrash.
    pub harness: String,
    /// Seed from which keys and secrets are derived.
    pub seed: u64,
    /// When it started, in milliseconds since 1970.
    pub started_ms: i64,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// How often gateways were started, including restarts.
    pub boots: usize,
    /// What gateways left behind or wrote outside of their homes.
    pub leaks: Vec<String>,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// Whether the record stops before the end of the run: gatecrash was killed, or the file was truncated.
    #[serde(default)]
    pub cut_off: bool,
    /// Targets that could not be used, with the reason.
    pub unusable: Vec<String>,
    /// Kinds of listed deviation that fail the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Deny>,
    /// Options that are needed to reproduce a cell.
    #[serde(default)]
    pub rerun: Rerun,
}

/// A gateway that was started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GatewayRecord {
    /// The target.
    pub target: String,
    /// The release of the target, if known.
    pub release: Option<Release>,
    /// What its lane was for.
    pub lane: String,
    /// From the start of the process to the first challenge, in milliseconds; `None` if it did not come up.
    pub boot_ms: Option<u64>,
    /// How often it was started.
    pub boots: usize,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its last log lines, if it failed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub log: Vec<String>,
}

/// Number of cells by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Cells that are as expected.
    pub pass: usize,
    /// Cells with listed deviations, exactly as listed.
    pub known: usize,
    /// Cells that are neither as expected nor listed.
    pub fail: usize,
    /// Cells whose listed deviations did not occur.
    pub fixed: usize,
    /// Cells whose repetitions differ.
    pub flaky: usize,
    /// Cells whose scenario does not apply to the target.
    pub untestable: usize,
    /// Cells in which harness or gateway broke.
    pub error: usize,
    /// The cells with the verdict `known`, by what they show.
    #[serde(default)]
    pub listed: KnownCounts,
    /// Planned cells without a verdict, which are not included in the counts above.
    #[serde(default)]
    pub not_run: usize,
}

impl Summary {
    /// Counts cells; `deny` lists the kinds of deviation that the run denies.
    pub fn of(cells: &[Cell], deny: &[Deny]) -> Self {
        let mut summary = Self { listed: KnownCounts::of(cells, deny), ..Self::default() };
        for cell in cells {
            match cell.verdict {
                Verdict::Pass | Verdict::Skipped => summary.pass += 1,
                Verdict::Known => summary.known += 1,
                Verdict::Fail => summary.fail += 1,
                Verdict::Fixed => summary.fixed += 1,
                Verdict::Flaky => summary.flaky += 1,
                Verdict::Untestable => summary.untestable += 1,
                Verdict::Error => summary.error += 1,
            }
        }
        summary
    }

    /// The counts in words, worst first, without zeros.
    pub fn in_words(&self) -> Vec<String> {
        let counted = |(verdict, number): (Verdict, usize)| {
            if number > 0 { Some(format!("{number} {verdict}")) } else { None }
        };
        let unlisted = [
            (Verdict::Error, self.error),
            (Verdict::Fail, self.fail),
            (Verdict::Fixed, self.fixed),
            (Verdict::Flaky, self.flaky),
        ];
        let mut parts: Vec<String> = unlisted.into_iter().filter_map(counted).collect();
        if self.listed.denied > 0 {
            parts.push(format!("{} denied", self.listed.denied));
        }
        let known = self.listed.in_words();
        if !known.is_empty() {
            parts.push(known.join(", "));
        }
        let rest = [(Verdict::Pass, self.pass), (Verdict::Untestable, self.untestable)];
        parts.extend(rest.into_iter().filter_map(counted));
        parts
    }

    /// The number of cells with a verdict.
    pub const fn total(&self) -> usize {
        self.pass + self.known + self.fail + self.fixed + self.flaky + self.untestable + self.error
    }
}

/// Builds a record from events.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    run: RunInfo,
    targets: Vec<TargetInfo>,
    scenarios: Vec<ScenarioInfo>,
    gateways: Vec<GatewayRecord>,
    /// How many starts of gateways were told of.
    starts: usize,
    attempts: Vec<Cell>,
    planned: Vec<PlannedPart>,
    begun: Begun,
    finished: bool,
}

impl Recorder {
    /// Adds the next event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted(started) => self.start(started),
            Event::TargetUnusable { target, reason } => self.run.unusable.push(format!("{target}: {reason}")),
            Event::GatewayStarting { gateway, target, lane } => {
                let release =
                    self.targets.iter().find(|one| one.target == *target).and_then(|one| one.release);
                let record = GatewayRecord {
                    target: target.clone(),
                    release,
                    lane: lane.clone(),
                    boot_ms: None,
                    boots: 1,
                    error: None,
                    log: Vec::new(),
                };
                // Gateways are numbered in order, but their events may arrive out of order; a damaged file may have any number.
                self.starts += 1;
                if *gateway > self.starts + GATEWAYS_AT_ONCE {
                    return;
                }
                while self.gateways.len() <= *gateway {
                    self.gateways.push(record.clone());
                }
                self.gateways[*gateway] = record;
            }
            Event::GatewayReady { gateway, boot_ms } => {
                if let Some(record) = self.gateways.get_mut(*gateway) {
                    record.boot_ms = Some(*boot_ms);
                }
            }
            Event::GatewayFailed { gateway, error, log } => {
                if let Some(record) = self.gateways.get_mut(*gateway) {
                    record.error = Some(error.clone());
                    record.log.clone_from(log);
                }
            }
            Event::GatewayStopped { gateway, boots, leaks } => {
                if let Some(record) = self.gateways.get_mut(*gateway) {
                    record.boots = *boots;
                    for leak in leaks {
                        let line = format!("{}: {leak}", record.target);
                        // What every gateway of a target is kept from is told once.
                        if !self.run.leaks.contains(&line) {
                            self.run.leaks.push(line);
                        }
                    }
                }
            }
            Event::CellStarted { scenario, target, attempt } => {
                self.begun.start(scenario, target, *attempt);
            }
            Event::CellFinished(cell) => {
                self.begun.finish(cell);
                self.attempts.push(cell.as_ref().clone());
            }
            Event::RunFinished { duration_ms, interrupted } => {
                self.run.duration_ms = *duration_ms;
                self.run.interrupted = *interrupted;
                self.finished = true;
            }
            Event::Preparing { .. } => {}
        }
    }

    fn start(&mut self, started: &RunStarted) {
        self.run.id.clone_from(&started.id);
        self.run.harness.clone_from(&started.harness);
        self.run.seed = started.seed;
        self.run.started_ms = started.started_ms;
        self.run.deny.clone_from(&started.deny);
        self.run.rerun.clone_from(&started.rerun);
        self.targets.clone_from(&started.targets);
        self.scenarios.clone_from(&started.scenarios);
        self.planned = started.planned();
    }

    /// The record of all events so far.
    pub fn record(&self) -> RunRecord {
        let mut attempts: HashMap<(&str, &str), Vec<&Cell>> = HashMap::new();
        for attempt in &self.attempts {
            attempts.entry((&attempt.scenario, &attempt.target)).or_default().push(attempt);
        }
        let mut cells = Vec::new();
        for scenario in &self.scenarios {
            for target in &self.targets {
                let of_cell = attempts.get(&(scenario.id.as_str(), target.target.as_str()));
                cells.extend(of_cell.and_then(|attempts| merged(attempts)));
            }
        }
        let (rows, columns): (Vec<&str>, Vec<&str>) = (
            self.scenarios.iter().map(|one| one.id.as_str()).collect(),
            self.targets.iter().map(|one| one.target.as_str()).collect(),
        );
        let unfinished = unfinished((&rows, &columns), &self.planned, &attempts, &self.begun);
        let mut run = self.run.clone();
        run.cut_off = !self.planned.is_empty() && !self.finished;
        run.boots = self.gateways.iter().filter(|one| one.boot_ms.is_some()).map(|one| one.boots).sum();
        RunRecord {
            format: RUN_FORMAT,
            timelines: timelines(&self.scenarios, &cells),
            summary: Summary {
                not_run: unfinished.iter().filter(|one| one.has_no_verdict()).count(),
                ..Summary::of(&cells, &run.deny)
            },
            run,
            targets: self.targets.clone(),
            scenarios: self.scenarios.clone(),
            gateways: self.gateways.clone(),
            cells,
            unfinished,
        }
    }
}

impl RunRecord {
    /// The record of a stream of events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut recorder = Recorder::default();
        for event in events {
            recorder.take(event);
        }
        recorder.record()
    }

    /// How the run ended.
    pub const fn ending(&self) -> Ending {
        if self.run.cut_off {
            Ending::CutOff
        } else if self.run.interrupted {
            Ending::Interrupted
        } else if self.unfinished.is_empty() {
            Ending::Whole
        } else {
            Ending::Incomplete
        }
    }

    /// The missing repetitions of a planned cell; `None` if it was not planned, or was run as often as planned.
    pub fn unfinished(&self, scenario: &str, target: &str) -> Option<&Unfinished> {
        self.unfinished.iter().find(|one| one.scenario == scenario && one.target == target)
    }

    /// Fills in the missing cells of a record from a version that did not store them.
    #[must_use]
    pub fn with_cells_not_run(mut self) -> Self {
        let of = |scenario: &ScenarioInfo, target: &TargetInfo| {
            let missing = self.cell(&scenario.id, &target.target).is_none();
            missing.then(|| Unfinished {
                scenario: scenario.id.clone(),
                target: target.target.clone(),
                planned: 1,
                missing: 1,
                running: Vec::new(),
            })
        };
        let cells =
            self.scenarios.iter().flat_map(|row| self.targets.iter().filter_map(move |one| of(row, one)));
        self.unfinished = cells.collect();
        self.summary.not_run = self.unfinished.len();
        self
    }

    /// The cell of a scenario on a target, if it was run.
    pub fn cell(&self, scenario: &str, target: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.scenario == scenario && cell.target == target)
    }
}

/// Combines the repetitions of a cell: flaky if they differ, otherwise the first one.
///
/// If a deviation lists several outcomes, repetitions may differ within them; then one that deviates is returned.
fn merged(attempts: &[&Cell]) -> Option<Cell> {
    let first = *attempts.first()?;
    let Some(odd) = attempts.iter().find(|one| constant(one) != constant(first)).copied() else {
        let known = attempts.iter().find(|one| one.verdict == Verdict::Known).copied();
        return Some(known.unwrap_or(first).clone());
    };
    let worse = if odd.verdict > first.verdict { odd } else { first };
    let seen: Vec<String> = attempts
        .iter()
        .map(|one| one.signature.as_ref().map_or_else(|| one.verdict.to_string(), ToString::to_string))
        .collect();
    // If the harness broke, that does not make the gateway flaky.
    let verdict = if worse.verdict == Verdict::Error { Verdict::Error } else { Verdict::Flaky };
    Some(Cell { verdict, reason: Some(format!("not always the same: {}", seen.join(", "))), ..worse.clone() })
}

/// The part of an attempt that has to be the same in all repetitions.
fn constant(attempt: &Cell) -> (Verdict, Option<&Signature>) {
    let signature = attempt.signature.as_ref();
    let step = signature.and_then(|one| attempt.steps.iter().find(|step| step.id == one.step));
    let listed = step.and_then(|step| step.deviation.as_ref());
    match attempt.verdict {
        Verdict::Known if listed.is_some_and(|listed| listed.several) => (Verdict::Pass, None),
        verdict => (verdict, signature),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::test_support::{cell, listed_step, started};
    use crate::scenario::DeviationClass;

    fn record_of(cells: Vec<Cell>) -> RunRecord {
        let mut events = vec![started(&["a", "b"], &["2026.3.28", "2026.3.31"])];
        events.extend(cells.into_iter().map(|cell| Event::CellFinished(Box::new(cell))));
        RunRecord::of(&events)
    }

    #[test]
    fn cells_are_ordered_by_row_and_column() {
        let record = record_of(vec![
            cell("b", "2026.3.31", Verdict::Fail),
            cell("a", "2026.3.31", Verdict::Known),
            cell("a", "2026.3.28", Verdict::Pass),
        ]);
        let order: Vec<_> =
            record.cells.iter().map(|one| (one.scenario.as_str(), one.target.as_str())).collect();
        assert_eq!(order, [("a", "2026.3.28"), ("a", "2026.3.31"), ("b", "2026.3.31")]);
        let listed = KnownCounts { unreviewed: 1, ..KnownCounts::default() };
        let expected = Summary { pass: 1, known: 1, fail: 1, listed, not_run: 1, ..Summary::default() };
        assert_eq!(record.summary, expected);
        assert_eq!(record.summary.total(), 3);
    }

    #[rstest]
    #[case(&[Verdict::Pass, Verdict::Pass], Verdict::Pass)]
    #[case(&[Verdict::Pass, Verdict::Fail], Verdict::Flaky)]
    #[case(&[Verdict::Fail, Verdict::Fail], Verdict::Fail)]
    #[case(&[Verdict::Pass, Verdict::Error], Verdict::Error)]
    fn repetitions_that_differ_are_flaky(#[case] seen: &[Verdict], #[case] verdict: Verdict) {
        let record = record_of(seen.iter().map(|one| cell("a", "2026.3.28", *one)).collect());
        assert_eq!(record.cells.len(), 1);
        assert_eq!(record.cells[0].verdict, verdict);
    }

    fn known(outcome: &str, several: bool) -> Cell {
        let signature =
            Signature { step: "s".into(), class: outcome.into(), code: None, detail: None, reason: None };
        let mut step = listed_step(DeviationClass::Regression, false);
        if let Some(listed) = &mut step.deviation {
            listed.several = several;
        }
        Cell { signature: Some(signature), steps: vec![step], ..cell("a", "2026.3.31", Verdict::Known) }
    }

    #[test]
    fn repetitions_may_differ_within_the_listed_outcomes() {
        let right = cell("a", "2026.3.31", Verdict::Pass);
        let wrong = known("silence", true);
        let record = record_of(vec![right.clone(), wrong.clone(), known("closed", true), right]);
        assert_eq!(record.cells, [wrong]);
    }

    #[test]
    fn repetitions_that_differ_within_one_listed_outcome_are_flaky() {
        let record = record_of(vec![known("silence", false), known("closed", false)]);
        assert_eq!(record.cells[0].verdict, Verdict::Flaky);
    }

    #[test]
    fn a_record_survives_serialization() {
        let record = record_of(vec![cell("a", "2026.3.28", Verdict::Pass)]);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
    }
}

//! What a run planned but did not complete.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{Cell, PlannedPart};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It ran everything that was planned.
    Whole,
    /// It ended regularly, but not every planned cell was run (as with `--fail-fast`).
    Incomplete,
    /// It was interrupted.
    Interrupted,
    /// The record stops before the end of the run: gatecrash was killed, or the file was truncated.
    CutOff,
}

impl Ending {
    /// The ending in words, such as `cut off`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Incomplete => "incomplete",
            Self::Interrupted => "interrupted",
            Self::CutOff => "cut off",
        }
    }
}

/// A planned cell that was not run, or not as often as planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unfinished {
    /// Id of the scenario.
    pub scenario: String,
    /// The target.
    pub target: String,
    /// How often it was planned.
    pub planned: u32,
    /// How many of its repetitions have no verdict.
    pub missing: u32,
    /// The missing repetitions that had begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<RunningAttempt>,
}

/// A repetition of a cell that had begun when the run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Running")]
pub struct RunningAttempt {
    /// Which repetition, from 1.
    pub attempt: u32,
}

impl Unfinished {
    /// Whether no repetition of the cell has a verdict.
    pub const fn has_no_verdict(&self) -> bool {
        self.missing >= self.planned
    }

    /// Whether it was running when the run ended.
    pub const fn was_running(&self) -> bool {
        !self.running.is_empty()
    }
}

/// Repetitions that have begun but have no verdict, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun(Vec<(String, String, u32)>);

impl Begun {
    pub(super) fn start(&mut self, scenario: &str, target: &str, attempt: u32) {
        self.0.push((scenario.to_owned(), target.to_owned(), attempt));
    }

    pub(super) fn finish(&mut self, cell: &Cell) {
        let same = |(scenario, target, attempt): &(String, String, u32)| {
            *scenario == cell.scenario && *target == cell.target && *attempt == cell.attempt
        };
        if let Some(at) = self.0.iter().position(same) {
            self.0.remove(at);
        }
    }

    fn of(&self, scenario: &str, target: &str) -> Vec<RunningAttempt> {
        let own = self.0.iter().filter(|one| one.0 == scenario && one.1 == target);
        own.map(|one| RunningAttempt { attempt: one.2 }).collect()
    }
}

/// The planned cells that are missing, in the order of rows and columns.
///
/// A cell that could not run at all (an unusable target, an untestable scenario) is reported once for all of its
/// repetitions.
pub(super) fn unfinished(
    (scenarios, targets): (&[&str], &[&str]),
    parts: &[PlannedPart],
    attempts: &HashMap<(&str, &str), Vec<&Cell>>,
    begun: &Begun,
) -> Vec<Unfinished> {
    let mut planned: HashMap<(&str, &str), (u32, u32)> = HashMap::new();
    for part in parts {
        for scenario in &part.scenarios {
            for target in &part.targets {
                let (all, most) = planned.entry((scenario, target)).or_default();
                *all = all.saturating_add(part.repeat);
                *most = part.repeat.max(*most);
            }
        }
    }
    let cells = scenarios.iter().flat_map(|scenario| targets.iter().map(move |target| (*scenario, *target)));
    let missing = cells.filter_map(|(scenario, target)| {
        let (planned, most) = *planned.get(&(scenario, target))?;
        let weight = |cell: &&Cell| if cell.gateway.is_none() { most } else { 1 };
        let done: u32 = attempts.get(&(scenario, target)).into_iter().flatten().map(weight).sum();
        let missing = planned.saturating_sub(done);
        let (scenario, target, running) =
            (scenario.to_owned(), target.to_owned(), begun.of(scenario, target));
        (missing > 0).then_some(Unfinished { scenario, target, planned, missing, running })
    });
    missing.collect()
}

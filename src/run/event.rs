//! The event stream: the only way out of a run. Every report is a function of it.

use super::deny::Deny;
use super::rerun::Rerun;
use crate::client::TranscriptEntry;
use crate::release::Release;
use crate::scenario::DeviationClass;
use crate::verdict::{Mismatch, Outcome, Signature, Verdict};
use crate::wire::SchemaFinding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of a stored format. A newer major cannot be read by an older program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Format {
    /// Changes when old readers would misread.
    pub major: u32,
    /// Changes when something is added.
    pub minor: u32,
}

/// The format of stored events and of the JSON report.
pub const RUN_FORMAT: Format = Format { major: 1, minor: 1 };

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first event.
    RunStarted(RunStarted),
    /// A release is being made ready to boot.
    Preparing {
        /// The target.
        target: String,
        /// What is being done, for people.
        text: String,
    },
    /// A target cannot be used at all.
    TargetUnusable {
        /// The target.
        target: String,
        /// Why.
        reason: String,
    },
    /// A gateway is being started.
    GatewayStarting {
        /// Number of the gateway in this run.
        gateway: usize,
        /// The target.
        target: String,
        /// What its lane is for.
        lane: String,
    },
    /// A gateway answers.
    GatewayReady {
        /// Number of the gateway in this run.
        gateway: usize,
        /// From the start of the process to the first challenge, in milliseconds.
        boot_ms: u64,
    },
    /// A gateway did not come up, or died.
    GatewayFailed {
        /// Number of the gateway in this run.
        gateway: usize,
        /// Why.
        error: String,
        /// Its last lines.
        log: Vec<String>,
    },
    /// A gateway was stopped.
    GatewayStopped {
        /// Number of the gateway in this run.
        gateway: usize,
        /// How often it was started (restarts included).
        boots: usize,
        /// What it left behind or wrote elsewhere.
        leaks: Vec<String>,
    },
    /// A scenario starts on a target.
    CellStarted {
        /// Id of the scenario.
        scenario: String,
        /// The target.
        target: String,
        /// Which repetition, from 1.
        attempt: u32,
    },
    /// A scenario has been judged.
    CellFinished(Box<Cell>),
    /// The last event.
    RunFinished {
        /// Length of the run in milliseconds.
        duration_ms: u64,
        /// Whether it was ended early.
        interrupted: bool,
    },
}

/// A part of a run: every one of these scenarios on every one of these targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPart {
    /// Ids of the scenarios.
    pub scenarios: Vec<String>,
    /// The targets.
    pub targets: Vec<String>,
    /// How often each cell is run.
    pub repeat: u32,
}

impl RunStarted {
    /// What was planned, in one part or several.
    pub fn planned(&self) -> Vec<PlannedPart> {
        if !self.parts.is_empty() {
            return self.parts.clone();
        }
        vec![PlannedPart {
            scenarios: self.scenarios.iter().map(|one| one.id.clone()).collect(),
            targets: self.targets.iter().map(|one| one.target.clone()).collect(),
            repeat: self.repeat,
        }]
    }
}

/// What a run is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// Version of this stream's format.
    pub format: Format,
    /// Version of gatecrash.
    pub harness: String,
    /// Id of the run.
    pub id: String,
    /// Seed from which keys and secrets were derived.
    pub seed: u64,
    /// When it started, in milliseconds since 1970.
    pub started_ms: i64,
    /// Targets in the order of the columns.
    pub targets: Vec<TargetInfo>,
    /// Scenarios in the order of the rows.
    pub scenarios: Vec<ScenarioInfo>,
    /// How often each cell is run.
    pub repeat: u32,
    /// Listed deviations that fail this run all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Deny>,
    /// What has to be said again to see a cell again.
    #[serde(default)]
    pub rerun: Rerun,
    /// What was planned, where that is not every scenario on every target: of a run that was put together, its
    /// parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PlannedPart>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetInfo {
    /// As it was named.
    pub target: String,
    /// Its release, where it is known.
    pub release: Option<Release>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioInfo {
    /// Permanent id.
    pub id: String,
    /// What should happen.
    pub title: String,
    /// The ground of it.
    pub why: String,
    /// Issue or pull request.
    pub issue: Option<String>,
    /// Words to select by.
    pub tags: Vec<String>,
    /// The file.
    pub path: String,
}

/// What the reason of a cell ends in where the machine gave gateway or harness no processor time.
pub(super) const SAYS_NOTHING: &str = "this says nothing about the gateway";

impl Cell {
    /// Whether it is an error because the machine gave gateway or harness no processor time.
    pub fn is_of_a_starved_machine(&self) -> bool {
        self.verdict == Verdict::Error
            && self.reason.as_ref().is_some_and(|reason| reason.ends_with(SAYS_NOTHING))
    }
}

/// A scenario on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Id of the scenario.
    pub scenario: String,
    /// The target.
    pub target: String,
    /// Its release, where it is known.
    pub release: Option<Release>,
    /// Which repetition, from 1.
    pub attempt: u32,
    /// Number of the gateway it ran on; none where it did not run.
    pub gateway: Option<usize>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is untestable or an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of the first step that differs from what is right, listed or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// The steps that were reached, in order.
    pub steps: Vec<StepRecord>,
    /// What went over the wire, secrets masked.
    pub transcript: Vec<TranscriptEntry>,
    /// What the gateway logged meanwhile, secrets masked (only for cells that are not fine).
    pub log: Vec<String>,
    /// What was stored about the scenario's devices (only for cells that differ from what is right).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredRecords>,
    /// Why it was tried again, alone on a gateway of its own, and what it had shown before. What counts is the
    /// second try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried: Option<String>,
    /// Whether its frames meet upstream's schema; none where they were not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesChecked>,
}

/// What a check of a cell's frames by upstream's schema has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FramesChecked {
    /// Version of the package that the schema came in.
    pub schema: String,
    /// Kinds of frames that do not meet it. Those of the gateway fail nothing; those of the harness are errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<SchemaFinding>,
}

/// What a gateway had stored about a scenario's devices, by their names: `{laptop: {paired: …, pending: […]}}`.
/// Volatile values are replaced and secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredRecords {
    /// As it was seeded.
    pub before: Value,
    /// When the scenario had ended.
    pub after: Value,
}

/// A step as it was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Name.
    pub id: String,
    /// Verb.
    pub verb: String,
    /// The file it is written in.
    pub path: String,
    /// Line there, from 1.
    pub line: usize,
    /// Verdict.
    pub verdict: Verdict,
    /// Why it was passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What came back, volatile values replaced and secrets masked; none for a skipped step.
    pub outcome: Option<Outcome>,
    /// What this release was expected to do, as a scenario would write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The entry that lists a deviation for this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation: Option<ListedDeviation>,
    /// Where the outcome differs from what was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Number of the first transcript entry of this step.
    pub first_entry: usize,
    /// Number of the entry that comes next when it has ended; none where it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_entry: Option<usize>,
    /// The connection that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// A deviation that a scenario lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListedDeviation {
    /// Kind.
    pub class: DeviationClass,
    /// Whether it lets in, keeps in, shows or grants what the right outcome refuses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub security: bool,
    /// The issue that knows of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// What happens and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What would be right instead.
    pub right: String,
    /// Whether it lists several outcomes, of which now one comes and now another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub several: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::test_support::cell;

    #[test]
    fn an_error_for_want_of_processor_time_is_told_from_others() {
        let starved = format!("step `a`: silence after 1.0 s, but it waited: {SAYS_NOTHING}");
        let with =
            |verdict, reason: &str| Cell { reason: Some(reason.to_owned()), ..cell("a/b", "x", verdict) };
        assert!(with(Verdict::Error, &starved).is_of_a_starved_machine());
        assert!(!with(Verdict::Error, "the gateway died").is_of_a_starved_machine());
        assert!(!with(Verdict::Fail, &starved).is_of_a_starved_machine());
    }
}

//! The event stream, the only output of a run. Every report is a function of it.

use super::deny::Deny;
use super::excerpt::Excerpt;
use super::rerun::Rerun;
use crate::client::TranscriptEntry;
use crate::release::Release;
use crate::scenario::DeviationClass;
use crate::verdict::{Mismatch, Outcome, Signature, Verdict};
use crate::wire::SchemaFinding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of a stored format. A program cannot read formats with a newer major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Format {
    /// Increases when older readers would misread the format.
    pub major: u32,
    /// Increases when something is added.
    pub minor: u32,
}

/// The format of stored events and of the JSON report.
pub const RUN_FORMAT: Format = Format { major: 1, minor: 3 };

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first event.
    RunStarted(RunStarted),
    /// A target is being prepared.
    Preparing {
        /// The target.
        target: String,
        /// What is being done, in words.
        text: String,
        /// Whether it only tells how far that is.
        #[serde(default, skip_serializing_if = "is_false")]
        advance: bool,
    },
    /// A target cannot be used at all.
    TargetUnusable {
        /// The target.
        target: String,
        /// Why it cannot be used.
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
    /// A gateway is ready to answer connects.
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
        /// Why it failed.
        error: String,
        /// Its last log lines.
        log: Vec<String>,
    },
    /// A gateway was stopped.
    GatewayStopped {
        /// Number of the gateway in this run.
        gateway: usize,
        /// How often it was started, including restarts.
        boots: usize,
        /// What it left behind or wrote outside of its home.
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
        /// Duration of the run in milliseconds.
        duration_ms: u64,
        /// Whether it was interrupted.
        interrupted: bool,
    },
}

/// A part of a run: each of these scenarios on each of these targets.
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
    /// The planned parts of the run.
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

/// What a run consists of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// Format version of this stream.
    pub format: Format,
    /// Version of gatecrash.
    pub harness: String,
    /// Id of the run.
    pub id: String,
    /// Seed from which keys and secrets are derived.
    pub seed: u64,
    /// When it started, in milliseconds since 1970.
    pub started_ms: i64,
    /// Targets in the order of the columns.
    pub targets: Vec<TargetInfo>,
    /// Scenarios in the order of the rows.
    pub scenarios: Vec<ScenarioInfo>,
    /// How often each cell is run.
    pub repeat: u32,
    /// Kinds of listed deviation that fail this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Deny>,
    /// Options that are needed to reproduce a cell.
    #[serde(default)]
    pub rerun: Rerun,
    /// The planned parts, if not every scenario is planned on every target: those of a merged run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PlannedPart>,
}

/// A target of a run: a column of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetInfo {
    /// The target, as it was named.
    pub target: String,
    /// Its release, if known.
    pub release: Option<Release>,
}

/// A scenario of a run: a row of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioInfo {
    /// Permanent id of the scenario.
    pub id: String,
    /// What should happen.
    pub title: String,
    /// Why that is right.
    pub why: String,
    /// Issue or pull request.
    pub issue: Option<String>,
    /// Words to select scenarios by.
    pub tags: Vec<String>,
    /// Path of the file.
    pub path: String,
}

/// The end of a cell's reason if gateway or harness got no processor time.
pub(super) const SAYS_NOTHING: &str = "this says nothing about the gateway";

impl Cell {
    /// Whether it is an error because gateway or harness got no processor time.
    pub fn is_of_a_starved_machine(&self) -> bool {
        self.verdict == Verdict::Error
            && self.reason.as_ref().is_some_and(|reason| reason.ends_with(SAYS_NOTHING))
    }
}

/// The result of a scenario on a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Id of the scenario.
    pub scenario: String,
    /// The target.
    pub target: String,
    /// The release of the target, if known.
    pub release: Option<Release>,
    /// Which repetition, from 1.
    pub attempt: u32,
    /// Number of the gateway it ran on; `None` if it did not run.
    pub gateway: Option<usize>,
    /// The verdict of the scenario.
    pub verdict: Verdict,
    /// Why it is untestable or an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Signature of the first step that differs from what is right, whether or not the deviation is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// The steps, in order.
    pub steps: Vec<StepRecord>,
    /// What went over the wire, with secrets masked.
    pub transcript: Vec<TranscriptEntry>,
    /// What the gateway logged in the meantime, with secrets masked (only for cells that are not fine).
    pub log: Vec<String>,
    /// The part of `log` that came during the first step that is not fine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_at: Option<LogStretch>,
    /// What the gateway stored about the scenario's devices (only for cells that differ from what is right).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<StoredRecords>,
    /// Why it was retried on a gateway of its own, and the result of the first try. The second try counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retried: Option<String>,
    /// The check of its frames against upstream's schema; `None` if they were not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<FramesChecked>,
}

/// Some lines of a log, by their place in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogStretch {
    /// The first of them, from 0.
    pub from: usize,
    /// One past the last of them. If it equals `from`, nothing was logged.
    pub until: usize,
}

/// The check of a cell's frames against upstream's schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FramesChecked {
    /// Version of the package that contains the schema.
    pub schema: String,
    /// Violations by kind of frame. Those of the gateway do not fail the cell; those of the harness are errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<SchemaFinding>,
}

/// What a gateway stored about a scenario's devices, by name: `{laptop: {paired: …, pending: […]}}`.
/// Volatile values are replaced and secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredRecords {
    /// The records as they were seeded.
    pub before: Value,
    /// The records after the scenario.
    pub after: Value,
}

/// A judged step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRecord {
    /// Name of the step.
    pub id: String,
    /// Verb of the step.
    pub verb: String,
    /// Path of the file it is written in.
    pub path: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Where the file says what is expected of this release (only for steps that are not fine).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Excerpt>,
    /// Verdict of the step.
    pub verdict: Verdict,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was observed, with volatile values replaced and secrets masked; `None` for a skipped step.
    pub outcome: Option<Outcome>,
    /// The outcome that was expected of this release, as a scenario would write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The deviation that is listed for this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation: Option<ListedDeviation>,
    /// Where the outcome differs from the expected one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// Number of the first transcript entry of this step.
    pub first_entry: usize,
    /// Number of the first transcript entry after this step; `None` if it did not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_entry: Option<usize>,
    /// The connection that it opens or uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// A deviation that the scenario lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ListedDeviation {
    /// Class of the deviation.
    pub class: DeviationClass,
    /// Whether it grants or reveals something that the right outcome refuses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub security: bool,
    /// The issue that reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// What happens and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The outcome that would be right.
    pub right: String,
    /// Whether it lists several outcomes, any of which may occur.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub several: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::test_support::cell;

    #[test]
    fn errors_of_a_starved_machine_are_recognised() {
        let starved = format!("step `a`: silence after 1.0 s, but it waited: {SAYS_NOTHING}");
        let with =
            |verdict, reason: &str| Cell { reason: Some(reason.to_owned()), ..cell("a/b", "x", verdict) };
        assert!(with(Verdict::Error, &starved).is_of_a_starved_machine());
        assert!(!with(Verdict::Error, "the gateway died").is_of_a_starved_machine());
        assert!(!with(Verdict::Fail, &starved).is_of_a_starved_machine());
    }
}

//! Compares what two targets did, scenario by scenario.

use serde::Serialize;
use serde_json::Value;

use super::comparable::{comparable, differing_place, without_ids};
use crate::client::{Direction, Entry};
use crate::run::{Cell, RunRecord, StepRecord};
use crate::verdict::{Verdict, redact_volatile};

/// Events that depend on time and not on the scenario.
const BY_THE_CLOCK: &[&str] = &["tick", "health", "presence", "heartbeat"];

/// The result of comparing two targets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// The name of the first target.
    pub first: String,
    /// The name of the second target.
    pub second: String,
    /// The number of scenarios in which both did the same.
    pub alike: usize,
    /// The first difference of each scenario in which they differ.
    pub different: Vec<StepDifference>,
    /// Scenarios that one of the targets cannot run.
    pub incomparable: Vec<Incomparable>,
    /// Scenarios in which the harness or a gateway broke.
    pub broken: Vec<Incomparable>,
}

/// The first step of a scenario in which two targets differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepDifference {
    /// The id of the scenario.
    pub scenario: String,
    /// The file of the step.
    pub path: String,
    /// The line of the step, from 1.
    pub line: usize,
    /// The id of the step.
    pub step: String,
    /// What the first target did, in one line.
    pub first: String,
    /// What the second target did, in one line.
    pub second: String,
    /// A JSON pointer to the differing place of the outcome.
    pub place: String,
    /// The values of both targets at this place, as JSON; `nothing` if there is none.
    pub values: [String; 2],
    /// The first frames that differ, if any.
    pub frames: Option<FramePair>,
}

/// Two frames at the same position of a connection; `None` if a target sent no more frames.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FramePair {
    /// The name of the connection.
    pub connection: String,
    /// What the first target sent.
    pub first: Option<Entry>,
    /// What the second target sent.
    pub second: Option<Entry>,
}

/// A scenario that was not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incomparable {
    /// The id of the scenario.
    pub scenario: String,
    /// The target that gave no result.
    pub target: String,
    /// Why it gave no result.
    pub why: String,
}

/// Compares two targets of a run. Scenarios that ran on only one of them are left out.
pub fn agreement(record: &RunRecord, first: &str, second: &str) -> Agreement {
    let mut found = Agreement {
        first: first.to_owned(),
        second: second.to_owned(),
        alike: 0,
        different: Vec::new(),
        incomparable: Vec::new(),
        broken: Vec::new(),
    };
    for info in &record.scenarios {
        let cell =
            |target: &str| record.cells.iter().find(|cell| cell.scenario == info.id && cell.target == target);
        let (Some(one), Some(other)) = (cell(first), cell(second)) else { continue };
        if let Some(broken) = with_verdict(Verdict::Error, one, other) {
            found.broken.push(broken);
        } else if let Some(missing) = with_verdict(Verdict::Untestable, one, other) {
            found.incomparable.push(missing);
        } else if let Some(difference) = difference(one, other) {
            found.different.push(difference);
        } else {
            found.alike += 1;
        }
    }
    found
}

fn with_verdict(verdict: Verdict, one: &Cell, other: &Cell) -> Option<Incomparable> {
    let cell = [one, other].into_iter().find(|cell| cell.verdict == verdict)?;
    let why = cell.reason.clone().unwrap_or_else(|| verdict.to_string());
    Some(Incomparable { scenario: cell.scenario.clone(), target: cell.target.clone(), why })
}

fn difference(one: &Cell, other: &Cell) -> Option<StepDifference> {
    let nothing = Value::Null;
    one.steps.iter().zip(&other.steps).find_map(|(left, right)| {
        let [first, second] = [left, right].map(|step| step.outcome.as_ref().map(comparable));
        let place = match (&first, &second) {
            (None, None) => return None,
            _ => differing_place(first.as_ref().unwrap_or(&nothing), second.as_ref().unwrap_or(&nothing))?,
        };
        Some(StepDifference {
            scenario: one.scenario.clone(),
            path: left.path.clone(),
            line: left.line,
            step: left.id.clone(),
            first: told(left),
            second: told(right),
            values: [&first, &second].map(|value| at(value.as_ref(), &place)),
            place,
            frames: frames(one, other),
        })
    })
}

fn at(outcome: Option<&Value>, place: &str) -> String {
    outcome.and_then(|value| value.pointer(place)).map_or_else(|| "nothing".to_owned(), Value::to_string)
}

fn told(step: &StepRecord) -> String {
    step.outcome.as_ref().map_or_else(|| "not reached".to_owned(), ToString::to_string)
}

/// The first frames that differ on any connection.
fn frames(one: &Cell, other: &Cell) -> Option<FramePair> {
    let mut connections: Vec<&str> = Vec::new();
    for entry in one.transcript.iter().chain(&other.transcript) {
        if !connections.contains(&entry.connection.as_str()) {
            connections.push(&entry.connection);
        }
    }
    connections.into_iter().find_map(|connection| {
        let (left, right) = (heard(one, connection), heard(other, connection));
        let place = (0..left.len().max(right.len()))
            .find(|at| left.get(*at).map(|one| &one.1) != right.get(*at).map(|one| &one.1))?;
        Some(FramePair {
            connection: connection.to_owned(),
            first: left.get(place).map(|one| one.0.clone()),
            second: right.get(place).map(|one| one.0.clone()),
        })
    })
}

/// What a gateway sent on a connection: each entry with the part that is compared.
fn heard<'a>(cell: &'a Cell, connection: &str) -> Vec<(&'a Entry, Value)> {
    let said = |entry: &&Entry| {
        entry.connection == connection
            && matches!(entry.direction, Direction::Received | Direction::Http | Direction::ClosedByGateway)
    };
    cell.transcript.iter().filter(said).filter_map(|entry| Some((entry, counted(entry)?))).collect()
}

fn counted(entry: &Entry) -> Option<Value> {
    let Ok(mut frame) = serde_json::from_str::<Value>(&entry.text) else {
        return Some(Value::from(entry.text.as_str()));
    };
    if frame["event"].as_str().is_some_and(|event| BY_THE_CLOCK.contains(&event)) {
        return None;
    }
    if let Some(fields) = frame.as_object_mut() {
        for key in ["seq", "stateVersion", "id"] {
            fields.remove(key);
        }
        if let Some(payload) = fields.get_mut("payload")
            && payload["type"] == "hello-ok"
        {
            let hello = crate::verdict::Outcome::Hello { payload: payload.take() };
            *payload = comparable(&hello);
        }
    }
    redact_volatile(&mut frame);
    without_ids(&mut frame);
    Some(frame)
}

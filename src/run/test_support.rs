//! Builders of small runs for tests.

use super::event::{
    Cell, Event, ListedDeviation, RUN_FORMAT, RunStarted, ScenarioInfo, StepRecord, TargetInfo,
};
use super::rerun::Rerun;
use crate::scenario::DeviationClass;
use crate::verdict::Verdict;

/// The first event of a run over these scenarios and releases.
pub(crate) fn started(scenarios: &[&str], targets: &[&str]) -> Event {
    Event::RunStarted(RunStarted {
        format: RUN_FORMAT,
        harness: "0.1.0".into(),
        id: "run".into(),
        seed: 7,
        started_ms: 0,
        targets: targets
            .iter()
            .map(|target| TargetInfo { target: (*target).into(), release: target.parse().ok() })
            .collect(),
        scenarios: scenarios
            .iter()
            .map(|id| ScenarioInfo {
                id: (*id).into(),
                title: format!("Title of {id}"),
                why: "It was promised.".into(),
                issue: Some("openclaw#59045".into()),
                tags: vec!["pairing".into()],
                path: format!("scenarios/{id}.yaml"),
            })
            .collect(),
        repeat: 1,
        deny: Vec::new(),
        rerun: Rerun::default(),
        parts: Vec::new(),
    })
}

/// A step that showed a listed deviation.
pub(crate) fn listed_step(class: DeviationClass, security: bool) -> StepRecord {
    let listed = ListedDeviation {
        class,
        security,
        issue: Some("openclaw#59092".into()),
        why: None,
        right: "closed 1008".into(),
        several: false,
    };
    StepRecord {
        id: "s".into(),
        verb: "connect".into(),
        path: "a.yaml".into(),
        line: 1,
        written: None,
        verdict: Verdict::Known,
        reason: None,
        outcome: None,
        expected: None,
        deviation: Some(listed),
        mismatch: None,
        duration_ms: 1,
        first_entry: 0,
        end_entry: None,
        connection: None,
    }
}

/// The last event of a completed run.
pub(crate) fn finished() -> Event {
    Event::RunFinished { duration_ms: 5, interrupted: false }
}

/// A cell without steps.
pub(crate) fn cell(scenario: &str, target: &str, verdict: Verdict) -> Cell {
    Cell {
        scenario: scenario.into(),
        target: target.into(),
        release: target.parse().ok(),
        attempt: 1,
        gateway: Some(0),
        verdict,
        reason: None,
        signature: None,
        duration_ms: 3,
        steps: Vec::new(),
        transcript: Vec::new(),
        log: Vec::new(),
        log_at: None,
        stored: None,
        retried: None,
        frames: None,
    }
}

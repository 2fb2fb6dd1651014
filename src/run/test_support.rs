//! Small runs for tests.

use super::event::{Cell, Event, RUN_FORMAT, RunStarted, ScenarioInfo, TargetInfo};
use super::rerun::Rerun;
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
        rerun: Rerun::default(),
        parts: Vec::new(),
    })
}

/// The last event of a run that came to its end.
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
        stored: None,
        retried: None,
    }
}

//! Measures one target: runs the scenario on it with the engine of every other run.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::drive::Measurement;
use crate::gateway::{Target, TargetProvider};
use crate::run::{Cell, Emit, Event, Rerun, RunRecord, RunRequest, Settings};
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// Runs the scenarios of a bisect on one target at a time.
pub(super) struct ScenarioRunner<'a> {
    /// Prepares targets.
    pub provider: &'a TargetProvider,
    /// The scenario of the question, then the others of its file: they share its boot, and their results are stored for
    /// other questions.
    pub scenarios: Vec<Scenario>,
    /// Seed, timeouts and clock.
    pub settings: Settings,
    /// Runs per boot.
    pub repeat: u32,
    /// Is told what is being done.
    pub tell: Arc<dyn Fn(String) + Send + Sync>,
}

/// A measurement, and the cells of all scenarios that shared it.
pub(super) struct Measured {
    pub(super) measurement: Measurement,
    pub(super) cells: Vec<Cell>,
}

impl ScenarioRunner<'_> {
    /// The scenario of the question.
    pub(super) fn scenario(&self) -> Option<&Scenario> {
        self.scenarios.first()
    }

    /// Runs the scenarios on a target; none when cancelled. Each attempt uses a seed of its own.
    pub(super) async fn run(
        &self,
        target: &Target,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Measured> {
        let started = Instant::now();
        let request = RunRequest {
            memory: None,
            scenarios: self.scenarios.clone(),
            targets: vec![target.clone()],
            settings: Settings {
                seed: self.settings.seed.wrapping_add(u64::from(attempt) - 1),
                ..self.settings.clone()
            },
            jobs: 1,
            repeat: self.repeat,
            fail_fast: false,
            deny: Vec::new(),
            id: format!("{target}-{attempt}"),
            rerun: Rerun::default(),
        };
        let events = Arc::new(Mutex::new(Vec::<Event>::new()));
        let emit: Emit = {
            let (events, tell) = (Arc::clone(&events), Arc::clone(&self.tell));
            Arc::new(move |event| {
                if let Some(text) = told(&event) {
                    tell(text);
                }
                events.lock().push(event);
            })
        };
        crate::run::run(self.provider, &request, &emit, cancel).await;
        if cancel.is_cancelled() {
            return None;
        }
        let events = std::mem::take(&mut *events.lock());
        let record = RunRecord::of(&events);
        let mut cell = record.cells.iter().find(|cell| cell.scenario == self.scenarios[0].id)?.clone();
        if cell.log.is_empty() && cell.verdict == Verdict::Error {
            cell.log = record.gateways.iter().flat_map(|gateway| gateway.log.iter().cloned()).collect();
        }
        let boots = record.run.boots;
        Some(Measured {
            measurement: Measurement { cell, boots, duration_ms: millis(started) },
            cells: record.cells,
        })
    }
}

/// What an event says about what is being done.
fn told(event: &Event) -> Option<String> {
    match event {
        Event::Preparing { target, text, .. } => Some(format!("{target}: {text}")),
        Event::GatewayStarting { target, .. } => Some(format!("{target} boots")),
        Event::CellStarted { target, scenario, .. } => Some(format!("{target} is asked {scenario}")),
        _ => None,
    }
}

pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A cell of a build that could not be run at all.
pub(super) fn broken(scenario: &str, target: &str, reason: String, log: Vec<String>) -> Cell {
    Cell {
        scenario: scenario.to_owned(),
        target: target.to_owned(),
        release: None,
        attempt: 1,
        gateway: None,
        verdict: Verdict::Error,
        reason: Some(reason),
        signature: None,
        duration_ms: 0,
        steps: Vec::new(),
        transcript: Vec::new(),
        log,
        log_at: None,
        stored: None,
        retried: None,
        frames: None,
    }
}

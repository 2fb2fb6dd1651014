//! A gateway that is booted once and runs the same scenarios again and again.

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::case::{self, Doubt};
use super::event::Cell;
use super::lane::{Case, Lane, Settings};
use crate::gateway::{PreparedTarget, StartError, StateError, TurnError};
use crate::release::Release;
use crate::scenario::Scenario;

/// A gateway with the plain configuration that stays up between runs. Each run has devices of its own, whose records
/// are placed in its store before.
pub struct Warm {
    lane: Lane,
    runs: u32,
}

/// Why a warm gateway cannot be used again.
#[derive(Debug, thiserror::Error)]
pub enum WarmError {
    /// Records cannot be placed.
    #[error("the store of the running gateway cannot be seeded: {0}")]
    Seed(#[from] StateError),
    /// It hangs.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

impl Warm {
    /// Whether a scenario leaves a gateway as it found it, so that others can follow on it: it has no configuration,
    /// file or environment of its own, and neither restarts nor changes the gateway.
    pub fn can_run(scenario: &Scenario, release: Option<&Release>) -> bool {
        scenario.config.is_empty()
            && scenario.files.is_empty()
            && scenario.env.is_empty()
            && !scenario.is_alone(release)
            && !scenario.restarts()
            && !scenario.only_starts_others()
            && !scenario.has_agent()
    }

    /// Boots it.
    ///
    /// # Errors
    /// Fails where the gateway does not come up.
    pub async fn boot(
        prepared: Arc<PreparedTarget>,
        settings: Settings,
        number: usize,
    ) -> Result<Self, StartError> {
        Ok(Self { lane: Lane::boot(prepared, settings, number, &[]).await?, runs: 0 })
    }

    /// Runs scenarios, several at the same time, until one of them ends it or all are done. Answers with the cells in
    /// the order in which they ended; of each whether all it shows is that nothing came in time.
    ///
    /// # Errors
    /// Fails where their records cannot be placed.
    pub async fn run(
        &mut self,
        scenarios: &[&Scenario],
        ends: impl Fn(&Cell) -> bool,
    ) -> Result<Vec<(Cell, bool)>, WarmError> {
        self.runs += 1;
        let attempt = self.runs;
        let cases: Vec<Case<'_>> = scenarios.iter().map(|scenario| Case { scenario, attempt }).collect();
        self.lane.seed_again(&cases).await?;
        let mut running: FuturesUnordered<_> =
            cases.iter().map(|case| case::run(&self.lane, *case)).collect();
        let mut cells = Vec::with_capacity(cases.len());
        while let Some(ran) = running.next().await {
            let end = ends(&ran.cell);
            cells.push((ran.cell, ran.doubt == Some(Doubt::TimedOut)));
            if end {
                break;
            }
        }
        Ok(cells)
    }

    /// Makes these mutants active, and no others.
    ///
    /// # Errors
    /// Fails where the gateway hangs.
    pub async fn turn(&self, active: &[usize]) -> Result<(), WarmError> {
        Ok(self.lane.turn(active).await?)
    }

    /// Whether its process runs.
    pub async fn is_alive(&self) -> bool {
        self.lane.is_alive().await
    }

    /// Stops it.
    pub async fn stop(self) {
        self.lane.stop().await;
    }
}

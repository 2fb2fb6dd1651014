//! A warm gateway: booted once, and reused to run the same scenarios repeatedly.

use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::case::{self, Doubt};
use super::event::Cell;
use super::lane::{Case, Lane, Settings};
use crate::gateway::{PreparedTarget, StartError, StateError, TurnError};
use crate::model::RuleSet;
use crate::release::Release;
use crate::scenario::Scenario;

/// A gateway with the default configuration that stays up between runs. Each run has its own devices, whose records are
/// placed in the store first.
pub struct Warm {
    lane: Lane,
    runs: u32,
}

/// Runs cases on a lane, several at the same time.
async fn in_order(lane: &Lane, cases: &[Case<'_>]) -> Vec<(Cell, bool)> {
    let all = futures_util::future::join_all(cases.iter().map(|case| case::run(lane, *case))).await;
    all.into_iter().map(|ran| (ran.cell, ran.doubt.is_some())).collect()
}

/// Why a warm gateway can no longer be used.
#[derive(Debug, thiserror::Error)]
pub enum WarmError {
    /// Records cannot be placed in its store.
    #[error("cannot seed the store of the running gateway")]
    Seed(#[from] StateError),
    /// It does not respond.
    #[error(transparent)]
    Turn(#[from] TurnError),
}

impl Warm {
    /// Whether a scenario leaves a gateway unchanged, so that others can run on it afterwards: it has no configuration,
    /// files or environment of its own, and neither restarts nor changes the gateway.
    pub fn can_run(scenario: &Scenario, release: Option<&Release>) -> bool {
        scenario.config.is_empty()
            && scenario.files.is_empty()
            && scenario.env.is_empty()
            && !scenario.is_alone(release)
            && !scenario.restarts()
            && !scenario.only_starts_others()
            && !scenario.has_agent()
    }

    /// Boots the gateway.
    ///
    /// # Errors
    /// Fails if the gateway does not come up.
    pub async fn boot(
        prepared: Arc<PreparedTarget>,
        settings: Settings,
        number: usize,
    ) -> Result<Self, StartError> {
        Ok(Self { lane: Lane::boot(prepared, settings, number, &[]).await?, runs: 0 })
    }

    /// Boots the gateway with the configuration and the records of a scenario, which does not run.
    ///
    /// # Errors
    /// Fails if the gateway does not come up.
    pub async fn boot_like(
        prepared: Arc<PreparedTarget>,
        settings: Settings,
        number: usize,
        scenario: &Scenario,
    ) -> Result<Self, StartError> {
        let cases = [Case { scenario, attempt: 1 }];
        Ok(Self { lane: Lane::boot(prepared, settings, number, &cases).await?, runs: 0 })
    }

    /// Runs scenarios, several at the same time, until all are done or `ends` is true for a cell. Returns the cells in
    /// the order in which they ended, and for each of them whether it only shows a timeout.
    ///
    /// # Errors
    /// Fails if their records cannot be placed in the store.
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

    /// Boots a gateway with the configuration and the records of these scenarios, runs all of them on it, several at the same
    /// time, and stops it. Returns the cells in the order of the scenarios, and for each of them whether it is in doubt: it
    /// shows a timeout, or something other than the scenario may have affected it.
    ///
    /// # Errors
    /// Fails if the gateway does not come up.
    pub async fn once(
        prepared: Arc<PreparedTarget>,
        settings: Settings,
        number: usize,
        scenarios: &[&Scenario],
    ) -> Result<Vec<(Cell, bool)>, StartError> {
        let cases: Vec<Case<'_>> = scenarios.iter().map(|scenario| Case { scenario, attempt: 1 }).collect();
        let lane = Lane::boot(prepared, settings, number, &cases).await?;
        let cells = in_order(&lane, &cases).await;
        lane.stop().await;
        Ok(cells)
    }

    /// Boots a gateway with the configuration and the records of a scenario, runs it and nothing else, and stops the gateway.
    /// Returns its cell, and the rules that decided something if it is the model.
    ///
    /// # Errors
    /// Fails if the gateway does not come up.
    pub async fn alone(
        prepared: Arc<PreparedTarget>,
        settings: Settings,
        number: usize,
        scenario: &Scenario,
    ) -> Result<(Cell, RuleSet), StartError> {
        let case = Case { scenario, attempt: 1 };
        let lane = Lane::boot(prepared, settings, number, &[case]).await?;
        let ran = case::run(&lane, case).await;
        let fired = lane.fired().await;
        lane.stop().await;
        Ok((ran.cell, fired))
    }

    /// Runs scenarios as their first repetition, each of which must be new to this gateway, with their records placed in
    /// the store first instead of all others. Returns the cells in the order of the scenarios.
    ///
    /// # Errors
    /// Fails if their records cannot be placed in the store.
    pub async fn run_new(&mut self, scenarios: &[&Scenario]) -> Result<Vec<Cell>, WarmError> {
        let cases: Vec<Case<'_>> = scenarios.iter().map(|scenario| Case { scenario, attempt: 1 }).collect();
        self.lane.seed_anew(&cases).await?;
        Ok(in_order(&self.lane, &cases).await.into_iter().map(|(cell, _)| cell).collect())
    }

    /// Activates exactly these mutants.
    ///
    /// # Errors
    /// Fails if the gateway does not respond.
    pub async fn turn(&self, active: &[usize]) -> Result<(), WarmError> {
        Ok(self.lane.turn(active).await?)
    }

    /// Whether its process is running.
    pub async fn is_alive(&self) -> bool {
        self.lane.is_alive().await
    }

    /// Stops the gateway.
    pub async fn stop(self) {
        self.lane.stop().await;
    }
}

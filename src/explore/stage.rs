//! A target on which stories run: gateways that stay up for as many stories as they can, and others for stories that need
//! one of their own.

use std::sync::Arc;

use crate::gateway::{PreparedTarget, StartError};
use crate::run::{Cell, Settings, Warm, WarmError};
use crate::scenario::Scenario;

/// Stories in flight on one boot at a time: as many as are done before their pending requests expire, and before releases
/// with a JSON store spend their time on reading it.
const STORIES_AT_ONCE: usize = 150;

/// The same for the model, which reads no files.
const STORIES_AT_ONCE_EMBEDDED: usize = 250;

/// Stories after which a gateway is replaced: what they leave behind slows it down.
const STORIES_ON_ONE_BOOT: usize = 3000;

/// A target, and the gateway of it that is up.
pub struct Stage {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    warm: Option<(Warm, usize)>,
    /// How many gateways were started so far.
    pub boots: usize,
}

/// Why a target cannot run stories.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Its gateway does not come up.
    #[error("{target} does not come up")]
    Start {
        /// The target.
        target: String,
        /// Why it does not.
        source: StartError,
    },
    /// Records cannot be placed in its store.
    #[error("{target} cannot be seeded")]
    Seed {
        /// The target.
        target: String,
        /// Why it cannot.
        source: WarmError,
    },
}

impl Stage {
    /// A stage on a prepared target.
    pub const fn new(prepared: Arc<PreparedTarget>, settings: Settings) -> Self {
        Self { prepared, settings, warm: None, boots: 0 }
    }

    /// The name of the target.
    pub fn name(&self) -> &str {
        self.prepared.name()
    }

    /// Runs scenarios and returns their cells in the same order. Those that share a configuration share a boot.
    ///
    /// # Errors
    /// Fails if a gateway does not come up or cannot be seeded.
    pub async fn run(&mut self, scenarios: &[Scenario]) -> Result<Vec<Cell>, StageError> {
        let mut cells: Vec<Option<Cell>> = vec![None; scenarios.len()];
        if self.prepared.is_embedded() {
            // Models cost nothing to boot, so all groups run at the same time.
            let groups = groups(scenarios);
            let parts: Vec<&[usize]> =
                groups.iter().flat_map(|group| group.chunks(STORIES_AT_ONCE_EMBEDDED)).collect();
            let first = self.boots + 1;
            self.boots += parts.len();
            let runs = parts.iter().enumerate().map(|(number, part)| {
                let chosen: Vec<&Scenario> = part.iter().map(|at| &scenarios[*at]).collect();
                let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
                async move { Warm::once(prepared, settings, first + number, &chosen).await }
            });
            for (part, ran) in parts.iter().zip(futures_util::future::join_all(runs).await) {
                let ran =
                    ran.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
                part.iter().zip(ran).for_each(|(at, (cell, _))| cells[*at] = Some(cell));
            }
            return Ok(cells.into_iter().flatten().collect());
        }
        for group in groups(scenarios) {
            let first = &scenarios[group[0]];
            let stays = first.config.is_empty() && !first.restarts();
            for part in group.chunks(STORIES_AT_ONCE) {
                let chosen: Vec<&Scenario> = part.iter().map(|at| &scenarios[*at]).collect();
                let ran = if stays { self.on_warm(&chosen).await? } else { self.once(&chosen).await? };
                for (at, cell) in part.iter().zip(ran) {
                    cells[*at] = Some(cell);
                }
                if self.settings.interrupt.is_cancelled() {
                    break;
                }
            }
        }
        Ok(cells.into_iter().flatten().collect())
    }

    /// Runs one scenario with nothing else on its gateway.
    ///
    /// # Errors
    /// Fails if the gateway does not come up or cannot be seeded.
    pub async fn run_alone(&mut self, scenario: &Scenario) -> Result<Option<Cell>, StageError> {
        let stays = !self.prepared.is_embedded() && scenario.config.is_empty() && !scenario.restarts();
        let one = [scenario];
        let ran = if stays { self.on_warm(&one).await? } else { self.once(&one).await? };
        Ok(ran.into_iter().next())
    }

    async fn once(&mut self, scenarios: &[&Scenario]) -> Result<Vec<Cell>, StageError> {
        self.boots += 1;
        let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
        let ran = Warm::once(prepared, settings, self.boots, scenarios).await;
        let ran = ran.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
        Ok(ran.into_iter().map(|(cell, _)| cell).collect())
    }

    async fn on_warm(&mut self, scenarios: &[&Scenario]) -> Result<Vec<Cell>, StageError> {
        let worn = self.warm.as_ref().is_some_and(|(_, ran)| *ran >= STORIES_ON_ONE_BOOT);
        let dead = match &self.warm {
            Some((warm, _)) => !warm.is_alive().await,
            None => false,
        };
        if worn || dead {
            self.fresh().await;
        }
        let (mut warm, ran) = if let Some(there) = self.warm.take() {
            there
        } else {
            self.boots += 1;
            let booted = Warm::boot(Arc::clone(&self.prepared), self.settings.clone(), self.boots).await;
            (booted.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?, 0)
        };
        let cells = warm.run_new(scenarios).await;
        self.warm = Some((warm, ran + scenarios.len()));
        cells.map_err(|source| StageError::Seed { target: self.name().to_owned(), source })
    }

    /// Stops the gateway that is up; the next story gets a new one.
    pub async fn fresh(&mut self) {
        if let Some((warm, _)) = self.warm.take() {
            warm.stop().await;
        }
    }
}

/// Scenarios that can share a boot, by their positions.
fn groups(scenarios: &[Scenario]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, scenario) in scenarios.iter().enumerate() {
        let fits = |group: &&mut Vec<usize>| {
            let first = &scenarios[group[0]];
            first.config == scenario.config && first.restarts() == scenario.restarts()
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

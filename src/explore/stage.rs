//! A target on which stories run: gateways that stay up for as many stories as they can, and others for stories that need
//! one of their own.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::gateway::{PreparedTarget, StartError};
use crate::run::{Cell, Settings, Warm, WarmError};
use crate::scenario::Scenario;

/// Stories in flight on one boot at a time. Releases with a JSON store read and write all of it at every connect, so that
/// more stories at once make each one slower; fewer leave the gateway idle while one of them waits.
const STORIES_AT_ONCE: usize = 60;

/// The same for the model, which reads no files but tells every operator of every request.
const STORIES_AT_ONCE_EMBEDDED: usize = 50;

/// Stories after which a gateway is replaced: what they leave behind slows it down.
const STORIES_ON_ONE_BOOT: usize = 3000;

/// A gateway that is up, with its configuration and the number of stories that ran on it.
struct Up {
    warm: Warm,
    config: Map<String, Value>,
    stories: usize,
}

/// A target, and the gateways of it that are up, one for each configuration.
pub struct Stage {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    up: Vec<Up>,
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
        Self { prepared, settings, up: Vec::new(), boots: 0 }
    }

    /// The name of the target.
    pub fn name(&self) -> &str {
        self.prepared.name()
    }

    /// Whether it is a model, which costs nothing to boot.
    pub fn is_embedded(&self) -> bool {
        self.prepared.is_embedded()
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
            let stays = !first.restarts();
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

    /// Runs scenarios, each with nothing else on its gateway, and returns their cells in the same order.
    ///
    /// # Errors
    /// Fails if a gateway does not come up or cannot be seeded.
    pub async fn run_each_alone(&mut self, scenarios: &[Scenario]) -> Result<Vec<Cell>, StageError> {
        if self.is_embedded() {
            let first = self.boots + 1;
            self.boots += scenarios.len();
            let runs = scenarios.iter().enumerate().map(|(number, scenario)| {
                let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
                async move { Warm::once(prepared, settings, first + number, &[scenario]).await }
            });
            let ran = futures_util::future::try_join_all(runs).await;
            let ran = ran.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
            return Ok(ran.into_iter().flatten().map(|(cell, _)| cell).collect());
        }
        let mut cells = Vec::with_capacity(scenarios.len());
        for scenario in scenarios {
            let one = [scenario];
            let ran = if scenario.restarts() { self.once(&one).await? } else { self.on_warm(&one).await? };
            cells.extend(ran);
        }
        Ok(cells)
    }

    async fn once(&mut self, scenarios: &[&Scenario]) -> Result<Vec<Cell>, StageError> {
        self.boots += 1;
        let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
        let ran = Warm::once(prepared, settings, self.boots, scenarios).await;
        let ran = ran.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
        Ok(ran.into_iter().map(|(cell, _)| cell).collect())
    }

    /// Runs scenarios of one configuration on the gateway that is up with it, or on one that is booted for them and stays.
    async fn on_warm(&mut self, scenarios: &[&Scenario]) -> Result<Vec<Cell>, StageError> {
        let Some(first) = scenarios.first() else { return Ok(Vec::new()) };
        let there = self.up.iter().position(|one| one.config == first.config);
        let mut up = match there.map(|at| self.up.remove(at)) {
            Some(up) if up.stories < STORIES_ON_ONE_BOOT && up.warm.is_alive().await => up,
            worn => {
                if let Some(worn) = worn {
                    worn.warm.stop().await;
                }
                self.boots += 1;
                let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
                let booted = Warm::boot_like(prepared, settings, self.boots, first).await;
                let warm =
                    booted.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
                Up { warm, config: first.config.clone(), stories: 0 }
            }
        };
        let cells = up.warm.run_new(scenarios).await;
        up.stories += scenarios.len();
        self.up.push(up);
        cells.map_err(|source| StageError::Seed { target: self.name().to_owned(), source })
    }

    /// Stops the gateways that are up; the next story gets a new one.
    pub async fn fresh(&mut self) {
        for up in std::mem::take(&mut self.up) {
            up.warm.stop().await;
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

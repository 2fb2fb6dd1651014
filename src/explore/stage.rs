//! A target on which stories run: gateways that stay up for as many stories as they can, and others for stories that need
//! one of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};

use crate::gateway::{PreparedTarget, StartError};
use crate::model::RuleSet;
use crate::run::{Cell, Settings, Warm, WarmError};
use crate::scenario::Scenario;

/// Stories in flight on one boot at a time. Releases with a JSON store read and write all of it at every connect, so that
/// more stories at once make each one slower; fewer leave the gateway idle while one of them waits.
const STORIES_AT_ONCE: usize = 60;

/// Models that run at the same time.
const MODELS_AT_ONCE: usize = 24;

/// Stories that restart, and share the boots for that.
const STORIES_OF_RESTARTS: usize = 120;

/// Stories after which a gateway is replaced: what they leave behind slows it down.
const STORIES_ON_ONE_BOOT: usize = 3000;

/// A gateway that is up, with its configuration and environment and the number of stories that ran on it.
struct Up {
    warm: Warm,
    config: Map<String, Value>,
    env: BTreeMap<String, String>,
    stories: usize,
}

/// A target, and the gateways of it that are up, one for each configuration.
pub struct Stage {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    up: Vec<Up>,
    boots: AtomicUsize,
}

impl Up {
    /// Whether it has the configuration and the environment that a scenario asks for.
    fn serves(&self, scenario: &Scenario) -> bool {
        self.config == scenario.config && self.env == scenario.env && !scenario.restarts()
    }
}

/// What came of running scenarios on a target.
#[derive(Debug)]
pub struct Ran {
    /// Their cells, in the order of the scenarios.
    pub cells: Vec<Cell>,
    /// The rules of the model that decided something in each of them; nothing if the target is no model.
    pub fired: Vec<RuleSet>,
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
        Self { prepared, settings, up: Vec::new(), boots: AtomicUsize::new(0) }
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
    pub async fn run(&mut self, scenarios: &[Scenario]) -> Result<Ran, StageError> {
        if self.is_embedded() {
            return self.each_on_a_model(scenarios).await;
        }
        let mut cells: Vec<Option<Cell>> = vec![None; scenarios.len()];
        // Groups have gateways of their own, so that none waits for the slowest story of another.
        let groups = groups(scenarios);
        let mut up = std::mem::take(&mut self.up);
        let stage = &*self;
        let runs = groups.iter().map(|group| {
            let chosen: Vec<&Scenario> = group.iter().map(|at| &scenarios[*at]).collect();
            let there = chosen.first().and_then(|first| up.iter().position(|one| one.serves(first)));
            let own = there.map(|at| up.swap_remove(at));
            async move { stage.run_group(&chosen, own).await }
        });
        let runs: Vec<_> = runs.collect();
        let ran = futures_util::future::join_all(runs).await;
        let mut failed = None;
        for (group, ran) in groups.iter().zip(ran) {
            match ran {
                Ok((ran, own)) => {
                    up.extend(own);
                    group.iter().zip(ran).for_each(|(at, cell)| cells[*at] = Some(cell));
                }
                Err(error) => failed = Some(error),
            }
        }
        self.up = up;
        failed
            .map_or_else(|| Ok(Ran { cells: cells.into_iter().flatten().collect(), fired: Vec::new() }), Err)
    }

    /// Runs scenarios of one configuration, in parts, and returns their cells in the same order, fewer if it is interrupted.
    async fn run_group(
        &self,
        scenarios: &[&Scenario],
        mut up: Option<Up>,
    ) -> Result<(Vec<Cell>, Option<Up>), StageError> {
        let mut cells = Vec::with_capacity(scenarios.len());
        if scenarios.first().is_some_and(|first| first.restarts()) {
            for part in scenarios.chunks(STORIES_OF_RESTARTS) {
                cells.extend(self.once(part).await?);
            }
            return Ok((cells, up));
        }
        for part in scenarios.chunks(STORIES_AT_ONCE) {
            let ran = self.on_warm(part, up.take()).await?;
            cells.extend(ran.0);
            up = Some(ran.1);
            if self.settings.interrupt.is_cancelled() {
                break;
            }
        }
        Ok((cells, up))
    }

    /// Runs scenarios, each with nothing else on its gateway, and returns their cells in the same order.
    ///
    /// # Errors
    /// Fails if a gateway does not come up or cannot be seeded.
    pub async fn run_each_alone(&mut self, scenarios: &[Scenario]) -> Result<Vec<Cell>, StageError> {
        if self.is_embedded() {
            return Ok(self.each_on_a_model(scenarios).await?.cells);
        }
        let mut cells = Vec::with_capacity(scenarios.len());
        for scenario in scenarios {
            let there = self.up.iter().position(|one| one.serves(scenario));
            let own = there.map(|at| self.up.swap_remove(at));
            let (ran, own) = self.run_group(&[scenario], own).await?;
            self.up.extend(own);
            cells.extend(ran);
        }
        Ok(cells)
    }

    /// Runs scenarios, each on a model of its own: a model with few records answers faster than one with many.
    async fn each_on_a_model(&self, scenarios: &[Scenario]) -> Result<Ran, StageError> {
        let mut runs = Vec::with_capacity(scenarios.len());
        for scenario in scenarios {
            let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
            runs.push(Warm::alone(prepared, settings, self.next_boot(), scenario));
        }
        let ran: Result<Vec<_>, StartError> = stream::iter(runs).buffered(MODELS_AT_ONCE).try_collect().await;
        let ran = ran.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
        let (cells, fired) = ran.into_iter().unzip();
        Ok(Ran { cells, fired })
    }

    async fn once(&self, scenarios: &[&Scenario]) -> Result<Vec<Cell>, StageError> {
        let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
        let ran = Warm::once(prepared, settings, self.next_boot(), scenarios).await;
        let ran = ran.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
        Ok(ran.into_iter().map(|(cell, _)| cell).collect())
    }

    /// Runs scenarios of one configuration on the gateway that is up with it, or on one that is booted for them and stays.
    async fn on_warm(&self, scenarios: &[&Scenario], up: Option<Up>) -> Result<(Vec<Cell>, Up), StageError> {
        let mut up = match (up, scenarios.first()) {
            (Some(up), _) if up.stories < STORIES_ON_ONE_BOOT && up.warm.is_alive().await => up,
            (worn, first) => {
                if let Some(worn) = worn {
                    worn.warm.stop().await;
                }
                let (prepared, settings) = (Arc::clone(&self.prepared), self.settings.clone());
                let booted = match first {
                    Some(first) => Warm::boot_like(prepared, settings, self.next_boot(), first).await,
                    None => Warm::boot(prepared, settings, self.next_boot()).await,
                };
                let warm =
                    booted.map_err(|source| StageError::Start { target: self.name().to_owned(), source })?;
                let config = first.map(|one| one.config.clone()).unwrap_or_default();
                let env = first.map(|one| one.env.clone()).unwrap_or_default();
                Up { warm, config, env, stories: 0 }
            }
        };
        let cells = up.warm.run_new(scenarios).await;
        up.stories += scenarios.len();
        match cells {
            Ok(cells) => Ok((cells, up)),
            Err(source) => Err(StageError::Seed { target: self.name().to_owned(), source }),
        }
    }

    fn next_boot(&self) -> usize {
        self.boots.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many gateways were started so far.
    pub fn boots(&self) -> usize {
        self.boots.load(Ordering::Relaxed)
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
            first.config == scenario.config
                && first.env == scenario.env
                && first.restarts() == scenario.restarts()
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

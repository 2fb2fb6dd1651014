//! A pool of gateways, for test processes that request one scenario at a time.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::case;
use super::engine::{info, untestable, without_run};
use super::event::{Cell, Event, RUN_FORMAT, RunStarted, TargetInfo};
use super::lane::{Case, Lane, Settings};
use super::plan::{LanePlan, plan};
use super::record::RunRecord;
use super::rerun::Rerun;
use super::secrets;
use crate::error_chain::chain;
use crate::gateway::{PrepareError, PreparedTarget, StartError, Target, TargetProvider};
use crate::scenario::{Scenario, Step};
use crate::verdict::Verdict;
use tokio::sync::{Mutex, Notify, OnceCell};

/// Boots a gateway when the first scenario of its lane is requested, and keeps it for the next ones.
///
/// A scenario that restarts its gateway, and every retry, gets a gateway of its own: others may be using the shared one,
/// and what a first try stored there must not affect the second.
pub struct Pool {
    provider: TargetProvider,
    scenarios: Vec<Scenario>,
    settings: Settings,
    max_gateways: usize,
    slots: Mutex<HashMap<(String, usize), Arc<Slot>>>,
    targets: Mutex<HashMap<String, Arc<Prepared>>>,
    released: Notify,
    numbers: AtomicUsize,
    clock: AtomicU64,
    leaks: parking_lot::Mutex<Vec<String>>,
}

/// Whether a scenario restarts or changes its gateway, which others may be using at the same time.
fn needs_its_own(scenario: &Scenario, prepared: &PreparedTarget) -> bool {
    scenario.is_alone(prepared.release().as_ref())
        || scenario.any_step(|step| matches!(step, Step::Restart(_)))
}

/// A target that is prepared once for all scenarios.
type Prepared = OnceCell<Result<Arc<PreparedTarget>, Arc<PrepareError>>>;

/// A lane that is booted or booting.
struct Slot {
    lane: OnceCell<Result<Lane, StartError>>,
    used: AtomicU64,
}

/// Why a scenario cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// No scenario has this id.
    #[error("there is no scenario `{0}`")]
    Unknown(String),
}

impl Pool {
    /// Creates a pool that keeps at most `max_gateways` gateways running.
    pub fn new(
        provider: TargetProvider,
        scenarios: Vec<Scenario>,
        settings: Settings,
        max_gateways: usize,
    ) -> Self {
        Self {
            provider,
            scenarios,
            settings,
            max_gateways: max_gateways.max(1),
            slots: Mutex::default(),
            targets: Mutex::default(),
            released: Notify::new(),
            numbers: AtomicUsize::new(0),
            clock: AtomicU64::new(0),
            leaks: parking_lot::Mutex::default(),
        }
    }

    /// Runs a scenario on a target. Returns a run with one cell; whatever breaks is an error in that cell.
    ///
    /// # Errors
    /// Fails if there is no such scenario.
    pub async fn run(&self, target: &Target, scenario: &str, attempt: u32) -> Result<RunRecord, PoolError> {
        let started = RunStarted {
            format: RUN_FORMAT,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            id: "pool".to_owned(),
            seed: self.settings.seed,
            started_ms: (self.settings.now_ms)(),
            targets: vec![TargetInfo {
                target: target.to_string(),
                release: self.provider.release_of(target),
            }],
            scenarios: self.scenarios.iter().filter(|one| one.id == scenario).map(info).collect(),
            repeat: 1,
            deny: Vec::new(),
            rerun: Rerun::default(),
            parts: Vec::new(),
        };
        let cell = self.cell(target, scenario, attempt).await?;
        let end = Event::RunFinished { duration_ms: cell.duration_ms, interrupted: false };
        Ok(RunRecord::of(&[Event::RunStarted(started), Event::CellFinished(Box::new(cell)), end]))
    }

    async fn cell(&self, target: &Target, scenario: &str, attempt: u32) -> Result<Cell, PoolError> {
        let found = self.scenarios.iter().find(|one| one.id == scenario);
        let scenario = found.ok_or_else(|| PoolError::Unknown(scenario.to_owned()))?;
        let name = target.to_string();
        let release = self.provider.release_of(target);
        let broken = |error: &(dyn Error + 'static)| {
            let reason = secrets::masker(self.settings.seed, [scenario]).line(&chain(error));
            without_run(scenario, &name, release, Verdict::Error, &reason)
        };
        let prepared = match self.prepared(target).await {
            Ok(prepared) => prepared,
            Err(error) => return Ok(broken(&*error)),
        };
        if let Some(reason) = untestable(scenario, &prepared) {
            return Ok(without_run(scenario, &name, release, Verdict::Untestable, &reason));
        }
        let alone = attempt > 1 || needs_its_own(scenario, &prepared);
        let plans = self.plans(&prepared);
        let lane = plans
            .iter()
            .position(|lane| lane.scenarios.iter().any(|at| self.scenarios[*at].id == scenario.id));
        let (Some(lane), false) = (lane, alone) else {
            return Ok(self
                .run_alone(prepared, Case { scenario, attempt })
                .await
                .unwrap_or_else(|error| broken(&error)));
        };
        let slot = self.slot(&name, lane).await;
        let booted = slot.lane.get_or_init(|| self.boot(Arc::clone(&prepared), &plans[lane])).await;
        let ran = match booted {
            Ok(lane) => Ok(case::run(lane, Case { scenario, attempt }).await),
            Err(error) => Err(broken(error)),
        };
        drop(slot);
        self.released.notify_waiters();
        let ran = match ran {
            Ok(ran) => ran,
            Err(broken) => return Ok(broken),
        };
        let Some(doubt) = &ran.doubt else { return Ok(ran.cell) };
        let retried = Some(doubt.to_string());
        Ok(match self.run_alone(prepared, Case { scenario, attempt }).await {
            Ok(cell) => Cell { retried, ..cell },
            Err(_) => ran.without_retry(false),
        })
    }

    /// Stops all gateways. Returns what they left behind.
    pub async fn close(self) -> Vec<String> {
        let slots: Vec<Arc<Slot>> = self.slots.lock().await.drain().map(|(_, slot)| slot).collect();
        for slot in slots {
            self.stop(slot).await;
        }
        self.leaks.into_inner()
    }

    async fn prepared(&self, target: &Target) -> Result<Arc<PreparedTarget>, Arc<PrepareError>> {
        let name = target.to_string();
        let once = Arc::clone(self.targets.lock().await.entry(name).or_default());
        let prepare = || async {
            let prepared = self.provider.prepare(target, Arc::new(|_| {})).await;
            prepared.map(Arc::new).map_err(Arc::new)
        };
        once.get_or_init(prepare).await.clone()
    }

    /// The lanes of a target, without the scenarios that need a gateway of their own.
    fn plans(&self, prepared: &PreparedTarget) -> Vec<LanePlan> {
        let shared = self.scenarios.iter().enumerate().filter(|(_, scenario)| {
            untestable(scenario, prepared).is_none() && !needs_its_own(scenario, prepared)
        });
        plan(shared, prepared.release(), &self.settings.schedule)
    }

    /// The slot of a lane. If it is new, makes room for it first. A slot is in use while it is held.
    async fn slot(&self, target: &str, lane: usize) -> Arc<Slot> {
        let key = (target.to_owned(), lane);
        loop {
            let released = self.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            let evicted = {
                let mut slots = self.slots.lock().await;
                let free = slots.len() < self.max_gateways;
                if free || slots.contains_key(&key) {
                    let slot = slots.entry(key).or_insert_with(|| Arc::new(Slot::new()));
                    slot.used.store(self.clock.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                    return Arc::clone(slot);
                }
                // Nobody can take an idle slot while the map is locked.
                let idle = slots.iter().filter(|(_, slot)| Arc::strong_count(slot) == 1);
                let oldest = idle.min_by_key(|(_, slot)| slot.used.load(Ordering::SeqCst));
                let oldest = oldest.map(|(key, _)| key.clone());
                oldest.and_then(|key| slots.remove(&key))
            };
            match evicted {
                Some(slot) => self.stop(slot).await,
                None => released.await,
            }
        }
    }

    async fn boot(&self, prepared: Arc<PreparedTarget>, plan: &LanePlan) -> Result<Lane, StartError> {
        let cases: Vec<Case<'_>> =
            plan.scenarios.iter().map(|at| Case { scenario: &self.scenarios[*at], attempt: 1 }).collect();
        let number = self.numbers.fetch_add(1, Ordering::SeqCst);
        Lane::boot(prepared, self.settings.clone(), number, &cases).await
    }

    async fn run_alone(&self, prepared: Arc<PreparedTarget>, case: Case<'_>) -> Result<Cell, StartError> {
        let number = self.numbers.fetch_add(1, Ordering::SeqCst);
        let lane = Lane::boot(prepared, self.settings.clone(), number, &[case]).await?;
        let cell = case::run(&lane, case).await.cell;
        self.note(lane.stop().await.leaks);
        Ok(cell)
    }

    async fn stop(&self, slot: Arc<Slot>) {
        let lane = Arc::into_inner(slot).and_then(|slot| slot.lane.into_inner());
        if let Some(Ok(lane)) = lane {
            self.note(lane.stop().await.leaks);
        }
    }

    fn note(&self, leaks: Vec<String>) {
        self.leaks.lock().extend(leaks);
    }
}

impl Slot {
    fn new() -> Self {
        Self { lane: OnceCell::new(), used: AtomicU64::new(0) }
    }
}

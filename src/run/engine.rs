//! Runs all scenarios on all targets, within the given limits.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::case::{self, Doubt, Ran};
use super::deny::Deny;
use super::event::{Cell, Event, RUN_FORMAT, RunStarted, ScenarioInfo, TargetInfo};
use super::known::denied;
use super::lane::{Case, Lane, Settings};
use super::plan::{LanePlan, TakeOver, plan};
use super::rerun::Rerun;
use super::secrets;
use super::starts::Starts;
use crate::error_chain::chain;
use crate::gateway::install::InstallEvent;
use crate::gateway::{PreparedTarget, StartError, Target, TargetProvider};
use crate::release::Release;
use crate::scenario::{Capability, Scenario};
use crate::verdict::{Signature, Verdict};
use crate::wire::Masker;

/// Memory of a gateway, in mebibytes (410 to 810 measured).
const GATEWAY: u32 = 800;

/// Memory of a gateway with a node host and a command line, in mebibytes.
const STACK: u32 = 1500;

/// Embedded gateways that count as one gateway process: their lanes spend most of their time waiting.
const EMBEDDED_IN_ONE: u32 = 4;

/// How long interrupted cases may take to report the step they were in.
const INTERRUPT_GRACE: Duration = Duration::from_secs(3);

/// Number of timeouts that must be confirmed by a retry before the others of the gateway are trusted.
const CONFIRMED_TIMEOUTS: usize = 3;

/// What to run, and how.
pub struct RunRequest {
    /// Scenarios in the order of the rows.
    pub scenarios: Vec<Scenario>,
    /// Targets in the order of the columns.
    pub targets: Vec<Target>,
    /// Seed, timeout, clock and other settings.
    pub settings: Settings,
    /// Gateways at the same time; four times as many if they are embedded.
    pub jobs: usize,
    /// Memory that gateways and programs may use together, in mebibytes; `None` for no limit.
    pub memory: Option<u32>,
    /// How often each cell is run.
    pub repeat: u32,
    /// Whether to end the run at the first cell that is not fine.
    pub fail_fast: bool,
    /// Kinds of listed deviation that fail the run.
    pub deny: Vec<Deny>,
    /// Id of the run.
    pub id: String,
    /// Options that are needed to reproduce a cell.
    pub rerun: Rerun,
}

/// Receives the events of a run, from any task, in the order in which they happen.
pub type Emit = Arc<dyn Fn(Event) + Send + Sync>;

/// Runs all scenarios on all targets. All output is emitted as events.
pub async fn run(provider: &TargetProvider, request: &RunRequest, emit: &Emit, cancel: &CancellationToken) {
    let started = Instant::now();
    emit(Event::RunStarted(started_event(provider, request)));
    let engine = Engine {
        provider,
        request,
        emit,
        cancel,
        fail_fast: cancel.child_token(),
        jobs: Semaphore::new(slots(request.jobs)),
        memory: request.memory.map(|all| (all.max(1), Semaphore::new(all.max(1) as usize))),
        gateways: AtomicUsize::new(0),
    };
    let mut targets: FuturesUnordered<_> =
        request.targets.iter().map(|target| engine.target(target)).collect();
    while targets.next().await.is_some() {}
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    emit(Event::RunFinished { duration_ms, interrupted: cancel.is_cancelled() });
}

/// The number of slots for this many gateways.
fn slots(jobs: usize) -> usize {
    jobs.max(1).saturating_mul(EMBEDDED_IN_ONE as usize).min(Semaphore::MAX_PERMITS)
}

fn started_event(provider: &TargetProvider, request: &RunRequest) -> RunStarted {
    RunStarted {
        format: RUN_FORMAT,
        harness: env!("CARGO_PKG_VERSION").to_owned(),
        id: request.id.clone(),
        seed: request.settings.seed,
        started_ms: (request.settings.now_ms)(),
        targets: request
            .targets
            .iter()
            .map(|target| TargetInfo { target: target.to_string(), release: provider.release_of(target) })
            .collect(),
        scenarios: request.scenarios.iter().map(info).collect(),
        repeat: request.repeat,
        deny: request.deny.clone(),
        rerun: request.rerun.clone(),
        parts: Vec::new(),
    }
}

pub(super) fn info(scenario: &Scenario) -> ScenarioInfo {
    ScenarioInfo {
        id: scenario.id.clone(),
        title: scenario.title.clone(),
        why: scenario.why.clone(),
        issue: scenario.issue.clone(),
        tags: scenario.tags.clone(),
        path: scenario.source.path.clone(),
    }
}

struct Engine<'a> {
    provider: &'a TargetProvider,
    request: &'a RunRequest,
    emit: &'a Emit,
    cancel: &'a CancellationToken,
    /// Cancelled by an interrupt, and by the first cell that is not fine if that ends the run.
    fail_fast: CancellationToken,
    /// Slots for gateways; a gateway process takes several.
    jobs: Semaphore,
    /// The memory in total, and what is left of it.
    memory: Option<(u32, Semaphore)>,
    gateways: AtomicUsize,
}

/// A lane, and the repetitions of its scenarios that share a gateway.
type PlannedLane<'a> = (&'a LanePlan, RangeInclusive<u32>);

/// Why a cell does not count yet although nothing disturbed its case: it is not fine, and its gateway was taken over.
fn unsure(lane: &Lane, cell: &Cell) -> Option<Doubt> {
    (lane.is_taken_over() && !cell.verdict.is_fine()).then_some(Doubt::TakenOver)
}

/// A gateway gave up at boot because it got no processor time.
#[derive(Debug)]
struct Starved;

/// A cell that does not count until its case has been retried.
struct Doubted {
    /// Index into the scenarios of the run.
    scenario: usize,
    attempt: u32,
    /// The result of the first try.
    cell: Cell,
    doubt: Doubt,
}

impl Doubted {
    /// The result of the second try, which counts, with the reason for the retry. What only an injected fault shows is an
    /// error.
    fn retried_as(self, second: Cell) -> Cell {
        if let Doubt::Slowed(how) = &self.doubt
            && second.verdict.is_fine()
        {
            let reason = format!(
                "without injected faults it is {}, with them {}: {how}",
                second.verdict, self.cell.verdict
            );
            return Cell { verdict: Verdict::Error, reason: Some(reason), ..self.cell };
        }
        let Cell { verdict, reason, .. } = self.cell;
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let retried = format!("{}; the first try was {verdict}{reason}", self.doubt);
        Cell { retried: Some(retried), ..second }
    }
}

impl Engine<'_> {
    async fn target(&self, target: &Target) {
        let name = target.to_string();
        let tell: Arc<dyn Fn(InstallEvent) + Send + Sync> = {
            let (emit, name) = (Arc::clone(self.emit), name.clone());
            Arc::new(move |event: InstallEvent| {
                let advance = matches!(event, InstallEvent::Advanced { .. });
                let text = Masker::default().line(&event.to_string());
                emit(Event::Preparing { target: name.clone(), text, advance });
            })
        };
        let prepared = tokio::select! {
            prepared = self.provider.prepare(target, Arc::clone(&tell)) => prepared,
            () = self.fail_fast.cancelled() => return,
        };
        let prepared = match prepared {
            Ok(prepared) => Arc::new(prepared),
            Err(error) => {
                let reason = Masker::default().line(&chain(&error));
                (self.emit)(Event::TargetUnusable { target: name, reason: reason.clone() });
                let release = self.provider.release_of(target);
                for scenario in &self.request.scenarios {
                    self.finish(without_run(scenario, &target.to_string(), release, Verdict::Error, &reason));
                }
                return;
            }
        };
        let mut testable = Vec::new();
        for (index, scenario) in self.request.scenarios.iter().enumerate() {
            match untestable(scenario, &prepared) {
                None => testable.push((index, scenario)),
                Some(reason) => {
                    let verdict = Verdict::Untestable;
                    self.finish(without_run(scenario, prepared.name(), prepared.release(), verdict, &reason));
                }
            }
        }
        // Installing takes long, so it is done and reported before the first gateway needs it.
        for release in testable.iter().flat_map(|(_, scenario)| scenario.other_releases()) {
            let made_ready = prepared.launch_of(release, tell.clone());
            tokio::select! {
                                // A failure is reported when a scenario needs the release.
                _ = made_ready => {}
                () = self.fail_fast.cancelled() => return,
            }
        }
        let testable_count = testable.len();
        let plans = plan(testable, prepared.release(), &self.request.settings.schedule());
        info!(on = name, scenarios = testable_count, gateways = plans.len(), "planned");
        let starts = Starts::default();
        let planned: Vec<PlannedLane<'_>> = plans
            .iter()
            .flat_map(|plan| {
                plan.attempts(self.request.repeat).into_iter().map(move |attempts| (plan, attempts))
            })
            .collect();
        let (chained, single): (VecDeque<PlannedLane<'_>>, Vec<PlannedLane<'_>>) =
            if self.takes_over(&prepared) {
                let (chained, single): (Vec<_>, Vec<_>) =
                    planned.into_iter().partition(|(plan, _)| plan.needs_only_config);
                (chained.into(), single)
            } else {
                (VecDeque::new(), planned)
            };
        let chains = chained.len().min(self.request.jobs.max(1));
        let waiting = Mutex::new(chained);
        let chain = || self.chain(Arc::clone(&prepared), &waiting, &starts).boxed();
        let lane = |(plan, attempts)| self.lane(Arc::clone(&prepared), plan, attempts, &starts).boxed();
        // They get their slots in this order. Chains need the processor and other lanes often wait, so they run side by
        // side, and the last chain takes the slot that the other lanes leave.
        let early = (1..chains).map(|_| chain());
        let late = (0..chains.min(1)).map(|_| chain());
        let mut all: FuturesUnordered<_> = early.chain(single.into_iter().map(lane)).chain(late).collect();
        while all.next().await.is_some() {}
    }

    /// Whether lanes on a target take over gateways that are up. Measuring and mutating gateways are always booted.
    fn takes_over(&self, prepared: &PreparedTarget) -> bool {
        let settings = &self.request.settings;
        let measured =
            settings.profiles.is_some() || settings.switches.is_some() || settings.reached.is_some();
        !measured
            && settings.keep_state.is_none()
            && match settings.schedule.take_over {
                TakeOver::WhereMeasured => prepared.may_be_taken_over(),
                TakeOver::Always => prepared.can_be_taken_over(),
                TakeOver::Never => false,
            }
    }

    /// Runs lanes one after the other on as few boots as possible, until none is waiting: each takes over the gateway of the
    /// one before.
    async fn chain(
        &self,
        prepared: Arc<PreparedTarget>,
        waiting: &Mutex<VecDeque<PlannedLane<'_>>>,
        starts: &Starts,
    ) {
        let mut doubted = Vec::new();
        let mut starved = Vec::new();
        {
            let Ok(_job) = self.jobs.acquire_many(EMBEDDED_IN_ONE).await else { return };
            let programs = {
                let waiting = waiting.lock();
                let mut all = waiting.iter().flat_map(|(plan, _)| &plan.scenarios);
                all.any(|at| self.request.scenarios[*at].runs_programs())
            };
            let _memory = self.memory_for(&prepared, programs).await;
            let mut up = None;
            loop {
                let next = waiting.lock().pop_front();
                let Some((plan, attempts)) = next else { break };
                match self
                    .run_lane(&prepared, plan, attempts.clone(), starts, Some(EMBEDDED_IN_ONE), &mut up)
                    .await
                {
                    Ok(of_lane) => doubted.push(of_lane),
                    Err(Starved) => starved.push((plan, attempts)),
                }
            }
            if let Some((lane, gateway)) = up {
                self.stop(lane, gateway).await;
            }
        }
        for (plan, attempts) in starved {
            self.lane(Arc::clone(&prepared), plan, attempts, starts).await;
        }
        // A second try boots with the configuration of its lane.
        for of_lane in doubted {
            self.second_tries(Arc::clone(&prepared), of_lane, EMBEDDED_IN_ONE).await;
        }
    }

    async fn lane(
        &self,
        prepared: Arc<PreparedTarget>,
        plan: &LanePlan,
        attempts: RangeInclusive<u32>,
        starts: &Starts,
    ) {
        let share = if prepared.is_embedded() { self.embedded_share() } else { EMBEDDED_IN_ONE };
        let tried = self.first_try(Arc::clone(&prepared), plan, attempts.clone(), starts, Some(share)).await;
        let doubted = if let Ok(doubted) = tried {
            doubted
        } else {
            info!(
                on = prepared.name(),
                lane = plan.label,
                "no processor time for its boot: it runs again, alone"
            );
            // Starved: try once more with nothing else running, and take whatever happens then.
            let again = self.first_try(Arc::clone(&prepared), plan, attempts, starts, None).await;
            again.unwrap_or_default()
        };
        self.second_tries(prepared, doubted, share).await;
    }

    /// Retries cases whose first try does not count. If others on the same gateway were the reason, other gateways may run
    /// meanwhile.
    async fn second_tries(&self, prepared: Arc<PreparedTarget>, doubted: Vec<Doubted>, share: u32) {
        let chaos = self.request.settings.chaos;
        let (slowed, doubted): (Vec<Doubted>, Vec<Doubted>) =
            doubted.into_iter().partition(|one| matches!(one.doubt, Doubt::Slowed(_)));
        let (disturbed, rest): (Vec<Doubted>, Vec<Doubted>) =
            doubted.into_iter().partition(|one| matches!(one.doubt, Doubt::Disturbed(_) | Doubt::TakenOver));
        self.second_try(Arc::clone(&prepared), disturbed, share, chaos).await;
        self.second_try(Arc::clone(&prepared), rest, self.all_slots(), chaos).await;
        // Whether the faults are the cause shows without them.
        self.second_try(prepared, slowed, self.all_slots(), None).await;
    }

    /// Slots of an embedded gateway; as many as a process has where few files can be open.
    const fn embedded_share(&self) -> u32 {
        if self.request.settings.open_files.is_low() { EMBEDDED_IN_ONE } else { 1 }
    }

    /// All slots, so that nothing else runs at the same time.
    fn all_slots(&self) -> u32 {
        u32::try_from(slots(self.request.jobs)).unwrap_or(u32::MAX)
    }

    /// Reserves memory for a gateway, and for programs next to it if there are any; at most the total. The model needs next to
    /// none.
    async fn memory_for(&self, prepared: &PreparedTarget, programs: bool) -> Option<SemaphorePermit<'_>> {
        if prepared.is_embedded() {
            return None;
        }
        let wanted = if programs { STACK } else { GATEWAY };
        match &self.memory {
            Some((all, left)) => left.acquire_many(wanted.min(*all)).await.ok(),
            None => None,
        }
    }

    /// Runs the cases of a lane, on this many slots or on all of them. Returns the cells that do not count yet.
    ///
    /// # Errors
    /// Fails if the gateway gave up for lack of processor time while others were running.
    async fn first_try(
        &self,
        prepared: Arc<PreparedTarget>,
        plan: &LanePlan,
        attempts: RangeInclusive<u32>,
        starts: &Starts,
        share: Option<u32>,
    ) -> Result<Vec<Doubted>, Starved> {
        let slots = share.unwrap_or_else(|| self.all_slots());
        let Ok(_job) = self.jobs.acquire_many(slots).await else { return Ok(Vec::new()) };
        let programs = plan.scenarios.iter().any(|at| self.request.scenarios[*at].runs_programs());
        let _memory = self.memory_for(&prepared, programs).await;
        let mut up = None;
        let doubted = self.run_lane(&prepared, plan, attempts, starts, share, &mut up).await;
        if let Some((lane, gateway)) = up {
            self.stop(lane, gateway).await;
        }
        doubted
    }

    /// Runs the cases of a lane, on the gateway that is `up` if it can be taken over, else on a new one, which is `up`
    /// afterwards if it still can be used. Returns the cells that do not count yet.
    ///
    /// # Errors
    /// Fails if the gateway gave up for lack of processor time while others were running.
    async fn run_lane(
        &self,
        prepared: &Arc<PreparedTarget>,
        plan: &LanePlan,
        attempts: RangeInclusive<u32>,
        starts: &Starts,
        share: Option<u32>,
        up: &mut Option<(Lane, usize)>,
    ) -> Result<Vec<Doubted>, Starved> {
        if self.fail_fast.is_cancelled() {
            return Ok(Vec::new());
        }
        let cases: Vec<Case<'_>> = attempts
            .flat_map(|attempt| {
                plan.scenarios
                    .iter()
                    .map(move |index| Case { scenario: &self.request.scenarios[*index], attempt })
            })
            .collect();
        let first = cases.first().map(|case| case.scenario);
        if let Some(reason) = first.and_then(|first| starts.given_up(first)) {
            for case in &cases {
                let (name, release) = (prepared.name(), prepared.release());
                let cell = without_run(case.scenario, name, release, Verdict::Error, &reason);
                self.finish(Cell { attempt: case.attempt, ..cell });
            }
            return Ok(Vec::new());
        }
        let taken_over = match up.take() {
            Some(idle) => self.take_over(idle, plan.label.clone(), &cases).await,
            None => None,
        };
        let booted = match taken_over {
            Some(lane) => Ok(Some(lane)),
            None => self.boot(prepared, plan.label.clone(), &cases, self.request.settings.chaos).await,
        };
        let (lane, gateway) = match booted {
            Ok(Some(booted)) => booted,
            Ok(None) => return Ok(Vec::new()),
            Err((gateway, error)) if share.is_some() && error.is_of_a_starved_machine() => {
                self.tell_failure(gateway, &cases, &error);
                return Err(Starved);
            }
            Err((gateway, error)) => {
                let masker = self.masker(&cases);
                first.inspect(|first| starts.failed(first, &masker.line(&chain(&error))));
                self.not_booted(gateway, prepared, &cases, &error);
                return Ok(Vec::new());
            }
        };
        starts.came_up();
        let mut doubted = Vec::new();
        {
            let mut running: FuturesUnordered<_> =
                cases.iter().map(|case| async { (*case, self.case(&lane, *case).await) }).collect();
            let mut take = |case: Case<'_>, ran: Ran| match ran
                .doubt
                .or_else(|| unsure(&lane, &ran.cell).filter(|_| !ran.injected))
            {
                Some(doubt) if !self.cancel.is_cancelled() => {
                    doubted.push(Doubted {
                        scenario: self.index_of(case),
                        attempt: case.attempt,
                        cell: ran.cell,
                        doubt,
                    });
                }
                doubt => self.finish(Ran { doubt, ..ran }.without_retry(false)),
            };
            loop {
                tokio::select! {
                    next = running.next() => match next {
                        Some((case, ran)) => take(case, ran),
                        None => break,
                    },
                    () = self.fail_fast.cancelled() => break,
                }
            }
            // Interrupted cases report the step they were in.
            if self.cancel.is_cancelled() {
                let last_cells = async {
                    while let Some((case, ran)) = running.next().await {
                        take(case, ran);
                    }
                };
                let _ = tokio::time::timeout(INTERRUPT_GRACE, last_cells).await;
            }
        }
        if self.fail_fast.is_cancelled() || !lane.can_be_taken_over().await {
            self.stop(lane, gateway).await;
        } else {
            *up = Some((lane, gateway));
        }
        Ok(doubted)
    }

    /// Gives an idle gateway to the cases of another lane; `None` if that fails, and the gateway is stopped.
    async fn take_over(
        &self,
        (lane, before): (Lane, usize),
        label: String,
        cases: &[Case<'_>],
    ) -> Option<(Lane, usize)> {
        let gateway = self.gateways.fetch_add(1, Ordering::Relaxed);
        info!(
            gateway,
            from = before,
            on = lane.target(),
            lane = label,
            cases = cases.len(),
            "a gateway is taken over"
        );
        let target = lane.target().to_owned();
        match lane.taken_over(gateway, cases).await {
            Ok((lane, end)) => {
                (self.emit)(Event::GatewayStopped { gateway: before, boots: end.boots, leaks: end.leaks });
                (self.emit)(Event::GatewayStarting { gateway, target, lane: label });
                (self.emit)(Event::GatewayReady { gateway, boot_ms: lane.boot_ms().await });
                Some((lane, gateway))
            }
            Err((lane, error)) => {
                info!(gateway = before, error = chain(&error), "it cannot be taken over: a new one boots");
                self.stop(lane, before).await;
                None
            }
        }
    }

    /// Retries cases whose first try does not count, one by one, on this many slots. With all slots, nothing else
    /// runs at the same time. `chaos` is the seed of the faults that are injected.
    ///
    /// Once three timeouts are confirmed, the others are trusted. After a case that makes its gateway restart, the next
    /// ones get a new gateway.
    async fn second_try(
        &self,
        prepared: Arc<PreparedTarget>,
        mut doubted: Vec<Doubted>,
        slots: u32,
        chaos: Option<u64>,
    ) {
        if doubted.is_empty() {
            return;
        }
        let Ok(_slots) = self.jobs.acquire_many(slots).await else { return };
        let programs = doubted.iter().any(|one| self.request.scenarios[one.scenario].runs_programs());
        let _memory = self.memory_for(&prepared, programs).await;
        for Doubted { scenario, attempt, doubt, .. } in &doubted {
            info!(scenario = self.request.scenarios[*scenario].id, attempt, %doubt, "runs again: its first try is in doubt");
        }
        let mut confirmed = 0;
        while !doubted.is_empty() {
            if self.fail_fast.is_cancelled() || confirmed >= CONFIRMED_TIMEOUTS {
                return self.finish_all(doubted, confirmed >= CONFIRMED_TIMEOUTS);
            }
            let cases: Vec<Case<'_>> = doubted
                .iter()
                .map(|one| Case { scenario: &self.request.scenarios[one.scenario], attempt: one.attempt })
                .collect();
            let label = format!("second try, one by one: {}", cases.len());
            let Ok(Some((lane, gateway))) = self.boot(&prepared, label, &cases, chaos).await else {
                return self.finish_all(doubted, false);
            };
            let lane = lane.one_by_one();
            let mut rest = doubted.into_iter();
            for (first, case) in rest.by_ref().zip(&cases) {
                let ran = self.case(&lane, *case).await;
                let restarted = ran.cell.signature.as_ref().is_some_and(Signature::is_of_restart);
                confirmed = if ran.doubt == Some(Doubt::TimedOut) { confirmed + 1 } else { confirmed };
                self.finish(first.retried_as(ran.cell));
                if restarted || confirmed >= CONFIRMED_TIMEOUTS || self.fail_fast.is_cancelled() {
                    break;
                }
            }
            doubted = rest.collect();
            self.stop(lane, gateway).await;
        }
    }

    fn finish_all(&self, doubted: Vec<Doubted>, trust_timeouts: bool) {
        for Doubted { cell, doubt, .. } in doubted {
            let ran = Ran { cell, doubt: Some(doubt), injected: false };
            self.finish(ran.without_retry(trust_timeouts));
        }
    }

    fn index_of(&self, case: Case<'_>) -> usize {
        self.request.scenarios.iter().position(|one| std::ptr::eq(one, case.scenario)).unwrap_or_default()
    }

    /// Boots a gateway for cases, with these faults injected into their connections; `None` if the run ends in the meantime.
    async fn boot(
        &self,
        prepared: &Arc<PreparedTarget>,
        label: String,
        cases: &[Case<'_>],
        chaos: Option<u64>,
    ) -> Result<Option<(Lane, usize)>, (usize, StartError)> {
        let gateway = self.gateways.fetch_add(1, Ordering::Relaxed);
        let target = prepared.name().to_owned();
        info!(gateway, on = target, lane = label, cases = cases.len(), "a gateway is wanted");
        (self.emit)(Event::GatewayStarting { gateway, target, lane: label });
        let share = if prepared.is_embedded() { self.embedded_share() } else { EMBEDDED_IN_ONE };
        let gateways = self.all_slots() / share;
        let settings = Settings {
            interrupt: self.cancel.clone(),
            chaos,
            gateways: usize::try_from(gateways).unwrap_or(usize::MAX),
            ..self.request.settings.clone()
        };
        let booting = Lane::boot(Arc::clone(prepared), settings, gateway, cases);
        let lane = tokio::select! {
            booted = booting => booted.map_err(|error| (gateway, error))?,
            () = self.fail_fast.cancelled() => return Ok(None),
        };
        (self.emit)(Event::GatewayReady { gateway, boot_ms: lane.boot_ms().await });
        Ok(Some((lane, gateway)))
    }

    async fn stop(&self, lane: Lane, gateway: usize) {
        let end = lane.stop().await;
        (self.emit)(Event::GatewayStopped { gateway, boots: end.boots, leaks: end.leaks });
    }

    async fn case(&self, lane: &Lane, case: Case<'_>) -> Ran {
        (self.emit)(Event::CellStarted {
            scenario: case.scenario.id.clone(),
            target: lane.target().to_owned(),
            attempt: case.attempt,
        });
        case::run(lane, case).await
    }

    /// A masker that knows what the gateway of these cases is given.
    fn masker(&self, cases: &[Case<'_>]) -> Masker {
        secrets::masker(self.request.settings.seed, cases.iter().map(|case| case.scenario))
    }

    /// Tells that a gateway did not come up, without its secrets, and returns the reason.
    fn tell_failure(&self, gateway: usize, cases: &[Case<'_>], error: &StartError) -> String {
        let masker = self.masker(cases);
        let reason = masker.line(&chain(error));
        let log = error.log().iter().map(|line| masker.line(line)).collect();
        (self.emit)(Event::GatewayFailed { gateway, error: reason.clone(), log });
        reason
    }

    fn not_booted(&self, gateway: usize, prepared: &PreparedTarget, cases: &[Case<'_>], error: &StartError) {
        let reason = self.tell_failure(gateway, cases, error);
        for case in cases {
            let cell =
                without_run(case.scenario, prepared.name(), prepared.release(), Verdict::Error, &reason);
            self.finish(Cell { attempt: case.attempt, gateway: Some(gateway), ..cell });
        }
    }

    fn finish(&self, cell: Cell) {
        let bad = !cell.verdict.is_fine() && cell.verdict != Verdict::Untestable
            || denied(&self.request.deny, &cell);
        (self.emit)(Event::CellFinished(Box::new(cell)));
        if bad && self.request.fail_fast {
            self.fail_fast.cancel();
        }
    }
}

/// Why a scenario does not apply to a target; `None` if it can be run.
pub(crate) fn untestable(scenario: &Scenario, prepared: &PreparedTarget) -> Option<String> {
    if let (Some(range), Some(release)) = (&scenario.requires.releases, prepared.release())
        && !range.contains(&release)
    {
        return Some(format!("only applies to releases in {}", range.value));
    }
    let missing: Vec<&str> = scenario
        .needs()
        .into_iter()
        .filter(|needed| !prepared.capabilities().contains(needed))
        .map(Capability::describe)
        .collect();
    if !missing.is_empty() {
        return Some(format!("this target has no {}", missing.join(", ")));
    }
    prepared.lacks(scenario)
}

/// A cell that was not run.
pub(super) fn without_run(
    scenario: &Scenario,
    target: &str,
    release: Option<Release>,
    verdict: Verdict,
    reason: &str,
) -> Cell {
    Cell {
        scenario: scenario.id.clone(),
        target: target.to_owned(),
        release,
        attempt: 1,
        gateway: None,
        verdict,
        reason: Some(reason.to_owned()),
        signature: None,
        duration_ms: 0,
        steps: Vec::new(),
        transcript: Vec::new(),
        log: Vec::new(),
        log_at: None,
        stored: None,
        retried: None,
        frames: None,
    }
}

//! A lane: a booted gateway and the scenarios that share it.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use super::barrier::{RestartBarrier, RestartTurn};
use super::bindings::Bindings;
use super::identity::{Identity, gateway_secret};
use super::open_files::OpenFileLimit;
use super::plan::Schedule;
use super::pressure::{Pressure, Watched, WatchedPeriod};
use super::secrets;
use super::seeds;
use super::step_error::StepError;
use crate::client::{Endpoint, EndpointTls, OpenError};
use crate::gateway::{
    BootError, GatewayProfiles, LogLine, PreparedTarget, Profiles, RunningGateway, RunningGatewayError,
    ScriptedModel, Seed, StartError, StartRequest, StateError, StopOutcome, Stopping, StoredPairing, Switch,
    Switches, TakeOverError, TurnError, Unread, merge, note_release,
};
use crate::model::RuleSet;
use crate::release::Release;
use crate::scenario::{self, Ready, Reference, Scenario, Start};
use crate::verdict::Outcome;
use crate::wire::{LOG_MASK, Masker, ProtocolSchema, ProtocolSchemas, WireError};

/// How long it may take to notice that a gateway that ended a connection is dead.
const DEATH_NOTICE: Duration = Duration::from_millis(50);

/// How long a message may take to arrive at a model in this process.
const ARRIVES: Duration = Duration::from_millis(20);
/// How long a connect to an address may take that was not probed at boot.
const PROBE: Duration = Duration::from_secs(10);

/// A repetition of a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Which repetition, from 1.
    pub attempt: u32,
}

/// Settings shared by all lanes of a run.
#[derive(Clone)]
pub struct Settings {
    /// Seed from which keys and secrets are derived.
    pub seed: u64,
    /// How long a step waits for an answer if the scenario does not say.
    pub timeout: Duration,
    /// How long a case may take as a whole. Default: as long as its steps may take together.
    pub case_timeout: Option<Duration>,
    /// The clock: milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// How long a gateway may take to boot. Default: as long as its release is known to need.
    pub boot_timeout: Option<Duration>,
    /// Directory to which the state of every gateway is copied when it stops.
    pub keep_state: Option<PathBuf>,
    /// The order in which scenarios begin, and how many run at a time.
    pub schedule: Schedule,
    /// Where gateways record which code they execute, if they do.
    pub profiles: Option<Profiles>,
    /// Which mutants are active in gateways with mutated code, if there are any.
    pub switches: Option<Switches>,
    /// Collects the mutants that each scenario reaches, which then run one at a time.
    pub reached: Option<Reached>,
    /// Upstream's schemas for checking frames; empty if frames are not checked.
    pub schemas: ProtocolSchemas,
    /// The number of files that may be open in this process.
    pub open_files: OpenFileLimit,
    /// Gateways at the same time; embedded ones count as many.
    pub gateways: usize,
    /// The seed of the faults that are injected between clients and gateways, if any are.
    pub chaos: Option<u64>,
    /// Whether cells keep what went over the wire. Masking it is a large part of the work of a short scenario.
    pub transcripts: bool,
    /// Ends waiting steps when the run is interrupted.
    pub interrupt: CancellationToken,
}

impl Settings {
    /// Default settings; `timeout` is how long a step waits, `now_ms` is the clock.
    pub fn new(seed: u64, timeout: Duration, now_ms: Arc<dyn Fn() -> i64 + Send + Sync>) -> Self {
        Self {
            seed,
            timeout,
            case_timeout: None,
            now_ms,
            boot_timeout: None,
            keep_state: None,
            schedule: Schedule::default(),
            profiles: None,
            switches: None,
            reached: None,
            schemas: ProtocolSchemas::default(),
            open_files: OpenFileLimit::default(),
            gateways: 1,
            chaos: None,
            transcripts: true,
            interrupt: CancellationToken::new(),
        }
    }

    /// How many cases run at the same time on a gateway of a target.
    fn at_once(&self, prepared: &PreparedTarget) -> usize {
        let wanted = self.schedule().at_once.unwrap_or_else(|| prepared.at_once());
        self.open_files.at_once(self.gateways, wanted).max(1)
    }

    /// Whether the code that is executed is measured for each scenario separately.
    fn measures_each(&self) -> bool {
        self.profiles.as_ref().is_some_and(Profiles::each) || self.reached.is_some()
    }

    /// The schedule; scenarios that are measured separately run one at a time.
    pub(super) fn schedule(&self) -> Schedule {
        if self.measures_each() {
            Schedule { at_once: Some(1), apart: true, ..self.schedule }
        } else {
            self.schedule
        }
    }
}

/// Collects which mutants each scenario reaches; those reached at boot are stored under the empty name.
#[derive(Clone, Debug, Default)]
pub struct Reached(Arc<Mutex<AllReached>>);

/// The mutants that scenarios reached, and the scenarios for which that is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllReached {
    /// Mutants by scenario.
    pub mutants: BTreeMap<String, BTreeSet<usize>>,
    /// Scenarios whose gateway did not report what they reached.
    pub lost: BTreeSet<String>,
}

impl Reached {
    /// Adds what a gateway reported, or that it reported nothing.
    fn take_from(&self, scenario: &str, reported: Result<BTreeSet<usize>, TurnError>) {
        if let Ok(mutants) = reported {
            self.add(scenario, mutants);
        } else {
            let mut all = self.0.lock();
            all.lost.insert(scenario.to_owned());
        }
    }

    /// Adds mutants that a scenario reached.
    pub fn add(&self, scenario: &str, mutants: impl IntoIterator<Item = usize>) {
        let mut all = self.0.lock();
        all.mutants.entry(scenario.to_owned()).or_default().extend(mutants);
    }

    /// Takes everything collected so far.
    pub fn take(&self) -> AllReached {
        std::mem::take(&mut self.0.lock())
    }
}

/// A booted gateway and the scenarios that share it.
pub(super) struct Lane {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    /// A time before the gateway was first started.
    begun: Instant,
    number: usize,
    token: String,
    password: String,
    /// What the gateway was given.
    secrets: Masker,
    gateway: RwLock<RunningGateway>,
    /// The scripted model for the agent, if a scenario uses it.
    model: Option<ScriptedModel>,
    /// The release that is running; it differs from the target's if a scenario upgrades.
    running: Mutex<Option<Release>>,
    barrier: RestartBarrier,
    /// The result of the last restart, which several cases may share.
    last_restart: Mutex<Option<Result<Option<StopOutcome>, Arc<RunningGatewayError>>>>,
    /// Whether several cases run on it at the same time.
    shared: bool,
    /// Whether it was started for a single case.
    serves_one_case: bool,
    pressure: Pressure,
    beside: tokio::sync::Mutex<()>,
    permits: Semaphore,
    profiles: Option<GatewayProfiles>,
    switch: Option<Switch>,
    /// The number of connections that were opened to it.
    connections: watch::Sender<u64>,
    /// How often its gateway had been started for other lanes, if it was taken over.
    boots_before: Option<usize>,
}

/// The end of a lane's gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LaneEnd {
    /// How often it was started.
    pub boots: usize,
    /// What it left behind.
    pub leaks: Vec<String>,
}

impl Lane {
    /// Boots a gateway with the configuration and the seeds of these cases.
    ///
    /// # Errors
    /// Fails if the gateway does not come up.
    pub(super) async fn boot(
        prepared: Arc<PreparedTarget>,
        settings: Settings,
        number: usize,
        cases: &[Case<'_>],
    ) -> Result<Self, StartError> {
        let begun = Instant::now();
        let token = gateway_secret(settings.seed, "token");
        let password = gateway_secret(settings.seed, "password");
        LOG_MASK.learn(&password);
        let filled = |map: &Map<String, Value>| with_secrets(map, &token, &password, (settings.now_ms)());
        // All cases of a lane have the same requirements for their gateway.
        let first = cases.first().map(|case| case.scenario);
        let seed = seed_of(&settings, cases);
        let starts_on = cases.iter().find_map(|case| case.scenario.starts_on);
        let launch = match starts_on {
            Some(release) => Some(prepared.launch_of(release, Arc::new(|_| {})).await?),
            None => None,
        };
        let model = if cases.iter().any(|case| case.scenario.has_agent()) {
            Some(ScriptedModel::start().await.map_err(StartError::Model)?)
        } else {
            None
        };
        // Nulls in a scenario's configuration remove keys of the minimal one, so they must not be merged away here.
        let mut all_config = first.map_or(Value::Null, |one| filled(&one.config));
        if let Some(model) = &model {
            merge(&mut all_config, &model.config());
        }
        let profiles = settings.profiles.as_ref().map(|all| all.of(number)).transpose();
        let profiles = profiles.map_err(StartError::Profiles)?;
        let switch = settings.switches.as_ref().map(|all| all.of(number)).transpose();
        let switch = switch.map_err(StartError::Profiles)?;
        let own_env = first.map(|one| one.env.clone()).unwrap_or_default();
        let request = StartRequest {
            launch,
            token: token.clone(),
            config: all_config,
            state: None,
            files: first.map(|one| placed(&filled(&one.files))).unwrap_or_default(),
            env: own_env
                .into_iter()
                .chain(profiles.iter().flat_map(GatewayProfiles::env))
                .chain(switch.iter().map(Switch::env))
                .collect(),
            seed,
            ready: Ready::Answers,
            ready_within: settings.boot_timeout,
        };
        let gateway = prepared.start(request).await?;
        if let Some(profiles) = &profiles {
            // What is executed at boot belongs to no scenario.
            profiles.take("").await;
        }
        if let (Some(switch), Some(reached)) = (&switch, &settings.reached) {
            reached.take_from("", switch.turn(&[]).await);
        }
        Ok(Self {
            token: gateway.token().map_or(token, str::to_owned),
            password,
            secrets: secrets::masker(settings.seed, cases.iter().map(|case| case.scenario)),
            gateway: RwLock::new(gateway),
            model,
            running: Mutex::new(starts_on.or(prepared.release())),
            barrier: barrier_of(cases),
            last_restart: Mutex::default(),
            shared: cases.len() > 1,
            serves_one_case: cases.len() == 1,
            pressure: Pressure::start(),
            beside: tokio::sync::Mutex::new(()),
            permits: Semaphore::new(settings.at_once(&prepared)),
            profiles,
            switch,
            connections: watch::Sender::default(),
            boots_before: None,
            prepared,
            settings,
            begun,
            number,
        })
    }

    /// Whether another lane may take over its gateway, now that its cases are done.
    pub(super) async fn can_be_taken_over(&self) -> bool {
        let gateway = self.gateway.read().await;
        gateway.is_alive()
            && gateway.replaced() == 0
            && self.profiles.is_none()
            && self.switch.is_none()
            && self.settings.keep_state.is_none()
            && self.prepared.can_be_taken_over()
    }

    /// Gives its gateway to a lane of these cases, which ask for nothing but a configuration. Returns that lane and the end
    /// of this one.
    ///
    /// # Errors
    /// Fails if the gateway does not restart inside its process; the lane has to be stopped then.
    pub(super) async fn taken_over(
        mut self,
        number: usize,
        cases: &[Case<'_>],
    ) -> Result<(Self, LaneEnd), (Self, TakeOverError)> {
        let begun = Instant::now();
        let config = cases.first().map_or(Value::Null, |case| {
            with_secrets(&case.scenario.config, &self.token, &self.password, self.now_ms())
        });
        let seed = seed_of(&self.settings, cases);
        for case in cases {
            secrets::learn(&mut self.secrets, case.scenario);
        }
        let gateway = self.gateway.get_mut();
        let boots = gateway.boots();
        if let Err(error) = gateway.take_over(config, &seed).await {
            return Err((self, error));
        }
        let end = LaneEnd { boots: boots - self.boots_before.unwrap_or(0), leaks: Vec::new() };
        let lane = Self {
            begun,
            number,
            running: Mutex::new(self.prepared.release()),
            barrier: barrier_of(cases),
            last_restart: Mutex::default(),
            shared: cases.len() > 1,
            pressure: Pressure::start(),
            serves_one_case: cases.len() == 1,
            boots_before: Some(boots),
            ..self
        };
        Ok((lane, end))
    }

    /// Whether its gateway was taken over from another lane.
    pub(super) const fn is_taken_over(&self) -> bool {
        self.boots_before.is_some()
    }

    /// Waits as long as a scenario asks for. On a model that serves no other case, its clock is set forward instead.
    pub(super) async fn pause(&self, time: Duration) {
        if self.serves_one_case {
            // What was sent before arrives before.
            tokio::time::sleep(ARRIVES.min(time)).await;
            if self.gateway.read().await.let_pass(time) {
                return;
            }
        }
        tokio::time::sleep(time).await;
    }

    /// Waits for a slot among the running cases. Cases that run one by one also register for restarts here.
    pub(super) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if !self.shared {
            self.barrier.enter();
        }
        // The semaphore is never closed; without a permit, the case would merely run earlier.
        self.permits.acquire().await.ok()
    }

    /// Undoes [`enter`](Self::enter), so that no restart waits for the case.
    pub(super) fn leave(&self) {
        self.barrier.leave();
    }

    /// The values of a case's references before its first step.
    pub(super) async fn bindings(&self, case: Case<'_>) -> Bindings {
        let identity = Identity::new(self.settings.seed, &case.scenario.id, case.attempt);
        let gateway = self.gateway.read().await;
        let mut bindings = Bindings::new(identity, self.token.clone(), self.password.clone(), gateway.port());
        bindings.certificate = gateway.certificate().map(str::to_owned);
        bindings
    }

    /// Whether executed code or reached mutants are recorded.
    pub(super) const fn is_measured(&self) -> bool {
        self.profiles.is_some() || self.settings.reached.is_some()
    }

    /// Records what a case executed; no other case may have run at the same time.
    pub(super) async fn take_executed(&self, scenario: &str) {
        if let Some(profiles) = &self.profiles {
            profiles.take(scenario).await;
        }
        if let (Some(switch), Some(reached)) = (&self.switch, &self.settings.reached) {
            reached.take_from(scenario, switch.turn(&[]).await);
        }
    }

    /// Makes the lane run its cases one by one, so that whatever happens to the gateway is due to the running case.
    pub(super) fn one_by_one(mut self) -> Self {
        self.shared = false;
        self.barrier = RestartBarrier::new(0);
        self
    }

    /// Places the records of cases in the store of the idle gateway.
    ///
    /// # Errors
    /// Fails if the store cannot be read or written.
    pub(super) async fn seed_again(&mut self, cases: &[Case<'_>]) -> Result<(), StateError> {
        let seed = self.seed_for(cases);
        match self.gateway.read().await.home() {
            Some(home) => seed.place(&home.state()),
            None => Ok(()),
        }
    }

    /// Places the records of cases in the store of the idle gateway instead of those that are there.
    ///
    /// # Errors
    /// Fails if the store cannot be read or written.
    pub(super) async fn seed_anew(&mut self, cases: &[Case<'_>]) -> Result<(), StateError> {
        let seed = self.seed_for(cases);
        match self.gateway.read().await.home() {
            Some(home) => seed.replace(&home.state()),
            None => Ok(()),
        }
    }

    fn seed_for(&mut self, cases: &[Case<'_>]) -> Seed {
        for case in cases {
            secrets::learn(&mut self.secrets, case.scenario);
        }
        seed_of(&self.settings, cases)
    }

    /// Whether cells keep what went over the wire.
    pub(super) const fn keeps_transcripts(&self) -> bool {
        self.settings.transcripts
    }

    /// Activates exactly these mutants in its gateway.
    ///
    /// # Errors
    /// Fails if the gateway does not respond.
    pub(super) async fn turn(&self, active: &[usize]) -> Result<(), TurnError> {
        match &self.switch {
            Some(switch) => switch.turn(active).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Whether its gateway is running.
    pub(super) async fn is_alive(&self) -> bool {
        self.gateway.read().await.is_alive()
    }

    /// Whether several cases run on it at the same time.
    pub(super) const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether the run is interrupted.
    pub(super) fn is_interrupted(&self) -> bool {
        self.settings.interrupt.is_cancelled()
    }

    /// Waits until the run is interrupted.
    pub(super) async fn interrupted(&self) {
        self.settings.interrupt.cancelled().await;
    }

    /// Starts to watch how much processor time the gateway gets.
    pub(super) async fn watch(&self) -> WatchedPeriod {
        let gateway = self.gateway.read().await;
        Pressure::watch(match &*gateway {
            RunningGateway::Booted(gateway) => gateway.pid().map_or(Watched::Here, Watched::Process),
            RunningGateway::Embedded(_) => Watched::Here,
            RunningGateway::Attached(_) => Watched::Elsewhere,
        })
    }

    /// How the gateway was starved during a period, in words; `None` if it was not.
    pub(super) fn starved(&self, stretch: &WatchedPeriod) -> Option<String> {
        self.pressure.starved(stretch)
    }

    /// Whether a gateway that refuses connections is ours and alive, so that it may open its port again.
    pub(super) async fn may_come_back(&self) -> bool {
        let gateway = self.gateway.read().await;
        matches!(&*gateway, RunningGateway::Booted(_)) && gateway.is_alive()
    }

    /// Evidence that the gateway restarted by itself since an instant; `None` if it did not.
    pub(super) async fn restarted_since(&self, moment: Instant) -> Option<String> {
        let gateway = self.gateway.read().await;
        if gateway.replaced() > 0 {
            return Some("another process took its place".to_owned());
        }
        gateway.find_in_log(&mut Unread::since(moment), announces_restart)
    }

    /// The rules of the model that decided something so far.
    pub(super) async fn fired(&self) -> RuleSet {
        self.gateway.read().await.fired()
    }

    /// Stops the gateway, or detaches from one that was only attached.
    pub(super) async fn stop(self) -> LaneEnd {
        let release =
            self.prepared.release().map_or_else(|| "unknown".to_owned(), |release| release.to_string());
        let keep = self.settings.keep_state.map(|place| place.join(format!("{release}-{}", self.number)));
        let masker = self.secrets;
        let mut report = self.gateway.into_inner().stop(keep.as_deref()).await;
        if let (Some(place), Some(release)) = (&keep, self.prepared.release())
            && let Err(error) = note_release(place, release)
        {
            report.leaks.push(format!("the release of {} cannot be noted: {error}", place.display()));
        }
        LaneEnd {
            boots: report.boots.saturating_sub(self.boots_before.unwrap_or(0)),
            leaks: report.leaks.iter().map(|leak| masker.line(leak)).collect(),
        }
    }

    /// How long the last boot took, in milliseconds.
    pub(super) async fn boot_ms(&self) -> u64 {
        self.gateway.read().await.boot_ms()
    }

    pub(super) fn target(&self) -> &str {
        self.prepared.name()
    }

    pub(super) fn release(&self) -> Option<Release> {
        self.prepared.release()
    }

    /// The release that is running.
    pub(super) fn running(&self) -> Option<Release> {
        *self.running.lock()
    }

    /// The scripted model of its agent, if there is one.
    pub(super) fn model(&self) -> Option<&ScriptedModel> {
        self.model.as_ref()
    }

    /// The target of the lane.
    pub(super) fn prepared(&self) -> &PreparedTarget {
        &self.prepared
    }

    /// Shared access to its gateway, for steps that do not stop or start it.
    pub(super) async fn gateway(&self) -> RwLockReadGuard<'_, RunningGateway> {
        self.gateway.read().await
    }

    /// Exclusive access to its gateway, for steps that stop or start it. Only for scenarios with a lane to themselves.
    pub(super) async fn exclusive_gateway(&self) -> RwLockWriteGuard<'_, RunningGateway> {
        self.gateway.write().await
    }

    /// Sets the release that is running from now on.
    pub(super) fn now_runs(&self, release: Option<Release>) {
        *self.running.lock() = release;
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Upstream's schema for checking frames, if there is one for its release.
    pub(super) fn schema(&self) -> Option<Arc<ProtocolSchema>> {
        self.settings.schemas.of(&self.release()?).cloned()
    }

    /// The seed of the faults that are injected between clients and gateways, if any are.
    pub(super) const fn chaos(&self) -> Option<u64> {
        self.settings.chaos
    }

    /// Notes that a connection was opened to its gateway.
    pub(super) fn has_connection(&self) {
        self.connections.send_modify(|number| *number += 1);
    }

    /// Waits until a connection is opened to its gateway.
    pub(super) async fn next_connection(&self) {
        // The sender lives as long as the lane.
        let _ = self.connections.subscribe().changed().await;
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    pub(super) const fn case_timeout(&self) -> Option<Duration> {
        self.settings.case_timeout
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.settings.now_ms)()
    }

    /// The endpoint for an address to connect to and one to connect from.
    ///
    /// # Errors
    /// Fails if the gateway takes no connections there.
    pub(super) async fn endpoint(
        &self,
        address: Option<scenario::Address>,
        from: Option<scenario::Address>,
    ) -> Result<Endpoint, StepError> {
        let listener = Listener::of(&*self.gateway.read().await, address.unwrap_or_default());
        listener.endpoint(from).await
    }

    /// Restarts the gateway once all other scenarios of the lane have ended or are waiting for a restart as well.
    /// Returns how the gateway ended, if it was running.
    ///
    /// # Errors
    /// Fails if the gateway does not come up again.
    pub(super) async fn restart(
        &self,
        config: Option<&Value>,
        stopping: Stopping,
        ready: Ready,
    ) -> Result<Option<StopOutcome>, StepError> {
        // Waiting cases must not keep the others from starting.
        self.permits.add_permits(1);
        let turn = self.barrier.arrive().await;
        let result = match turn {
            RestartTurn::Done => {
                let last = self.last_restart.lock().clone();
                last.unwrap_or(Ok(None))
            }
            RestartTurn::Restart => {
                let restarted = self.gateway.write().await.restart(config, stopping, ready).await;
                let restarted = restarted.map_err(Arc::new);
                let mut last = self.last_restart.lock();
                *last = Some(restarted.clone());
                drop(last);
                self.barrier.restarted();
                restarted
            }
        };
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        result.map_err(StepError::SharedRestart)
    }

    /// Lets the gateway restart inside its process. Only for scenarios with a lane to themselves.
    ///
    /// # Errors
    /// Fails if it does not restart, or does not come up again.
    pub(super) async fn restart_inside(&self, config: Option<&Value>) -> Result<(), StepError> {
        Ok(self.gateway.write().await.restart_inside(config).await?)
    }

    /// The device records in its gateway's store.
    ///
    /// # Errors
    /// Fails if the store cannot be read.
    pub(super) async fn stored(&self) -> Result<StoredPairing, StepError> {
        Ok(self.gateway.read().await.stored()?)
    }

    /// How the gateway died, if it died by itself. If that is `suspected`, waits a moment for the news.
    pub(super) async fn died(&self, suspected: bool) -> Option<String> {
        let patience = if suspected { DEATH_NOTICE } else { Duration::ZERO };
        let gateway = self.gateway.read().await;
        tokio::time::timeout(patience, gateway.death()).await.ok()
    }

    /// A time before its gateway was first started.
    pub(super) const fn begun(&self) -> Instant {
        self.begun
    }

    pub(super) async fn log_since(&self, moment: Instant) -> Vec<LogLine> {
        self.gateway.read().await.log_since(moment)
    }

    /// The first unread line of its gateway's log that satisfies `wanted`.
    pub(super) async fn find_in_log(
        &self,
        unread: &mut Unread,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        self.gateway.read().await.find_in_log(unread, wanted)
    }

    /// Starts another gateway of the same release in its own home. If it does not come up, returns the outcome instead.
    ///
    /// # Errors
    /// Fails if the gateway could not be started at all.
    pub(super) async fn start_beside(
        &self,
        start: &Start,
    ) -> Result<Result<RunningGateway, Outcome>, StepError> {
        let _one_at_a_time = self.beside.lock().await;
        let filled = |map: &Map<String, Value>| with_secrets(map, &self.token, &self.password, self.now_ms());
        let request = StartRequest {
            token: self.token.clone(),
            config: start.config.as_ref().and_then(Value::as_object).map_or_else(|| json!({}), filled),
            files: start.files.as_ref().map(filled).as_ref().map(placed).unwrap_or_default(),
            env: start
                .env
                .iter()
                .map(|(name, value)| (name.value.clone(), value.clone()))
                .chain(self.profiles.iter().flat_map(GatewayProfiles::env))
                .chain(self.switch.iter().map(Switch::env))
                .collect(),
            seed: Seed::default(),
            launch: None,
            state: None,
            ready: start.ready,
            ready_within: self.settings.boot_timeout,
        };
        match self.prepared.start(request).await {
            Ok(gateway) => Ok(Ok(gateway)),
            Err(StartError::Boot(BootError::Died { exit, tail })) => {
                let tail = tail.join("\n");
                let message = if tail.is_empty() { exit.to_string() } else { tail };
                let details = json!({"exit": exit.code});
                Ok(Err(Outcome::Refused { error: WireError { code: "EXITED".to_owned(), message, details } }))
            }
            // Our own time limit is not a refusal.
            Err(StartError::Boot(BootError::NotReady { .. })) => Ok(Err(Outcome::Silence)),
            Err(error) => Err(error.into()),
        }
    }

    /// A masker that knows the secrets that the gateway was given.
    pub(super) fn masker(&self) -> Masker {
        let mut masker = self.secrets.clone();
        masker.learn(&self.token, "gateway token");
        masker
    }
}

/// What is known about where a gateway listens.
pub(super) struct Listener {
    address: scenario::Address,
    known: Option<SocketAddr>,
    port: u16,
    tls: EndpointTls,
}

impl Listener {
    /// The listener of a gateway, for the address that a step names.
    pub(super) fn of(gateway: &RunningGateway, address: scenario::Address) -> Self {
        let tls =
            if gateway.certificate().is_some() { EndpointTls::AnyCertificate } else { EndpointTls::Off };
        Self { address, known: gateway.socket(address), port: gateway.port(), tls }
    }

    /// The endpoint to connect to.
    ///
    /// # Errors
    /// Fails if the gateway takes no connections there.
    pub(super) async fn endpoint(self, from: Option<scenario::Address>) -> Result<Endpoint, StepError> {
        let missing = || StepError::Untestable(format!("the target does not listen on {}", self.address));
        let socket = match (self.known, self.address.ip()) {
            (Some(socket), _) => socket,
            // Only the usual addresses are probed at boot.
            (None, Some(ip)) => {
                let address = SocketAddr::new(ip, self.port);
                match tokio::time::timeout(PROBE, TcpStream::connect(address)).await {
                    Ok(Ok(_)) => address,
                    Ok(Err(_)) => return Err(missing()),
                    Err(_) => return Err(OpenError::FullBacklog { address, within: PROBE }.into()),
                }
            }
            (None, None) => return Err(missing()),
        };
        let name = (self.address == scenario::Address::Localhost).then(|| self.address.to_string());
        let from = from.and_then(scenario::Address::ip);
        Ok(Endpoint { address: socket, name, from, tls: self.tls })
    }
}

/// The records that cases ask for.
fn seed_of(settings: &Settings, cases: &[Case<'_>]) -> Seed {
    let mut seed = Seed::default();
    for case in cases {
        let identity = Identity::new(settings.seed, &case.scenario.id, case.attempt);
        seeds::add(&mut seed, case.scenario, &identity, (settings.now_ms)());
    }
    seed
}

/// The barrier at which cases wait for a restart. Cases that run one by one enter when they begin.
fn barrier_of(cases: &[Case<'_>]) -> RestartBarrier {
    RestartBarrier::new(if cases.len() > 1 {
        cases.iter().filter(|case| !case.scenario.only_starts_others()).count()
    } else {
        0
    })
}

/// Whether a line of a gateway's log says that it restarts by itself. On 2026.3.31, a changed configuration is logged as
/// `[reload] config change requires gateway restart (…)` and `[gateway] received SIGUSR1; restarting`.
fn announces_restart(line: &str) -> bool {
    ["received SIGUSR1; restarting", "config change requires gateway restart", "[gateway] restarting"]
        .iter()
        .any(|sign| line.contains(sign))
}

/// The files of a mapping: texts as they are, anything else as JSON.
fn placed(files: &Value) -> Vec<(PathBuf, Vec<u8>)> {
    let bytes = |value: &Value| match value {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    };
    files.as_object().into_iter().flatten().map(|(place, value)| (place.into(), bytes(value))).collect()
}

/// Fills the gateway's secrets and the clock into a mapping; other references are left unchanged.
fn with_secrets(config: &Map<String, Value>, token: &str, password: &str, now_ms: i64) -> Value {
    let known = |reference: &Reference| match reference {
        Reference::GatewayToken => Some(Value::from(token)),
        Reference::GatewayPassword => Some(Value::from(password)),
        Reference::Clock => Some(Value::from(now_ms)),
        other => Some(Value::from(other.to_string())),
    };
    let config = Value::Object(config.clone());
    scenario::resolve(&config, &known).unwrap_or(config)
}

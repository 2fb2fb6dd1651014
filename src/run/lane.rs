//! One booted gateway and the scenarios that share it.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::barrier::{RestartBarrier, Turn};
use super::bindings::Bindings;
use super::identity::{Identity, gateway_secret};
use super::plan::Schedule;
use super::pressure::{Pressure, Stretch, Watched};
use super::seeds;
use super::step_error::StepError;
use crate::client::{Endpoint, EndpointTls};
use crate::gateway::{
    BootError, GatewayProfiles, PreparedTarget, Profiles, RunningGateway, RunningGatewayError, ScriptedModel,
    Seed, StartError, StartRequest, StateError, StopOutcome, Stopping, StoredPairing, Switch, Switches,
    TurnError, Unread, merge,
};
use crate::release::Release;
use crate::scenario::{self, Ready, Reference, Scenario, Start};
use crate::verdict::Outcome;
use crate::wire::{LOG_MASK, Masker, ProtocolSchema, ProtocolSchemas, WireError};

/// How long a gateway that ended a connection may take to be known as dead.
const DEATH_NOTICE: Duration = Duration::from_millis(50);

/// A scenario on a target, and which repetition of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Which repetition, from 1.
    pub attempt: u32,
}

/// What all lanes of a run share.
#[derive(Clone)]
pub struct Settings {
    /// Seed from which keys and secrets are derived.
    pub seed: u64,
    /// How long a step waits for an answer where the scenario does not say.
    pub timeout: Duration,
    /// The clock: milliseconds since 1970.
    pub now_ms: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// How long a gateway may take to boot, if not as long as its release is known to need.
    pub boot_timeout: Option<Duration>,
    /// Where the state of every gateway is copied to when it stops.
    pub keep_state: Option<PathBuf>,
    /// In which order scenarios begin, and how many at a time.
    pub schedule: Schedule,
    /// Where gateways write which code they execute, if they do.
    pub profiles: Option<Profiles>,
    /// Which mutant is active in gateways whose code has many, if it has.
    pub switches: Option<Switches>,
    /// Takes the mutants that each scenario reaches, one scenario at a time on a gateway.
    pub reached: Option<Reached>,
    /// Upstream's schemas, where frames are checked by them.
    pub schemas: ProtocolSchemas,
    /// Ends steps that wait when the run is interrupted.
    pub interrupt: CancellationToken,
}

impl Settings {
    /// The usual settings; `timeout` is how long a step waits, `now_ms` the clock.
    pub fn new(seed: u64, timeout: Duration, now_ms: Arc<dyn Fn() -> i64 + Send + Sync>) -> Self {
        Self {
            seed,
            timeout,
            now_ms,
            boot_timeout: None,
            keep_state: None,
            schedule: Schedule::default(),
            profiles: None,
            switches: None,
            reached: None,
            schemas: ProtocolSchemas::default(),
            interrupt: CancellationToken::new(),
        }
    }

    /// Whether the code that each scenario executes is measured by itself.
    fn measures_each(&self) -> bool {
        self.profiles.as_ref().is_some_and(Profiles::each) || self.reached.is_some()
    }

    /// The schedule; where scenarios are measured by themselves, none may be at work beside another one.
    pub(super) fn schedule(&self) -> Schedule {
        if self.measures_each() {
            Schedule { at_once: Some(1), apart: true, ..self.schedule }
        } else {
            self.schedule
        }
    }
}

/// Which mutants each scenario reaches; those of a boot stand under the empty name.
#[derive(Clone, Debug, Default)]
pub struct Reached(Arc<Mutex<AllReached>>);

/// What was handed out, and by which scenarios not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllReached {
    /// Mutants by scenario.
    pub mutants: BTreeMap<String, BTreeSet<usize>>,
    /// Scenarios whose gateway did not say what they reach.
    pub lost: BTreeSet<String>,
}

impl Reached {
    /// Adds what a gateway has said, or that it did not.
    fn take_from(&self, scenario: &str, said: Result<BTreeSet<usize>, TurnError>) {
        if let Ok(mutants) = said {
            self.add(scenario, mutants);
        } else {
            let mut all = self.0.lock();
            all.lost.insert(scenario.to_owned());
        }
    }

    /// Adds what a scenario has reached.
    pub fn add(&self, scenario: &str, mutants: impl IntoIterator<Item = usize>) {
        let mut all = self.0.lock();
        all.mutants.entry(scenario.to_owned()).or_default().extend(mutants);
    }

    /// All of it.
    pub fn take(&self) -> AllReached {
        std::mem::take(&mut self.0.lock())
    }
}

/// One booted gateway and the scenarios that share it.
pub(super) struct Lane {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    /// Since when its gateway may have logged something.
    begun: Instant,
    number: usize,
    token: String,
    password: String,
    host: RwLock<RunningGateway>,
    /// What the agent of a scenario talks to.
    model: Option<ScriptedModel>,
    /// The release that runs now; another one than the target's where a scenario upgrades.
    running: Mutex<Option<Release>>,
    barrier: RestartBarrier,
    /// How the gateway ended at the last restart that several cases shared.
    last_restart: Mutex<Option<Result<Option<StopOutcome>, Arc<RunningGatewayError>>>>,
    /// Whether several cases are at work on it at the same time.
    shared: bool,
    pressure: Pressure,
    beside: tokio::sync::Mutex<()>,
    permits: Semaphore,
    profiles: Option<GatewayProfiles>,
    switch: Option<Switch>,
}

/// What became of a lane's gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LaneEnd {
    /// How often it was started.
    pub boots: usize,
    /// What it left behind.
    pub leaks: Vec<String>,
}

impl Lane {
    /// Boots a gateway with the configuration and the seeds of these cases.
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
        // Cases of one lane agree in what they ask of their gateway.
        let first = cases.first().map(|case| case.scenario);
        let mut seed = Seed::default();
        for case in cases {
            let identity = Identity::new(settings.seed, &case.scenario.id, case.attempt);
            seeds::add(&mut seed, case.scenario, &identity, (settings.now_ms)());
        }
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
        // Nulls in it take out what every gateway is given, so it is no base to merge anything else into.
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
        let host = prepared.start(request).await?;
        if let Some(profiles) = &profiles {
            // What a boot executes is nobody's.
            profiles.take("").await;
        }
        if let (Some(switch), Some(reached)) = (&switch, &settings.reached) {
            reached.take_from("", switch.turn(&[]).await);
        }
        Ok(Self {
            token: host.token().map_or(token, str::to_owned),
            password,
            host: RwLock::new(host),
            model,
            running: Mutex::new(starts_on.or(prepared.release())),
            // Cases that run one by one enter when their turn comes.
            barrier: RestartBarrier::new(if cases.len() > 1 {
                cases.iter().filter(|case| !case.scenario.only_starts_others()).count()
            } else {
                0
            }),
            last_restart: Mutex::default(),
            shared: cases.len() > 1,
            pressure: Pressure::start(),
            beside: tokio::sync::Mutex::new(()),
            permits: Semaphore::new(settings.schedule().at_once.unwrap_or_else(|| prepared.at_once()).max(1)),
            profiles,
            switch,
            prepared,
            settings,
            begun,
            number,
        })
    }

    /// Waits for a place among the cases at work. Cases that run one by one enter when their turn comes.
    pub(super) async fn enter(&self) -> Option<SemaphorePermit<'_>> {
        if !self.shared {
            self.barrier.enter();
        }
        // The semaphore is never closed; without a permit the case would only run earlier.
        self.permits.acquire().await.ok()
    }

    /// Gives the place of [`enter`](Self::enter) back, so that no restart waits for it.
    pub(super) fn leave(&self) {
        self.barrier.leave();
    }

    /// What the references of a case stand for before its first step.
    pub(super) async fn bindings(&self, case: Case<'_>) -> Bindings {
        let identity = Identity::new(self.settings.seed, &case.scenario.id, case.attempt);
        let host = self.host.read().await;
        let mut bindings = Bindings::new(identity, self.token.clone(), self.password.clone(), host.port());
        bindings.certificate = host.certificate().map(str::to_owned);
        bindings
    }

    /// Whether the code that a gateway executes is measured, or the mutants that it reaches.
    pub(super) const fn is_measured(&self) -> bool {
        self.profiles.is_some() || self.settings.reached.is_some()
    }

    /// Takes what a case has executed; nobody else may be at work before.
    pub(super) async fn take_executed(&self, scenario: &str) {
        if let Some(profiles) = &self.profiles {
            profiles.take(scenario).await;
        }
        if let (Some(switch), Some(reached)) = (&self.switch, &self.settings.reached) {
            reached.take_from(scenario, switch.turn(&[]).await);
        }
    }

    /// From here on its cases are run one by one, so that what happens to the gateway is the running one's doing.
    pub(super) fn one_by_one(mut self) -> Self {
        self.shared = false;
        self.barrier = RestartBarrier::new(0);
        self
    }

    /// Places the records of cases in the store of the gateway, which is idle.
    pub(super) async fn seed_again(&self, cases: &[Case<'_>]) -> Result<(), StateError> {
        let mut seed = Seed::default();
        for case in cases {
            let identity = Identity::new(self.settings.seed, &case.scenario.id, case.attempt);
            seeds::add(&mut seed, case.scenario, &identity, self.now_ms());
        }
        match self.host.read().await.home() {
            Some(home) => seed.place(&home.state()),
            None => Ok(()),
        }
    }

    /// Makes these mutants active in its gateway, and no others.
    pub(super) async fn turn(&self, active: &[usize]) -> Result<(), TurnError> {
        match &self.switch {
            Some(switch) => switch.turn(active).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Whether its gateway runs.
    pub(super) async fn is_alive(&self) -> bool {
        self.host.read().await.is_alive()
    }

    /// Whether several cases are at work on it at the same time.
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

    /// Begins to watch what the machine gives the gateway.
    pub(super) async fn watch(&self) -> Stretch {
        let host = self.host.read().await;
        Pressure::watch(match &*host {
            RunningGateway::Booted(gateway) => gateway.pid().map_or(Watched::Here, Watched::Process),
            RunningGateway::Embedded(_) => Watched::Here,
            RunningGateway::Attached(_) => Watched::Elsewhere,
        })
    }

    /// What the machine withheld since then, in words.
    pub(super) fn starved(&self, stretch: &Stretch) -> Option<String> {
        self.pressure.starved(stretch)
    }

    /// Whether a gateway that refuses connections is ours and runs, so that it may open its port again.
    pub(super) async fn may_come_back(&self) -> bool {
        let host = self.host.read().await;
        matches!(&*host, RunningGateway::Booted(_)) && host.is_alive()
    }

    /// The sign that the gateway has restarted by itself since a moment; none where it has not.
    pub(super) async fn restarted_since(&self, moment: Instant) -> Option<String> {
        let host = self.host.read().await;
        if host.replaced() > 0 {
            return Some("another process took its place".to_owned());
        }
        host.find_in_log(&mut Unread::since(moment), tells_of_a_restart)
    }

    /// Stops the gateway, or lets go of one that was only attached.
    pub(super) async fn stop(self) -> LaneEnd {
        let release =
            self.prepared.release().map_or_else(|| "unknown".to_owned(), |release| release.to_string());
        let keep = self.settings.keep_state.map(|place| place.join(format!("{release}-{}", self.number)));
        let report = self.host.into_inner().stop(keep.as_deref()).await;
        LaneEnd { boots: report.boots, leaks: report.leaks }
    }

    /// How long the last boot took, in milliseconds.
    pub(super) async fn boot_ms(&self) -> u64 {
        self.host.read().await.boot_ms()
    }

    pub(super) fn target(&self) -> &str {
        self.prepared.name()
    }

    pub(super) fn release(&self) -> Option<Release> {
        self.prepared.release()
    }

    /// The release that runs now.
    pub(super) fn running(&self) -> Option<Release> {
        *self.running.lock()
    }

    /// The scripted model of its agent.
    pub(super) fn model(&self) -> Option<&ScriptedModel> {
        self.model.as_ref()
    }

    /// The prepared of the lane.
    pub(super) fn prepared(&self) -> &PreparedTarget {
        &self.prepared
    }

    /// Its gateway, for steps that only look.
    pub(super) async fn host(&self) -> RwLockReadGuard<'_, RunningGateway> {
        self.host.read().await
    }

    /// Its gateway, for steps that stop or start it. Only scenarios with a lane of their own may ask.
    pub(super) async fn host_alone(&self) -> RwLockWriteGuard<'_, RunningGateway> {
        self.host.write().await
    }

    /// Tells which release runs from now on.
    pub(super) fn now_runs(&self, release: Option<Release>) {
        *self.running.lock() = release;
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Upstream's schema that its frames are checked by.
    pub(super) fn schema(&self) -> Option<Arc<ProtocolSchema>> {
        self.settings.schemas.of(&self.release()?).cloned()
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.settings.now_ms)()
    }

    /// Where to connect to, and from where; none where the gateway does not listen there.
    pub(super) async fn endpoint(
        &self,
        address: Option<scenario::Address>,
        from: Option<scenario::Address>,
    ) -> Option<Endpoint> {
        let listener = Listener::of(&*self.host.read().await, address.unwrap_or_default());
        listener.endpoint(from).await
    }

    /// Restarts the gateway once all scenarios of the lane have ended or wait for a restart too. The answer says
    /// how it ended, where it ran.
    pub(super) async fn restart(
        &self,
        config: Option<&Value>,
        stopping: Stopping,
        ready: Ready,
    ) -> Result<Option<StopOutcome>, StepError> {
        // Those that wait must not keep the others from starting.
        self.permits.add_permits(1);
        let turn = self.barrier.arrive().await;
        let result = match turn {
            Turn::Done => {
                let last = self.last_restart.lock().clone();
                last.unwrap_or(Ok(None))
            }
            Turn::Restart => {
                let restarted = self.host.write().await.restart(config, stopping, ready).await;
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

    pub(super) async fn stored(&self) -> Result<StoredPairing, StepError> {
        Ok(self.host.read().await.stored()?)
    }

    /// How the gateway died, if nobody stopped it. Where `suspected`, the news may take a moment.
    pub(super) async fn died(&self, suspected: bool) -> Option<String> {
        let patience = if suspected { DEATH_NOTICE } else { Duration::ZERO };
        let host = self.host.read().await;
        tokio::time::timeout(patience, host.death()).await.ok()
    }

    /// The moment before its gateway was started for the first time.
    pub(super) const fn begun(&self) -> Instant {
        self.begun
    }

    pub(super) async fn log_since(&self, moment: Instant) -> Vec<String> {
        self.host.read().await.log_since(moment)
    }

    /// The first unread line of its gateway's log that is wanted.
    pub(super) async fn find_in_log(
        &self,
        unread: &mut Unread,
        wanted: impl Fn(&str) -> bool,
    ) -> Option<String> {
        self.host.read().await.find_in_log(unread, wanted)
    }

    /// Starts another gateway of the same release in a home of its own; where it does not come up, the outcome says how.
    pub(super) async fn start_beside(
        &self,
        start: &Start,
    ) -> Result<Result<RunningGateway, Outcome>, StepError> {
        let _alone = self.beside.lock().await;
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
            // That we did not wait longer is no refusal.
            Err(StartError::Boot(BootError::NotReady { .. })) => Ok(Err(Outcome::Silence)),
            Err(error) => Err(error.into()),
        }
    }

    /// A masker that knows the gateway's own secrets.
    pub(super) fn masker(&self) -> Masker {
        let mut masker = Masker::default();
        masker.learn(&self.token, "gateway token");
        masker.learn(&self.password, "gateway password");
        masker
    }
}

/// Where a gateway listens, as far as that is known without asking it.
pub(super) struct Listener {
    address: scenario::Address,
    known: Option<SocketAddr>,
    port: u16,
    tls: EndpointTls,
}

impl Listener {
    /// Where this gateway listens, by the address that a step names.
    pub(super) fn of(gateway: &RunningGateway, address: scenario::Address) -> Self {
        let tls =
            if gateway.certificate().is_some() { EndpointTls::AnyCertificate } else { EndpointTls::Off };
        Self { address, known: gateway.socket(address), port: gateway.port(), tls }
    }

    /// The endpoint to connect to; none where nobody listens there.
    pub(super) async fn endpoint(self, from: Option<scenario::Address>) -> Option<Endpoint> {
        let socket = match (self.known, self.address.ip()) {
            (Some(socket), _) => socket,
            // Only the usual addresses are looked at when it boots.
            (None, Some(ip)) => {
                let socket = SocketAddr::new(ip, self.port);
                TcpStream::connect(socket).await.ok().map(|_| socket)?
            }
            (None, None) => return None,
        };
        let name = (self.address == scenario::Address::Localhost).then(|| self.address.to_string());
        let from = from.and_then(scenario::Address::ip);
        Some(Endpoint { address: socket, name, from, tls: self.tls })
    }
}

/// Whether a line of a gateway's log tells that it restarts by itself: read on 2026.3.31, where a changed
/// configuration shows as `[reload] config change requires gateway restart (…)` and
/// `[gateway] received SIGUSR1; restarting`.
fn tells_of_a_restart(line: &str) -> bool {
    ["received SIGUSR1; restarting", "config change requires gateway restart", "[gateway] restarting"]
        .iter()
        .any(|sign| line.contains(sign))
}

/// The files of a mapping: texts as they stand, anything else as JSON.
fn placed(files: &Value) -> Vec<(PathBuf, Vec<u8>)> {
    let bytes = |value: &Value| match value {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    };
    files.as_object().into_iter().flatten().map(|(place, value)| (place.into(), bytes(value))).collect()
}

/// A configuration with the gateway's secrets filled in; other references stay as they are.
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

//! One booted gateway and the scenarios that share it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore};

use super::barrier::{RestartBarrier, Turn};
use super::bindings::Bindings;
use super::case::{Case, run_case};
use super::event::Cell;
use super::identity::{Identity, gateway_secret};
use super::seeds;
use super::step::Trouble;
use crate::gateway::{
    GatewayProfiles, Host, Profiles, ScriptedModel, Seed, StartError, StartRequest, StoredPairing, Subject,
    merge,
};
use crate::release::Release;
use crate::scenario::{self, Reference, Start};
use crate::verdict::Outcome;
use crate::wire::{Masker, WireError};

/// How long a gateway that ended a connection may take to be known as dead.
const DEATH_NOTICE: Duration = Duration::from_millis(50);

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
    /// Where gateways write which code they execute, if they do.
    pub profiles: Option<Profiles>,
}

impl Settings {
    /// Whether the code that each scenario executes is measured by itself.
    pub(super) fn measures_each(&self) -> bool {
        self.profiles.as_ref().is_some_and(Profiles::each)
    }
}

/// One booted gateway and the scenarios that share it.
pub(super) struct Lane {
    subject: Arc<Subject>,
    settings: Settings,
    number: usize,
    token: String,
    password: String,
    host: RwLock<Host>,
    /// What the agent of a scenario talks to.
    model: Option<ScriptedModel>,
    /// The release that runs now; another one than the target's where a scenario upgrades.
    running: Mutex<Option<Release>>,
    barrier: RestartBarrier,
    beside: tokio::sync::Mutex<()>,
    permits: Semaphore,
    profiles: Option<GatewayProfiles>,
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
        subject: Arc<Subject>,
        settings: Settings,
        number: usize,
        cases: &[Case<'_>],
    ) -> Result<Self, StartError> {
        let token = gateway_secret(settings.seed, "token");
        let password = gateway_secret(settings.seed, "password");
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
            Some(release) => Some(subject.launch_of(release, Arc::new(|_| {})).await?),
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
        let own_env = first.map(|one| one.env.clone()).unwrap_or_default();
        let request = StartRequest {
            launch,
            token: token.clone(),
            config: all_config,
            state: None,
            files: first.map(|one| placed(&filled(&one.files))).unwrap_or_default(),
            env: own_env.into_iter().chain(profiles.iter().flat_map(GatewayProfiles::env)).collect(),
            seed,
            ready_within: settings.boot_timeout,
        };
        let host = subject.start(request).await?;
        if let Some(profiles) = &profiles {
            // What a boot executes is nobody's.
            profiles.take("").await;
        }
        Ok(Self {
            token: host.token().map_or(token, str::to_owned),
            password,
            host: RwLock::new(host),
            model,
            running: Mutex::new(starts_on.or(subject.release())),
            barrier: RestartBarrier::new(
                cases.iter().filter(|case| !case.scenario.only_starts_others()).count(),
            ),
            beside: tokio::sync::Mutex::new(()),
            permits: Semaphore::new(if settings.measures_each() { 1 } else { subject.at_once() }),
            profiles,
            subject,
            settings,
            number,
        })
    }

    /// Runs one of the cases that it was booted for.
    ///
    /// One that only starts gateways beside it takes nobody's place, and no restart waits for it.
    pub(super) async fn run(&self, case: Case<'_>) -> Cell {
        if case.scenario.only_starts_others() {
            return self.run_now(case).await;
        }
        // The semaphore is never closed; without a permit the case would only run earlier.
        let permit = self.permits.acquire().await.ok();
        let cell = self.run_now(case).await;
        self.barrier.leave();
        drop(permit);
        cell
    }

    async fn run_now(&self, case: Case<'_>) -> Cell {
        let identity = Identity::new(self.settings.seed, &case.scenario.id, case.attempt);
        let port = self.host.read().await.port();
        let bindings = Bindings::new(identity, self.token.clone(), self.password.clone(), port);
        let cell = run_case(self, case, bindings).await;
        if let Some(profiles) = &self.profiles {
            profiles.take(&case.scenario.id).await;
        }
        cell
    }

    /// Stops the gateway, or lets go of one that was only attached.
    pub(super) async fn stop(self) -> LaneEnd {
        let release =
            self.subject.release().map_or_else(|| "unknown".to_owned(), |release| release.to_string());
        let keep = self.settings.keep_state.map(|place| place.join(format!("{release}-{}", self.number)));
        let report = self.host.into_inner().stop(keep.as_deref()).await;
        LaneEnd { boots: report.boots, leaks: report.leaks }
    }

    /// How long the last boot took, in milliseconds.
    pub(super) async fn boot_ms(&self) -> u64 {
        self.host.read().await.boot_ms()
    }

    pub(super) fn target(&self) -> &str {
        self.subject.name()
    }

    pub(super) fn release(&self) -> Option<Release> {
        self.subject.release()
    }

    /// The release that runs now.
    pub(super) fn running(&self) -> Option<Release> {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The scripted model of its agent.
    pub(super) fn model(&self) -> Option<&ScriptedModel> {
        self.model.as_ref()
    }

    /// The subject of the lane.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Its gateway, for steps that only look.
    pub(super) async fn host(&self) -> RwLockReadGuard<'_, Host> {
        self.host.read().await
    }

    /// Its gateway, for steps that stop or start it. Only scenarios with a lane of their own may ask.
    pub(super) async fn host_alone(&self) -> RwLockWriteGuard<'_, Host> {
        self.host.write().await
    }

    /// Tells which release runs from now on.
    pub(super) fn now_runs(&self, release: Option<Release>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = release;
    }

    pub(super) const fn number(&self) -> usize {
        self.number
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.settings.now_ms)()
    }

    pub(super) async fn socket(&self, address: scenario::Address) -> Option<SocketAddr> {
        self.host.read().await.socket(address)
    }

    /// Restarts the gateway once all scenarios of the lane have ended or wait for a restart too.
    pub(super) async fn restart(&self, config: Option<&Value>) -> Result<(), Trouble> {
        // Those that wait must not keep the others from starting.
        self.permits.add_permits(1);
        let turn = self.barrier.arrive().await;
        let result = match turn {
            Turn::Done => Ok(()),
            Turn::Restart => {
                let restarted = self.host.write().await.restart(config).await;
                self.barrier.restarted();
                restarted.map_err(|error| Trouble::Broken(error.to_string()))
            }
        };
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        result
    }

    pub(super) async fn stored(&self) -> Result<StoredPairing, Trouble> {
        self.host.read().await.stored().map_err(|error| Trouble::Broken(error.to_string()))
    }

    /// How the gateway died, if nobody stopped it. Where `suspected`, the news may take a moment.
    pub(super) async fn died(&self, suspected: bool) -> Option<String> {
        let patience = if suspected { DEATH_NOTICE } else { Duration::ZERO };
        let host = self.host.read().await;
        tokio::time::timeout(patience, host.death()).await.ok()
    }

    pub(super) async fn log_since(&self, moment: Instant) -> Vec<String> {
        self.host.read().await.log_since(moment)
    }

    /// Starts another gateway of the same release in a home of its own, and stops it again.
    pub(super) async fn start_beside(&self, start: &Start) -> Outcome {
        let _alone = self.beside.lock().await;
        let filled = |map: &Map<String, Value>| with_secrets(map, &self.token, &self.password, self.now_ms());
        let request = StartRequest {
            token: self.token.clone(),
            config: start.config.as_ref().and_then(Value::as_object).map_or_else(|| json!({}), filled),
            files: start.files.as_ref().map(filled).as_ref().map(placed).unwrap_or_default(),
            env: self.profiles.iter().flat_map(GatewayProfiles::env).collect(),
            seed: Seed::default(),
            launch: None,
            state: None,
            ready_within: self.settings.boot_timeout,
        };
        match self.subject.start(request).await {
            Ok(host) => {
                host.stop(None).await;
                Outcome::Ok { payload: json!({}) }
            }
            Err(error) => {
                let tail = error.log().join("\n");
                let message = if tail.is_empty() { error.to_string() } else { tail };
                let details = json!({"exit": error.exit_code()});
                Outcome::Refused { error: WireError { code: "EXITED".to_owned(), message, details } }
            }
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

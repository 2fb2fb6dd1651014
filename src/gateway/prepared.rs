//! A prepared target: what it can do, and how to start it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::boot::{BootError, BootRequest, Gateway};
use super::builds::{Builds, PrepareError, Tell};
use super::configuration::Changes;
use super::embedded::{Embedded, EmbeddedBuild, EmbeddedError, unmodelled};
use super::install::Build;
use super::launch::{Launch, NodeBuild};
use super::machine::Machine;
use super::running::{Attached, RunningGateway};
use super::seed::Seed;
use super::state::{StateError, read_both_stores};
use super::target::GatewayAddress;
use crate::release::Release;
use crate::scenario::{Action, Capability, Ready, Scenario, Step};
use crate::wire::LOG_MASK;

/// How many scenarios run at the same time on one gateway.
///
/// A gateway answers about 500 connects a second when many are in flight; more at a time only adds waiting, and the handshake timer of 2026.3.13 is as short as three seconds.
const AT_ONCE: usize = 16;

/// The model answers thousands of connects a second, so a suite takes as long as its longest wait.
const AT_ONCE_EMBEDDED: usize = 512;

/// A target that is ready to be started.
#[derive(Debug)]
pub struct PreparedTarget {
    name: String,
    release: Option<Release>,
    capabilities: BTreeSet<Capability>,
    machine: Machine,
    builds: Arc<Builds>,
    backend: Backend,
}

/// How a target is started.
#[derive(Debug)]
pub(super) enum Backend {
    /// A build, which cannot be removed as long as this value lives.
    Build(Box<Build>),
    /// A shell command.
    Command(String),
    /// The model, served in this process.
    Embedded(EmbeddedBuild),
    /// A gateway that is running already.
    Attach(GatewayAddress, Option<String>),
}

/// A gateway to start.
#[derive(Clone, Debug, Default)]
pub struct StartRequest {
    /// Its shared token.
    pub token: String,
    /// Changes to the default configuration.
    pub config: Value,
    /// What to start, if not the target itself; see [`PreparedTarget::launch_of`].
    pub launch: Option<Launch>,
    /// A state directory to start with a copy of.
    pub state: Option<PathBuf>,
    /// Files to place in its state directory, replacing those of the records.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Environment variables, in addition to or in place of those of every gateway.
    pub env: Vec<(String, String)>,
    /// The records to place in its store.
    pub seed: Seed,
    /// When it counts as booted.
    pub ready: Ready,
    /// How long the boot may take, if not the time that its release is known to need.
    pub ready_within: Option<Duration>,
}

/// Why a gateway was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It did not boot.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The release that it should start with cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Its scripted model cannot listen.
    #[error("the scripted model cannot be started")]
    Model(#[source] std::io::Error),
    /// The folder for its profiles cannot be made.
    #[error("the folder for its profiles cannot be made")]
    Profiles(#[source] std::io::Error),
    /// The records cannot be placed in its store.
    #[error("the store cannot be seeded")]
    Seed(#[from] StateError),
    /// The model cannot be served.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

impl StartError {
    /// Whether it gave up because it got no processor time.
    pub fn is_of_a_starved_machine(&self) -> bool {
        matches!(self, Self::Boot(error) if error.is_of_a_starved_machine())
    }

    /// The last lines of the gateway's log.
    pub fn log(&self) -> &[String] {
        match self {
            Self::Boot(BootError::Died { tail, .. } | BootError::NotReady { tail, .. }) => tail,
            Self::Boot(_)
            | Self::Prepare(_)
            | Self::Model(_)
            | Self::Profiles(_)
            | Self::Seed(_)
            | Self::Embedded(_) => &[],
        }
    }
}

impl PreparedTarget {
    pub(super) fn new(
        name: String,
        release: Option<Release>,
        machine: Machine,
        builds: Arc<Builds>,
        backend: Backend,
    ) -> Self {
        let everything = [
            Capability::Seed,
            Capability::Restart,
            Capability::State,
            Capability::Config,
            Capability::Ipv6,
            Capability::Log,
            Capability::Upgrade,
            Capability::Real,
            Capability::Programs,
        ];
        let able: &[Capability] = match &backend {
            Backend::Build(_) => &everything,
            // Nothing is known about its programs.
            Backend::Command(_) => &everything[..everything.len() - 1],
            // The model prints nothing, runs no programs, and has no home that another release could boot on.
            Backend::Embedded(_) => &everything[..everything.len() - 4],
            Backend::Attach(..) => &[Capability::Ipv6, Capability::Real],
        };
        Self { name, release, capabilities: able.iter().copied().collect(), machine, builds, backend }
    }

    /// Its name, as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its release, if it is known.
    pub const fn release(&self) -> Option<Release> {
        self.release
    }

    /// How many scenarios may run at the same time on one of its gateways.
    pub fn at_once(&self) -> usize {
        match &self.backend {
            Backend::Build(build) if build.quirks.one_at_a_time => 1,
            Backend::Build(_) | Backend::Command(_) | Backend::Attach(..) => AT_ONCE,
            Backend::Embedded(_) => AT_ONCE_EMBEDDED,
        }
    }

    /// Whether a gateway of it that is up can be given another configuration.
    pub const fn can_be_taken_over(&self) -> bool {
        matches!(self.backend, Backend::Build(_))
    }

    /// Whether giving a gateway that is up another configuration was measured to change no outcome.
    pub fn may_be_taken_over(&self) -> bool {
        matches!(&self.backend, Backend::Build(build) if self.release.is_some() && build.quirks.take_over)
    }

    /// Whether its gateways run in this process, so that many at a time are cheap.
    pub const fn is_embedded(&self) -> bool {
        matches!(self.backend, Backend::Embedded(_))
    }

    /// What a scenario asks of it by configuration (also that of restarts) or environment and that it cannot do.
    pub fn lacks(&self, scenario: &Scenario) -> Option<String> {
        let Backend::Embedded(_) = &self.backend else { return None };
        let env: Vec<(String, String)> = scenario.env.clone().into_iter().collect();
        let mut changes = Changes::from(Value::Object(scenario.config.clone()));
        let restarts = scenario.all_steps().into_iter().filter_map(|step| match &step.action {
            Action::One(Step::Restart(restart), _) => restart.config.clone(),
            _ => None,
        });
        let later = restarts.filter_map(|change| {
            changes.add(change);
            unmodelled(&changes, &[])
        });
        let at_first = unmodelled(&Changes::from(Value::Object(scenario.config.clone())), &env);
        at_first.or_else(|| later.into_iter().next()).map(|unknown| unknown.to_string())
    }

    /// The capabilities that scenarios may rely on.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }

    /// What to launch for the target itself; none if it runs already or in this process.
    pub fn launch(&self) -> Option<Launch> {
        match &self.backend {
            Backend::Build(build) => Some(Launch::Node(NodeBuild::of(build))),
            Backend::Command(command) => Some(Launch::Command(command.clone())),
            Backend::Embedded(_) | Backend::Attach(..) => None,
        }
    }

    /// What to launch for another release, which is installed if necessary.
    ///
    /// # Errors
    /// Fails if the release cannot be installed.
    pub async fn launch_of(&self, release: Release, tell: Tell) -> Result<Launch, PrepareError> {
        if let (Backend::Build(build), Some(own)) = (&self.backend, self.release)
            && own == release
        {
            return Ok(Launch::Node(NodeBuild::of(build)));
        }
        Ok(Launch::Node(NodeBuild::of(&self.builds.held(release, tell).await?)))
    }

    /// Starts a gateway in a home of its own, with these records in its store.
    ///
    /// # Errors
    /// Fails if it does not boot or its store cannot be seeded.
    pub async fn start(&self, request: StartRequest) -> Result<RunningGateway, StartError> {
        learn_secrets(&request);
        let launch = match (&self.backend, request.launch) {
            (Backend::Embedded(build), _) => {
                let mut seed = request.seed;
                if let Some(state) = &request.state {
                    seed.add(read_both_stores(state)?);
                }
                let model =
                    Embedded::serve(build, request.token, request.config, &request.env, &seed).await?;
                return Ok(RunningGateway::Embedded(Box::new(model)));
            }
            (Backend::Attach(address, token), _) => {
                return Ok(RunningGateway::Attached(Attached {
                    address: address.clone(),
                    token: token.clone(),
                }));
            }
            (_, Some(launch)) => launch,
            (Backend::Build(build), None) => Launch::Node(NodeBuild::of(build)),
            (Backend::Command(command), None) => Launch::Command(command.clone()),
        };
        let boot = BootRequest {
            launch,
            token: request.token,
            config: request.config.into(),
            state: request.state,
            files: request.seed.files().into_iter().chain(request.files).collect(),
            env: request.env,
            ready: request.ready,
            ready_within: request.ready_within,
        };
        let gateway = Gateway::boot(&self.machine, boot).await?;
        request.seed.complete(&gateway.home().state())?;
        Ok(RunningGateway::Booted(Box::new(gateway)))
    }
}

/// The log of this process shows none of the secrets that a gateway starts with.
fn learn_secrets(request: &StartRequest) {
    LOG_MASK.learn(&request.token);
    LOG_MASK.learn_from(&request.config);
    LOG_MASK.learn_variables(&request.env);
    for record in request.seed.paired.values().chain(request.seed.pending.values()) {
        LOG_MASK.learn_from(record);
    }
}

//! A target made ready: what it can do, and how to start it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};

use super::boot::{BootError, BootRequest, Gateway, Machine};
use super::embedded::{Embedded, EmbeddedBuild, EmbeddedError};
use super::host::{Attached, Host};
use super::install::Build;
use super::launch::{Launch, NodeBuild};
use super::seed::Seed;
use super::state::StateError;
use super::target::Address;
use crate::model;
use crate::release::Release;
use crate::scenario::Capability;

/// Scenarios at work at the same time on one gateway.
///
/// A gateway answers about 500 connects a second when many are in flight; more at once only adds
/// waiting, and the handshake timer of 2026.3.13 is as short as three seconds.
const AT_ONCE: usize = 16;

/// The model answers thousands a second, so a suite takes as long as its longest silence.
const AT_ONCE_EMBEDDED: usize = 512;

/// A target made ready.
#[derive(Debug)]
pub struct Subject {
    name: String,
    release: Option<Release>,
    capabilities: BTreeSet<Capability>,
    machine: Machine,
    way: Way,
}

/// How a target is started.
#[derive(Debug)]
pub(super) enum Way {
    /// A build; it stays locked against removal while the subject lives.
    Build(Box<Build>),
    /// A shell command.
    Command(String),
    /// The model, served in this process.
    Embedded(EmbeddedBuild),
    /// It runs already.
    Attach(Address, Option<String>),
}

/// A gateway to start.
#[derive(Clone, Debug, Default)]
pub struct StartRequest {
    /// The shared token that it gets.
    pub token: String,
    /// Changes to the smallest configuration.
    pub config: Value,
    /// Records to place in its store.
    pub seed: Seed,
    /// How long it may take to boot, if not as long as its release is known to need.
    pub ready_within: Option<Duration>,
}

/// Why a gateway did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It did not boot.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The records cannot be placed in its store.
    #[error("the store cannot be seeded: {0}")]
    Seed(#[from] StateError),
    /// The model is not served.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

impl StartError {
    /// The gateway's last lines.
    pub fn log(&self) -> &[String] {
        match self {
            Self::Boot(BootError::Died { tail, .. } | BootError::NotReady { tail, .. }) => tail,
            Self::Boot(_) | Self::Seed(_) | Self::Embedded(_) => &[],
        }
    }
}

impl Subject {
    pub(super) fn new(name: String, release: Option<Release>, machine: Machine, way: Way) -> Self {
        let everything = [
            Capability::Seed,
            Capability::Restart,
            Capability::State,
            Capability::Config,
            Capability::Ipv6,
            Capability::Real,
        ];
        let able: &[Capability] = match &way {
            Way::Build(_) | Way::Command(_) => &everything,
            Way::Embedded(_) => everything.split_last().map_or(&[], |(_, model)| model),
            Way::Attach(..) => &[Capability::Ipv6, Capability::Real],
        };
        Self { name, release, capabilities: able.iter().copied().collect(), machine, way }
    }

    /// As the user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its release, where it is known.
    pub const fn release(&self) -> Option<Release> {
        self.release
    }

    /// How many scenarios may be at work at the same time on one of its gateways.
    pub fn at_once(&self) -> usize {
        match &self.way {
            Way::Build(build) if build.quirks.one_at_a_time => 1,
            Way::Build(_) | Way::Command(_) | Way::Attach(..) => AT_ONCE,
            Way::Embedded(_) => AT_ONCE_EMBEDDED,
        }
    }

    /// What a configuration asks for that it cannot show.
    pub fn lacks(&self, config: &Map<String, Value>) -> Option<String> {
        let Way::Embedded(_) = &self.way else { return None };
        let missing = model::not_modelled(&Value::Object(config.clone()))?;
        Some(format!("the model has no {}: {}", missing.what, missing.why))
    }

    /// What it can do.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }

    /// Starts a gateway in a home of its own, with these records in its store.
    pub async fn start(&self, request: StartRequest) -> Result<Host, StartError> {
        let launch = match &self.way {
            Way::Build(build) => Launch::Node(NodeBuild::of(build)),
            Way::Command(command) => Launch::Command(command.clone()),
            Way::Embedded(build) => {
                let model = Embedded::serve(build, request.token, request.config, &request.seed).await?;
                return Ok(Host::Embedded(Box::new(model)));
            }
            Way::Attach(address, token) => {
                return Ok(Host::Attached(Attached { address: address.clone(), token: token.clone() }));
            }
        };
        let boot = BootRequest {
            launch,
            token: request.token,
            config: request.config,
            files: request.seed.files(),
            env: Vec::new(),
            ready_within: request.ready_within,
        };
        let gateway = Gateway::boot(&self.machine, boot).await?;
        request.seed.complete(&gateway.home().state())?;
        Ok(Host::Booted(Box::new(gateway)))
    }
}

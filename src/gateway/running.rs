//! A gateway under test, whether it was booted, is embedded or was attached.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::boot::{BootError, Gateway, TakeOverError};
use super::embedded::{Embedded, EmbeddedError};
use super::home::Home;
use super::launch::Launch;
use super::log::{LogLine, Unread};
use super::program::{ProgramError, ProgramRequest, StartedProgram};
use super::seed::Seed;
use super::state::{StateError, StoredPairing};
use super::stopping::{StopOutcome, Stopping};
use super::target::GatewayAddress;
use super::watch::ProcessExit;
use crate::model::RuleSet;
use crate::scenario::{self, Ready};

/// A gateway under test.
#[derive(Debug)]
pub enum RunningGateway {
    /// A process that we started, in a home of its own.
    Booted(Box<Gateway>),
    /// The model, served in this process.
    Embedded(Box<Embedded>),
    /// A gateway that somebody else started; it is neither stopped nor restarted.
    Attached(Attached),
}

/// A gateway that somebody else started.
#[derive(Debug)]
pub struct Attached {
    /// The address that it listens on.
    pub address: GatewayAddress,
    /// Its shared token, if the user gave it.
    pub token: Option<String>,
}

/// Why an operation on a gateway failed.
#[derive(Debug, thiserror::Error)]
pub enum RunningGatewayError {
    /// It did not come up again.
    #[error("the restart failed")]
    Restart(#[from] BootError),
    /// It did not restart inside its process.
    #[error(transparent)]
    Inside(#[from] TakeOverError),
    /// Its stored records cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// Its configuration cannot be written.
    #[error("the gateway's configuration cannot be changed")]
    Config(#[source] std::io::Error),
    /// A program cannot be run beside it.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The model cannot go on with this configuration.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// It is the model.
    #[error("the model has no home for another release or a program")]
    NoHome,
    /// It was started by somebody else.
    #[error("an attached gateway is neither restarted nor read")]
    Attached,
}

/// What a gateway left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayEnd {
    /// How many times it was started.
    pub boots: usize,
    /// What it wrote, opened or left outside its home.
    pub leaks: Vec<String>,
}

impl RunningGateway {
    /// The socket address for an address that a scenario names; none if it is not known to listen there.
    pub fn socket(&self, address: scenario::Address) -> Option<SocketAddr> {
        let Some(ip) = address.ip() else {
            return self.socket(scenario::Address::V4).or_else(|| self.socket(scenario::Address::V6));
        };
        match self {
            Self::Booted(gateway) => {
                let listens = gateway.addresses().iter().any(|one| one.host.parse() == Ok(ip));
                listens.then(|| SocketAddr::new(ip, gateway.port()))
            }
            Self::Embedded(model) => model.socket(ip),
            Self::Attached(attached) => match attached.address.host.parse::<IpAddr>() {
                Ok(there) => {
                    (there.is_ipv6() == ip.is_ipv6()).then(|| SocketAddr::new(there, attached.address.port))
                }
                // The only name that a target may have is `localhost`.
                Err(_) => Some(SocketAddr::new(ip, attached.address.port)),
            },
        }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        match self {
            Self::Booted(gateway) => gateway.port(),
            Self::Embedded(model) => model.port(),
            Self::Attached(attached) => attached.address.port,
        }
    }

    /// The SHA-256 of the first certificate that it presented, in hexadecimal digits; none if it does not speak TLS.
    pub fn certificate(&self) -> Option<&str> {
        match self {
            Self::Booted(gateway) => gateway.certificate(),
            Self::Embedded(_) | Self::Attached(_) => None,
        }
    }

    /// Its shared token, if it is known.
    pub fn token(&self) -> Option<&str> {
        match self {
            Self::Booted(gateway) => Some(gateway.token()),
            Self::Embedded(model) => Some(model.token()),
            Self::Attached(attached) => attached.token.as_deref(),
        }
    }

    /// How long the last boot took, in milliseconds.
    pub fn boot_ms(&self) -> u64 {
        match self {
            Self::Booted(gateway) => gateway.boot_ms(),
            Self::Embedded(model) => model.boot_ms(),
            Self::Attached(_) => 0,
        }
    }

    /// Stops it and starts it again on the same home, with this change to its configuration. Returns how it ended; none if it
    /// was stopped already.
    ///
    /// # Errors
    /// Fails if it does not come up again, its configuration cannot be written, or it was started by somebody else.
    pub async fn restart(
        &mut self,
        config: Option<&Value>,
        stopping: Stopping,
        ready: Ready,
    ) -> Result<Option<StopOutcome>, RunningGatewayError> {
        match self {
            Self::Booted(gateway) => {
                if let Some(changes) = config {
                    gateway.change_config(changes).map_err(RunningGatewayError::Config)?;
                }
                Ok(gateway.restart(stopping, ready).await?)
            }
            Self::Embedded(model) => {
                model.restart(config)?;
                // The model is served in this process: whenever it is asked to end, it has ended.
                Ok(Some(StopOutcome {
                    exit: ProcessExit { code: Some(0), signal: None },
                    ..StopOutcome::default()
                }))
            }
            Self::Attached(_) => Err(RunningGatewayError::Attached),
        }
    }

    /// Lets it restart inside its process, with this change to its configuration.
    ///
    /// # Errors
    /// Fails if it does not restart, its configuration cannot be written, or it was started by somebody else.
    pub async fn restart_inside(&mut self, config: Option<&Value>) -> Result<(), RunningGatewayError> {
        match self {
            Self::Booted(gateway) => Ok(gateway.restart_inside(config).await?),
            Self::Embedded(model) => Ok(model.restart(config)?),
            Self::Attached(_) => Err(RunningGatewayError::Attached),
        }
    }

    /// Lets time pass for it at once, if it is the model; returns whether it did.
    pub fn let_pass(&self, time: Duration) -> bool {
        match self {
            Self::Embedded(model) => model.let_pass(time),
            Self::Booted(_) | Self::Attached(_) => false,
        }
    }

    /// The rules that decided something so far, if it is the model.
    pub fn fired(&self) -> RuleSet {
        match self {
            Self::Embedded(model) => model.fired(),
            Self::Booted(_) | Self::Attached(_) => RuleSet::default(),
        }
    }

    /// Gives it another configuration and other records, for which it restarts inside its process.
    ///
    /// # Errors
    /// Fails if it is not a process of ours, or does not restart; it has to be stopped then.
    pub async fn take_over(&mut self, config: Value, seed: &Seed) -> Result<(), TakeOverError> {
        match self {
            Self::Booted(gateway) => gateway.take_over(config.into(), seed).await,
            Self::Embedded(_) | Self::Attached(_) => Err(TakeOverError::Gone),
        }
    }

    /// How many times it was started as a process, or served.
    pub fn boots(&self) -> usize {
        match self {
            Self::Booted(gateway) => usize::try_from(gateway.boots()).unwrap_or(usize::MAX),
            Self::Embedded(model) => model.boots(),
            Self::Attached(_) => 0,
        }
    }

    /// Stops it and boots something else on the same home, or with `fork` on a copy of it.
    ///
    /// # Errors
    /// Fails if it does not come up again, or is not a process of ours.
    pub async fn restart_as(
        &mut self,
        launch: Launch,
        fork: bool,
        config: Option<&Value>,
        ready: Ready,
    ) -> Result<Option<StopOutcome>, RunningGatewayError> {
        match self {
            Self::Booted(gateway) => Ok(gateway.restart_as(launch, fork, config, ready).await?),
            Self::Embedded(_) => Err(RunningGatewayError::NoHome),
            Self::Attached(_) => Err(RunningGatewayError::Attached),
        }
    }

    /// Stops it and keeps its home. Returns how it ended, if it was a running process of ours.
    pub async fn halt(&mut self, stopping: Stopping) -> Option<StopOutcome> {
        match self {
            Self::Booted(gateway) => gateway.halt(stopping).await,
            Self::Embedded(_) | Self::Attached(_) => None,
        }
    }

    /// How many times since the last boot a process that the gateway had started took its place.
    pub fn replaced(&self) -> u32 {
        match self {
            Self::Booted(gateway) => gateway.replaced(),
            Self::Embedded(_) | Self::Attached(_) => 0,
        }
    }

    /// Whether its process is running, as far as that is known; a gateway of somebody else counts as running.
    pub fn is_alive(&self) -> bool {
        match self {
            Self::Booted(gateway) => !gateway.is_halted() && gateway.died().now().is_none(),
            Self::Embedded(_) | Self::Attached(_) => true,
        }
    }

    /// Whether it was stopped and not started again.
    pub fn is_halted(&self) -> bool {
        matches!(self, Self::Booted(gateway) if gateway.is_halted())
    }

    /// Starts a program beside it.
    ///
    /// # Errors
    /// Fails if the program cannot be started, or the gateway is not a process of ours.
    pub async fn start_program(
        &self,
        request: &ProgramRequest,
        number: usize,
    ) -> Result<StartedProgram, RunningGatewayError> {
        match self {
            Self::Booted(gateway) => Ok(StartedProgram::start(gateway, request, number).await?),
            Self::Embedded(_) => Err(RunningGatewayError::NoHome),
            Self::Attached(_) => Err(RunningGatewayError::Attached),
        }
    }

    /// Its home, if it is a process of ours.
    pub fn home(&self) -> Option<&Home> {
        match self {
            Self::Booted(gateway) => Some(gateway.home()),
            Self::Embedded(_) | Self::Attached(_) => None,
        }
    }

    /// The pairing records that it has stored.
    ///
    /// # Errors
    /// Fails if they cannot be read, or it was started by somebody else.
    pub fn stored(&self) -> Result<StoredPairing, RunningGatewayError> {
        match self {
            Self::Booted(gateway) => Ok(gateway.stored()?),
            Self::Embedded(model) => Ok(model.stored()),
            Self::Attached(_) => Err(RunningGatewayError::Attached),
        }
    }

    /// Waits until it dies unexpectedly; forever if it does not.
    pub async fn death(&self) -> String {
        match self {
            Self::Booted(gateway) => format!("the gateway died with {}", gateway.died().wait().await),
            Self::Embedded(_) | Self::Attached(_) => std::future::pending().await,
        }
    }

    /// Its log lines since a moment.
    pub fn log_since(&self, moment: Instant) -> Vec<LogLine> {
        match self {
            Self::Booted(gateway) => gateway.log().since(moment),
            Self::Embedded(_) | Self::Attached(_) => Vec::new(),
        }
    }

    /// The first unread line of its log that `wanted` accepts.
    pub fn find_in_log(&self, unread: &mut Unread, wanted: impl Fn(&str) -> bool) -> Option<String> {
        match self {
            Self::Booted(gateway) => gateway.log().find(unread, wanted),
            Self::Embedded(_) | Self::Attached(_) => None,
        }
    }

    /// Stops it, or detaches from one that was attached; `keep` gets a copy of its state.
    pub async fn stop(self, keep: Option<&Path>) -> GatewayEnd {
        match self {
            Self::Booted(gateway) => {
                let boots = usize::try_from(gateway.boots()).unwrap_or(usize::MAX);
                let stopped = match keep {
                    Some(place) => gateway.stop_and_keep(place).await,
                    None => Ok(gateway.stop().await),
                };
                match stopped {
                    Ok(report) => {
                        let mut leaks: Vec<String> = report.leaks.iter().map(ToString::to_string).collect();
                        if report.ended.killed {
                            leaks.push(format!(
                                "the gateway did not end within {} ms of SIGTERM and was killed",
                                report.ended.stop_ms
                            ));
                        }
                        GatewayEnd { boots, leaks }
                    }
                    Err(error) => {
                        GatewayEnd { boots, leaks: vec![format!("its state could not be kept: {error}")] }
                    }
                }
            }
            Self::Embedded(model) => {
                let boots = model.boots();
                let kept = keep.map_or(Ok(()), |place| model.keep(place));
                model.stop().await;
                let leaks = kept.err().map(|error| format!("its state could not be kept: {error}"));
                GatewayEnd { boots, leaks: leaks.into_iter().collect() }
            }
            Self::Attached(_) => GatewayEnd::default(),
        }
    }
}

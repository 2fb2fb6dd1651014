//! Errors of steps that have no outcome.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::client::OpenError;
use crate::gateway::{BootError, PrepareError, RunningGatewayError, StartError};
use crate::scenario::{Reference, Step, UnresolvedReference};

/// Why a step has no outcome.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// Something is missing that an earlier step should have provided.
    #[error("{text}")]
    Unreached {
        /// What is wrong.
        text: String,
        /// What is missing.
        missing: Missing,
    },
    /// A reference has no value.
    #[error(transparent)]
    Reference(#[from] UnresolvedReference),
    /// The target does not support it.
    #[error("{0}")]
    Untestable(String),
    /// The run was interrupted.
    #[error("interrupted during this step")]
    Interrupted,
    /// The time of the whole case was over.
    #[error("gatecrash's own limit of {:.1} s for the whole case is over, and this step was waiting for {awaited}", limit.as_secs_f64())]
    CaseLimit {
        /// The limit.
        limit: Duration,
        /// What the step was waiting for.
        awaited: &'static str,
    },
    /// The connection that the scenario lets through before this one was not opened in time.
    #[error("the connection `{0}`, which is let through before this one, was not opened")]
    NotOpened(String),
    /// A fault that was injected at random can explain whatever the step would answer.
    #[error("{0}")]
    Injected(String),
    /// Harness or gateway broke.
    #[error("{0}")]
    Broken(String),
    /// The gateway gave up at boot for lack of processor time.
    #[error("the machine is too slow for the gateway to boot")]
    Starved(#[source] BootError),
    /// A file of the state directory cannot be changed.
    #[error("cannot edit {}", file.display())]
    Edit {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        source: EditError,
    },
    /// No connection can be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No HTTP request can be sent.
    #[error("cannot send the request")]
    Http(#[source] io::Error),
    /// Nothing can listen for a program.
    #[error("cannot open a port for the program")]
    Relay(#[source] io::Error),
    /// The gateway cannot be stopped, started or read.
    #[error(transparent)]
    Gateway(#[from] RunningGatewayError),
    /// The restart that several cases share failed.
    #[error(transparent)]
    SharedRestart(Arc<RunningGatewayError>),
    /// A gateway next to the one under test cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Another release cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

/// Why a file of the state directory cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum EditError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file or the patch is not what was expected.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The patch does not apply.
    #[error(transparent)]
    Patch(#[from] json_patch::PatchError),
}

/// Something that an earlier step should have provided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// An open connection of this name.
    Connection(String),
    /// A capture of this name.
    Capture(String),
    /// A gateway of this name that a step started.
    Gateway(String),
    /// The identity shared by the programs of the gateway's home.
    Identity,
    /// A value that no step provides.
    Value,
}

impl Missing {
    /// Whether a step should have provided it.
    pub(super) fn is_provided_by(&self, step: &Step) -> bool {
        match self {
            Self::Connection(name) => step.as_verb().opens().is_some_and(|one| one.value == *name),
            Self::Capture(name) => step.as_verb().saves().is_some_and(|saves| saves.get(name).is_some()),
            Self::Gateway(name) => step.as_verb().starts_gateway().is_some_and(|one| one.value == *name),
            Self::Identity => step.as_verb().is_of_a_program(),
            Self::Value => false,
        }
    }
}

impl StepError {
    /// What is missing, if that is the cause.
    pub(super) fn missing(&self) -> Option<Missing> {
        match self {
            Self::Unreached { missing, .. } => Some(missing.clone()),
            Self::Reference(UnresolvedReference::NoValue(reference)) => Some(match reference {
                Reference::Capture(name) => Missing::Capture(name.clone()),
                Reference::ConnectionNonce(name) => Missing::Connection(name.clone()),
                Reference::IdentityId => Missing::Identity,
                _ => Missing::Value,
            }),
            _ => None,
        }
    }
}

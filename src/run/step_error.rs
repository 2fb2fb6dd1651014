//! Why a step has no outcome.

use std::io;
use std::sync::Arc;

use crate::client::OpenError;
use crate::gateway::{PrepareError, RunningGatewayError, StartError};
use crate::scenario::{Reference, Step, UnresolvedReference};

/// Why a step has no outcome.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// Something is missing that an earlier step should have left.
    #[error("{text}")]
    Unreached {
        /// What the step could not do.
        text: String,
        /// What is missing.
        missing: Missing,
    },
    /// The target cannot do it.
    #[error("{0}")]
    Untestable(String),
    /// Harness or gateway broke.
    #[error("{0}")]
    Broken(String),
    /// No connection can be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No HTTP request can be sent.
    #[error("no request can be sent")]
    Http(#[source] io::Error),
    /// Nothing can listen for a program.
    #[error("no port for a program")]
    Relay(#[source] io::Error),
    /// The gateway cannot be stopped, started or read.
    #[error(transparent)]
    Gateway(#[from] RunningGatewayError),
    /// The restart that several cases share failed.
    #[error(transparent)]
    SharedRestart(Arc<RunningGatewayError>),
    /// A gateway beside the one under test cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Another release cannot be made ready.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

/// What an earlier step should have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// An open connection of this name.
    Connection(String),
    /// A capture of this name.
    Capture(String),
    /// A gateway of this name beside the one under test.
    Gateway(String),
    /// The identity that the programs of the gateway's home share.
    Identity,
    /// A value that no step leaves.
    Value,
}

impl Missing {
    /// Whether a step is one that should have left it.
    pub(super) fn is_left_by(&self, step: &Step) -> bool {
        match self {
            Self::Connection(name) => step.as_verb().opens().is_some_and(|one| one.value == *name),
            Self::Capture(name) => step.as_verb().saves().is_some_and(|saves| saves.get(name).is_some()),
            Self::Gateway(name) => step.as_verb().starts_gateway().is_some_and(|one| one.value == *name),
            Self::Identity => step.as_verb().is_of_a_program(),
            Self::Value => false,
        }
    }
}

impl From<UnresolvedReference> for StepError {
    fn from(error: UnresolvedReference) -> Self {
        let missing = match &error {
            UnresolvedReference::NoValue(Reference::Capture(name)) => Missing::Capture(name.clone()),
            UnresolvedReference::NoValue(Reference::ConnectionNonce(name)) => {
                Missing::Connection(name.clone())
            }
            UnresolvedReference::NoValue(Reference::IdentityId) => Missing::Identity,
            _ => Missing::Value,
        };
        Self::Unreached { text: error.to_string(), missing }
    }
}

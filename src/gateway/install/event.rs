//! What an installation tells while it works.

use std::fmt;

use crate::release::Release;

/// A part of the cache that is fetched on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A gateway release.
    Release(Release),
    /// A Node runtime of this version.
    Node(String),
    /// The package manager, of this version.
    Pnpm(String),
    /// Upstream's schema of the protocol, of this version.
    Protocol(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(release) => write!(f, "openclaw {release}"),
            Self::Node(version) => write!(f, "node {version}"),
            Self::Pnpm(version) => write!(f, "pnpm {version}"),
            Self::Protocol(version) => write!(f, "the protocol's schema of {version}"),
        }
    }
}

/// One sign of life of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallEvent {
    /// Another process is at work on the same part; this one waits for it.
    Waiting(Part),
    /// A part is being downloaded and put together.
    Installing(Part),
    /// The package manager said how far it is.
    Advanced {
        /// What is being installed.
        part: Part,
        /// The package manager's own words, one line.
        text: String,
    },
    /// Something went another way than planned, and work goes on.
    Noted {
        /// What is being installed.
        part: Part,
        /// What happened, one line.
        text: String,
    },
    /// The files are being hashed.
    Verifying(Part),
    /// The part is in its place.
    Installed(Part),
}

impl fmt::Display for InstallEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting(part) => write!(f, "waiting for another process that installs {part}"),
            Self::Installing(part) => write!(f, "installing {part}"),
            Self::Advanced { part, text } | Self::Noted { part, text } => write!(f, "{part}: {text}"),
            Self::Verifying(part) => write!(f, "verifying {part}"),
            Self::Installed(part) => write!(f, "installed {part}"),
        }
    }
}

/// Who listens to an installation.
pub trait Progress: Send + Sync {
    /// Takes one event; called from the thread that installs.
    fn tell(&self, event: InstallEvent);
}

impl<F: Fn(InstallEvent) + Send + Sync> Progress for F {
    fn tell(&self, event: InstallEvent) {
        self(event);
    }
}

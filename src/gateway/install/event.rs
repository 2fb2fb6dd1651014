//! Progress of an installation.

use std::fmt;

use tracing::debug;

use crate::release::Release;

/// Something in the cache that is fetched on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CachePart {
    /// A release of the gateway.
    Release(Release),
    /// A Node runtime of this version.
    Node(String),
    /// The package manager, of this version.
    Pnpm(String),
    /// Upstream's schema of the protocol, of this version.
    Protocol(String),
    /// A package from this tarball.
    Package(String),
}

impl fmt::Display for CachePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(release) => write!(f, "openclaw {release}"),
            Self::Node(version) => write!(f, "node {version}"),
            Self::Pnpm(version) => write!(f, "pnpm {version}"),
            Self::Protocol(version) => write!(f, "the protocol's schema of {version}"),
            Self::Package(file) => write!(f, "the package {file}"),
        }
    }
}

/// A step of an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallEvent {
    /// Another process is installing the same part; this one waits for it.
    Waiting(CachePart),
    /// A part is being installed.
    Installing(CachePart),
    /// The package manager reported its progress.
    Advanced {
        /// What is being installed.
        part: CachePart,
        /// The words of the package manager, one line.
        text: String,
    },
    /// Something did not work as planned, and the installation continues in another way.
    Noted {
        /// What is being installed.
        part: CachePart,
        /// What happened, one line.
        text: String,
    },
    /// The files are being hashed.
    Verifying(CachePart),
    /// The part is installed.
    Installed(CachePart),
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

/// Is told about the progress of an installation.
pub trait InstallProgress: Send + Sync {
    /// Is called with each event, from the thread that installs.
    fn tell(&self, event: InstallEvent);
}

impl<F: Fn(InstallEvent) + Send + Sync> InstallProgress for F {
    fn tell(&self, event: InstallEvent) {
        self(event);
    }
}

/// Tells and logs an event.
pub(super) fn report(progress: &dyn InstallProgress, event: InstallEvent) {
    debug!("{event}");
    progress.tell(event);
}

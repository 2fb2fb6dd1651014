//! Why a release could not be installed or used.

use std::io;
use std::path::{Path, PathBuf};

use super::command::CommandError;
use crate::release::Release;

/// Why an operation on the cache of releases failed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The network may not be used, and this is not in the cache.
    #[error("{what} is not installed, and this run is offline: install it first with the network on")]
    Offline {
        /// What would have been fetched.
        what: String,
    },
    /// The registry has no such release.
    #[error("openclaw {release} is not published: see `gatecrash releases list --available`")]
    NotPublished {
        /// The release that was asked for.
        release: Release,
    },
    /// A package manager failed.
    #[error("cannot install {what}")]
    PackageManager {
        /// What was being installed.
        what: String,
        /// The command and its last words.
        source: CommandError,
    },
    /// What the package manager delivered is not what was asked for.
    #[error("cannot install {what}: {problem}")]
    Unusable {
        /// What was being installed.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No Node runtime meets the requirements of the release.
    #[error("no Node runtime for `{engines}` on {platform}: {problem}")]
    NoNode {
        /// The release's `engines.node`.
        engines: String,
        /// Operating system and processor.
        platform: String,
        /// What was tried.
        problem: String,
    },
    /// A stored file is from a later version of this program.
    #[error(
        "{} was written by a newer gatecrash (format {major}, this one reads up to {known}): \
         use that version, or another cache directory", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its major format number.
        major: u32,
        /// The newest major this program reads.
        known: u32,
    },
    /// A directory given as a target does not contain a gateway.
    #[error("{} is not a gateway: {problem}", path.display())]
    NoBuild {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        problem: String,
    },
    /// The package manager did not list the published releases.
    #[error("cannot list the published releases")]
    List(#[source] CommandError),
    /// The list of published releases is empty.
    #[error("cannot list the published releases: npm named no releases of openclaw")]
    NoReleases,
    /// No published release is stable.
    #[error("the registry has no stable release of openclaw")]
    NoStableRelease,
    /// There is too little space for a release.
    #[error(
        "there is too little space for {what}: {} has {} MB left, and an installation takes up to {} MB",
        place.display(), free >> 20, needed >> 20
    )]
    NoSpace {
        /// What was to be installed.
        what: String,
        /// The cache.
        place: PathBuf,
        /// The bytes that are left there.
        free: u64,
        /// The bytes that an installation takes.
        needed: u64,
    },
    /// A file or directory cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The installation was cancelled.
    #[error("the installation was cancelled")]
    Cancelled,
}

impl InstallError {
    /// The error of a package manager that was installing `what`.
    pub(super) fn from_command(what: impl Into<String>, error: CommandError) -> Self {
        match error {
            CommandError::Cancelled => Self::Cancelled,
            source => Self::PackageManager { what: what.into(), source },
        }
    }
}

/// Adds the path to an error of the file system.
pub(super) trait At<T> {
    fn at(self, path: &Path) -> Result<T, InstallError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, InstallError> {
        self.map_err(|source| InstallError::Io { path: path.to_owned(), source })
    }
}

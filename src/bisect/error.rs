//! Why a bisect cannot be done.

use std::io;

use super::commits::{BuildError, CommitOracleError, GitError};
use super::log::LogError;
use crate::gateway::install::InstallError;
use crate::release::{ParseReleaseError, Release};

/// Why a bisect cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BisectError {
    /// An end of the range is not a release.
    #[error(transparent)]
    Release(#[from] ParseReleaseError),
    /// Both ends are the same release.
    #[error("{0} cannot be both good and bad")]
    SameEnds(Release),
    /// A regression comes after the good release.
    #[error("the good release {good} is later than the bad one, {bad}")]
    GoodIsLater {
        /// The good end.
        good: Release,
        /// The bad end.
        bad: Release,
    },
    /// A fix comes after the failure.
    #[error("a fix comes after the failure, but {bad} is later than {good}")]
    BadIsLater {
        /// The good end.
        good: Release,
        /// The bad end.
        bad: Release,
    },
    /// An end of the range is not among the releases that can be tested.
    #[error("there is no stable release {release} to test")]
    NoSuchRelease {
        /// The end.
        release: Release,
        /// The next later release that can be tested.
        next: Option<Release>,
    },
    /// No ends were given, and no change is known or listed.
    #[error("no change of {scenario} is known")]
    NoKnownChange {
        /// Id of the scenario.
        scenario: String,
    },
    /// The scenario is not the one that the log was written for.
    #[error("{path} has changed since this bisect began")]
    ScenarioChanged {
        /// File of the scenario.
        path: String,
    },
    /// The repository cannot be opened.
    #[error("the repository cannot be used")]
    Repository(#[source] GitError),
    /// Git does not know the ends, or they are not in order.
    #[error("there is no range of commits from the earlier end to the later one")]
    CommitRange(#[source] GitError),
    /// The repository has neither a tag of the release nor the commit its package names.
    #[error("the repository has no commit of release {0}")]
    NoCommitOfRelease(Release),
    /// Building needs a Node, and no installed release brings one.
    #[error("no release is installed, so there is no Node to build with")]
    NoNode,
    /// Git failed during the search.
    #[error("the repository cannot be read")]
    Git(#[from] GitError),
    /// Commits cannot be measured.
    #[error(transparent)]
    CommitOracle(#[from] CommitOracleError),
    /// The build cache cannot be used.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Releases cannot be listed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// Stored results cannot be read.
    #[error("the evidence of earlier runs cannot be read")]
    Evidence(#[source] io::Error),
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
}

//! What a bisect is given.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::entry::Question;
use crate::gateway::TargetProvider;
use crate::run::Settings;
use crate::scenario::Scenario;

/// Everything a bisect is given.
pub struct BisectRequest<'a> {
    /// Prepares the builds to test.
    pub provider: &'a TargetProvider,
    /// The scenario of the question, then others that share its boot.
    pub scenarios: Vec<Scenario>,
    /// What to find.
    pub question: Question,
    /// Seed, timeouts and clock of every run.
    pub settings: Settings,
    /// Builds to test at the same time.
    pub jobs: usize,
    /// The ends of the range; without them, the changes that are known or listed are verified.
    pub ends: Option<RangeEnds>,
    /// The repository to search, where commits are searched.
    pub commits: Option<CommitRequest>,
    /// Whether stored results are used instead of measuring again.
    pub use_known: bool,
    /// Where evidence and builds are kept.
    pub cache_dir: PathBuf,
    /// Is told what is being done.
    pub tell: Arc<dyn Fn(String) + Send + Sync>,
    /// The arguments of the command, stored in the log for a later resumption.
    pub arguments: Value,
}

/// The ends of a range as the user named them: releases or revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeEnds {
    /// The end that is good.
    pub good: String,
    /// The end that is bad.
    pub bad: String,
}

/// A search over commits.
#[derive(Clone, Debug)]
pub struct CommitRequest {
    /// The repository; it is only read.
    pub repository: PathBuf,
    /// How a commit is built and started.
    pub build: BuildMethod,
    /// How long a build may take.
    pub build_timeout: Duration,
    /// Whether a merge is an answer, so that the commits it brought in are not searched.
    pub first_parent: bool,
    /// Whether the commit that is found is also applied to the earlier end and reverted on the later one.
    pub ablate: bool,
    /// Environment of git and of builds.
    pub env: Vec<(OsString, OsString)>,
    /// Search path of builds.
    pub path: OsString,
}

/// How a commit is built and started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildMethod {
    /// The way the gateway's own repository is built.
    Openclaw,
    /// A shell command that builds, and the target of the built tree with `{dir}` for its folder.
    Commands {
        /// Shell command that builds.
        build: String,
        /// The target: `path:{dir}` or `cmd:…`.
        gateway: String,
    },
}

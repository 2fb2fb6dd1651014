//! The tools of the machine that an installation uses: npm, Node, and their environment.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use nodejs_semver::Version;

use super::command::{Cancel, run};

/// A Node runtime and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) path: PathBuf,
    pub(super) version: Version,
}

/// The tools of the machine, read once at start.
#[derive(Debug)]
pub struct Tools {
    npm: PathBuf,
    env: Vec<(OsString, OsString)>,
    offline: bool,
    now: Timestamp,
    node: OnceLock<Option<Node>>,
}

/// Variables that are meant for this program and would disturb a package manager.
const NOT_PASSED: [&str; 3] = ["NODE_OPTIONS", "NODE_COMPILE_CACHE", "NODE_ENV"];

impl Tools {
    /// `npm` is the program to run, by name or path. `env` is the environment of the caller, which is passed on except for
    /// what affects npm scripts and Node itself: `PATH`, `HOME`, and the settings of npm, proxies and certificates are needed
    /// to reach a registry the way the user does. `now` is the time of new installations and uses. `offline` forbids the
    /// network.
    pub fn new(
        npm: impl Into<PathBuf>,
        env: impl IntoIterator<Item = (OsString, OsString)>,
        offline: bool,
        now: Timestamp,
    ) -> Self {
        let env = env.into_iter().filter(|(name, _)| passed_on(name)).collect();
        Self { npm: npm.into(), env, offline, now, node: OnceLock::new() }
    }

    pub(super) fn offline(&self) -> bool {
        self.offline
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// A command with the environment of the tools and nothing else.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The machine's npm.
    pub(super) fn npm(&self) -> Command {
        self.command(&self.npm)
    }

    /// The machine's own Node, asked for its version once.
    pub(super) fn node(&self) -> Option<&Node> {
        self.node.get_or_init(|| self.find_node()).as_ref()
    }

    fn find_node(&self) -> Option<Node> {
        let search = self.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value)?;
        let path = std::env::split_paths(search).map(|dir| dir.join("node")).find(|path| path.is_file())?;
        let version = self.version_of(&path)?;
        Some(Node { path, version })
    }

    /// What `node --version` says.
    pub(super) fn version_of(&self, node: &std::path::Path) -> Option<Version> {
        let said =
            run(self.command(node).arg("--version"), &Cancel::default(), Duration::from_secs(20), |_| {});
        Version::parse(said.ok()?.trim().trim_start_matches('v')).ok()
    }
}

/// npm hands its settings to scripts as `npm_…`; only `npm_config_…` are settings of the user.
fn passed_on(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let lower = name.to_ascii_lowercase();
    let of_a_script = lower.starts_with("npm_") && !lower.starts_with("npm_config_");
    !of_a_script && !NOT_PASSED.contains(&name)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("HOME", true)]
    #[case("NODE_EXTRA_CA_CERTS", true)]
    #[case("https_proxy", true)]
    #[case("npm_config_registry", true)]
    #[case("npm_lifecycle_event", false)]
    #[case("NODE_OPTIONS", false)]
    fn the_environment_keeps_what_a_registry_needs(#[case] name: &str, #[case] passed: bool) {
        assert_eq!(passed_on(OsStr::new(name)), passed);
    }
}

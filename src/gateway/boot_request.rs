//! What a boot takes, and why there may be none.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::configuration::Changes;
use super::home::Homes;
use super::launch::Launch;
use super::ready::Seen;
use super::watch::Exit;
use crate::scenario::Ready;

/// The facts of this machine that a boot needs; read once, at the start of the program.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The gatecrash binary, which is also the watcher.
    pub executable: PathBuf,
    /// The place of all homes.
    pub homes: Homes,
    /// The system's temporary directories, where gateways may leave files.
    pub temps: Vec<PathBuf>,
    /// The user's real home directory.
    pub user_home: Option<PathBuf>,
    /// The search path for shell commands.
    pub path: OsString,
}

/// A gateway to boot.
#[derive(Clone, Debug)]
pub struct BootRequest {
    /// What to start.
    pub launch: Launch,
    /// The shared token of the gateway.
    pub token: String,
    /// Changes to the smallest configuration.
    pub config: Changes,
    /// A state directory to copy before the boot.
    pub state: Option<PathBuf>,
    /// Files to place in the state directory before the boot, by relative path.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// More environment, over everything the harness sets but `PATH` and Node's own settings.
    pub env: Vec<(String, String)>,
    /// When it counts as booted.
    pub ready: Ready,
    /// How long it may take until the gateway is ready, if not as long as the launch allows.
    pub ready_within: Option<Duration>,
}

/// What a gateway says that ends its start because the machine gave it no processor time: 2026.9.6 waits five
/// seconds for the heartbeat of its lease (measured with four times as much work as processors).
const STARVED: &[&str] = &["heartbeat did not become ready"];

impl BootError {
    /// Whether it gave up for want of processor time, which is no fault of the release.
    pub fn is_of_a_starved_machine(&self) -> bool {
        let Self::Died { tail, .. } = self else { return false };
        tail.iter().any(|line| STARVED.iter().any(|sign| line.contains(sign)))
    }
}

/// Why a gateway did not boot. The log lines are not masked.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The home could not be made or filled.
    #[error("the gateway's home cannot be made: {0}")]
    Home(#[source] io::Error),
    /// No port was free.
    #[error("no port for the gateway: {0}")]
    Port(#[source] io::Error),
    /// The watcher or the gateway's program could not be started.
    #[error("the gateway cannot be started: {0}")]
    Start(#[source] io::Error),
    /// The process ended before it was ready.
    #[error("the gateway died at boot with {exit}")]
    Died {
        /// How it ended.
        exit: Exit,
        /// Its last log lines.
        tail: Vec<String>,
    },
    /// The process lives, but no connect would be answered.
    #[error("the gateway was not ready after {:.1} s: {seen}", waited.as_secs_f64())]
    NotReady {
        /// How long the harness waited.
        waited: Duration,
        /// What the last probe saw.
        seen: Seen,
        /// Its last log lines.
        tail: Vec<String>,
    },
}

//! How a gateway is stopped, and how it then ended.

use std::time::Duration;

use super::watch::Exit;
use crate::scenario::StopSignal;

/// SIGTERM ends every measured release within 2.2 s on a free machine; 2026.9.6 took more than five beside a compiler.
/// A gateway that has to be killed is told as such, so the patience is long; it costs nothing where one ends.
const GRACE: Duration = Duration::from_secs(15);

/// How a gateway is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping {
    /// The signal that it is sent.
    pub signal: StopSignal,
    /// How long it may take to end before it is killed.
    pub within: Duration,
}

impl Default for Stopping {
    fn default() -> Self {
        Self { signal: StopSignal::Term, within: GRACE }
    }
}

/// How a gateway ended that was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Exit code or signal.
    pub exit: Exit,
    /// Whether it did not end in time, so that the harness killed it.
    pub killed: bool,
    /// How long the stop took, in milliseconds.
    pub stop_ms: u64,
}

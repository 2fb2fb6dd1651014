//! How to stop a gateway, and how it ended.

use std::time::Duration;

use super::watch::ProcessExit;
use crate::scenario::StopSignal;

/// SIGTERM ends every measured release within 2.2 s on a free machine; 2026.9.6 took more than five beside a compiler.
/// A gateway that has to be killed is reported, so the wait is long; it costs nothing if the gateway ends.
const GRACE: Duration = Duration::from_secs(15);

/// How to stop a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping {
    /// The signal to send.
    pub signal: StopSignal,
    /// How long it may take to end before it is killed.
    pub within: Duration,
}

impl Default for Stopping {
    fn default() -> Self {
        Self { signal: StopSignal::Term, within: GRACE }
    }
}

/// How a gateway ended when it was stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopOutcome {
    /// The exit code or signal.
    pub exit: ProcessExit,
    /// Whether it did not end in time and was killed.
    pub killed: bool,
    /// How long the stop took, in milliseconds.
    pub stop_ms: u64,
}

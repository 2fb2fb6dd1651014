//! How the verbs that stop the gateway tell how it ended.

use crate::gateway::{ProcessExit, StopOutcome, Stopping};
use crate::scenario::{Millis, StopSignal};
use crate::verdict::Outcome;

/// How to stop a gateway, by what a step says.
pub(super) fn stopping(signal: Option<StopSignal>, within: Option<Millis>) -> Stopping {
    let usual = Stopping::default();
    Stopping {
        signal: signal.unwrap_or(usual.signal),
        within: within.map_or(usual.within, Millis::as_duration),
    }
}

/// How a gateway ended as an outcome: one that had to be killed did not end, so nothing came in time.
pub(super) fn end_of_gateway(ended: &StopOutcome) -> Outcome {
    if ended.killed {
        return Outcome::Silence;
    }
    ended_with(ended.exit, String::new(), String::new())
}

/// A gateway that was stopped before, in order.
pub(super) fn ended_before() -> Outcome {
    ended_with(ProcessExit { code: Some(0), signal: None }, String::new(), String::new())
}

/// The outcome of a process that ended, with what it printed.
pub(super) fn ended_with(exit: ProcessExit, stdout: String, stderr: String) -> Outcome {
    Outcome::Exit { code: exit.code, signal: exit.signal_name(), stdout, stderr }
}

/// Why a step cannot go on that needs a gateway which ends when asked; one that does not is the subject of `stop` and
/// `restart`.
pub(super) fn had_to_be_killed(ended: &StopOutcome) -> String {
    format!("the gateway did not end within {} ms of SIGTERM and was killed", ended.stop_ms)
}

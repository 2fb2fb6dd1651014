//! Outcomes of processes that ended, and options for stopping the gateway.

use crate::gateway::{ProcessExit, StopOutcome, Stopping};
use crate::scenario::{Millis, StopSignal};
use crate::verdict::Outcome;

/// The options of a step for stopping the gateway.
pub(super) fn stopping(signal: Option<StopSignal>, within: Option<Millis>) -> Stopping {
    let usual = Stopping::default();
    Stopping {
        signal: signal.unwrap_or(usual.signal),
        within: within.map_or(usual.within, Millis::as_duration),
    }
}

/// The outcome of stopping a gateway: silence if it did not end in time and had to be killed.
pub(super) fn end_of_gateway(ended: &StopOutcome) -> Outcome {
    if ended.killed {
        return Outcome::Silence;
    }
    ended_with(ended.exit, String::new(), String::new())
}

/// The outcome for a gateway that had already been stopped.
pub(super) fn ended_before() -> Outcome {
    ended_with(ProcessExit { code: Some(0), signal: None }, String::new(), String::new())
}

/// The outcome of a process that ended, with its output.
pub(super) fn ended_with(exit: ProcessExit, stdout: String, stderr: String) -> Outcome {
    Outcome::Exit { code: exit.code, signal: exit.signal_name(), stdout, stderr }
}

/// The error text for a step that needs the gateway to end when asked to. Only `stop` and `restart` treat a gateway that
/// does not as an outcome.
pub(super) fn had_to_be_killed(ended: &StopOutcome) -> String {
    format!("the gateway did not end within {} ms of SIGTERM and was killed", ended.stop_ms)
}

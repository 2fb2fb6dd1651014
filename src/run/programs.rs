//! The programs that a case runs next to the gateway, and their output.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::client::Relay;
use crate::gateway::StartedProgram;

/// The programs of a case.
#[derive(Default)]
pub(super) struct Programs {
    /// Programs that run until the scenario ends.
    running: Mutex<Vec<RunningProgram>>,
    /// Output of the programs that have ended, by name.
    printed: Mutex<HashMap<String, String>>,
    /// Number of programs that were started.
    started: AtomicUsize,
}

/// A program that runs until the scenario ends.
struct RunningProgram {
    /// Name of the step.
    name: String,
    running: StartedProgram,
    /// The relay for its connections, which ends them when it is dropped.
    _relay: Relay,
}

impl Programs {
    /// The number of the next program, from 1.
    pub(super) fn next_number(&self) -> usize {
        self.started.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Keeps a program running until the scenario ends.
    pub(super) fn keep(&self, name: &str, running: StartedProgram, relay: Relay) {
        self.running.lock().push(RunningProgram { name: name.to_owned(), running, _relay: relay });
    }

    /// Stores the output of a program that has ended.
    pub(super) fn has_printed(&self, name: &str, stdout: &str, stderr: &str) {
        self.printed.lock().insert(name.to_owned(), format!("{stdout}\n{stderr}"));
    }

    /// The output of a program so far; `None` if there was no such program.
    pub(super) fn output(&self, name: &str) -> Option<String> {
        let running = self.running.lock();
        let running = running.iter().rev().find(|one| one.name == name);
        let now = running.map(|one| format!("{}\n{}", one.running.stdout(), one.running.stderr()));
        now.or_else(|| self.printed.lock().get(name).cloned())
    }

    /// Ends the programs that are still running.
    pub(super) async fn end(&self) {
        let left = std::mem::take(&mut *self.running.lock());
        for program in left {
            program.running.stop().await;
        }
    }
}

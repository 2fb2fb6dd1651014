//! The programs that run beside a gateway in a case, and what they print.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::client::Relay;
use crate::gateway::StartedProgram;

/// The programs of a case.
#[derive(Default)]
pub(super) struct Programs {
    /// Those that run until the scenario ends.
    running: Mutex<Vec<RunningProgram>>,
    /// What programs that have ended had printed, by their names.
    printed: Mutex<HashMap<String, String>>,
    /// How many were started.
    started: AtomicUsize,
}

/// A program that runs until the scenario ends.
struct RunningProgram {
    /// Name of its step.
    name: String,
    running: StartedProgram,
    /// What its connections go through; they end with it.
    _relay: Relay,
}

impl Programs {
    /// Numbers programs from 1.
    pub(super) fn next_number(&self) -> usize {
        self.started.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets a program run until the scenario ends.
    pub(super) fn keep(&self, name: &str, running: StartedProgram, relay: Relay) {
        self.running.lock().push(RunningProgram { name: name.to_owned(), running, _relay: relay });
    }

    /// Keeps what a program that has ended had printed.
    pub(super) fn has_printed(&self, name: &str, stdout: &str, stderr: &str) {
        self.printed.lock().insert(name.to_owned(), format!("{stdout}\n{stderr}"));
    }

    /// What a program that ended or still runs has printed; none where there was no such program.
    pub(super) fn output(&self, name: &str) -> Option<String> {
        let running = self.running.lock();
        let running = running.iter().rev().find(|one| one.name == name);
        let now = running.map(|one| format!("{}\n{}", one.running.stdout(), one.running.stderr()));
        now.or_else(|| self.printed.lock().get(name).cloned())
    }

    /// Ends the programs that still run.
    pub(super) async fn end(&self) {
        let left = std::mem::take(&mut *self.running.lock());
        for program in left {
            program.running.stop().await;
        }
    }
}

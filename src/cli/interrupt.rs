//! Signals that ask the program to end: Ctrl-C, SIGTERM, which `timeout` and CI runners send, and SIGHUP of a terminal that
//! is closed.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;

/// `timeout` signals a program and then its process group: a second signal this soon is the same request.
const DUPLICATE_WITHIN: Duration = Duration::from_millis(500);

/// Waits for an interrupt.
pub(super) async fn interrupt() {
    Interrupts::listen().next().await;
}

/// Cancels the run on the first interrupt, so that it ends with its reports; a second one ends the program at once.
pub(super) async fn cancel_on_interrupt(cancel: CancellationToken) {
    let mut interrupts = Interrupts::listen();
    interrupts.next().await;
    cancel.cancel();
    while timeout(DUPLICATE_WITHIN, interrupts.next()).await.is_ok() {}
    interrupts.next().await;
    // The watchers notice that this process ended and stop what it started.
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// The signals to listen for; none where the system refuses a handler, and the signal ends the program itself.
struct Interrupts {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
}

impl Interrupts {
    fn listen() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hang_up: if ignores_hang_up() { None } else { signal(SignalKind::hangup()).ok() },
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = next(&mut self.interrupt) => {}
            () = next(&mut self.terminate) => {}
            () = next(&mut self.hang_up) => {}
        }
    }
}

/// Whether somebody has asked for the program to outlive its terminal, as `nohup` does.
fn ignores_hang_up() -> bool {
    let about = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = about.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

async fn next(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}

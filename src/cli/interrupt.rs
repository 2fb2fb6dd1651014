//! Signals that ask the program to end: Ctrl-C, and SIGTERM, which `timeout` and CI runners send.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::exit::Exit;

/// `timeout` signals a program and then its process group: what comes so soon is the same wish again.
const SAME_WISH: Duration = Duration::from_millis(500);

/// Waits until somebody asks for the end.
pub(super) async fn interrupt() {
    Interrupts::listen().next().await;
}

/// The first interrupt ends the run politely, with its reports; a second one ends the program at once.
pub(super) async fn cancel_on_interrupt(cancel: CancellationToken) {
    let mut interrupts = Interrupts::listen();
    interrupts.next().await;
    cancel.cancel();
    while timeout(SAME_WISH, interrupts.next()).await.is_ok() {}
    interrupts.next().await;
    // The watchers see the end of this process and end what it has started.
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// None where the system refuses a handler: the signal then ends the program by itself.
struct Interrupts {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Interrupts {
    fn listen() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            () = next(&mut self.interrupt) => {}
            () = next(&mut self.terminate) => {}
        }
    }
}

async fn next(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}

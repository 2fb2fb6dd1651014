//! Signals that ask the program to end: Ctrl-C, and SIGTERM, which `timeout` and CI runners send.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;

/// Waits until somebody asks for the end.
pub(super) async fn interrupt() {
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    tokio::select! {
        () = next(&mut interrupt) => {}
        () = next(&mut terminate) => {}
    }
}

/// `timeout` signals a program and then its process group: what comes so soon is the same wish again.
const SAME_WISH: Duration = Duration::from_millis(500);

/// The first interrupt ends the run politely, with its reports; a second one ends the program at once.
pub(super) async fn cancel_on_interrupt(cancel: CancellationToken) {
    interrupt().await;
    cancel.cancel();
    while tokio::time::timeout(SAME_WISH, interrupt()).await.is_ok() {}
    interrupt().await;
    // The watchers see the end of this process and end what it has started.
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// None where the system refuses a handler: the signal then ends the program by itself.
fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind).ok()
}

async fn next(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}

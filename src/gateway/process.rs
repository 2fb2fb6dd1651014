//! The harness's end of a watcher: start, follow and stop one gateway process.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;

use super::log::Log;
use super::stopping::Stopping;
use super::tree::Stray;
use super::watch::{END_OF_LOG, Exit, Notice, Order, Program, WATCH};

/// Longer than any line that a log keeps, so that a flood without line ends stays bounded.
const LINE_LIMIT: u64 = 64 << 10;
const WATCHER_ENDS: Duration = Duration::from_secs(6);

/// One started program under its watcher. Dropping it kills the program and all its children.
#[derive(Debug)]
pub(super) struct Process {
    watcher: Child,
    orders: Option<ChildStdin>,
    state: watch::Receiver<State>,
}

/// What is known about the program.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    spawned: Option<Result<u32, String>>,
    exit: Option<Exit>,
    /// How often a process that the program had started took its place.
    replaced: u32,
    log_complete: bool,
    stopped: Option<Stopped>,
    watcher_gone: bool,
}

impl State {
    /// How often a process that the program had started took its place.
    pub(super) const fn replaced(&self) -> u32 {
        self.replaced
    }

    /// How the program ended, once its last output is in the log.
    pub(super) fn ended(&self) -> Option<Exit> {
        match self.exit {
            Some(exit) if self.log_complete || self.watcher_gone => Some(exit),
            None if self.watcher_gone => Some(Exit::default()),
            _ => None,
        }
    }
}

/// What the stop found.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped {
    /// Whether SIGTERM was not enough.
    pub(super) killed: bool,
    pub(super) strays: Vec<Stray>,
}

impl Process {
    /// Starts `program` under a watcher made of `executable`, the gatecrash binary.
    pub(super) async fn spawn(
        executable: &Path,
        marker: (OsString, OsString),
        program: Program,
        log: &Log,
    ) -> io::Result<Self> {
        let mut watcher = Command::new(executable)
            .arg(WATCH)
            .env_clear()
            .env(marker.0, marker.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C on the terminal is for the harness, which stops its gateways politely.
            .process_group(0)
            .spawn()?;
        let (tell, mut state) = watch::channel(State::default());
        let taken = (watcher.stdin.take(), watcher.stdout.take(), watcher.stderr.take());
        let (Some(mut orders), Some(notices), Some(output)) = taken else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        };
        tokio::spawn(read_log(output, log.clone(), tell.clone()));
        tokio::spawn(read_notices(notices, tell));
        give(&mut orders, &Order::Start(program)).await?;
        let process = Self { watcher, orders: Some(orders), state: state.clone() };
        let seen = state.wait_for(|state| state.spawned.is_some() || state.watcher_gone).await;
        match seen.ok().and_then(|state| state.spawned.clone()) {
            Some(Ok(_)) => Ok(process),
            Some(Err(reason)) => Err(io::Error::other(reason)),
            None => Err(io::Error::other("the watcher process ended before it started the gateway")),
        }
    }

    /// The watcher's process id: everything below it belongs to the program.
    pub(super) fn watcher_pid(&self) -> Option<u32> {
        self.watcher.id()
    }

    /// The program's process id.
    pub(super) fn pid(&self) -> Option<u32> {
        self.state.borrow().spawned.clone().and_then(Result::ok)
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// A signal, then in the end SIGKILL, for the whole tree; ends when all of it is gone.
    pub(super) async fn stop(mut self, stopping: Stopping) -> (Exit, Stopped) {
        let grace = stopping.within;
        if let Some(orders) = &mut self.orders {
            let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
            // A watcher that is gone cannot take the order; its end is seen below.
            let _ = give(orders, &Order::Stop { signal: stopping.signal, grace_ms }).await;
        }
        let mut state = self.state.clone();
        let all =
            state.wait_for(|state| state.stopped.is_some() && state.ended().is_some() || state.watcher_gone);
        let last = match tokio::time::timeout(grace + WATCHER_ENDS, all).await {
            Ok(Ok(state)) => state.clone(),
            _ => self.state.borrow().clone(),
        };
        self.orders = None;
        let _ = tokio::time::timeout(WATCHER_ENDS, self.watcher.wait()).await;
        (last.exit.unwrap_or_default(), last.stopped.unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The closed pipe is the order to kill; the watcher ends after the tree.
        if self.orders.take().is_none() {
            return;
        }
        let end = Instant::now() + Duration::from_secs(3);
        while matches!(self.watcher.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

async fn give(orders: &mut ChildStdin, order: &Order) -> io::Result<()> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    orders.write_all(&line).await?;
    orders.flush().await
}

async fn read_notices(notices: impl AsyncRead + Unpin, tell: watch::Sender<State>) {
    let mut lines = BufReader::new(notices).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(notice) = serde_json::from_str(&line) else { continue };
        tell.send_modify(|state| match notice {
            Notice::Spawned { pid } => state.spawned = Some(Ok(pid)),
            Notice::NotSpawned { reason } => state.spawned = Some(Err(reason)),
            Notice::Replaced { pid, .. } => {
                state.spawned = Some(Ok(pid));
                state.replaced += 1;
            }
            Notice::Exited(exit) => state.exit = Some(exit),
            Notice::Stopped { killed, strays } => state.stopped = Some(Stopped { killed, strays }),
        });
    }
    tell.send_modify(|state| state.watcher_gone = true);
}

async fn read_log(output: impl AsyncRead + Unpin, log: Log, tell: watch::Sender<State>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut output).take(LINE_LIMIT).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if text == END_OF_LOG {
            tell.send_modify(|state| state.log_complete = true);
        } else if !text.is_empty() {
            log.push(text);
        }
    }
    tell.send_modify(|state| state.log_complete = true);
}

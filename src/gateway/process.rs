//! The harness's side of a watcher: starts, follows and stops one gateway process.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::debug;

use super::home::Home;
use super::log::GatewayLog;
use super::stopping::Stopping;
use super::tree::Stray;
use super::watch::{END_OF_LOG, Notice, ProcessExit, Program, WATCH, WatcherOrder};

/// Longer than any line that a log keeps, so that a flood without line ends stays bounded.
const LINE_LIMIT: u64 = 64 << 10;
const WATCHER_ENDS: Duration = Duration::from_secs(6);

/// How long a watcher that was told to kill everything is waited for.
const KILL_TAKES: Duration = Duration::from_secs(3);

/// One started program under its watcher. Dropping it kills the program and all its children.
#[derive(Debug)]
pub(super) struct Process {
    state: watch::Receiver<ProcessState>,
    watcher: Option<Watcher>,
}

/// The watcher of a program. Dropping it closes its input, which is the order to kill everything, and waits until that is
/// done.
#[derive(Debug)]
struct Watcher {
    orders: Option<ChildStdin>,
    child: Child,
    /// The home of the program, which must not be removed before everything in it is dead.
    _home: Arc<Home>,
}

/// What the watcher has reported about the program.
#[derive(Clone, Debug, Default)]
pub(super) struct ProcessState {
    spawned: Option<Result<u32, String>>,
    exit: Option<ProcessExit>,
    /// How often a process that the program had started took its place.
    replaced: u32,
    log_complete: bool,
    stopped: Option<Stopped>,
    watcher_gone: bool,
}

impl ProcessState {
    /// How often a process that the program had started took its place.
    pub(super) const fn replaced(&self) -> u32 {
        self.replaced
    }

    /// How the program ended, once all of its output is in the log.
    pub(super) fn ended(&self) -> Option<ProcessExit> {
        match self.exit {
            Some(exit) if self.log_complete || self.watcher_gone => Some(exit),
            None if self.watcher_gone => Some(ProcessExit::default()),
            _ => None,
        }
    }
}

/// What was found when the program was stopped.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped {
    /// Whether the signal was not enough.
    pub(super) killed: bool,
    pub(super) strays: Vec<Stray>,
}

impl Process {
    /// Starts `program` under a watcher, which is another process of `executable`, the gatecrash binary.
    pub(super) async fn spawn(
        executable: &Path,
        home: &Arc<Home>,
        program: Program,
        log: &GatewayLog,
    ) -> io::Result<Self> {
        debug!(program = %program.path.display(), arguments = ?program.args, "starting a process");
        let (variable, mark) = home.mark();
        let mut child = Command::new(executable)
            .arg(WATCH)
            .env_clear()
            .env(variable, mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C on the terminal is for the harness, which stops its gateways politely.
            .process_group(0)
            .spawn()?;
        let (tell, mut state) = watch::channel(ProcessState::default());
        let taken = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut orders), Some(notices), Some(output)) = taken else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        };
        tokio::spawn(read_log(output, log.clone(), tell.clone()));
        tokio::spawn(read_notices(notices, tell));
        give(&mut orders, &WatcherOrder::Start(program)).await?;
        let watcher = Watcher { orders: Some(orders), child, _home: Arc::clone(home) };
        let process = Self { state: state.clone(), watcher: Some(watcher) };
        let seen = state.wait_for(|state| state.spawned.is_some() || state.watcher_gone).await;
        let reason = match seen.ok().and_then(|state| state.spawned.clone()) {
            Some(Ok(_)) => return Ok(process),
            Some(Err(reason)) => reason,
            None => "the watcher process ended before it started the gateway".to_owned(),
        };
        process.kill().await;
        Err(io::Error::other(reason))
    }

    /// The process id of the watcher: all of its descendants belong to the program.
    pub(super) fn watcher_pid(&self) -> Option<u32> {
        self.watcher.as_ref().and_then(|watcher| watcher.child.id())
    }

    /// The program's process id.
    pub(super) fn pid(&self) -> Option<u32> {
        self.state.borrow().spawned.clone().and_then(Result::ok)
    }

    pub(super) fn state(&self) -> watch::Receiver<ProcessState> {
        self.state.clone()
    }

    /// Kills the program with all its children; returns when that is done.
    pub(super) async fn kill(mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        // The closed pipe is the order to kill; the watcher ends after the tree.
        watcher.orders = None;
        if tokio::time::timeout(KILL_TAKES, watcher.child.wait()).await.is_ok() {
            self.watcher = None;
        }
    }

    /// Sends a signal, and SIGKILL if that does not help in time, to the whole tree; returns when all of it is gone.
    pub(super) async fn stop(mut self, stopping: Stopping) -> (ProcessExit, Stopped) {
        let Some(watcher) = &mut self.watcher else { return <(ProcessExit, Stopped)>::default() };
        let grace = stopping.within;
        if let Some(orders) = &mut watcher.orders {
            let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
            // A watcher that is gone cannot take the order; its end is seen below.
            let _ = give(orders, &WatcherOrder::Stop { signal: stopping.signal, grace_ms }).await;
        }
        let mut state = self.state.clone();
        let all =
            state.wait_for(|state| state.stopped.is_some() && state.ended().is_some() || state.watcher_gone);
        let last = match tokio::time::timeout(grace + WATCHER_ENDS, all).await {
            Ok(Ok(state)) => state.clone(),
            _ => self.state.borrow().clone(),
        };
        watcher.orders = None;
        if tokio::time::timeout(WATCHER_ENDS, watcher.child.wait()).await.is_ok() {
            // There is nothing left to wait for, and the home may go at once.
            self.watcher = None;
        }
        (last.exit.unwrap_or_default(), last.stopped.unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut watcher) = self.watcher.take() else { return };
        watcher.orders = None;
        // The wait belongs on no thread of the runtime. A runtime that is shutting down drops the closure instead of
        // running it, which waits just the same.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(watcher));
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.orders = None;
        let end = Instant::now() + KILL_TAKES;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

async fn give(orders: &mut ChildStdin, order: &WatcherOrder) -> io::Result<()> {
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    orders.write_all(&line).await?;
    orders.flush().await
}

async fn read_notices(notices: impl AsyncRead + Unpin, tell: watch::Sender<ProcessState>) {
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

async fn read_log(output: impl AsyncRead + Unpin, log: GatewayLog, tell: watch::Sender<ProcessState>) {
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

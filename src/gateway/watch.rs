//! The watcher: one small process per gateway that outlives the harness just long enough to kill it.
//!
//! The harness re-executes its own binary as `gatecrash __watch` and talks to it in JSON lines: orders
//! on the watcher's standard input, notices on its standard output; standard error carries the
//! gateway's output. The end of the input means that the harness is dead, and everything is killed.
//! The watcher starts the gateway through `gatecrash __exec`, which asks the kernel for a SIGKILL when
//! the watcher dies, so killing either of them leaves no gateway. As a subreaper the watcher inherits
//! the orphans of the gateway.

use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, getppid, kill_process_group, setpgid};
use serde::{Deserialize, Serialize};

use super::confine::{self, Limits};
use super::sockets::listeners;
use super::tree::{self, Stray};
use crate::scenario::StopSignal;

/// The hidden subcommand of the watcher.
pub(super) const WATCH: &str = "__watch";
/// The hidden subcommand that becomes the gateway.
pub(super) const EXEC: &str = "__exec";

/// Written to the log pipe after the gateway has ended: all of its output comes before this line.
pub(super) const END_OF_LOG: &[u8] = b"\x00gatecrash: end of log";

/// How long children may outlive a gateway before they count as strays.
const CHILDREN_FOLLOW: Duration = Duration::from_millis(150);
const KILL_TAKES: Duration = Duration::from_secs(2);

/// How long the successor of a gateway may take to serve its port: it boots like any other gateway.
const SUCCESSOR_BOOTS: Duration = Duration::from_mins(1);
const LOOK_FOR_SUCCESSOR: Duration = Duration::from_millis(20);

/// A message from the harness to the watcher.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WatcherOrder {
    Start(Program),
    Stop { signal: StopSignal, grace_ms: u64 },
}

/// A program to start with exactly this environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) directory: PathBuf,
    /// A file for standard output, if it is not to go where standard error goes.
    pub(super) stdout: Option<PathBuf>,
    /// What it may do; none for a program that is not confined.
    pub(super) limits: Option<Limits>,
    /// The port of a gateway. A process that it leaves behind and that serves this port becomes its successor.
    pub(super) port: Option<u16>,
}

/// A message from the watcher to the harness.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Notice {
    Spawned {
        pid: u32,
    },
    NotSpawned {
        reason: String,
    },
    /// The program has ended, and a process that it had started serves in its place.
    Replaced {
        pid: u32,
        exit: ProcessExit,
    },
    Exited(ProcessExit),
    Stopped {
        killed: bool,
        strays: Vec<Stray>,
    },
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessExit {
    /// The exit code, if it exited by itself.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl ProcessExit {
    /// The name of the signal that ended it.
    pub fn signal_name(&self) -> Option<String> {
        let signal = self.signal?;
        let known = [
            (Signal::TERM, "SIGTERM"),
            (Signal::INT, "SIGINT"),
            (Signal::HUP, "SIGHUP"),
            (Signal::KILL, "SIGKILL"),
            (Signal::ABORT, "SIGABRT"),
            (Signal::SEGV, "SIGSEGV"),
            (Signal::BUS, "SIGBUS"),
            (Signal::QUIT, "SIGQUIT"),
        ];
        let name = known.iter().find(|(one, _)| one.as_raw() == signal).map(|(_, name)| (*name).to_owned());
        Some(name.unwrap_or_else(|| format!("signal {signal}")))
    }
}

impl std::fmt::Display for ProcessExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("an unknown end"),
        }
    }
}

impl From<ExitStatus> for ProcessExit {
    fn from(status: ExitStatus) -> Self {
        Self { code: status.code(), signal: status.signal() }
    }
}

/// Runs a hidden subcommand if the arguments (without the program's name) name one, and returns its exit code. `main` calls this before anything else.
pub fn dispatch(
    mut args: impl Iterator<Item = OsString>,
    executable: impl Fn() -> io::Result<PathBuf>,
) -> Option<u8> {
    let command = args.next()?;
    let outcome = if command == WATCH {
        executable().and_then(|path| watch(&path))
    } else if command == EXEC {
        exec(args)
    } else {
        return None;
    };
    Some(outcome.map_or(1, |()| 0))
}

/// Becomes the program that is named after the watcher's process id.
///
/// The first argument says what it may do, as JSON.
fn exec(mut args: impl Iterator<Item = OsString>) -> io::Result<()> {
    let misuse = || io::Error::from(io::ErrorKind::InvalidInput);
    let limits = args.next().ok_or_else(misuse)?;
    let limits: Option<Limits> = serde_json::from_slice(limits.as_encoded_bytes())?;
    let watcher = args.next().and_then(|pid| pid.to_str()?.parse::<i32>().ok()).ok_or_else(misuse)?;
    let program = args.next().ok_or_else(misuse)?;
    setpgid(None, None)?;
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The watcher may have died before the kernel knew what to do then.
    if getppid().map(rustix::process::Pid::as_raw_pid) != Some(watcher) {
        return Err(io::Error::from(io::ErrorKind::BrokenPipe));
    }
    if let Some(limits) = limits {
        confine::apply(&limits)?;
    }
    let error = Command::new(&program).args(args).exec();
    let _ = writeln!(io::stderr(), "cannot run {}: {error}", Path::new(&program).display());
    Err(error)
}

enum Happening {
    Order(WatcherOrder),
    HarnessGone,
    Exited(ProcessExit),
}

fn watch(executable: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(getpid()))?;
    let mut orders = io::stdin().lock().lines();
    let Some(Ok(first)) = orders.next() else { return Ok(()) };
    let WatcherOrder::Start(program) = serde_json::from_str(&first)? else { return Ok(()) };
    drop(orders);
    let mut child = match spawn(executable, &program) {
        Ok(child) => child,
        Err(error) => return say(&Notice::NotSpawned { reason: error.to_string() }),
    };
    say(&Notice::Spawned { pid: child.id() })?;
    let (happen, happenings) = channel();
    let reader = happen.clone();
    thread::spawn(move || read_orders(&reader));
    let gateway = child.id();
    let (port, tell) = (program.port, happen.clone());
    let control = thread::spawn(move || control(gateway, port, &tell, &happenings));
    // The death signal is tied to the thread that spawned the child, so this thread must wait here.
    let exit = wait_without_reaping(&mut child)?;
    let _ = happen.send(Happening::Exited(exit));
    let _ = control.join();
    // Reaped last, so that until here the process id cannot be reused.
    let _ = child.wait();
    Ok(())
}

fn spawn(executable: &Path, program: &Program) -> io::Result<Child> {
    let output = || io::stderr().as_fd().try_clone_to_owned().map(Stdio::from);
    let stdout = match &program.stdout {
        Some(file) => Stdio::from(std::fs::File::create(file)?),
        None => output()?,
    };
    Command::new(executable)
        .arg(EXEC)
        .arg(serde_json::to_string(&program.limits)?)
        .arg(getpid().as_raw_pid().to_string())
        .arg(&program.path)
        .args(&program.args)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.directory)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(output()?)
        .spawn()
}

#[cfg(target_os = "linux")]
fn wait_without_reaping(child: &mut Child) -> io::Result<ProcessExit> {
    wait_for(child.id())
}

/// Waits for the end of a child without reaping it, so that its process id stays taken.
#[cfg(target_os = "linux")]
fn wait_for(pid: u32) -> io::Result<ProcessExit> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let pid = tree::handle(pid).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(Some(status)) => {
                return Ok(ProcessExit { code: status.exit_status(), signal: status.terminating_signal() });
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn wait_without_reaping(child: &mut Child) -> io::Result<ProcessExit> {
    child.wait().map(ProcessExit::from)
}

/// Without a subreaper nothing is inherited, so there is no successor to wait for.
#[cfg(not(target_os = "linux"))]
fn wait_for(_: u32) -> io::Result<ProcessExit> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

fn read_orders(happen: &Sender<Happening>) {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        if let Ok(order) = serde_json::from_str(&line) {
            let _ = happen.send(Happening::Order(order));
        }
    }
    let _ = happen.send(Happening::HarnessGone);
}

/// Follows the gateway until the harness ends it or is gone.
fn control(mut gateway: u32, port: Option<u16>, tell: &Sender<Happening>, happenings: &Receiver<Happening>) {
    let mut exited = false;
    // The end of a gateway that may have left a successor, and when it ended.
    let mut ended: Option<(ProcessExit, Instant)> = None;
    let stop = loop {
        let happening = match ended {
            None => happenings.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => happenings.recv_timeout(LOOK_FOR_SUCCESSOR),
        };
        match happening {
            Ok(Happening::Exited(exit)) => ended = Some((exit, Instant::now())),
            Ok(Happening::Order(WatcherOrder::Stop { signal, grace_ms })) => {
                break Some((signal, Duration::from_millis(grace_ms)));
            }
            Ok(Happening::Order(WatcherOrder::Start(_))) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Happening::HarnessGone) | Err(RecvTimeoutError::Disconnected) => break None,
        }
        let Some((exit, at)) = ended else { continue };
        match successor(gateway, port) {
            Successor::Serves(pid) => {
                ended = None;
                gateway = pid;
                let _ = say(&Notice::Replaced { pid, exit });
                let tell = tell.clone();
                thread::spawn(move || {
                    let _ = tell.send(Happening::Exited(wait_for(pid).unwrap_or_default()));
                });
            }
            Successor::MayCome if at.elapsed() < SUCCESSOR_BOOTS => {}
            Successor::MayCome | Successor::None => {
                ended = None;
                exited = true;
                announce_end(exit);
            }
        }
    };
    if let Some((exit, _)) = ended {
        exited = true;
        announce_end(exit);
    }
    let grace = stop.map(|(_, grace)| grace);
    let mut killed = false;
    if !exited && let Some((signal, grace)) = stop {
        tree::signal(gateway, raw(signal));
        exited = wait_for_exit(happenings, grace);
    }
    if !exited {
        killed = true;
        tree::kill(gateway);
        if grace.is_some() {
            wait_for_exit(happenings, KILL_TAKES);
        }
    }
    let strays = end_the_rest(gateway, grace.is_some());
    let _ = say(&Notice::Stopped { killed, strays });
}

/// The process that takes the place of a gateway that has ended.
enum Successor {
    Serves(u32),
    /// A process that it started is running and does not serve the port yet.
    MayCome,
    None,
}

/// Looks for a process that an ended gateway started and that serves its port.
fn successor(gateway: u32, port: Option<u16>) -> Successor {
    let Some(port) = port else { return Successor::None };
    let left = tree::descendants(std::process::id());
    let left: Vec<u32> = left.into_iter().filter(|pid| *pid != gateway).collect();
    if left.is_empty() {
        return Successor::None;
    }
    listeners(port, &left).first().map_or(Successor::MayCome, |pid| Successor::Serves(*pid))
}

/// Waits for the end of the gateway; returns whether it came in time. The wait also ends if the harness dies.
fn wait_for_exit(happenings: &Receiver<Happening>, time: Duration) -> bool {
    let end = Instant::now() + time;
    loop {
        match happenings.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Happening::Exited(exit)) => {
                announce_end(exit);
                return true;
            }
            Ok(Happening::Order(_)) => {}
            Ok(Happening::HarnessGone) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return false;
            }
        }
    }
}

/// Kills whatever is left below the watcher and returns what that was.
fn end_the_rest(gateway: u32, politely: bool) -> Vec<Stray> {
    let below = || {
        tree::descendants(std::process::id()).into_iter().filter(|pid| *pid != gateway).collect::<Vec<_>>()
    };
    let end = Instant::now() + if politely { CHILDREN_FOLLOW } else { Duration::ZERO };
    let mut left = below();
    while !left.is_empty() && Instant::now() < end {
        thread::sleep(Duration::from_millis(5));
        left = below();
    }
    let strays = left.iter().map(|pid| tree::stray(*pid)).collect();
    let end = Instant::now() + KILL_TAKES;
    // A process may fork while it is being killed, so this repeats until nothing is found.
    while !left.is_empty() && Instant::now() < end {
        for pid in &left {
            tree::kill(*pid);
        }
        thread::sleep(Duration::from_millis(2));
        left = below();
    }
    if let Some(group) = tree::handle(gateway) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    strays
}

fn announce_end(exit: ProcessExit) {
    let mut log = io::stderr().lock();
    let _ = log.write_all(b"\n").and_then(|()| log.write_all(END_OF_LOG)).and_then(|()| log.write_all(b"\n"));
    let _ = say(&Notice::Exited(exit));
}

fn say(notice: &Notice) -> io::Result<()> {
    let mut text = serde_json::to_string(notice)?;
    text.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The signal of the system.
const fn raw(signal: StopSignal) -> Signal {
    match signal {
        StopSignal::Term => Signal::TERM,
        StopSignal::Interrupt => Signal::INT,
        StopSignal::HangUp => Signal::HUP,
        StopSignal::Kill => Signal::KILL,
    }
}

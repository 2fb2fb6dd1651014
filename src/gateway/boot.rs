//! A booted gateway: starting, restarting and stopping it, and what it left behind.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;
use tracing::debug;

use super::configuration::{Changes, mark_for_restart};
use super::confine::{loopback_ports, ports_of};
use super::denied;
use super::fork;
use super::home::Home;
use super::kept_state::CONFIG_NAME;
use super::launch::Launch;
use super::leaks::{Leak, OpenFiles, Outside};
use super::log::{GatewayLog, Unread};
use super::machine::Machine;
use super::port::{PortLease, lease};
use super::process::{Process, Stopped};
use super::profiles;
use super::ready::{self, ProbeResult, ReadyGoal, Unready};
use super::redirect;
use super::seed::Seed;
use super::state::{self, StateError, StoredPairing};
use super::stopping::{StopOutcome, Stopping};
use super::target::GatewayAddress;
use super::tree::Stray;
use super::watch::ProcessExit;
use crate::scenario::{Ready, StopSignal};

const PORT_TRIES: usize = 4;
const TAIL: usize = 40;

/// The log line of a gateway that starts again inside its process. The same in all releases since 2026.3.2.
const RESTARTS_INSIDE: &str = "restart mode: in-process restart";

/// The log line of a gateway that has noticed that its configuration changed.
const NOTICES_CONFIG: &str = "config change detected";

/// How long a gateway may take until it notices that its configuration changed, before it is written again.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// How long a gateway may take to notice a changed configuration and to begin its restart: 0.6 s measured on 2026.3.31,
/// 1.2 s on 2026.9.6, both on two free cores.
const RESTART_BEGINS: Duration = Duration::from_secs(10);

/// Log lines of a gateway that gives up its start because it got no processor time: 2026.9.6 waits five seconds for the
/// heartbeat of its lease (measured with four times as much work as processors).
const STARVED: &[&str] = &["heartbeat did not become ready"];

/// A gateway to boot.
#[derive(Clone, Debug)]
pub struct BootRequest {
    /// What to start.
    pub launch: Launch,
    /// The shared token of the gateway.
    pub token: String,
    /// Changes to the default configuration.
    pub config: Changes,
    /// A state directory to start with a copy of.
    pub state: Option<PathBuf>,
    /// Files to place in the state directory before the boot, by relative path.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Environment variables, in place of those that the harness sets, except `PATH` and the settings of Node.
    pub env: Vec<(String, String)>,
    /// When it counts as booted.
    pub ready: Ready,
    /// How long the boot may take, if not the time that the launch allows.
    pub ready_within: Option<Duration>,
}

/// Why a gateway did not boot. The log lines are not masked.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The home could not be made or filled.
    #[error("the gateway's home cannot be made")]
    Home(#[source] io::Error),
    /// No port was free.
    #[error("there is no port for the gateway")]
    Port(#[source] io::Error),
    /// The watcher or the gateway's program could not be started.
    #[error("the gateway cannot be started")]
    Start(#[source] io::Error),
    /// The process ended before it was ready.
    #[error("the gateway died at boot with {exit}")]
    Died {
        /// How it ended.
        exit: ProcessExit,
        /// Its last log lines.
        tail: Vec<String>,
    },
    /// The process runs, but would not answer a connect.
    #[error("the gateway was not ready after {:.1} s: {seen}", waited.as_secs_f64())]
    NotReady {
        /// How long the harness waited.
        waited: Duration,
        /// The result of the last probe.
        seen: ProbeResult,
        /// Its last log lines.
        tail: Vec<String>,
    },
}

/// Why a running gateway was not taken over. It may be used no more.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// It does not run any more.
    #[error("the gateway does not run any more")]
    Gone,
    /// Its records cannot be replaced.
    #[error("the records of the running gateway cannot be replaced")]
    Seed(#[from] StateError),
    /// Its configuration cannot be replaced.
    #[error("the configuration of the running gateway cannot be replaced")]
    Config(#[source] io::Error),
    /// It did not restart for the new configuration.
    #[error("the gateway did not restart inside its process within {:.0} s", RESTART_BEGINS.as_secs_f64())]
    NoRestart,
    /// It may not connect to a port that its new configuration names.
    #[error("the new configuration names a port that the running gateway may not connect to")]
    Port,
    /// It did not come up again.
    #[error("the gateway did not come up again: {0}")]
    NotReady(ProbeResult),
}

impl BootError {
    /// Whether it gave up because it got no processor time, which is not the fault of the release.
    pub fn is_of_a_starved_machine(&self) -> bool {
        let Self::Died { tail, .. } = self else { return false };
        tail.iter().any(|line| STARVED.iter().any(|sign| line.contains(sign)))
    }
}

/// A gateway that runs in a home of its own. Dropping it kills all its processes and removes the home, both in the
/// background.
#[derive(Debug)]
pub struct Gateway {
    process: Option<Process>,
    port: PortLease,
    log: GatewayLog,
    outside: Outside,
    died: watch::Sender<Option<ProcessExit>>,
    expected_end: Arc<AtomicBool>,
    boot_ms: u64,
    boots: u32,
    addresses: Vec<GatewayAddress>,
    /// Fingerprint of the first certificate that it presented, if it speaks TLS.
    certificate: Option<String>,
    /// Whether the present configuration has the mark that makes it differ from the one before.
    marked: bool,
    before: StopReport,
    request: BootRequest,
    machine: Machine,
    /// The ports that the present process may connect to because its configuration or its files name them.
    named_ports: Vec<u16>,
    /// Its processes hold it, too: it is removed when the last of them is gone.
    home: Arc<Home>,
}

/// What was found when a gateway was stopped. After restarts `leaks` and `strays` are those of all its runs.
#[derive(Clone, Debug, Default)]
pub struct StopReport {
    /// How the gateway ended at the last stop.
    pub ended: StopOutcome,
    /// Processes that outlived the gateway; they were killed.
    pub strays: Vec<Stray>,
    /// What was written, opened or left outside the home, strays included.
    pub leaks: Vec<Leak>,
}

/// Notifies that the process of a gateway has ended although nobody stopped it.
#[derive(Clone, Debug)]
pub struct Death(watch::Receiver<Option<ProcessExit>>);

impl Death {
    /// How the gateway died, if it died.
    pub fn now(&self) -> Option<ProcessExit> {
        *self.0.borrow()
    }

    /// Waits until the gateway dies; forever if it is stopped properly.
    pub async fn wait(&mut self) -> ProcessExit {
        let seen = self.0.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
        match seen {
            Some(exit) => exit,
            None => std::future::pending().await,
        }
    }
}

impl Gateway {
    /// Boots a gateway in a new home and waits until it is ready.
    ///
    /// # Errors
    /// Fails if there is no home or port for it, it cannot be started, it dies, or it is not ready in time.
    pub async fn boot(machine: &Machine, request: BootRequest) -> Result<Self, BootError> {
        let home = Arc::new(machine.homes.create().map_err(BootError::Home)?);
        let log = prepare(&home, &request, machine.allow_outside).map_err(BootError::Home)?;
        let port = lease(&machine.homes).map_err(BootError::Port)?;
        let mut gateway = Self {
            process: None,
            port,
            log,
            outside: Outside::remember(&machine.temps, machine.user_home.as_deref()),
            died: watch::Sender::new(None),
            expected_end: Arc::default(),
            boot_ms: 0,
            boots: 0,
            addresses: Vec::new(),
            certificate: None,
            marked: false,
            before: StopReport::default(),
            request,
            machine: machine.clone(),
            named_ports: Vec::new(),
            home,
        };
        let mut tries = 1;
        loop {
            match gateway.start(gateway.request.ready).await {
                // Another program took the port between the probe and the gateway's bind.
                Err(BootError::Died { tail, .. }) if port_was_taken(&tail) && tries < PORT_TRIES => {
                    gateway.port = lease(&machine.homes).map_err(BootError::Port)?;
                    tries += 1;
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(gateway),
            }
        }
    }

    /// Stops the gateway and boots it again on the same home and port. Returns how it ended, if it was running.
    ///
    /// # Errors
    /// Fails if it does not come up again.
    pub async fn restart(
        &mut self,
        stopping: Stopping,
        ready: Ready,
    ) -> Result<Option<StopOutcome>, BootError> {
        let ended = self.end(stopping).await;
        self.start(ready).await?;
        Ok(ended)
    }

    /// Like a restart, but something else boots on the home, such as another release; with `fork` on a copy of the home as it
    /// was at the first fork.
    ///
    /// # Errors
    /// Fails if the home cannot be forked or configured, or the gateway does not come up again.
    pub async fn restart_as(
        &mut self,
        launch: Launch,
        fork: bool,
        config: Option<&Value>,
        ready: Ready,
    ) -> Result<Option<StopOutcome>, BootError> {
        let ended = self.end(Stopping::default()).await;
        if fork {
            fork::fork(&self.home).map_err(BootError::Home)?;
        }
        let own = |launch: &Launch| launch.configuration("", &Changes::default());
        let other = own(&launch) != own(&self.request.launch);
        self.request.launch = launch;
        if config.is_some() || other {
            self.change_config(config.unwrap_or(&Value::Null)).map_err(BootError::Home)?;
        }
        self.start(ready).await?;
        Ok(ended)
    }

    /// Gives the running, idle gateway another configuration and other records, for which it restarts inside its process.
    /// That takes a fraction of a boot, most of which is the loading of modules.
    ///
    /// # Errors
    /// Fails if the gateway does not run, cannot be given what it needs, or does not restart. It has to be stopped then.
    pub async fn take_over(&mut self, config: Changes, seed: &Seed) -> Result<(), TakeOverError> {
        let written = self.request.launch.configuration(&self.request.token, &config);
        if self.is_confined() && ports_of(&written).iter().any(|port| !self.named_ports.contains(port)) {
            return Err(TakeOverError::Port);
        }
        self.request = BootRequest { config, state: None, files: Vec::new(), ..self.request.clone() };
        seed.replace(&self.home.state())?;
        self.restart_with_config().await
    }

    /// Lets the running gateway restart inside its process, with this change to its configuration.
    ///
    /// # Errors
    /// Fails if the gateway does not run, or does not restart.
    pub async fn restart_inside(&mut self, change: Option<&Value>) -> Result<(), TakeOverError> {
        self.request.config.add(change.cloned().unwrap_or_default());
        self.restart_with_config().await
    }

    async fn restart_with_config(&mut self) -> Result<(), TakeOverError> {
        let begun = Instant::now();
        let state = self.process.as_ref().map(Process::state).ok_or(TakeOverError::Gone)?;
        self.marked = !self.marked;
        let mut written = self.request.launch.configuration(&self.request.token, &self.request.config);
        mark_for_restart(&mut written, self.marked);
        self.restart_for(&written, begun).await?;
        let within = self.request.ready_within.unwrap_or_else(|| self.request.launch.ready_within());
        let wanted = ReadyGoal { ready: Ready::Answers, strict: true };
        let waiting = ready::wait_until_ready(self.port.port(), state, self.log.count(), within, wanted);
        self.certificate = waiting.await.map_err(|unready| match unready {
            Unready::Died(_) => TakeOverError::Gone,
            Unready::TimeOut(seen) => TakeOverError::NotReady(seen),
        })?;
        self.addresses = ready::addresses(self.port.port()).await;
        self.boot_ms = millis(begun);
        debug!(port = self.port.port(), took_ms = self.boot_ms, "the gateway restarted inside its process");
        Ok(())
    }

    /// Writes a configuration until the gateway restarts inside its process.
    async fn restart_for(&self, config: &Value, begun: Instant) -> Result<(), TakeOverError> {
        while begun.elapsed() < RESTART_BEGINS {
            // A gateway that is up for less than a second may not watch its configuration yet.
            if !self.printed(begun, NOTICES_CONFIG) {
                self.home.replace_config(config).map_err(TakeOverError::Config)?;
            }
            if self.prints(begun, RESTARTS_INSIDE, NOTICED_WITHIN).await {
                return Ok(());
            }
        }
        debug!(log = ?self.log.since(begun), "the gateway does not restart for its new configuration");
        Err(TakeOverError::NoRestart)
    }

    /// Whether a line of its log since a moment contains this sign.
    fn printed(&self, since: Instant, sign: &str) -> bool {
        self.log.find(&mut Unread::since(since), |line| line.contains(sign)).is_some()
    }

    /// Waits until a line of its log since a moment contains this sign; returns whether that happens soon enough.
    async fn prints(&self, since: Instant, sign: &str, within: Duration) -> bool {
        let mut lines = self.log.count();
        let mut unread = Unread::since(since);
        let found = async {
            while self.log.find(&mut unread, |line| line.contains(sign)).is_none() {
                if lines.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(within, found).await.is_ok()
    }

    /// Stops the gateway and keeps its home; `restart` boots it again. Returns how it ended, if it was running.
    pub async fn halt(&mut self, stopping: Stopping) -> Option<StopOutcome> {
        self.end(stopping).await
    }

    /// Whether it was stopped and not started again.
    pub fn is_halted(&self) -> bool {
        self.process.is_none()
    }

    /// Stops the gateway, first by a signal and then by force, and removes the home.
    pub async fn stop(mut self) -> StopReport {
        self.end(Stopping::default()).await;
        std::mem::take(&mut self.before)
    }

    /// Like a stop, but copies the state and the configuration to `place` before the home is removed.
    ///
    /// # Errors
    /// Fails if the state cannot be copied.
    pub async fn stop_and_keep(mut self, place: &Path) -> io::Result<StopReport> {
        self.end(Stopping::default()).await;
        // It is as secret as the state itself, whatever the gateway has made of that.
        DirBuilder::new().recursive(true).mode(0o700).create(place)?;
        fork::copy(&self.home.state(), place)?;
        fork::copy(&self.home.config(), &place.join(CONFIG_NAME))?;
        fs::set_permissions(place, Permissions::from_mode(0o700))?;
        Ok(std::mem::take(&mut self.before))
    }

    /// Changes the configuration of the next boot: objects are merged, `null` removes a key.
    ///
    /// # Errors
    /// Fails if the configuration cannot be written.
    pub fn change_config(&mut self, change: &Value) -> io::Result<()> {
        self.request.config.add(change.clone());
        write_config(&self.home, &self.request)
    }

    /// The pairing records that it has stored.
    ///
    /// # Errors
    /// Fails if they cannot be read.
    pub fn stored(&self) -> Result<StoredPairing, StateError> {
        state::read_pairing(&self.home.state())
    }

    /// Kills the gateway without warning, like a crash; `restart` boots it again.
    pub async fn crash(&mut self) {
        self.end(Stopping { signal: StopSignal::Kill, ..Stopping::default() }).await;
    }

    /// The addresses that it listens on.
    pub fn addresses(&self) -> &[GatewayAddress] {
        &self.addresses
    }

    /// The SHA-256 of the first certificate that it presented, in hexadecimal digits; none if it does not speak TLS.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port.port()
    }

    /// The shared token of its configuration.
    pub fn token(&self) -> &str {
        &self.request.token
    }

    /// Milliseconds from the start of the process to readiness, at the last boot.
    pub fn boot_ms(&self) -> u64 {
        self.boot_ms
    }

    /// How many times it was booted.
    pub fn boots(&self) -> u32 {
        self.boots
    }

    /// Whether what is started from a build is kept in its home and on loopback.
    pub(super) fn is_confined(&self) -> bool {
        !self.machine.allow_outside
    }

    /// The ports of loopback that its configuration and its files name.
    pub(super) fn named_ports(&self) -> Vec<u16> {
        self.named_ports.clone()
    }

    /// What it was started from.
    pub(super) fn launch(&self) -> &Launch {
        &self.request.launch
    }

    /// The gatecrash binary, which is also the watcher.
    pub(super) fn executable(&self) -> &Path {
        &self.machine.executable
    }

    /// What it prints, over all its boots.
    pub fn log(&self) -> &GatewayLog {
        &self.log
    }

    /// The home that it runs in.
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// The process id of the gateway while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::pid)
    }

    /// How many times since the last boot a process that the gateway had started took its place.
    pub fn replaced(&self) -> u32 {
        self.process.as_ref().map_or(0, |process| process.state().borrow().replaced())
    }

    /// Notifies when it dies unexpectedly. After a restart the same value is about the new process.
    pub fn died(&self) -> Death {
        Death(self.died.subscribe())
    }

    async fn start(&mut self, ready: Ready) -> Result<(), BootError> {
        let begun = Instant::now();
        let request = &self.request;
        request.launch.link_shared_temporary(&self.home).map_err(BootError::Home)?;
        let config = request.launch.configuration(&request.token, &request.config);
        let mut named_ports = ports_of(&config);
        for (_, bytes) in &request.files {
            named_ports.extend(loopback_ports(&String::from_utf8_lossy(bytes)));
        }
        let port = self.port.port();
        let limits = request.launch.limits(&self.home, port, &request.env, &named_ports);
        let limits = self.is_confined().then_some(limits);
        let program = request.launch.program(&self.home, port, &self.machine.path, &request.env, limits);
        debug!(home = %self.home.path().display(), port = self.port.port(), "booting a gateway");
        let process = Process::spawn(&self.machine.executable, &self.home, program, &self.log);
        let process = process.await.map_err(BootError::Start)?;
        let usual = || profiles::patience(&request.env, request.launch.ready_within());
        let within = request.ready_within.unwrap_or_else(usual);
        let wanted = ReadyGoal { ready, strict: matches!(request.launch, Launch::Node(_)) };
        let waiting =
            ready::wait_until_ready(self.port.port(), process.state(), self.log.count(), within, wanted);
        let tail =
            || self.log.since(begun).into_iter().rev().take(TAIL).rev().map(|line| line.text).collect();
        match waiting.await {
            Ok(certificate) => self.certificate = self.certificate.take().or(certificate),
            Err(unready) => {
                debug!(%unready, "the gateway is not ready");
                let tail = tail();
                let waited = begun.elapsed();
                process.kill().await;
                return Err(match unready {
                    Unready::Died(exit) => BootError::Died { exit, tail },
                    Unready::TimeOut(seen) => BootError::NotReady { waited, seen, tail },
                });
            }
        }
        self.named_ports = named_ports;
        self.boot_ms = millis(begun);
        self.boots += 1;
        debug!(port = self.port.port(), boot_ms = self.boot_ms, "the gateway is ready");
        if ready == Ready::Answers || self.addresses.is_empty() {
            self.addresses = ready::addresses(self.port.port()).await;
        }
        self.expected_end = Arc::default();
        self.died.send_replace(None);
        let (died, expected, mut state) =
            (self.died.clone(), Arc::clone(&self.expected_end), process.state());
        tokio::spawn(async move {
            let exit =
                state.wait_for(|state| state.ended().is_some()).await.ok().and_then(|state| state.ended());
            if !expected.load(Ordering::SeqCst) {
                died.send_replace(exit);
            }
        });
        self.process = Some(process);
        Ok(())
    }

    fn expect_end(&self) {
        self.expected_end.store(true, Ordering::SeqCst);
    }

    async fn end(&mut self, stopping: Stopping) -> Option<StopOutcome> {
        self.expect_end();
        let process = self.process.take()?;
        let within = profiles::grace(&self.request.env, stopping.within);
        Some(self.account(process, Stopping { within, ..stopping }).await)
    }

    async fn account(&mut self, process: Process, stopping: Stopping) -> StopOutcome {
        let begun = Instant::now();
        let mut allowed = self.request.launch.shared_directories();
        allowed.push(self.home.path());
        let open = process.watcher_pid().map(|pid| OpenFiles::read(pid, &allowed)).unwrap_or_default();
        let (exit, Stopped { killed, strays }) = process.stop(stopping).await;
        let report = &mut self.before;
        let mut found: Vec<Leak> = strays
            .iter()
            .filter(|stray| !self.request.launch.knows_stray(&stray.command))
            .cloned()
            .map(Leak::Process)
            .collect();
        found.extend(open.leaks());
        found.extend(self.outside.changed(self.home.path()));
        let is_news = |leak: &Leak| match leak {
            Leak::Denied { wanted: machine, .. } => !self.request.launch.knows_call(machine),
            _ => true,
        };
        found.extend(denied::read(&self.home.logs()).into_iter().filter(is_news));
        found.retain(|leak| !report.leaks.contains(leak));
        report.leaks.extend(found);
        report.strays.extend(strays);
        report.ended = StopOutcome { exit, killed, stop_ms: millis(begun) };
        debug!(%exit, killed, stop_ms = report.ended.stop_ms, "the gateway is stopped");
        report.ended
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.expect_end();
    }
}

fn write_config(home: &Home, request: &BootRequest) -> io::Result<()> {
    home.write_config(&request.launch.configuration(&request.token, &request.config))
}

fn prepare(home: &Home, request: &BootRequest, allow_outside: bool) -> io::Result<GatewayLog> {
    write_config(home, request)?;
    redirect::prepare(home, allow_outside)?;
    if let Some(state) = &request.state {
        fork::copy(state, &home.state())?;
    }
    for (place, bytes) in &request.files {
        home.write_state(place, bytes)?;
    }
    GatewayLog::create(&home.logs().join("gateway.log"))
}

fn port_was_taken(tail: &[String]) -> bool {
    let signs = ["EADDRINUSE", "address already in use", "is already in use", "already listening"];
    tail.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

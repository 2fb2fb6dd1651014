//! A booted gateway: start, restart, stop, and what it left behind.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::watch;

use super::boot_request::{BootError, BootRequest, Machine};
use super::configuration::Changes;
use super::fork;
use super::home::Home;
use super::launch::Launch;
use super::leaks::{Leak, Open, Outside};
use super::log::Log;
use super::port::{PortLease, lease};
use super::process::{Process, Stopped};
use super::profiles;
use super::ready::{self, Unready, Wanted};
use super::redirect;
use super::state::{self, StateError, StoredPairing};
use super::stopping::{Ended, Stopping};
use super::target::Address;
use super::tree::Stray;
use super::watch::Exit;
use crate::scenario::{Ready, StopSignal};

const PORT_TRIES: usize = 4;
const TAIL: usize = 40;

/// A gateway that runs in a home of its own. Dropping it kills all its processes and removes the home.
#[derive(Debug)]
pub struct Gateway {
    // Dropped in this order: no process may be left when the home goes.
    process: Option<Process>,
    port: PortLease,
    log: Log,
    outside: Outside,
    died: watch::Sender<Option<Exit>>,
    expected_end: Arc<AtomicBool>,
    boot_ms: u64,
    boots: u32,
    addresses: Vec<Address>,
    /// Fingerprint of the first certificate that it has shown, where it speaks TLS.
    certificate: Option<String>,
    before: StopReport,
    request: BootRequest,
    machine: Machine,
    home: Home,
}

/// What a stop found. After restarts `leaks` and `strays` are those of all runs.
#[derive(Clone, Debug, Default)]
pub struct StopReport {
    /// How the last stop ended.
    pub ended: Ended,
    /// Processes that outlived the gateway; they were killed.
    pub strays: Vec<Stray>,
    /// What was written, opened or left outside the home, strays included.
    pub leaks: Vec<Leak>,
}

/// Tells when a gateway's process ended though nobody stopped it.
#[derive(Clone, Debug)]
pub struct Death(watch::Receiver<Option<Exit>>);

impl Death {
    /// How the gateway died, if it did.
    pub fn now(&self) -> Option<Exit> {
        *self.0.borrow()
    }

    /// Waits for the death; for ever if the gateway is stopped in order.
    pub async fn wait(&mut self) -> Exit {
        let seen = self.0.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
        match seen {
            Some(exit) => exit,
            None => std::future::pending().await,
        }
    }
}

impl Gateway {
    /// Boots a gateway in a new home and waits until it is ready.
    pub async fn boot(machine: &Machine, request: BootRequest) -> Result<Self, BootError> {
        let home = machine.homes.create().map_err(BootError::Home)?;
        let log = prepare(&home, &request).map_err(BootError::Home)?;
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
            before: StopReport::default(),
            request,
            machine: machine.clone(),
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

    /// Stops the gateway and boots it again on the same home and port. The answer says how it ended, if it ran.
    ///
    /// # Errors
    /// Fails where it does not come up again.
    pub async fn restart(&mut self, stopping: Stopping, ready: Ready) -> Result<Option<Ended>, BootError> {
        let ended = self.end(stopping).await;
        self.start(ready).await?;
        Ok(ended)
    }

    /// As a restart, but what boots on the home is something else, such as another release; with `fork`
    /// on a copy of the home as it was at the first fork.
    pub async fn restart_as(
        &mut self,
        launch: Launch,
        fork: bool,
        config: Option<&Value>,
        ready: Ready,
    ) -> Result<Option<Ended>, BootError> {
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

    /// Stops the gateway and keeps its home; `restart` boots it again. The answer says how it ended, if it ran.
    pub async fn halt(&mut self, stopping: Stopping) -> Option<Ended> {
        self.end(stopping).await
    }

    /// Whether it was stopped and not started again.
    pub fn is_halted(&self) -> bool {
        self.process.is_none()
    }

    /// Stops the gateway, polite first, and removes the home.
    pub async fn stop(mut self) -> StopReport {
        self.end(Stopping::default()).await;
        std::mem::take(&mut self.before)
    }

    /// As a stop, but `place` gets a copy of the state before the home is removed.
    pub async fn stop_and_keep(mut self, place: &Path) -> io::Result<StopReport> {
        self.end(Stopping::default()).await;
        fork::copy(&self.home.state(), place)?;
        Ok(std::mem::take(&mut self.before))
    }

    /// Changes the configuration of the next boot: objects are merged, `null` removes a key.
    pub fn change_config(&mut self, change: &Value) -> io::Result<()> {
        self.request.config.add(change.clone());
        write_config(&self.home, &self.request)
    }

    /// What it stores.
    pub fn stored(&self) -> Result<StoredPairing, StateError> {
        state::read_pairing(&self.home.state())
    }

    /// Kills the gateway without a warning, as a crash would; `restart` boots it again.
    pub async fn crash(&mut self) {
        self.end(Stopping { signal: StopSignal::Kill, ..Stopping::default() }).await;
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The SHA-256 of the first certificate that it has shown, in hexadecimal digits; none where it speaks no TLS.
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

    /// How often it was booted.
    pub fn boots(&self) -> u32 {
        self.boots
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
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The process id of the gateway while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::pid)
    }

    /// How often a process that the gateway had started took its place since the last boot.
    pub fn replaced(&self) -> u32 {
        self.process.as_ref().map_or(0, |process| process.state().borrow().replaced())
    }

    /// Tells when it dies unasked. After a restart the same value tells of the new process.
    pub fn died(&self) -> Death {
        Death(self.died.subscribe())
    }

    async fn start(&mut self, ready: Ready) -> Result<(), BootError> {
        let begun = Instant::now();
        let request = &self.request;
        request.launch.link_shared_temporary(&self.home).map_err(BootError::Home)?;
        let program = request.launch.program(&self.home, self.port.port(), &self.machine.path, &request.env);
        let process = Process::spawn(&self.machine.executable, self.home.mark(), program, &self.log);
        let process = process.await.map_err(BootError::Start)?;
        let usual = || profiles::patience(&request.env, request.launch.ready_within());
        let within = request.ready_within.unwrap_or_else(usual);
        let wanted = Wanted { ready, strict: matches!(request.launch, Launch::Node(_)) };
        let waiting =
            ready::wait_until_ready(self.port.port(), process.state(), self.log.count(), within, wanted);
        let tail =
            || self.log.since(begun).into_iter().rev().take(TAIL).rev().map(|line| line.text).collect();
        match waiting.await {
            Ok(certificate) => self.certificate = self.certificate.take().or(certificate),
            Err(Unready::Died(exit)) => return Err(BootError::Died { exit, tail: tail() }),
            Err(Unready::TimeOut(seen)) => {
                return Err(BootError::NotReady { waited: begun.elapsed(), seen, tail: tail() });
            }
        }
        self.boot_ms = millis(begun);
        self.boots += 1;
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

    async fn end(&mut self, stopping: Stopping) -> Option<Ended> {
        self.expect_end();
        let process = self.process.take()?;
        let within = profiles::grace(&self.request.env, stopping.within);
        Some(self.account(process, Stopping { within, ..stopping }).await)
    }

    async fn account(&mut self, process: Process, stopping: Stopping) -> Ended {
        let begun = Instant::now();
        let mut allowed = self.request.launch.shared_directories();
        allowed.push(self.home.path());
        let open = process.watcher_pid().map(|pid| Open::read(pid, &allowed)).unwrap_or_default();
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
        found.retain(|leak| !report.leaks.contains(leak));
        report.leaks.extend(found);
        report.strays.extend(strays);
        report.ended = Ended { exit, killed, stop_ms: millis(begun) };
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

fn prepare(home: &Home, request: &BootRequest) -> io::Result<Log> {
    write_config(home, request)?;
    redirect::prepare(home)?;
    if let Some(state) = &request.state {
        fork::copy(state, &home.state())?;
    }
    for (place, bytes) in &request.files {
        home.write_state(place, bytes)?;
    }
    Log::create(&home.logs().join("gateway.log"))
}

fn port_was_taken(tail: &[String]) -> bool {
    let signs = ["EADDRINUSE", "address already in use", "is already in use", "already listening"];
    tail.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

//! The model, served in this process as one more kind of gateway.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tracing::debug;

use super::configuration::{Changes, smallest};
use super::kept_state::CONFIG_NAME;
use super::seed::Seed;
use super::state::{PAIRED, PENDING, StoredPairing};
use crate::model::{
    self, Clock, Fault, GatewayState, Profile, RuleSet, ServeError, ServeOptions, Served, Unmodelled,
};
use crate::release::Release;

/// The state directory that the model reports. Nothing is ever written there: it keeps its records in memory.
const STATE_DIR: &str = "/nonexistent/openclaw";

/// How far the clock of a model may be ahead of its clients', in milliseconds.
const MOST_AHEAD: i64 = 60_000;

/// Which model to serve.
#[derive(Clone)]
pub(super) struct EmbeddedBuild {
    /// The release whose rules apply.
    pub release: Release,
    /// A fault that is planted in it.
    pub fault: Option<Fault>,
    /// The clock that it runs by.
    pub clock: Clock,
}

impl std::fmt::Debug for EmbeddedBuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EmbeddedBuild({}, {:?})", self.release, self.fault)
    }
}

/// A model that is being served; it stops when this value is dropped.
pub struct Embedded {
    served: Served,
    /// How far its clock was set forward, in milliseconds.
    ahead: Arc<AtomicI64>,
    token: String,
    changes: Changes,
    boots: usize,
    boot_ms: u64,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedded({})", self.served.v4)
    }
}

/// Why the model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// It has no port to listen on.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// It would have to do something that the model does not implement.
    #[error(transparent)]
    Unmodelled(#[from] Unmodelled),
}

/// Gives the model the time for handshakes that every gateway gets unless a scenario sets another one or removes it (see the
/// settings of real gateways): the model is served in this process, and load on the machine must not look like a fault of
/// its rules. Releases before 2026.3.22 do not know the variable.
fn patient(mut profile: Profile, env: &[(String, String)]) -> Profile {
    let set = env.iter().find(|(name, _)| name == "OPENCLAW_HANDSHAKE_TIMEOUT_MS").map(|(_, value)| value);
    match set.map(|value| value.parse()) {
        None => profile.handshake_ms = profile.handshake_ms.max(60_000),
        Some(Ok(ms)) if profile.release() >= KNOWS_HANDSHAKE_TIMEOUT => profile.handshake_ms = ms,
        Some(_) => {}
    }
    profile
}

/// The first release that knows `OPENCLAW_HANDSHAKE_TIMEOUT_MS`.
const KNOWS_HANDSHAKE_TIMEOUT: Release = Release::new(2026, 3, 22);

impl Embedded {
    pub(super) async fn serve(
        build: &EmbeddedBuild,
        token: String,
        change: Value,
        env: &[(String, String)],
        seed: &Seed,
    ) -> Result<Self, EmbeddedError> {
        let started = Instant::now();
        let changes = Changes::from(change);
        let ahead = Arc::new(AtomicI64::new(0));
        if let Some(unknown) = unmodelled(&changes, env) {
            return Err(unknown.into());
        }
        let (paired, pending) = (Value::Object(seed.paired.clone()), Value::Object(seed.pending.clone()));
        let options = ServeOptions {
            profile: patient(Profile::of(build.release), env),
            config: changes.of(smallest(&token)),
            state: GatewayState::from_files([(PAIRED, &paired), (PENDING, &pending)]),
            seed: seed_of(&token),
            fault: build.fault,
            state_dir: STATE_DIR.to_owned(),
            clock: Arc::new({
                let (clock, ahead) = (build.clock.clone(), Arc::clone(&ahead));
                move || clock() + ahead.load(Ordering::SeqCst)
            }),
        };
        let served = model::serve(options).await?;
        debug!(release = %build.release, address = %served.v4, "the model is served");
        Ok(Self { served, ahead, token, changes, boots: 1, boot_ms: millis(started) })
    }

    /// The socket address for an IP address, if it listens there.
    pub(super) fn socket(&self, ip: IpAddr) -> Option<SocketAddr> {
        [Some(self.served.v4), self.served.v6].into_iter().flatten().find(|one| one.ip() == ip)
    }

    pub(super) const fn port(&self) -> u16 {
        self.served.v4.port()
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) const fn boots(&self) -> usize {
        self.boots
    }

    pub(super) const fn boot_ms(&self) -> u64 {
        self.boot_ms
    }

    /// Lets time pass for it at once, as far as its clock stays close enough to that of its clients; returns whether it did.
    /// Signatures are accepted for two minutes.
    pub(super) fn let_pass(&self, time: Duration) -> bool {
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        if self.ahead.load(Ordering::SeqCst).saturating_add(time) > MOST_AHEAD {
            return false;
        }
        self.ahead.fetch_add(time, Ordering::SeqCst);
        self.served.tick();
        true
    }

    /// Restarts it with the same records and with this change to its configuration.
    pub(super) fn restart(&mut self, change: Option<&Value>) -> Result<(), EmbeddedError> {
        let started = Instant::now();
        let profile = self.served.profile();
        self.start_again(profile, change)?;
        self.boot_ms = millis(started);
        Ok(())
    }

    fn start_again(&mut self, profile: Profile, change: Option<&Value>) -> Result<(), EmbeddedError> {
        if let Some(change) = change {
            let mut changes = self.changes.clone();
            changes.add(change.clone());
            if let Some(unknown) = unmodelled(&changes, &[]) {
                return Err(unknown.into());
            }
            self.changes = changes;
        }
        self.served.restart_as(profile, &self.changes.of(smallest(&self.token)));
        self.boots += 1;
        Ok(())
    }

    /// The pairing records that it has stored.
    pub(super) fn stored(&self) -> StoredPairing {
        let mut stored = StoredPairing::default();
        for (path, records) in self.served.state().files() {
            let Value::Object(records) = records else { continue };
            let records: Map<String, Value> = records;
            match path {
                PAIRED => stored.paired = records,
                PENDING => stored.pending = records,
                _ => {}
            }
        }
        stored
    }

    /// Writes its records and its release into a new state directory, as a gateway with the JSON store has them. Only the
    /// owner can read them.
    pub(super) fn keep(&self, place: &Path) -> io::Result<()> {
        let write = |path: &str, value: &Value| -> io::Result<()> {
            let path = place.join(path);
            let folder = path.parent().unwrap_or(place);
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(format!("{value:#}\n").as_bytes())
        };
        for (path, records) in self.served.state().files() {
            write(path, &records)?;
        }
        let release = self.served.profile().release().to_string();
        write(CONFIG_NAME, &json!({"meta": {"lastTouchedVersion": release}}))
    }

    /// The rules that decided something so far.
    pub(super) fn fired(&self) -> RuleSet {
        self.served.fired()
    }

    pub(super) async fn stop(self) {
        self.served.stop().await;
    }
}

/// What a configuration or environment asks for that the model does not implement.
pub(super) fn unmodelled(changes: &Changes, env: &[(String, String)]) -> Option<Unmodelled> {
    let variables = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    model::unmodelled_environment(variables)
        .or_else(|| model::unmodelled_config(&changes.of(smallest("the shared token"))))
}

/// Runs with the same token draw the same ids and tokens.
fn seed_of(token: &str) -> u64 {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn time_passes_at_once_for_a_model_as_far_as_signatures_allow() {
        // A clock that stands still: nothing is due unless time is let pass.
        let clock: Clock = Arc::new(|| 1_774_900_000_000);
        let build = EmbeddedBuild { release: "2026.3.13".parse().unwrap(), fault: None, clock };
        let own = [("OPENCLAW_HANDSHAKE_TIMEOUT_MS".to_owned(), String::new())];
        let seed = Seed::default();
        let served = Embedded::serve(&build, "secret".into(), Value::Null, &own, &seed);
        let model = served.await.unwrap();
        let (mut socket, _) =
            tokio_tungstenite::connect_async(format!("ws://{}", model.served.v4)).await.unwrap();
        let challenge = socket.next().await.unwrap().unwrap();
        assert!(challenge.to_text().unwrap().contains("connect.challenge"));
        assert!(model.let_pass(Duration::from_secs(4)));
        let end = socket.next().await.unwrap().unwrap();
        assert!(end.is_close(), "the handshake timer of 2026.3.13 is three seconds: {end:?}");
        assert!(!model.let_pass(Duration::from_mins(1)));
    }

    #[test]
    fn handshakes_get_a_minute_unless_a_scenario_removes_that() {
        let profile = || Profile::of("2026.3.31".parse().unwrap());
        assert_eq!(patient(profile(), &[]).handshake_ms, 60_000);
        let own = [("OPENCLAW_HANDSHAKE_TIMEOUT_MS".to_owned(), String::new())];
        assert_eq!(patient(profile(), &own).handshake_ms, profile().handshake_ms);
        let set = [("OPENCLAW_HANDSHAKE_TIMEOUT_MS".to_owned(), "1000".to_owned())];
        assert_eq!(patient(profile(), &set).handshake_ms, 1_000);
    }
}

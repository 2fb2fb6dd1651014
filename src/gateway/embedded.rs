//! The model served inside this process, as one more kind of gateway.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::configuration::{Changes, smallest};
use super::seed::Seed;
use super::state::{PAIRED, PENDING, StoredPairing};
use crate::model::{self, Clock, Fault, GatewayState, Profile, ServeError, ServeOptions, Served, Unmodelled};
use crate::release::Release;

/// What the model says its state directory is. Nothing is ever written there.
const STATE_DIR: &str = "/nonexistent/openclaw";

/// Which model to serve.
#[derive(Clone)]
pub(super) struct EmbeddedBuild {
    /// Whose rules hold.
    pub release: Release,
    /// A planted fault.
    pub fault: Option<Fault>,
    /// The clock.
    pub clock: Clock,
}

impl std::fmt::Debug for EmbeddedBuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EmbeddedBuild({}, {:?})", self.release, self.fault)
    }
}

/// A served model. It lives as long as this value.
pub struct Embedded {
    served: Served,
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

/// Why a model was not served.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// It has no port.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// It would have to do something that the model does not know.
    #[error(transparent)]
    Unmodelled(#[from] Unmodelled),
}

/// The time that every gateway gets for its handshakes unless a scenario undoes it (see the switches of real ones): the
/// model is served in this process, and a machine under load is no verdict on its rules.
fn patient(mut profile: Profile, env: &[(String, String)]) -> Profile {
    let undone = env.iter().any(|(name, value)| name == "OPENCLAW_HANDSHAKE_TIMEOUT_MS" && value.is_empty());
    if !undone {
        profile.handshake_ms = profile.handshake_ms.max(60_000);
    }
    profile
}

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
            clock: build.clock.clone(),
        };
        let served = model::serve(options).await?;
        Ok(Self { served, token, changes, boots: 1, boot_ms: millis(started) })
    }

    /// The address with its port, where it listens there.
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

    /// Stops it and starts it again with the same records, with this change to its configuration.
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

    /// What it stores.
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

    pub(super) async fn stop(self) {
        self.served.stop().await;
    }
}

/// What a model would have to know beyond what it does.
pub(super) fn unmodelled(changes: &Changes, env: &[(String, String)]) -> Option<Unmodelled> {
    let variables = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    model::unmodelled_environment(variables)
        .or_else(|| model::unmodelled_config(&changes.of(smallest("the shared token"))))
}

/// The same run draws the same ids and tokens.
fn seed_of(token: &str) -> u64 {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_patient_unless_a_scenario_asks_for_its_own_timer() {
        let profile = || Profile::of("2026.3.31".parse().unwrap());
        assert_eq!(patient(profile(), &[]).handshake_ms, 60_000);
        let own = [("OPENCLAW_HANDSHAKE_TIMEOUT_MS".to_owned(), String::new())];
        assert_eq!(patient(profile(), &own).handshake_ms, profile().handshake_ms);
    }
}

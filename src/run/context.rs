//! The context in which the steps of a case run: its gateway, its connections and its references.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;

use super::abridged::Allowance;
use super::bindings::Bindings;
use super::case_limit::CaseLimit;
use super::lane::{Case, Lane};
use super::neighbours::Neighbours;
use super::network::{CaseNetwork, PlannedConnection};
use super::programs::Programs;
use super::sockets::Sockets;
use super::step_error::{Missing, StepError};
use crate::bounded_read;
use crate::client::{Connection, Direction, Endpoint, EndpointTls, OpenError, Opened, Transcript, open};
use crate::scenario::{
    self, Action, Address, CertificatePin, Entries, Expectation, HOME_IDENTITY, Millis, Scenario, Spanned,
};
use crate::verdict::{Outcome, Verdict};
use crate::wire::Masker;

/// How long silence must last by default to count as an outcome.
const SILENCE: Duration = Duration::from_secs(1);

/// How long a live gateway of ours may refuse connections because it is restarting by itself.
const COMES_BACK: Duration = Duration::from_secs(20);

/// The largest file with an identity that is read, in bytes.
const IDENTITY: u64 = 1 << 20;

/// Pause between two TCP connects; a refused one costs only microseconds.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The beginning of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    /// When it began.
    pub(super) at: Instant,
    /// Number of the first transcript entry after it.
    pub(super) entry: usize,
}

/// The parameters of a connection to open.
pub(super) struct Opening<'a> {
    /// Name of the connection.
    pub(super) name: &'a str,
    /// Name of the gateway to connect to; `None` for the one under test.
    pub(super) to: Option<&'a Spanned<String>>,
    /// Address to connect to.
    pub(super) address: Option<Address>,
    /// Address to connect from.
    pub(super) from: Option<Address>,
    /// Whether to use TLS.
    pub(super) tls: Option<&'a scenario::Tls>,
    /// Headers of the upgrade request.
    pub(super) headers: &'a Entries<String>,
    /// What the scenario asks of the network.
    pub(super) network: Option<&'a scenario::Network>,
}

/// A running case: its gateway, its connections and the values of its references.
pub(super) struct CaseContext<'a> {
    pub(super) lane: &'a Lane,
    pub(super) scenario: &'a Scenario,
    pub(super) transcript: Transcript,
    pub(super) bindings: Mutex<Bindings>,
    pub(super) sockets: Sockets,
    /// What happens between its clients and its gateways.
    pub(super) network: CaseNetwork,
    pub(super) programs: Programs,
    /// Named gateways that the case started.
    pub(super) neighbours: Neighbours,
    /// Verdicts of the steps that have ended, by id.
    pub(super) ended: Mutex<HashMap<String, Verdict>>,
    /// When a call that changes the gateway for all its clients first succeeded.
    pub(super) changed: Mutex<Option<Instant>>,
    /// When the case began.
    pub(super) begun: Instant,
    /// How much of its outcomes is kept.
    pub(super) allowance: Mutex<Allowance>,
    /// How long it may take as a whole.
    pub(super) limit: CaseLimit,
    /// When its steps began, by id.
    pub(super) beginnings: Mutex<HashMap<String, Beginning>>,
}

impl<'a> CaseContext<'a> {
    /// The context at the beginning of a case.
    pub(super) fn new(lane: &'a Lane, case: Case<'a>, bindings: Bindings, begun: Instant) -> Self {
        let Case { scenario, attempt } = case;
        Self {
            lane,
            scenario,
            transcript: Transcript::new(begun),
            bindings: Mutex::new(bindings),
            sockets: Sockets::default(),
            network: CaseNetwork::new(lane.chaos(), &scenario.id, attempt),
            programs: Programs::default(),
            neighbours: Neighbours::default(),
            ended: Mutex::default(),
            changed: Mutex::default(),
            begun,
            allowance: Mutex::default(),
            limit: CaseLimit::new(lane.case_timeout(), begun),
            beginnings: Mutex::default(),
        }
    }

    /// The current values of references.
    pub(super) fn bindings(&self) -> Bindings {
        self.bindings.lock().clone()
    }

    /// Whether the case has its gateway to itself.
    pub(super) fn is_alone(&self) -> bool {
        self.scenario.is_alone(self.lane.release().as_ref())
    }

    /// The open connection of this name.
    ///
    /// # Errors
    /// Fails if no connection of this name is open.
    pub(super) fn connection(&self, name: &Spanned<String>) -> Result<Arc<Connection>, StepError> {
        let missing = || StepError::Unreached {
            text: format!("there is no connection `{}`", name.value),
            missing: Missing::Connection(name.value.clone()),
        };
        self.sockets.named(&name.value).ok_or_else(missing)
    }

    /// The id of a device of the scenario, or of the programs that share the gateway's home.
    ///
    /// # Errors
    /// Fails if no program has created the identity of the home.
    pub(super) fn device_id(&self, device: Option<&Spanned<String>>) -> Result<String, StepError> {
        let bindings = self.bindings();
        match device {
            Some(device) => Ok(bindings.identity.key(&device.value).id()),
            None => bindings.own_identity.ok_or_else(|| StepError::Unreached {
                text: "no program has created an identity in the gateway's home".to_owned(),
                missing: Missing::Identity,
            }),
        }
    }

    /// Whether something is missing because the step that should have provided it had a different outcome, listed or
    /// not.
    pub(super) fn excuses(&self, missing: &Missing) -> bool {
        let ended = self.ended.lock();
        self.scenario.all_steps().into_iter().any(|step| match &step.action {
            Action::One(one, right) if missing.is_provided_by(one) => {
                // A step of which nothing is expected passes whatever it answers.
                right.is_none() || ended.get(&step.id).is_none_or(|verdict| *verdict != Verdict::Pass)
            }
            _ => false,
        })
    }

    /// How long a step waits.
    pub(super) fn within(&self, written: Option<Millis>) -> Duration {
        written.map_or(self.lane.timeout(), Millis::as_duration)
    }

    /// How long a step that may expect silence waits.
    pub(super) fn within_or_silence(&self, written: Option<Millis>, right: Option<&Expectation>) -> Duration {
        match (written, right) {
            (Some(time), _) => time.as_duration(),
            (None, Some(Expectation::Silence)) => SILENCE,
            (None, _) => self.lane.timeout(),
        }
    }

    /// The endpoint at which the gateway listens, for the address that a step names.
    ///
    /// # Errors
    /// Fails if there is no such gateway, or it takes no connections there.
    pub(super) async fn endpoint(
        &self,
        to: Option<&Spanned<String>>,
        address: Option<Address>,
        from: Option<Address>,
    ) -> Result<Endpoint, StepError> {
        let Some(Spanned { value: name, .. }) = to else {
            return self.lane.endpoint(address, from).await;
        };
        let missing = || StepError::Unreached {
            text: format!("there is no gateway `{name}`"),
            missing: Missing::Gateway(name.clone()),
        };
        self.neighbours.endpoint(name, address, from).await?.ok_or_else(missing)
    }

    /// Opens a connection, or returns the outcome of the failed attempt.
    ///
    /// # Errors
    /// Fails if no attempt could be made.
    pub(super) async fn open(&self, one: &Opening<'_>) -> Result<Result<Connection, Outcome>, StepError> {
        let mut endpoint = self.endpoint(one.to, one.address, one.from).await?;
        match one.tls {
            Some(scenario::Tls::Switched(_)) => endpoint.tls = EndpointTls::Off,
            Some(scenario::Tls::Pinned(CertificatePin { pin })) => {
                endpoint.tls = EndpointTls::Pinned(pin.clone());
            }
            None => {}
        }
        let headers: Vec<(String, String)> =
            one.headers.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect();
        let PlannedConnection { injection, held } =
            self.network.plan(one.name, one.network, &self.transcript);
        if let Some(behind) = one.network.and_then(|network| network.behind.as_ref()) {
            self.network.let_through(behind, self.lane.timeout()).await?;
        }
        self.hold_back(one.name, held).await;
        let begun = Instant::now();
        let within = self.lane.timeout();
        let opened = loop {
            match open(one.name, &endpoint, &headers, within, &self.transcript, injection.as_ref()).await {
                // A gateway that is restarting by itself, or that nobody waited for, will open its port soon.
                Err(OpenError::Connect { source, .. })
                    if source.kind() == std::io::ErrorKind::ConnectionRefused
                        && begun.elapsed() < COMES_BACK
                        && self.lane.may_come_back().await =>
                {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                opened => break opened,
            }
        };
        self.network.opened(one.name);
        self.lane.has_connection();
        let opened = opened?;
        Ok(match opened {
            Opened::Socket(connection) => Ok(connection),
            Opened::Http { status, body } => Err(Outcome::Http { status, body }),
            Opened::Ended(end) => Err(Outcome::of_end(end, None)),
            Opened::Silence => Err(Outcome::Silence),
        })
    }

    /// Holds a connection back until another one was opened to the gateway, or the time is over.
    pub(super) async fn hold_back(&self, name: &str, held: Option<Duration>) {
        let Some(held) = held else { return };
        let told = format!("held back until another connection is opened, or for {} ms", held.as_millis());
        self.transcript.add(name, Direction::Network, told);
        let _ = tokio::time::timeout(held, self.lane.next_connection()).await;
    }

    /// Waits as long as a scenario asks for, and until everything that was sent before has arrived.
    pub(super) async fn pause(&self, time: Duration) {
        tokio::time::sleep(self.network.under_way()).await;
        self.lane.pause(time).await;
    }

    /// Records the challenge of a connection for references to its nonce.
    pub(super) fn challenged(&self, connection: &str, nonce: &str) {
        self.bindings.lock().challenged(connection, nonce);
    }

    /// Updates the reference to the identity that programs have created in the gateway's home.
    pub(super) async fn refresh_home_identity(&self) {
        if !self.is_alone() {
            return;
        }
        let gateway = self.lane.gateway().await;
        let identity = gateway.home().and_then(|home| {
            let bytes = bounded_read::read(&home.state().join(HOME_IDENTITY), IDENTITY).ok()?;
            let identity: Value = serde_json::from_slice(&bytes).ok()?;
            identity.get("deviceId").and_then(Value::as_str).map(str::to_owned)
        });
        if identity.is_some() {
            self.bindings.lock().own_identity = identity;
        }
    }

    /// Teaches the masker every secret that the gateway and its programs have stored.
    pub(super) async fn learn_stored(&self, masker: &mut Masker) {
        if !self.is_alone() {
            return;
        }
        if let Ok(stored) = self.lane.stored().await {
            for record in stored.paired.values().chain(stored.pending.values()) {
                masker.learn_from(record);
            }
        }
        let gateway = self.lane.gateway().await;
        for file in [HOME_IDENTITY, "identity/device-auth.json", "node.json"] {
            let place = gateway.home().map(|home| home.state().join(file));
            let bytes = place.and_then(|place| bounded_read::read(&place, IDENTITY).ok());
            if let Some(value) = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()) {
                masker.learn_from(&value);
            }
        }
    }
}

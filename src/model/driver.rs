//! Drives a model in tests, as its clients would.

#![expect(clippy::needless_pass_by_value, reason = "calls read better with their JSON in place")]

use serde_json::{Map, Value, json};

use super::{Boot, ConnectionId, Effect, Fault, GatewayState, IncomingFrame, ModelGateway, Peer, Profile};
use crate::wire::{DeviceKey, SignedFields};

/// The shared token of the driven gateways.
pub(super) const TOKEN: &str = "shared-token";

/// The time at which a driven gateway starts.
pub(super) const START: i64 = 1_790_000_000_000;

/// A gateway under test, and everything that it sent.
pub(super) struct Driver {
    pub(super) gateway: ModelGateway,
    pub(super) now: i64,
    next: ConnectionId,
    /// All effects so far.
    pub(super) said: Vec<Effect>,
}

/// A client that connects in a test.
#[derive(Clone)]
pub(super) struct TestClient {
    pub(super) key: Option<DeviceKey>,
    pub(super) peer: Peer,
    pub(super) id: &'static str,
    pub(super) mode: &'static str,
    pub(super) role: &'static str,
    pub(super) scopes: Vec<&'static str>,
    pub(super) platform: &'static str,
    pub(super) family: Option<&'static str>,
    pub(super) auth: Value,
    pub(super) commands: Vec<&'static str>,
    pub(super) window: (u32, u32),
    /// By how many milliseconds the client's clock is ahead.
    pub(super) ahead: i64,
    /// Lays out the text that the client signs.
    pub(super) layout: fn(SignedFields) -> String,
    /// Replaces parameters after signing.
    pub(super) raw: Map<String, Value>,
    /// Replaces fields of the proof after signing.
    pub(super) proof: Map<String, Value>,
}

/// The command line client as an operator.
pub(super) fn cli(name: &str) -> TestClient {
    TestClient {
        key: Some(DeviceKey::derive(&["driver", name])),
        peer: Peer::loopback(),
        id: "cli",
        mode: "cli",
        role: "operator",
        scopes: vec!["operator.read"],
        platform: "linux",
        family: None,
        auth: json!({"token": TOKEN}),
        commands: Vec::new(),
        window: (3, 4),
        ahead: 0,
        layout: |fields| fields.v3(),
        raw: Map::new(),
        proof: Map::new(),
    }
}

/// A node host.
pub(super) fn node(name: &str) -> TestClient {
    TestClient { id: "node-host", mode: "node", role: "node", scopes: Vec::new(), ..cli(name) }
}

impl TestClient {
    pub(super) fn scopes(mut self, scopes: &[&'static str]) -> Self {
        self.scopes = scopes.to_vec();
        self
    }

    pub(super) fn auth(mut self, auth: Value) -> Self {
        self.auth = auth;
        self
    }

    pub(super) fn behind(mut self, header: &str, value: &str) -> Self {
        self.peer.headers.insert(header.to_owned(), value.to_owned());
        self
    }

    pub(super) fn without_device(mut self) -> Self {
        self.key = None;
        self
    }

    pub(super) fn raw(mut self, raw: Value) -> Self {
        self.raw.extend(raw.as_object().cloned().unwrap_or_default());
        self
    }

    pub(super) fn proof(mut self, proof: Value) -> Self {
        self.proof.extend(proof.as_object().cloned().unwrap_or_default());
        self
    }

    pub(super) fn device_id(&self) -> String {
        self.key.as_ref().map(DeviceKey::id).unwrap_or_default()
    }

    /// The text that the client signs.
    pub(super) fn fields(&self, nonce: &str, now: i64) -> SignedFields {
        let text = |key: &str| self.auth.get(key).and_then(Value::as_str);
        let token = text("token").or(text("deviceToken")).or(text("bootstrapToken")).unwrap_or_default();
        SignedFields {
            device_id: self.device_id(),
            client_id: self.id.into(),
            client_mode: self.mode.into(),
            role: self.role.into(),
            scopes: self.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            signed_at: now + self.ahead,
            token: token.into(),
            nonce: nonce.into(),
            platform: self.platform.into(),
            family: self.family.unwrap_or_default().into(),
        }
    }

    /// The `connect` request.
    pub(super) fn request(&self, nonce: &str, now: i64) -> Value {
        let mut params = json!({
            "minProtocol": self.window.0,
            "maxProtocol": self.window.1,
            "client": {"id": self.id, "mode": self.mode, "version": "1", "platform": self.platform},
            "role": self.role,
            "scopes": self.scopes,
            "caps": [],
            "commands": self.commands,
            "auth": self.auth,
        });
        if let Some(family) = self.family {
            params["client"]["deviceFamily"] = json!(family);
        }
        if let Some(key) = &self.key {
            let fields = self.fields(nonce, now);
            params["device"] = json!({
                "id": key.id(),
                "publicKey": key.public_key(),
                "signature": key.sign(&(self.layout)(fields.clone())),
                "signedAt": fields.signed_at,
                "nonce": nonce,
            });
            for (name, value) in &self.proof {
                params["device"][name] = value.clone();
            }
        }
        for (name, value) in &self.raw {
            params[name] = value.clone();
        }
        json!({"type": "req", "id": "connect", "method": "connect", "params": params})
    }
}

/// What a connect came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ConnectOutcome {
    Hello { conn: ConnectionId, payload: Value },
    Refused { error: Value, code: u16, reason: String },
    Closed { code: u16, reason: String },
    Http(u16),
    Silence,
}

impl ConnectOutcome {
    /// `ok`, or the reason of the refusal.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Hello { .. } => "ok".to_owned(),
            Self::Refused { error, .. } => {
                let details = &error["details"];
                let reason = details["reason"].as_str().or(details["code"].as_str());
                reason.or(error["message"].as_str()).unwrap_or_default().to_owned()
            }
            Self::Closed { code, .. } => format!("closed {code}"),
            Self::Http(status) => format!("http {status}"),
            Self::Silence => "silence".to_owned(),
        }
    }

    pub(super) fn hello(&self) -> (ConnectionId, &Value) {
        match self {
            Self::Hello { conn, payload } => (*conn, payload),
            other => panic!("expected hello, got {other:?}"),
        }
    }
}

impl Driver {
    pub(super) fn new(release: &str) -> Self {
        Self::with(release, None, GatewayState::default(), json!({}))
    }

    /// A gateway with a planted fault, records, and more settings for `gateway`.
    pub(super) fn with(release: &str, fault: Option<Fault>, state: GatewayState, gateway: Value) -> Self {
        let mut config = json!({"gateway": {"auth": {"mode": "token", "token": TOKEN}}});
        for (key, value) in gateway.as_object().cloned().unwrap_or_default() {
            config["gateway"][key] = value;
        }
        let boot = Boot {
            profile: Profile::of(release.parse().unwrap()),
            config: &config,
            state,
            seed: 1,
            fault,
            now: START,
            state_dir: "/state",
        };
        Self { gateway: ModelGateway::new(boot), now: START, next: 1, said: Vec::new() }
    }

    fn note(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        self.said.extend(effects.clone());
        effects
    }

    /// Opens a connection. Returns its number and the nonce of its challenge.
    pub(super) fn open(&mut self, peer: Peer) -> Result<(ConnectionId, String), u16> {
        let conn = self.next;
        self.next += 1;
        let effects = self.gateway.opened(conn, peer, self.now).map_err(|refused| {
            self.said.push(Effect::Send { conn, text: refused.body.clone() });
            refused.status
        })?;
        let nonce = match self.note(effects).as_slice() {
            [Effect::Send { text, .. }] => {
                let frame: Value = serde_json::from_str(text).unwrap();
                frame["payload"]["nonce"].as_str().unwrap().to_owned()
            }
            other => panic!("expected a challenge, got {other:?}"),
        };
        Ok((conn, nonce))
    }

    pub(super) fn frame(&mut self, conn: ConnectionId, text: &str) -> Vec<Effect> {
        let effects = self.gateway.frame(conn, IncomingFrame::Text(text), self.now);
        self.note(effects)
    }

    pub(super) fn connect(&mut self, client: &TestClient) -> ConnectOutcome {
        self.now += 1000;
        let (conn, nonce) = match self.open(client.peer.clone()) {
            Ok(opened) => opened,
            Err(status) => return ConnectOutcome::Http(status),
        };
        let text = client.request(&nonce, self.now).to_string();
        let effects = self.frame(conn, &text);
        outcome(conn, &effects)
    }

    /// Opens a connection and sends a text as its first frame.
    pub(super) fn first(&mut self, text: &str) -> ConnectOutcome {
        let (conn, _) = self.open(Peer::loopback()).unwrap();
        let effects = self.frame(conn, text);
        outcome(conn, &effects)
    }

    /// Calls a method. `Err` is the error's message.
    pub(super) fn call(&mut self, conn: ConnectionId, method: &str, params: Value) -> Result<Value, String> {
        self.now += 1000;
        let frame = json!({"type": "req", "id": "call", "method": method, "params": params});
        for effect in self.frame(conn, &frame.to_string()) {
            let Effect::Send { conn: to, text } = effect else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            if to == conn && frame["id"] == "call" {
                let message = || frame["error"]["message"].as_str().unwrap_or_default().to_owned();
                return if frame["ok"] == true { Ok(frame["payload"].clone()) } else { Err(message()) };
            }
        }
        Err("no answer".to_owned())
    }

    pub(super) fn wait(&mut self, ms: i64) -> Vec<Effect> {
        self.now += ms;
        let effects = self.gateway.tick(self.now);
        self.note(effects)
    }

    pub(super) fn restart(&mut self) {
        let effects = self.gateway.restart(self.gateway.profile().clone(), None, self.now);
        self.note(effects);
    }
}

/// What the effects of a first frame came to.
pub(super) fn outcome(conn: ConnectionId, effects: &[Effect]) -> ConnectOutcome {
    let mut error = Value::Null;
    for effect in effects {
        match effect {
            Effect::Send { conn: to, text } if *to == conn => {
                let frame: Value = serde_json::from_str(text).unwrap();
                if frame["type"] == "res" && frame["ok"] == true {
                    return ConnectOutcome::Hello { conn, payload: frame["payload"].clone() };
                }
                if frame["type"] == "res" {
                    error = frame["error"].clone();
                }
            }
            Effect::Close { conn: to, code, reason } if *to == conn => {
                let (code, reason) = (*code, reason.clone());
                return match error {
                    Value::Null => ConnectOutcome::Closed { code, reason },
                    error => ConnectOutcome::Refused { error, code, reason },
                };
            }
            _ => {}
        }
    }
    match error {
        Value::Null => ConnectOutcome::Silence,
        error => ConnectOutcome::Refused { error, code: 0, reason: String::new() },
    }
}

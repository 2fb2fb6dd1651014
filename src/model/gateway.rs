//! The model as a state machine: it takes connections, frames and the time, and returns the frames and closes that
//! follow.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::boundary::{Boot, ConnectionId, Effect, HttpRefusal, IncomingFrame};
use super::config::HandshakeConfig;
use super::connect::{Admitted, Announcement, ConnectRequest, Handshake};
use super::connection::ModelConnection;
use super::frame_schemas;
use super::hello::{self, HelloContext, MAX_PAYLOAD, TICK_MS};
use super::history::NOT_MODELLED_CODE;
use super::id_generator::IdGenerator;
use super::methods;
use super::mutants::Fault;
use super::peer::Peer;
use super::profile::Profile;
use super::refusal::{Refusal, error};

use super::rpc::{self, Caller, RpcResponse};
use super::rulebook::Rule;
use super::rules::{RuleSet, Rules};
use super::schema::{self, SchemaDialect};
use super::scopes::PAIRING;
use super::state::GatewayState;
use super::unmodelled::{Unmodelled, unmodelled_connect, unmodelled_header};

/// The longest first frame that is read, in bytes.
const MAX_FIRST_FRAME: usize = 65_536;
/// How many calls of another role's methods are responseed.
const MAX_ROLE_ERRORS: u32 = 10;

/// A gateway without sockets and without a clock of its own: whoever drives it passes the time.
#[derive(Clone, Debug)]
pub struct ModelGateway {
    rules: Rules,
    settings: HandshakeConfig,
    state: GatewayState,
    ids: IdGenerator,
    state_dir: String,
    boot_id: String,
    started: i64,
    next_tick: i64,
    sequence: u64,
    presence_version: u64,
    connections: BTreeMap<ConnectionId, ModelConnection>,
}

impl ModelGateway {
    /// Starts a gateway that has no connections yet.
    pub fn new(boot: Boot<'_>) -> Self {
        let mut ids = IdGenerator::new(boot.seed);
        let boot_id = ids.uuid();
        Self {
            rules: Rules::new(boot.profile, boot.fault),
            settings: HandshakeConfig::read(boot.config),
            state: boot.state,
            ids,
            state_dir: boot.state_dir.to_owned(),
            boot_id,
            started: boot.now,
            next_tick: boot.now + TICK_MS,
            sequence: 0,
            presence_version: 1,
            connections: BTreeMap::new(),
        }
    }

    /// The records that the gateway keeps.
    pub const fn state(&self) -> &GatewayState {
        &self.state
    }

    /// The rules of the release that runs.
    pub const fn profile(&self) -> &Profile {
        &self.rules.profile
    }

    /// The rules that decided something so far.
    pub const fn fired(&self) -> RuleSet {
        self.rules.fired()
    }

    /// Stops and starts again with the same records, under these rules and, if one is given, another configuration.
    /// All connections are closed.
    pub fn restart(&mut self, profile: Profile, config: Option<&Value>, now: i64) -> Vec<Effect> {
        let closes = self.connections.keys().map(|conn| Effect::Close {
            conn: *conn,
            code: 1012,
            reason: "service restart".to_owned(),
        });
        let closes = closes.collect();
        self.rules.profile = profile;
        if let Some(config) = config {
            self.settings = HandshakeConfig::read(config);
        }
        if self.rules.has_fault(Fault::PairingLostOnRestart) {
            self.state.paired.clear();
        }
        if self.rules.has_fault(Fault::PendingLostOnRestart) {
            self.state.pending.clear();
        }
        self.connections.clear();
        self.boot_id = self.ids.uuid();
        (self.started, self.next_tick, self.sequence) = (now, now + TICK_MS, 0);
        closes
    }

    /// Answers a client that asks for a WebSocket upgrade.
    ///
    /// # Errors
    /// Fails with the HTTP response that the gateway sends instead of an upgrade.
    pub fn opened(&mut self, conn: ConnectionId, peer: Peer, now: i64) -> Result<Vec<Effect>, HttpRefusal> {
        if peer.needs_attribution(&self.rules, &self.settings) {
            let guidance = "Proxy client attribution is required. Configure gateway.trustedProxies narrowly and \
                            make the proxy overwrite or safely rebuild forwarded client headers.";
            let body = json!({"error": {"message": guidance, "type": "proxy_attribution_required"}});
            return Err(HttpRefusal { status: 403, body: body.to_string() });
        }
        let (id, nonce) = (self.ids.uuid(), self.ids.uuid());
        let challenge =
            json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": nonce, "ts": now}});
        self.connections.insert(conn, ModelConnection::new(peer, id, nonce, now));
        Ok(vec![Effect::Send { conn, text: challenge.to_string() }])
    }

    /// Forgets a connection that has ended.
    pub fn closed(&mut self, conn: ConnectionId) {
        if self.connections.remove(&conn).is_some_and(|gone| gone.client.is_some()) {
            self.presence_version += 1;
        }
    }

    /// Does what is due at this time: expires requests, closes silent connections, and sends `tick` events.
    pub fn tick(&mut self, now: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.expire(now);
        let limit = self.rules.profile.handshake_ms;
        let timed_out: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, one)| one.client.is_none() && now - one.opened >= limit)
            .map(|(conn, _)| *conn)
            .collect();
        for conn in timed_out {
            if !self.rules.has_fault(Fault::TimerNeverFires) {
                self.close(conn, 1000, String::new(), &mut effects);
            }
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK_MS;
            self.broadcast(&Announcement { event: "tick", payload: json!({"ts": now}) }, &mut effects);
        }
        effects
    }

    /// When [`tick`](Self::tick) has something to do next, in milliseconds since 1970.
    pub fn next_deadline(&self) -> i64 {
        let limit = self.rules.profile.handshake_ms;
        let waiting = self.connections.values().filter(|one| one.client.is_none());
        waiting.map(|one| one.opened + limit).chain([self.next_tick]).min().unwrap_or(self.next_tick)
    }

    /// Answers a frame of a client.
    pub fn frame(&mut self, conn: ConnectionId, frame: IncomingFrame<'_>, now: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.expire(now);
        let Some(connection) = self.connections.get(&conn) else { return effects };
        let fresh = connection.client.is_none();
        let size = match frame {
            IncomingFrame::Text(text) => text.len(),
            IncomingFrame::TooLong(size) => size,
        };
        let limited =
            self.rules.has(Rule::FirstFrameLimit) && !self.rules.has_fault(Fault::FirstFrameUnlimited);
        let most = if fresh && limited { MAX_FIRST_FRAME } else { MAX_PAYLOAD };
        let text = match frame {
            IncomingFrame::Text(text) if size <= most => text,
            _ => {
                self.close(conn, 1009, String::new(), &mut effects);
                return effects;
            }
        };
        match serde_json::from_str::<Value>(text) {
            Ok(frame) if fresh => self.first_frame(conn, &frame, now, &mut effects),
            Ok(frame) => self.later_frame(conn, &frame, now, &mut effects),
            Err(_) if fresh && !self.rules.has_fault(Fault::NoiseKeptOpen) => {
                self.close(conn, 1000, String::new(), &mut effects);
            }
            Err(_) => {}
        }
        effects
    }

    fn expire(&mut self, now: i64) {
        if !self.rules.has_fault(Fault::PendingNeverExpires) {
            self.state.expire(now);
        }
    }

    fn close(&mut self, conn: ConnectionId, code: u16, reason: String, effects: &mut Vec<Effect>) {
        if self.rules.has_fault(Fault::NeverCloses) {
            return;
        }
        self.closed(conn);
        effects.push(Effect::Close { conn, code, reason });
    }

    fn refuse(&mut self, conn: ConnectionId, id: &str, refusal: Refusal, effects: &mut Vec<Effect>) {
        if let Some(error) = refusal.error {
            effects.push(send(conn, &json!({"type": "res", "id": id, "ok": false, "error": error})));
        }
        self.close(conn, refusal.code, refusal.reason, effects);
    }

    fn first_frame(&mut self, conn: ConnectionId, frame: &Value, now: i64, effects: &mut Vec<Effect>) {
        if schema::violations(&frame_schemas::REQUEST, Some(frame), SchemaDialect::of(&self.rules)).is_some()
        {
            self.refuse(conn, "", Refusal::close(1008, "invalid request frame"), effects);
            return;
        }
        let id = frame["id"].as_str().unwrap_or_default();
        if frame["method"] != "connect" {
            let text = "invalid handshake: first request must be connect";
            if !self.rules.has_fault(Fault::AnyFirstFrame) {
                let refusal = Refusal::close_with(error("INVALID_REQUEST", text), 1008, text);
                self.refuse(conn, id, refusal, effects);
            }
            return;
        }
        let shape = frame_schemas::connect_params(&self.rules);
        if let Some(wrong) = schema::violations(&shape, frame.get("params"), SchemaDialect::of(&self.rules)) {
            let text = format!("invalid connect params: {wrong}");
            let refusal = Refusal::close_with(error("INVALID_REQUEST", &text), 1008, &text);
            self.refuse(conn, id, refusal, effects);
            return;
        }
        let Some(connection) = self.connections.get(&conn) else { return };
        let unknown = unmodelled_header(&self.rules, &self.settings, &connection.peer)
            .or_else(|| unmodelled_connect(&frame["params"]));
        if let Some(unknown) = unknown {
            let error = error(NOT_MODELLED_CODE, &unknown.to_string());
            self.refuse(conn, id, Refusal::close_with(error, 1008, "not modelled"), effects);
            return;
        }
        let mut handshake = Handshake {
            rules: &self.rules,
            settings: &self.settings,
            state: &mut self.state,
            ids: &mut self.ids,
            peer: &connection.peer,
            nonce: &connection.nonce,
            now,
            announced: Vec::new(),
        };
        let decision = handshake.decide(ConnectRequest::read(&frame["params"]));
        for announcement in std::mem::take(&mut handshake.announced) {
            self.broadcast(&announcement, effects);
        }
        match decision {
            Ok(admitted) => self.admit(conn, id, &admitted, now, effects),
            Err(refusal) => self.refuse(conn, id, refusal, effects),
        }
    }

    fn admit(
        &mut self,
        conn: ConnectionId,
        id: &str,
        admitted: &Admitted,
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.client = Some(admitted.clone());
        }
        self.presence_version += 1;
        let presence: Vec<Value> = self.connections.values().filter_map(ModelConnection::presence).collect();
        let conn_id = self.connections.get(&conn).map(|one| one.id.clone()).unwrap_or_default();
        let around = HelloContext {
            conn_id: &conn_id,
            boot_id: &self.boot_id,
            presence: &presence,
            presence_version: self.presence_version,
            uptime_ms: now - self.started,
            auth_mode: self.settings.mode.name(),
            state_dir: &self.state_dir,
        };
        let payload = hello::hello(&self.rules, admitted, &around);
        effects.push(send(conn, &json!({"type": "res", "id": id, "ok": true, "payload": payload})));
    }

    fn later_frame(&mut self, conn: ConnectionId, frame: &Value, now: i64, effects: &mut Vec<Effect>) {
        if let Some(wrong) =
            schema::violations(&frame_schemas::REQUEST, Some(frame), SchemaDialect::of(&self.rules))
        {
            let id = frame.get("id").filter(|id| !id.is_null()).cloned().unwrap_or_else(|| json!("invalid"));
            let error = error("INVALID_REQUEST", &format!("invalid request frame: {wrong}"));
            effects.push(send(conn, &json!({"type": "res", "id": id, "ok": false, "error": error})));
            return;
        }
        let (id, method) = (frame["id"].clone(), frame["method"].as_str().unwrap_or_default());
        let Some(connection) = self.connections.get(&conn) else { return };
        let Some(client) = connection.client.clone() else { return };
        if !methods::is_known(&self.rules, method) {
            let response = RpcResponse::unmodelled(&Unmodelled::Method(method.to_owned()));
            effects.push(send(conn, &response.frame(&id)));
            return;
        }
        let refused = methods::refusal(&self.rules, &client.request.role, &client.request.scopes, method);
        let of_role = refused.as_ref().is_some_and(|text| text.starts_with("unauthorized role:"));
        let response = match refused {
            Some(text) => RpcResponse::refused(&self.rules, &text),
            None => self.call(method, frame.get("params"), &client, now),
        };
        for announcement in &response.announced {
            self.broadcast(announcement, effects);
        }
        effects.push(send(conn, &response.frame(&id)));
        self.drop_devices(&response, effects);
        self.count_role_errors(conn, of_role, effects);
    }

    fn call(&mut self, method: &str, params: Option<&Value>, client: &Admitted, now: i64) -> RpcResponse {
        let live: Vec<&Admitted> = self.connections.values().filter_map(|one| one.client.as_ref()).collect();
        let caller = Caller { admitted: client, live: &live, settings: &self.settings, now };
        rpc::call(&mut self.state, &self.rules, &mut self.ids, &caller, method, params)
    }

    fn drop_devices(&mut self, response: &RpcResponse, effects: &mut Vec<Effect>) {
        let Some(dropped) = &response.dropped else { return };
        if self.rules.has_fault(Fault::RemovalKeepsConnections) {
            return;
        }
        let of_device: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(_, one)| one.client.as_ref().is_some_and(|client| dropped.includes(client)))
            .map(|(conn, _)| *conn)
            .collect();
        for conn in of_device {
            self.close(conn, 4001, "device removed".to_owned(), effects);
        }
    }

    fn count_role_errors(&mut self, conn: ConnectionId, failed: bool, effects: &mut Vec<Effect>) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.role_errors = if failed { connection.role_errors + 1 } else { 0 };
        if connection.role_errors > MAX_ROLE_ERRORS {
            self.close(conn, 1008, "repeated unauthorized calls".to_owned(), effects);
        }
    }

    /// Sends an event to every client that may see it. Pairing events need the scope for pairing.
    fn broadcast(&mut self, announcement: &Announcement, effects: &mut Vec<Effect>) {
        let guarded = announcement.event.contains(".pair.");
        self.sequence += 1;
        let own = self.rules.has(Rule::SequencePerConnection);
        for (conn, one) in &mut self.connections {
            let Some(client) = &one.client else { continue };
            let held = client.request.role == "operator"
                && methods::is_held(&self.rules, PAIRING, &client.request.scopes);
            if guarded && !held && !self.rules.has_fault(Fault::EventsForEveryone) {
                continue;
            }
            one.sequence += 1;
            let sequence = if own { one.sequence } else { self.sequence };
            let frame = json!({
                "type": "event",
                "event": announcement.event,
                "payload": announcement.payload,
                "seq": sequence,
            });
            effects.push(send(*conn, &frame));
        }
    }
}

fn send(conn: ConnectionId, frame: &Value) -> Effect {
    Effect::Send { conn, text: frame.to_string() }
}

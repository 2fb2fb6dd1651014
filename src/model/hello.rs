//! The `hello-ok` that a client gets when it is let in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::connect::Admitted;
use super::methods;
use super::mutants::Fault;
use super::rulebook::Rule;
use super::rules::Rules;
use super::scopes::{self, ADMIN};

/// The longest frame after the handshake, in bytes.
pub(super) const MAX_PAYLOAD: usize = 25 * 1024 * 1024;

/// The time between two `tick` events, in milliseconds.
pub(super) const TICK_MS: i64 = 30_000;

const EVENTS: &[&str] = &[
    "connect.challenge",
    "agent",
    "chat",
    "presence",
    "tick",
    "shutdown",
    "health",
    "heartbeat",
    "cron",
    "node.pair.requested",
    "node.pair.resolved",
    "node.invoke.request",
    "device.pair.requested",
    "device.pair.resolved",
    "exec.approval.requested",
    "exec.approval.resolved",
];

/// What the gateway adds to a hello beside the client itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct HelloContext<'a> {
    /// The public id of the connection.
    pub(super) conn_id: &'a str,
    /// The id of this start of the gateway.
    pub(super) boot_id: &'a str,
    pub(super) presence: &'a [Value],
    /// The version of the presence list.
    pub(super) presence_version: u64,
    /// The milliseconds since the gateway started.
    pub(super) uptime_ms: i64,
    /// The name of the authentication mode.
    pub(super) auth_mode: &'a str,
    /// The state directory that it reports.
    pub(super) state_dir: &'a str,
}

/// The payload of `hello-ok`.
pub(super) fn hello(rules: &Rules, admitted: &Admitted, around: &HelloContext<'_>) -> Value {
    let protocol = rules.profile.protocol + u32::from(rules.has_fault(Fault::HelloWrongProtocol));
    let mut hello = json!({
        "type": "hello-ok",
        "protocol": protocol,
        "server": {"version": version(rules), "connId": around.conn_id},
        "features": {"methods": methods::names(rules), "events": EVENTS},
        "snapshot": snapshot(rules, admitted, around),
        "policy": {"maxPayload": MAX_PAYLOAD, "maxBufferedBytes": 2 * MAX_PAYLOAD, "tickIntervalMs": TICK_MS},
    });
    if rules.has(Rule::HelloCapabilities) {
        hello["features"]["capabilities"] = json!(["chat-send-routing-contract"]);
    }
    if rules.has(Rule::ControlUiBuildGate) {
        hello["server"]["buildId"] = json!(rules.build_id());
        hello["server"]["bootId"] = json!(around.boot_id);
    }
    if let Some(auth) = auth(rules, admitted) {
        hello["auth"] = auth;
    }
    hello
}

fn version(rules: &Rules) -> String {
    if rules.has(Rule::VersionUnknown) { "dev".to_owned() } else { rules.profile.release().to_string() }
}

fn auth(rules: &Rules, admitted: &Admitted) -> Option<Value> {
    let token = admitted.token.as_ref().filter(|_| !rules.has_fault(Fault::HelloWithoutToken));
    if token.is_none() && !rules.has(Rule::HelloAlwaysTellsAuth) {
        return None;
    }
    let of_connection = rules.has(Rule::HelloTellsConnectionScopes);
    let scopes = match token {
        Some(token) if !of_connection => &token.scopes,
        _ => &admitted.request.scopes,
    };
    let mut auth = json!({"role": admitted.request.role, "scopes": scopes});
    if rules.has_fault(Fault::HelloTellsAskedScopes) && scopes.is_empty() && admitted.request.device.is_none()
    {
        auth["scopes"] = json!([scopes::READ, scopes::WRITE]);
    }
    if rules.has(Rule::HelloTellsMethod) {
        auth["method"] = json!(admitted.method.name());
    }
    if rules.has(Rule::RecoveryScope) && admitted.request.role == "operator" {
        // Clients treat the scope as opaque, so a digest of any stable value will do.
        let own = token.map(|token| &token.token);
        let owner = own.or(admitted.request.device.as_ref().map(|device| &device.id));
        let digest = Sha256::digest(owner.map(String::as_bytes).unwrap_or_default());
        auth["recoveryScope"] = json!(URL_SAFE_NO_PAD.encode(digest));
        if token.is_some() {
            auth["recoveryMigrationAllowed"] = json!(true);
        }
    }
    if let Some(token) = token {
        auth["deviceToken"] = json!(token.token);
        auth["issuedAtMs"] = json!(token.issued_at_ms());
    }
    Some(auth)
}

fn snapshot(rules: &Rules, admitted: &Admitted, around: &HelloContext<'_>) -> Value {
    let mut snapshot = json!({
        "presence": around.presence,
        "health": {},
        "stateVersion": {"presence": around.presence_version, "health": 1},
        "uptimeMs": around.uptime_ms,
        "sessionDefaults": {
            "defaultAgentId": "main",
            "mainKey": "main",
            "mainSessionKey": "agent:main:main",
            "scope": "per-sender",
        },
    });
    if !rules.has(Rule::PathsForAdmins) || scopes::has(&admitted.request.scopes, ADMIN) {
        snapshot["configPath"] = json!(format!("{}/openclaw.json", around.state_dir));
        snapshot["stateDir"] = json!(around.state_dir);
        snapshot["authMode"] = json!(around.auth_mode);
    }
    snapshot
}

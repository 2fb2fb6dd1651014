//! The methods that are modelled: devices, tokens, nodes, and a little of the rest.

use serde_json::{Value, json};

use super::config::Settings;
use super::connect::{Admitted, Announcement, build_id};
use super::dice::Dice;
use super::history::NOT_MODELLED_CODE;
use super::methods;
use super::mutants::Fault;
use super::nodes;
use super::pairing::{self, ApproveError};
use super::profile::Rule;
use super::refusal::{error, error_with};
use super::rules::Rules;
use super::schema::{self, Manner, Schema};
use super::scopes::{self, ADMIN};
use super::shapes;
use super::state::{PairedDevice, PendingDevice, State};
use super::tokens::{self, ChangeRefusal};

/// A device whose connections end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    /// The device.
    device_id: String,
    /// Only those of this role.
    role: Option<String>,
}

impl Dropped {
    /// Whether the client is one of them.
    pub(super) fn hits(&self, client: &Admitted) -> bool {
        let same = client.ask.device.as_ref().is_some_and(|device| device.id == self.device_id);
        same && self.role.as_ref().is_none_or(|role| *role == client.ask.role)
    }
}

/// The answer to a call, and what it causes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    result: Result<Value, Value>,
    /// Events, sent before the answer.
    pub(super) announced: Vec<Announcement>,
    /// Connections that end.
    pub(super) dropped: Option<Dropped>,
}

impl Answer {
    fn yes(payload: Value) -> Self {
        Self { result: Ok(payload), announced: Vec::new(), dropped: None }
    }

    /// A refusal.
    pub(super) fn no(text: &str) -> Self {
        Self { result: Err(error("INVALID_REQUEST", text)), announced: Vec::new(), dropped: None }
    }

    /// A refusal for a role or a scope.
    pub(super) fn refused(rules: &Rules, text: &str) -> Self {
        match text.strip_prefix("missing scope: ") {
            Some(scope) => Self::lacking(rules, scope, &[scope.to_owned()]),
            None => Self::no(text),
        }
    }

    fn lacking(rules: &Rules, scope: &str, required: &[String]) -> Self {
        let text = format!("missing scope: {scope}");
        if !rules.has(Rule::ForbiddenNamed) {
            return Self::no(&text);
        }
        let details = json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": required});
        Self { result: Err(error_with("FORBIDDEN", &text, details)), announced: Vec::new(), dropped: None }
    }

    fn not_modelled(method: &str) -> Self {
        let text = format!("{method} is not modelled by the embedded gateway");
        Self { result: Err(error(NOT_MODELLED_CODE, &text)), announced: Vec::new(), dropped: None }
    }

    /// The response frame.
    pub(super) fn frame(&self, id: &Value) -> Value {
        match &self.result {
            Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
            Err(error) => json!({"type": "res", "id": id, "ok": false, "error": error}),
        }
    }

    fn announcing(mut self, event: &'static str, payload: Value) -> Self {
        self.announced.push(Announcement { event, payload });
        self
    }
}

/// Who calls, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller<'a> {
    /// The caller.
    pub(super) admitted: &'a Admitted,
    /// Everyone who is connected.
    pub(super) live: &'a [&'a Admitted],
    /// The configuration.
    pub(super) settings: &'a Settings,
    /// The time.
    pub(super) now: i64,
}

struct Call<'a> {
    state: &'a mut State,
    rules: &'a Rules,
    dice: &'a mut Dice,
    caller: &'a Caller<'a>,
    params: &'a Value,
}

/// Answers a call that the caller may make.
pub(super) fn call(
    state: &mut State,
    rules: &Rules,
    dice: &mut Dice,
    caller: &Caller<'_>,
    method: &str,
    params: Option<&Value>,
) -> Answer {
    let nothing = json!({});
    let params = params.unwrap_or(&nothing);
    if let Some(shape) = shape_of(method)
        && let Some(wrong) = schema::violations(&shape, Some(params), Manner::of(rules))
    {
        return Answer::no(&format!("invalid {method} params: {wrong}"));
    }
    let mut call = Call { state, rules, dice, caller, params };
    match method {
        "health" => Answer::yes(json!({"ok": true, "ts": caller.now, "channels": {}, "agents": []})),
        "status" => Answer::yes(call.status()),
        "config.get" => Answer::yes(call.config()),
        "device.pair.list" => call.list_devices(),
        "device.pair.approve" => call.approve_device(),
        "device.pair.reject" => call.reject_device(),
        "device.pair.remove" => call.remove_device(),
        "device.token.rotate" => call.rotate_token(),
        "device.token.revoke" => call.revoke_token(),
        "node.list" => Answer::yes(call.list_nodes()),
        "node.pair.list" => Answer::yes(call.list_node_requests()),
        "node.pair.approve" => call.approve_node(),
        "node.pair.reject" => call.reject_node(),
        "node.pair.remove" if rules.has(Rule::NodeRemoval) => call.remove_node(),
        "connect" => Answer::no("connect is only valid as the first request"),
        _ if rules.broken(Fault::OperatorCallsNodeMethods) && methods::is_for_nodes(method) => {
            Answer::yes(json!({}))
        }
        _ if methods::exists(rules, method) => Answer::not_modelled(method),
        _ if rules.broken(Fault::UnknownMethodAnswered) => Answer::yes(json!({})),
        _ => Answer::no(&format!("unknown method: {method}")),
    }
}

fn shape_of(method: &str) -> Option<Schema> {
    match method {
        "status" | "config.get" | "device.pair.list" | "node.list" | "node.pair.list" => Some(shapes::EMPTY),
        "device.pair.approve" | "device.pair.reject" | "node.pair.approve" | "node.pair.reject" => {
            Some(shapes::REQUEST_ID)
        }
        "device.pair.remove" => Some(shapes::DEVICE_ID),
        "node.pair.remove" => Some(shapes::NODE_ID),
        "device.token.rotate" => Some(shapes::DEVICE_ROLE_SCOPES),
        "device.token.revoke" => Some(shapes::DEVICE_ROLE),
        _ => None,
    }
}

fn other_role<'a>(roles: impl IntoIterator<Item = &'a String>) -> bool {
    roles.into_iter().any(|role| role != "operator")
}

impl Call<'_> {
    fn param(&self, key: &str) -> &str {
        self.params[key].as_str().unwrap_or_default()
    }

    fn scopes(&self) -> &[String] {
        &self.caller.admitted.ask.scopes
    }

    fn is_admin(&self) -> bool {
        scopes::has(self.scopes(), ADMIN)
    }

    /// The device that the caller is held to, unless it may manage all.
    fn own_device(&self) -> Option<&str> {
        let by_token = self.caller.admitted.method == super::auth::Method::DeviceToken;
        let held = self.rules.has(Rule::OwnDeviceOnly) && !self.rules.broken(Fault::OthersManaged);
        let counts = held && (by_token || !self.rules.has(Rule::DeviceTokenIsDevice));
        let device = self.caller.admitted.ask.device.as_ref().map(|device| device.id.trim());
        device.filter(|_| counts && !self.is_admin())
    }

    fn is_foreign(&self, device_id: &str) -> bool {
        self.own_device().is_some_and(|own| own != device_id.trim())
    }

    fn status(&self) -> Value {
        json!({
            "runtimeVersion": self.rules.profile.release().to_string(),
            "heartbeat": {},
            "channelSummary": [],
            "queuedSystemEvents": [],
            "sessions": {"count": 0, "recent": []},
        })
    }

    fn config(&self) -> Value {
        let mut config = self.caller.settings.raw.clone();
        if let Some(auth) = config.pointer_mut("/gateway/auth").and_then(Value::as_object_mut) {
            for key in ["token", "password"] {
                if let Some(secret) = auth.get_mut(key) {
                    *secret = json!("__OPENCLAW_REDACTED__");
                }
            }
        }
        json!({"exists": true, "valid": true, "config": config, "hash": build_id(self.rules), "issues": []})
    }

    fn shown(&self, device: &PairedDevice, connected: bool) -> Value {
        let mut shown = json!(device);
        if let Some(entries) = shown.as_object_mut() {
            entries.shift_remove("approvedScopes");
            entries.shift_remove("tokens");
        }
        if let Some(tokens) = device.tokens.as_ref().filter(|tokens| !tokens.is_empty()) {
            let summaries: Vec<Value> = tokens
                .values()
                .map(|token| {
                    let mut summary = json!(token);
                    if let Some(entries) = summary.as_object_mut() {
                        entries.shift_remove("issuer");
                        if !self.rules.broken(Fault::TokensShown) {
                            entries.shift_remove("token");
                        }
                    }
                    summary
                })
                .collect();
            shown["tokens"] = json!(summaries);
        }
        if self.rules.has(Rule::TokenDelivery) && connected {
            let live = self.caller.live.iter().filter_map(|client| client.ask.device.as_ref());
            let here = live.into_iter().any(|one| one.id == device.device_id);
            shown["connected"] = json!(here);
        }
        shown
    }

    fn list_devices(&self) -> Answer {
        let own = self.own_device().filter(|_| self.rules.has(Rule::DeviceTokenIsDevice));
        let visible = |id: &str| own.is_none_or(|own| own == id.trim());
        let mut pending: Vec<&PendingDevice> =
            self.state.pending.values().filter(|one| visible(&one.device_id)).collect();
        pending.sort_by_key(|one| std::cmp::Reverse(one.ts));
        let mut paired: Vec<&PairedDevice> =
            self.state.paired.values().filter(|one| visible(&one.device_id)).collect();
        paired.sort_by_key(|one| std::cmp::Reverse(one.approved_at_ms));
        let paired: Vec<Value> = paired.into_iter().map(|device| self.shown(device, true)).collect();
        Answer::yes(json!({"pending": pending, "paired": paired}))
    }

    fn resolved(&self, answer: Answer, id: &str, device_id: &str, decision: &str) -> Answer {
        if self.rules.broken(Fault::ResolvedNotAnnounced) {
            return answer;
        }
        let payload =
            json!({"requestId": id, "deviceId": device_id, "decision": decision, "ts": self.caller.now});
        answer.announcing("device.pair.resolved", payload)
    }

    fn approve_device(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        let own = self.own_device().filter(|_| self.rules.has(Rule::DeviceTokenIsDevice)).map(str::to_owned);
        let strict = self.rules.has(Rule::NonOperatorApprovalNeedsAdmin) && !self.is_admin();
        if own.is_some() || strict {
            let Some(pending) = self.state.pending.get(&id) else {
                return Answer::no("device pairing approval denied");
            };
            let foreign = own.is_some_and(|own| own != pending.device_id);
            let managed =
                self.rules.has(Rule::NonOperatorNeedsAdmin) && other_role(&pending.requested_roles());
            if foreign || managed {
                return Answer::no("device pairing approval denied");
            }
        }
        let caller = self.scopes().to_vec();
        match pairing::approve(self.state, self.rules, self.dice, self.caller.now, &id, Some(&caller)) {
            Ok(device) => {
                let answer = Answer::yes(json!({"requestId": id, "device": self.shown(&device, false)}));
                self.resolved(answer, &id, &device.device_id, "approved")
            }
            Err(refused @ (ApproveError::Unknown | ApproveError::Forbidden(_))) => {
                Answer::no(&refused.to_string())
            }
        }
    }

    fn reject_device(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        let own = self.own_device().filter(|_| self.rules.has(Rule::DeviceTokenIsDevice));
        if let Some(own) = own {
            let mine = self.state.pending.get(&id).is_some_and(|pending| pending.device_id == own);
            if !mine {
                return Answer::no("device pairing rejection denied");
            }
        }
        match pairing::reject(self.state, self.rules, &id) {
            Some(device_id) => {
                let answer = Answer::yes(json!({"requestId": id, "deviceId": device_id}));
                self.resolved(answer, &id, &device_id, "rejected")
            }
            None => Answer::no("unknown requestId"),
        }
    }

    fn remove_device(&mut self) -> Answer {
        let device_id = self.param("deviceId").trim().to_owned();
        let managed = self.own_device().is_some()
            && self.rules.has(Rule::NonOperatorNeedsAdmin)
            && self.state.paired.get(&device_id).is_some_and(|device| {
                let of_tokens =
                    device.tokens.iter().flat_map(|tokens| tokens.values().map(|token| &token.role));
                other_role(&device.recorded_roles()) || other_role(of_tokens)
            });
        if self.is_foreign(&device_id) || managed {
            return Answer::no("device pairing removal denied");
        }
        if !pairing::remove(self.state, self.rules, &device_id) {
            return Answer::no("unknown deviceId");
        }
        let mut answer = Answer::yes(json!({"deviceId": device_id}));
        answer.dropped =
            self.rules.has(Rule::RemovalDisconnects).then_some(Dropped { device_id, role: None });
        answer
    }

    /// Whether the caller may not touch tokens of this role.
    fn role_is_managed(&self, role: &str) -> bool {
        let other = !role.trim().is_empty() && role.trim() != "operator";
        self.rules.has(Rule::NonOperatorNeedsAdmin) && !self.is_admin() && other
    }

    fn rotate_token(&mut self) -> Answer {
        let denied = "device token rotation denied";
        let (device_id, role) = (self.param("deviceId").to_owned(), self.param("role").to_owned());
        if self.is_foreign(&device_id) || self.role_is_managed(&role) {
            return Answer::no(denied);
        }
        let wanted = self.params["scopes"].is_array().then(|| super::ask::texts(&self.params["scopes"]));
        let caller = self.scopes().to_vec();
        let own = self.own_device_of_connection().is_some_and(|own| own == device_id.trim());
        let target = (device_id.as_str(), role.as_str());
        let rotated = tokens::rotate(
            self.state,
            self.rules,
            self.dice,
            self.caller.now,
            target,
            wanted.as_deref(),
            &caller,
        );
        let token = match rotated {
            Ok(token) => token,
            Err(_) if self.rules.has(Rule::RotationDenied) => return Answer::no(denied),
            Err(ChangeRefusal::CallerLacks(scope)) => return Answer::no(&format!("missing scope: {scope}")),
            Err(ChangeRefusal::Unknown | ChangeRefusal::BeyondApproval) => {
                return Answer::no("unknown deviceId/role");
            }
        };
        let in_band = own || !self.rules.has(Rule::RotatedTokenHidden);
        let mut payload = json!({
            "deviceId": device_id,
            "role": token.role,
            "scopes": token.scopes,
            "rotatedAtMs": token.issued_at_ms(),
        });
        if in_band {
            payload["token"] = json!(token.token);
        }
        if self.rules.has(Rule::TokenDelivery) {
            payload["tokenDelivery"] = json!(if in_band { "in-band" } else { "withheld-cross-device" });
        }
        let mut answer = Answer::yes(payload);
        answer.dropped = self
            .rules
            .has(Rule::RotationDisconnects)
            .then(|| Dropped { device_id: device_id.trim().to_owned(), role: Some(token.role) });
        answer
    }

    /// The device that the connection stands for, whatever it may manage.
    fn own_device_of_connection(&self) -> Option<&str> {
        let by_token = self.caller.admitted.method == super::auth::Method::DeviceToken;
        let device = self.caller.admitted.ask.device.as_ref().map(|device| device.id.trim());
        device.filter(|_| by_token)
    }

    fn revoke_token(&mut self) -> Answer {
        let (device_id, role) = (self.param("deviceId").to_owned(), self.param("role").to_owned());
        if self.is_foreign(&device_id) || self.role_is_managed(&role) {
            return Answer::no("device token revocation denied");
        }
        let caller = self.scopes().to_vec();
        let target = (device_id.as_str(), role.as_str());
        match tokens::revoke(self.state, self.rules, self.caller.now, target, &caller) {
            Ok(token) => {
                let device_id = if self.rules.has(Rule::RemovalDisconnects) {
                    device_id.trim().to_owned()
                } else {
                    device_id
                };
                let payload =
                    json!({"deviceId": device_id, "role": token.role, "revokedAtMs": token.revoked_at_ms});
                let mut answer = Answer::yes(payload);
                answer.dropped = self
                    .rules
                    .has(Rule::RemovalDisconnects)
                    .then_some(Dropped { device_id, role: Some(token.role) });
                answer
            }
            Err(_) if self.rules.has(Rule::RevocationDenied) => Answer::no("device token revocation denied"),
            Err(_) => Answer::no("unknown deviceId/role"),
        }
    }

    fn list_nodes(&self) -> Value {
        let live: Vec<&&Admitted> =
            self.caller.live.iter().filter(|client| client.ask.role == "node").collect();
        let live_id = |client: &Admitted| {
            client.ask.device.as_ref().map_or(client.ask.client.id.clone(), |device| device.id.clone())
        };
        let paired =
            self.state.paired.values().filter(|device| {
                pairing::effective_roles(self.rules, device).iter().any(|role| role == "node")
            });
        let mut ids: Vec<String> = paired.map(|device| device.device_id.clone()).collect();
        ids.extend(live.iter().map(|client| live_id(client)));
        ids.sort();
        ids.dedup();
        let mut known: Vec<Value> = ids
            .iter()
            .map(|id| {
                let client = live.iter().find(|client| live_id(client) == *id);
                let record = self.state.paired.get(id);
                let of = |ours: Option<String>, theirs: Option<&String>| ours.or_else(|| theirs.cloned());
                let ask = client.map(|client| &client.ask);
                let mut commands = ask.map(|ask| ask.commands.clone()).unwrap_or_default();
                commands.sort();
                let mut caps = ask.map(|ask| ask.caps.clone()).unwrap_or_default();
                caps.sort();
                let mut entry = json!({
                    "nodeId": id,
                    "caps": caps,
                    "commands": commands,
                    "paired": record.is_some(),
                    "connected": client.is_some(),
                });
                for (key, value) in [
                    (
                        "displayName",
                        of(
                            ask.and_then(|ask| ask.client.display_name.clone()),
                            record.and_then(|one| one.display_name.as_ref()),
                        ),
                    ),
                    (
                        "platform",
                        of(
                            ask.map(|ask| ask.client.platform.clone()),
                            record.and_then(|one| one.platform.as_ref()),
                        ),
                    ),
                    ("version", ask.map(|ask| ask.client.version.clone())),
                    (
                        "clientId",
                        of(
                            ask.map(|ask| ask.client.id.clone()),
                            record.and_then(|one| one.client_id.as_ref()),
                        ),
                    ),
                ] {
                    if let Some(value) = value {
                        entry[key] = json!(value);
                    }
                }
                entry
            })
            .collect();
        known.sort_by_key(|entry| entry["connected"] != true);
        json!({"ts": self.caller.now, "nodes": known})
    }

    fn list_node_requests(&self) -> Value {
        let pending: Vec<Value> = self
            .state
            .pending_nodes
            .values()
            .map(|request| {
                let mut entry = json!(request);
                if self.rules.has(Rule::NodeApprovalScopesShown) {
                    entry["requiredApproveScopes"] = json!(nodes::approval_scopes(self.rules, request));
                }
                entry
            })
            .collect();
        let paired: Vec<Value> = self.state.nodes.values().map(|node| json!(node)).collect();
        json!({"pending": pending, "paired": paired})
    }

    fn approve_node(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        let caller = self.scopes().to_vec();
        match nodes::approve(self.state, self.rules, self.dice, self.caller.now, &id, &caller) {
            Ok(Some(node)) => {
                let event = json!({
                    "requestId": id, "nodeId": node.node_id, "decision": "approved", "ts": self.caller.now
                });
                Answer::yes(json!({"requestId": id, "node": node})).announcing("node.pair.resolved", event)
            }
            Ok(None) => Answer::no("unknown requestId"),
            Err(scope) => {
                let request = self.state.pending_nodes.get(&id);
                let required = request.map(|request| nodes::approval_scopes(self.rules, request));
                Answer::lacking(self.rules, &scope, &required.unwrap_or_default())
            }
        }
    }

    fn reject_node(&mut self) -> Answer {
        let id = self.param("requestId").to_owned();
        match self.state.pending_nodes.remove(&id) {
            Some(request) => {
                let event = json!({
                    "requestId": id, "nodeId": request.node_id, "decision": "rejected", "ts": self.caller.now
                });
                Answer::yes(json!({"requestId": id, "nodeId": request.node_id}))
                    .announcing("node.pair.resolved", event)
            }
            None => Answer::no("unknown requestId"),
        }
    }

    fn remove_node(&mut self) -> Answer {
        let id = self.param("nodeId").to_owned();
        match self.state.nodes.remove(id.trim()) {
            Some(node) => Answer::yes(json!({"nodeId": node.node_id})),
            None => Answer::no("unknown nodeId"),
        }
    }
}

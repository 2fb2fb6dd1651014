//! The methods that are modelled: devices, tokens, nodes, and a little of the rest.

use serde_json::{Value, json};

use super::config::Settings;
use super::connect::{Admitted, build_id};
use super::dice::Dice;
use super::methods;
use super::mutants::Fault;
use super::rpc_answer::Answer;
use super::rulebook::Rule;
use super::rules::Rules;
use super::schema::{self, Manner, Schema};
use super::scopes::{self, ADMIN};
use super::shapes;
use super::state::State;
use super::unmodelled::{Unmodelled, unmodelled_parameter};

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

/// A call at work.
pub(super) struct Call<'a> {
    pub(super) state: &'a mut State,
    pub(super) rules: &'a Rules,
    pub(super) dice: &'a mut Dice,
    pub(super) caller: &'a Caller<'a>,
    pub(super) params: &'a Value,
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
        && let Some(unknown) = unmodelled_parameter(method, &shape.keys(), params)
    {
        return Answer::unmodelled(&unknown);
    }
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
        _ if methods::exists(rules, method) => Answer::unmodelled(&Unmodelled::Answer(method.to_owned())),
        _ if rules.broken(Fault::UnknownMethodAnswered) => Answer::yes(json!({})),
        _ => Answer::no(&format!("unknown method: {method}")),
    }
}

fn shape_of(method: &str) -> Option<Schema> {
    match method {
        "health" | "status" | "config.get" | "device.pair.list" | "node.list" | "node.pair.list" => {
            Some(shapes::EMPTY)
        }
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

impl Call<'_> {
    pub(super) fn param(&self, key: &str) -> &str {
        self.params[key].as_str().unwrap_or_default()
    }

    pub(super) fn scopes(&self) -> &[String] {
        &self.caller.admitted.ask.scopes
    }

    pub(super) fn is_admin(&self) -> bool {
        scopes::has(self.scopes(), ADMIN)
    }

    /// The device that the caller is held to, unless it may manage all.
    pub(super) fn own_device(&self) -> Option<&str> {
        let by_token = self.caller.admitted.method == super::auth::Method::DeviceToken;
        let held = self.rules.has(Rule::OwnDeviceOnly) && !self.rules.broken(Fault::OthersManaged);
        let counts = held && (by_token || !self.rules.has(Rule::DeviceTokenIsDevice));
        let device = self.caller.admitted.ask.device.as_ref().map(|device| device.id.trim());
        device.filter(|_| counts && !self.is_admin())
    }

    pub(super) fn is_foreign(&self, device_id: &str) -> bool {
        self.own_device().is_some_and(|own| own != device_id.trim())
    }

    pub(super) fn status(&self) -> Value {
        json!({
            "runtimeVersion": self.rules.profile.release().to_string(),
            "heartbeat": {},
            "channelSummary": [],
            "queuedSystemEvents": [],
            "sessions": {"count": 0, "recent": []},
        })
    }

    pub(super) fn config(&self) -> Value {
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
}

//! The response to a call, and what the call causes besides.

use serde_json::{Value, json};

use crate::model::connect::{Admitted, Announcement};
use crate::model::history::NOT_MODELLED_CODE;
use crate::model::refusal::{error, error_with};
use crate::model::rulebook::Rule;
use crate::model::rules::Rules;
use crate::model::unmodelled::Unmodelled;

/// A device whose connections the gateway closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct DroppedDevice {
    /// The id of the device.
    pub(in crate::model) device_id: String,
    /// If set, only connections of this role are closed.
    pub(in crate::model) role: Option<String>,
}

impl DroppedDevice {
    /// Whether the connection of this client is closed.
    pub(in crate::model) fn includes(&self, client: &Admitted) -> bool {
        let same = client.request.device.as_ref().is_some_and(|device| device.id == self.device_id);
        same && self.role.as_ref().is_none_or(|role| *role == client.request.role)
    }
}

/// The response to a call, and what the call causes besides.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct RpcResponse {
    result: Result<Value, Value>,
    /// Events that are sent before the response.
    pub(in crate::model) announced: Vec<Announcement>,
    /// The connections that are closed, if any.
    pub(in crate::model) dropped: Option<DroppedDevice>,
}

impl RpcResponse {
    pub(in crate::model) fn ok(payload: Value) -> Self {
        Self { result: Ok(payload), announced: Vec::new(), dropped: None }
    }

    /// An `INVALID_REQUEST` error.
    pub(in crate::model) fn invalid(text: &str) -> Self {
        Self { result: Err(error("INVALID_REQUEST", text)), announced: Vec::new(), dropped: None }
    }

    /// The refusal of a call that needs another role or scope.
    pub(in crate::model) fn refused(rules: &Rules, text: &str) -> Self {
        match text.strip_prefix("missing scope: ") {
            Some(scope) => Self::missing_scope(rules, scope, &[scope.to_owned()]),
            None => Self::invalid(text),
        }
    }

    pub(in crate::model) fn missing_scope(rules: &Rules, scope: &str, required: &[String]) -> Self {
        let text = format!("missing scope: {scope}");
        if !rules.has(Rule::ForbiddenNamed) {
            return Self::invalid(&text);
        }
        let details = json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": required});
        Self { result: Err(error_with("FORBIDDEN", &text, details)), announced: Vec::new(), dropped: None }
    }

    /// The answer where the model does not know what the gateway does.
    pub(in crate::model) fn unmodelled(what: &Unmodelled) -> Self {
        Self {
            result: Err(error(NOT_MODELLED_CODE, &what.to_string())),
            announced: Vec::new(),
            dropped: None,
        }
    }

    /// The response as a frame.
    pub(in crate::model) fn frame(&self, id: &Value) -> Value {
        match &self.result {
            Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
            Err(error) => json!({"type": "res", "id": id, "ok": false, "error": error}),
        }
    }

    pub(in crate::model) fn with_event(mut self, event: &'static str, payload: Value) -> Self {
        self.announced.push(Announcement { event, payload });
        self
    }
}

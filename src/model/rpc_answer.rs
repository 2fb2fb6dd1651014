//! What a call answers, and what it causes.

use serde_json::{Value, json};

use super::connect::{Admitted, Announcement};
use super::history::NOT_MODELLED_CODE;
use super::refusal::{error, error_with};
use super::rulebook::Rule;
use super::rules::Rules;
use super::unmodelled::Unmodelled;

/// A device whose connections end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    /// The device.
    pub(super) device_id: String,
    /// Only those of this role.
    pub(super) role: Option<String>,
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
    pub(super) fn yes(payload: Value) -> Self {
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

    pub(super) fn lacking(rules: &Rules, scope: &str, required: &[String]) -> Self {
        let text = format!("missing scope: {scope}");
        if !rules.has(Rule::ForbiddenNamed) {
            return Self::no(&text);
        }
        let details = json!({"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": required});
        Self { result: Err(error_with("FORBIDDEN", &text, details)), announced: Vec::new(), dropped: None }
    }

    /// The model does not know.
    pub(super) fn unmodelled(what: &Unmodelled) -> Self {
        Self {
            result: Err(error(NOT_MODELLED_CODE, &what.to_string())),
            announced: Vec::new(),
            dropped: None,
        }
    }

    /// The response frame.
    pub(super) fn frame(&self, id: &Value) -> Value {
        match &self.result {
            Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
            Err(error) => json!({"type": "res", "id": id, "ok": false, "error": error}),
        }
    }

    pub(super) fn announcing(mut self, event: &'static str, payload: Value) -> Self {
        self.announced.push(Announcement { event, payload });
        self
    }
}

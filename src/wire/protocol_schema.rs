//! Checks frames against the JSON Schema that upstream publishes for its protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Upstream's schema of the protocol in one version.
pub struct ProtocolSchema {
    version: String,
    definitions: Map<String, Value>,
    validators: Mutex<BTreeMap<String, Option<Arc<Validator>>>>,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is not JSON.
    #[error("the protocol's schema is not JSON")]
    Json(#[from] serde_json::Error),
    /// It lacks a definition that every version must have.
    #[error("the protocol's schema has no usable definition of {0}")]
    Missing(&'static str),
}

/// A frame that was sent over a connection.
#[derive(Clone, Copy, Debug)]
pub struct PassedFrame<'a> {
    /// The name of the connection.
    pub connection: &'a str,
    /// Whether this side sent it.
    pub ours: bool,
    /// The text of the frame.
    pub text: &'a str,
}

/// Who sent a frame that is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sender {
    /// The gateway under test.
    Gateway,
    /// This program.
    Harness,
}

/// A kind of frame that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SchemaFinding {
    /// The side that sent it.
    pub by: Sender,
    /// The kind of frame, such as `answer to connect` or `event presence`.
    pub frame: String,
    /// The definition that it violates.
    pub definition: String,
    /// The place of the error, as a JSON pointer with `*` for array indices.
    pub at: String,
    /// What is wrong there, without the value, which may be a secret.
    pub what: String,
}

impl fmt::Display for SchemaFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "" } else { " at " };
        write!(f, "{} does not meet {}{at}{}: {}", self.frame, self.definition, self.at, self.what)
    }
}

impl fmt::Debug for ProtocolSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolSchema").field("version", &self.version).finish_non_exhaustive()
    }
}

const REQUEST: &str = "RequestFrame";
const RESPONSE: &str = "ResponseFrame";
const EVENT: &str = "EventFrame";
const HELLO: &str = "HelloOk";
const CONNECT: &str = "ConnectParams";

impl ProtocolSchema {
    /// Reads the schema of a version.
    ///
    /// # Errors
    /// Fails if the text is not JSON or lacks a definition.
    pub fn read(version: &str, text: &str) -> Result<Self, SchemaError> {
        let mut document: Value = serde_json::from_str(text)?;
        let Some(Value::Object(definitions)) = document.get_mut("definitions").map(Value::take) else {
            return Err(SchemaError::Missing("frames"));
        };
        let schema = Self { version: version.to_owned(), definitions, validators: Mutex::default() };
        for name in [REQUEST, RESPONSE, EVENT, HELLO, CONNECT] {
            if schema.validator(name).is_none() {
                return Err(SchemaError::Missing(name));
            }
        }
        Ok(schema)
    }

    /// The version of the package that it came in.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The frames among these that are not valid, each kind once.
    ///
    /// A frame of ours only counts if the gateway accepted it: one that it refuses was wrong on purpose, or the scenario fails
    /// anyway.
    pub fn check<'a>(&self, frames: impl IntoIterator<Item = PassedFrame<'a>>) -> Vec<SchemaFinding> {
        let mut found = BTreeSet::new();
        let mut methods: BTreeMap<(String, String), String> = BTreeMap::new();
        let mut odd: BTreeMap<(String, String), SchemaFinding> = BTreeMap::new();
        for passed in frames {
            let frame: Result<Value, _> = serde_json::from_str(passed.text);
            let text = |key: &str| {
                frame.as_ref().ok().and_then(|frame| frame.get(key)?.as_str()).unwrap_or_default().to_owned()
            };
            let id = (passed.connection.to_owned(), text("id"));
            if passed.ours {
                let Ok(frame) = &frame else { continue };
                let method = text("method");
                let name = format!("request {method}");
                let mut wrong = self.wrong(Sender::Harness, &name, REQUEST, frame);
                if method == "connect" {
                    let params = frame.get("params").unwrap_or(&Value::Null);
                    wrong = wrong.or_else(|| self.wrong(Sender::Harness, &name, CONNECT, params));
                }
                odd.extend(wrong.map(|wrong| (id.clone(), wrong)));
                methods.insert(id, method);
                continue;
            }
            let Ok(frame) = &frame else {
                found.insert(SchemaFinding {
                    by: Sender::Gateway,
                    frame: "a text frame".to_owned(),
                    definition: "GatewayFrame".to_owned(),
                    at: String::new(),
                    what: "it is not JSON".to_owned(),
                });
                continue;
            };
            match &*text("type") {
                "res" => {
                    let method = methods.get(&id).map_or("", String::as_str);
                    let name = format!("answer to {method}");
                    found.extend(self.wrong(Sender::Gateway, &name, RESPONSE, frame));
                    if frame.get("ok") == Some(&Value::Bool(true)) {
                        found.extend(odd.remove(&id));
                        let definition =
                            if method == "connect" { HELLO.to_owned() } else { pascal(method, "Result") };
                        let payload = frame.get("payload").unwrap_or(&Value::Null);
                        found.extend(self.wrong(Sender::Gateway, &name, &definition, payload));
                    }
                }
                "event" => {
                    let event = text("event");
                    let name = format!("event {event}");
                    found.extend(self.wrong(Sender::Gateway, &name, EVENT, frame));
                    let payload = frame.get("payload").unwrap_or(&Value::Null);
                    found.extend(self.wrong(Sender::Gateway, &name, &pascal(&event, "Event"), payload));
                }
                other => {
                    found.insert(SchemaFinding {
                        by: Sender::Gateway,
                        frame: format!("a frame of type {other:?}"),
                        definition: "GatewayFrame".to_owned(),
                        at: String::new(),
                        what: "it is none of the frames of the protocol".to_owned(),
                    });
                }
            }
        }
        found.into_iter().collect()
    }

    /// The first violation of a definition by a value; none if there is no such definition.
    fn wrong(&self, by: Sender, frame: &str, definition: &str, value: &Value) -> Option<SchemaFinding> {
        let validator = self.validator(definition)?;
        let error = validator.iter_errors(value).next()?;
        let at = error.instance_path().to_string();
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = at.split('/').map(|part| if is_number(part) { "*" } else { part }).collect();
        Some(SchemaFinding {
            by,
            frame: frame.to_owned(),
            definition: definition.to_owned(),
            at: parts.join("/"),
            what: error.masked().to_string(),
        })
    }

    fn validator(&self, name: &str) -> Option<Arc<Validator>> {
        let mut validators = self.validators.lock();
        if let Some(known) = validators.get(name) {
            return known.clone();
        }
        let made = self.made(name).map(Arc::new);
        validators.insert(name.to_owned(), made.clone());
        made
    }

    /// A validator for a definition, with only those of the hundreds of others that it needs.
    fn made(&self, name: &str) -> Option<Validator> {
        let mut needed = Map::new();
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.pop() {
            if needed.contains_key(&name) {
                continue;
            }
            let definition = self.definitions.get(&name)?;
            references(definition, &mut open);
            needed.insert(name, definition.clone());
        }
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": format!("#/definitions/{name}"),
            "definitions": needed,
        });
        jsonschema::validator_for(&schema).ok()
    }
}

fn references(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            if let Some(name) = entries.get("$ref").and_then(Value::as_str) {
                into.extend(name.strip_prefix("#/definitions/").map(str::to_owned));
            }
            entries.values().for_each(|one| references(one, into));
        }
        Value::Array(list) => list.iter().for_each(|one| references(one, into)),
        _ => {}
    }
}

/// The name of a definition as upstream derives it from a method or event: `device.pair.requested` becomes
/// `DevicePairRequestedEvent`.
fn pascal(name: &str, end: &str) -> String {
    let mut text = String::new();
    for part in name.split(['.', '-', '_']) {
        let mut letters = part.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text + end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> ProtocolSchema {
        let frame = |kind: &str, rest: Value| {
            let mut properties = json!({"type": {"const": kind}, "id": {"type": "string"}, "ok": {}, "payload": {}, "error": {}, "method": {"type": "string"}, "params": {}, "event": {"type": "string"}});
            if let (Value::Object(all), Value::Object(rest)) = (&mut properties, rest) {
                all.extend(rest);
            }
            json!({"type": "object", "properties": properties, "additionalProperties": false})
        };
        let document = json!({"definitions": {
            "RequestFrame": frame("req", json!({})),
            "ResponseFrame": frame("res", json!({})),
            "EventFrame": frame("event", json!({"seq": {"type": "integer"}})),
            "HelloOk": {"type": "object", "required": ["protocol"]},
            "ConnectParams": {"type": "object", "additionalProperties": false, "properties": {"role": {"$ref": "#/definitions/Role"}}},
            "Role": {"enum": ["operator", "node"]},
            "DevicePairRequestedEvent": {"type": "object", "required": ["requestId"]},
            "NodeListResult": {"type": "object", "properties": {"nodes": {"type": "array", "items": {"type": "string"}}}},
        }});
        ProtocolSchema::read("1", &document.to_string()).unwrap()
    }

    fn found(frames: &[(bool, Value)]) -> Vec<String> {
        let texts: Vec<(bool, String)> = frames.iter().map(|(ours, one)| (*ours, one.to_string())).collect();
        let passed = texts.iter().map(|(ours, text)| PassedFrame { connection: "c", ours: *ours, text });
        schema().check(passed).iter().map(|one| format!("{:?}: {one}", one.by)).collect()
    }

    const OURS: bool = true;
    const THEIRS: bool = false;

    #[test]
    fn valid_frames_are_not_reported() {
        let connect = json!({"type": "req", "id": "1", "method": "connect", "params": {"role": "node"}});
        let hello = json!({"type": "res", "id": "1", "ok": true, "payload": {"protocol": 4}});
        let event = json!({"type": "event", "event": "tick", "payload": {}, "seq": 3});
        assert_eq!(found(&[(OURS, connect), (THEIRS, hello), (THEIRS, event)]), Vec::<String>::new());
    }

    #[test]
    fn a_response_is_checked_against_the_definition_of_its_method() {
        let list = json!({"type": "req", "id": "2", "method": "node.list"});
        let answer = json!({"type": "res", "id": "2", "ok": true, "payload": {"nodes": ["a", 7, 8]}});
        let event = json!({"type": "event", "event": "device.pair.requested", "payload": {}, "extra": 1});
        let told = found(&[(OURS, list), (THEIRS, answer), (THEIRS, event.clone()), (THEIRS, event)]);
        assert_eq!(told.len(), 3, "each kind once: {told:#?}");
        assert!(
            told[0].starts_with("Gateway: answer to node.list does not meet NodeListResult at /nodes/*: ")
        );
        assert!(told.iter().any(|one| one.contains("does not meet EventFrame") && one.contains("extra")));
        assert!(told.iter().any(|one| one.contains("does not meet DevicePairRequestedEvent")));
    }

    #[test]
    fn a_frame_of_ours_counts_only_if_the_gateway_accepted_it() {
        let connect = json!({"type": "req", "id": "1", "method": "connect", "params": {"role": "king"}});
        let refused = json!({"type": "res", "id": "1", "ok": false, "error": {}});
        let taken = json!({"type": "res", "id": "1", "ok": true, "payload": {"protocol": 4}});
        assert_eq!(found(&[(OURS, connect.clone()), (THEIRS, refused)]), Vec::<String>::new());
        let told = found(&[(OURS, connect), (THEIRS, taken)]);
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("Harness: request connect does not meet ConnectParams at /role: "),
            "{told:?}"
        );
        assert!(!told[0].contains("king"), "values may be secrets");
    }

    #[test]
    fn what_is_not_a_frame_is_reported() {
        let told = schema().check([PassedFrame { connection: "c", ours: false, text: "hello" }]);
        assert_eq!(told[0].what, "it is not JSON");
        assert_eq!(found(&[(THEIRS, json!({"type": "hi"}))]).len(), 1);
    }

    #[test]
    fn a_schema_without_frame_definitions_is_refused() {
        assert!(matches!(ProtocolSchema::read("1", "{}"), Err(SchemaError::Missing("frames"))));
        assert!(matches!(
            ProtocolSchema::read("1", r#"{"definitions": {}}"#),
            Err(SchemaError::Missing(REQUEST))
        ));
        assert!(matches!(ProtocolSchema::read("1", "no"), Err(SchemaError::Json(_))));
    }
}

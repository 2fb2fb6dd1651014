//! Frames of the protocol: requests, responses and events as JSON texts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::connect::ConnectParams;

/// A frame as a peer sent it.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// `{type:"req", id, method, params}`.
    Request {
        /// The id that the response will have.
        id: String,
        /// The method to call.
        method: String,
        /// The parameters; null if there are none.
        params: Value,
    },
    /// `{type:"res", id, ok, payload|error}`.
    Response {
        /// The id of the request.
        id: String,
        /// The payload, or the error.
        result: Result<Value, WireError>,
    },
    /// `{type:"event", event, payload, seq?}`.
    Event {
        /// The name, such as `connect.challenge`.
        event: String,
        /// The payload; null if there is none.
        payload: Value,
        /// The other keys of the frame, such as `seq` and `stateVersion`.
        rest: Map<String, Value>,
    },
    /// Any other text: not JSON, or JSON of another shape.
    Other(String),
}

/// The `error` of a response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WireError {
    /// The code, such as `NOT_PAIRED` or `INVALID_REQUEST`.
    #[serde(default)]
    pub code: String,
    /// A text for people, which changes between releases.
    #[serde(default)]
    pub message: String,
    /// More about it, such as `{code: PAIRING_REQUIRED, reason: role-upgrade, requestId}`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl WireError {
    /// A detail that is a text.
    pub fn detail(&self, key: &str) -> Option<&str> {
        self.details.get(key).and_then(Value::as_str)
    }
}

impl Frame {
    /// Reads a text frame; what is not a frame of the protocol becomes [`Frame::Other`].
    pub fn parse(text: &str) -> Self {
        document(text).and_then(understand).unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

/// The most values of a document that a peer sent. A value takes 70 bytes and more in memory, and two in the text.
const MOST_VALUES: usize = 200_000;

/// A text of a peer as JSON; none if it is not JSON, or has so many values that it would fill the memory.
pub fn document(text: &str) -> Option<Value> {
    if separators(text) > MOST_VALUES {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// The number of commas, colons and opening brackets outside of strings: the number of values is about the same.
fn separators(text: &str) -> usize {
    // A short text cannot have too many.
    if text.len() <= MOST_VALUES {
        return 0;
    }
    let (mut count, mut quoted, mut escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' | b':' | b'[' | b'{' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

fn understand(mut frame: Value) -> Option<Frame> {
    let text = |frame: &Value, key: &str| frame.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut take = |key: &str| frame.get_mut(key).map_or(Value::Null, Value::take);
    let (params, payload, error) = (take("params"), take("payload"), take("error"));
    match frame.get("type")?.as_str()? {
        "req" => Some(Frame::Request { id: text(&frame, "id")?, method: text(&frame, "method")?, params }),
        "res" => {
            let ok = frame.get("ok")?.as_bool()?;
            let result =
                if ok { Ok(payload) } else { Err(serde_json::from_value(error).unwrap_or_default()) };
            Some(Frame::Response { id: text(&frame, "id")?, result })
        }
        "event" => {
            let event = text(&frame, "event")?;
            let Value::Object(mut rest) = frame else { return None };
            for taken in ["params", "payload", "error"] {
                rest.shift_remove(taken);
            }
            Some(Frame::Event { event, payload, rest })
        }
        _ => None,
    }
}

/// The whole frame of an event, from its payload and its other keys.
pub fn whole_event(rest: &Map<String, Value>, payload: &Value) -> Value {
    let mut frame = rest.clone();
    frame.insert("payload".to_owned(), payload.clone());
    Value::Object(frame)
}

/// The frame of a request.
pub fn request(id: &str, method: &str, params: Option<&Value>) -> Value {
    let mut frame = json!({"type": "req", "id": id, "method": method});
    if let Some(params) = params {
        frame["params"] = params.clone();
    }
    frame
}

/// The frame of the request that starts a connection.
pub fn connect_request(id: &str, params: &ConnectParams) -> Value {
    request(id, "connect", Some(&params.to_value()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[test]
    fn requests_responses_and_events_are_recognized() {
        assert_eq!(
            Frame::parse(r#"{"type":"req","id":"1","method":"status"}"#),
            Frame::Request { id: "1".into(), method: "status".into(), params: Value::Null }
        );
        assert_eq!(
            Frame::parse(r#"{"type":"event","event":"tick","payload":{"a":1},"seq":4}"#),
            Frame::Event {
                event: "tick".into(),
                payload: json!({"a": 1}),
                rest: [("type", json!("event")), ("event", json!("tick")), ("seq", json!(4))]
                    .map(|(key, value)| (key.to_owned(), value))
                    .into_iter()
                    .collect(),
            }
        );
        assert_eq!(
            Frame::parse(r#"{"type":"res","id":"1","ok":true,"payload":[1]}"#),
            Frame::Response { id: "1".into(), result: Ok(json!([1])) }
        );
    }

    #[test]
    fn an_error_response_keeps_code_and_details() {
        let text = r#"{"type":"res","id":"1","ok":false,"error":{"code":"NOT_PAIRED","message":"pairing required",
            "details":{"code":"PAIRING_REQUIRED","reason":"role-upgrade"}}}"#;
        let Frame::Response { result: Err(error), .. } = Frame::parse(text) else { panic!("a refusal") };
        assert_eq!(error.code, "NOT_PAIRED");
        assert_eq!(error.detail("reason"), Some("role-upgrade"));
    }

    #[rstest]
    #[case("not json")]
    #[case("[]")]
    #[case(r#"{"type":"res","id":"1"}"#)]
    #[case(r#"{"type":"event"}"#)]
    #[case(r#"{"type":"ping"}"#)]
    fn other_texts_are_kept_unchanged(#[case] text: &str) {
        assert_eq!(Frame::parse(text), Frame::Other(text.to_owned()));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = Frame::parse(&text);
        }
    }

    #[test]
    fn a_document_with_too_many_values_is_not_read() {
        let list = |values: usize| format!("[{}0]", "0,".repeat(values));
        assert!(document(&list(1_000)).is_some());
        assert_eq!(document(&list(MOST_VALUES + 1)), None);
        assert!(
            document(&format!("[\"{}\"]", ",[\\\"".repeat(MOST_VALUES))).is_some(),
            "a string is one value"
        );
        let frame = format!(r#"{{"type":"event","event":"x","payload":{}}}"#, list(MOST_VALUES));
        assert!(matches!(Frame::parse(&frame), Frame::Other(_)));
    }
}

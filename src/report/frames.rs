//! Frames in a few words.

use serde_json::{Map, Value};

use crate::client::{Direction, Entry};
use crate::wire::Frame;

/// Which way something went, as a sign.
pub(crate) const fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Opened => "○",
        Direction::Sent => "→",
        Direction::Received | Direction::Http => "←",
        Direction::ClosedByGateway | Direction::ClosedByClient | Direction::Ended => "✕",
    }
}

/// What an entry says, the telling parts first, on one line of any length.
pub(crate) fn headline(entry: &Entry) -> String {
    let line = match entry.direction {
        Direction::Opened => format!("open {}", entry.text),
        Direction::Http => entry.text.clone(),
        Direction::ClosedByGateway => format!("gateway closed {}", entry.text),
        Direction::ClosedByClient => format!("client closed {}", entry.text),
        Direction::Ended => format!("ended: {}", entry.text),
        Direction::Sent | Direction::Received => of_frame(&entry.text),
    };
    super::text::one_line(&line)
}

fn of_frame(text: &str) -> String {
    match Frame::parse(text) {
        Frame::Request { method, params, .. } if method == "connect" => {
            format!("connect {}", of_connect(&params))
        }
        Frame::Request { method, params, .. } => with(&method, &params),
        Frame::Event { event, payload } => with(&event, &payload),
        Frame::Response { result: Ok(payload), .. } if payload["type"] == "hello-ok" => {
            format!("hello-ok {}", picked(&payload, &["protocol", "auth", "server"]))
        }
        Frame::Response { result: Ok(payload), .. } => with("ok", &payload),
        Frame::Response { result: Err(error), .. } => {
            format!("{} {:?} {}", error.code, error.message, error.details)
        }
        Frame::Other(text) => text,
    }
}

fn with(word: &str, value: &Value) -> String {
    if value.is_null() { word.to_owned() } else { format!("{word} {value}") }
}

/// Who asks for what: the rest of a `connect` is the same nearly every time.
fn of_connect(params: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let client = &params["client"];
    let protocol = match (&params["minProtocol"], &params["maxProtocol"]) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low}–{high}"),
    };
    let keys: Vec<&str> =
        params["auth"].as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let auth = if keys.is_empty() { "nothing".to_owned() } else { keys.join(" and ") };
    format!(
        "as {} from {}/{} scopes {} with {auth} protocol {protocol}{}",
        word(&params["role"]),
        word(&client["id"]),
        word(&client["mode"]),
        params["scopes"],
        if params["device"].is_null() { " without a device" } else { "" },
    )
}

fn picked(value: &Value, keys: &[&str]) -> Value {
    let parts = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone())));
    Value::Object(parts.collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Direction::Sent, r#"{"type":"req","id":"1","method":"connect","params":{"minProtocol":3,"maxProtocol":4,"client":{"id":"cli","mode":"cli"},"role":"operator","scopes":["operator.read"],"auth":{"token":"‹token›"},"device":{}}}"#,
        r#"connect as operator from cli/cli scopes ["operator.read"] with token protocol 3–4"#)]
    #[case(Direction::Sent, r#"{"type":"req","id":"1","method":"connect","params":{"minProtocol":3,"maxProtocol":3,"client":{},"role":7}}"#,
        "connect as ? from ?/? scopes null with nothing protocol 3 without a device")]
    #[case(Direction::Sent, r#"{"type":"req","id":"2","method":"status"}"#, "status")]
    #[case(
        Direction::Received,
        r#"{"type":"res","id":"1","ok":true,"payload":{"type":"hello-ok","protocol":3,"features":{}}}"#,
        r#"hello-ok {"protocol":3}"#
    )]
    #[case(Direction::Received, r#"{"type":"res","id":"1","ok":false,"error":{"code":"NOT_PAIRED","message":"no","details":{"a":1}}}"#,
        r#"NOT_PAIRED "no" {"a":1}"#)]
    #[case(Direction::Received, "not a frame", "not a frame")]
    #[case(Direction::ClosedByGateway, "1008 \"no\"", "gateway closed 1008 \"no\"")]
    #[case(Direction::Ended, "exit code 1", "ended: exit code 1")]
    fn an_entry_reads_as_one_line(#[case] direction: Direction, #[case] text: &str, #[case] line: &str) {
        let entry = Entry { at_ms: 0, connection: "c".into(), direction, text: text.into() };
        assert_eq!(headline(&entry), line);
    }
}

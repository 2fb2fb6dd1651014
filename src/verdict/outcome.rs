//! The outcome of a step, and its normal form for comparisons.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::scenario::ExpectationKind;
use crate::wire::{Close, ConnectionEnd, WireError};

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    /// The gateway let the connection in.
    Hello {
        /// The payload of `hello-ok`.
        payload: Value,
    },
    /// The gateway closed, after an error response or without one.
    Closed {
        /// The close frame, or that there was none.
        close: Close,
        /// The error response that came before the close.
        #[serde(flatten, with = "side_by_side")]
        #[schemars(with = "Beside")]
        error: Option<WireError>,
    },
    /// An error response, and the connection stayed open.
    Refused {
        /// The code, message and details of the error response.
        #[serde(flatten, with = "side_by_side")]
        #[schemars(with = "Beside")]
        error: WireError,
    },
    /// An HTTP answer instead of a WebSocket.
    Http {
        /// The status of the response.
        status: u16,
        /// The body of the response: parsed JSON, or a string.
        body: Value,
    },
    /// A call or another step of a client succeeded.
    Ok {
        /// The payload, as the gateway sent it.
        payload: Value,
    },
    /// An event came that the step waited for.
    Arrived {
        /// The payload, as the gateway sent it.
        payload: Value,
    },
    /// A line of a log or a frame of a connection was found.
    Found {
        /// The line or the frame. It differs from run to run, so it is not stored.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        what: Value,
    },
    /// The client ended the connection because the gateway violated RFC 6455.
    ProtocolError {
        /// A description of the violation.
        what: String,
    },
    /// Nothing came within the time limit.
    Silence,
    /// The content of a store.
    State {
        /// The stored records as one document.
        document: Value,
    },
    /// A program that the step started has ended.
    Exit {
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// The signal that ended it, such as `SIGTERM`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<String>,
        /// Everything that it printed on standard output.
        stdout: String,
        /// Everything that it printed on standard error.
        stderr: String,
    },
    /// A tool returned a result to the language model.
    Tool {
        /// The result as the language model got it.
        result: String,
        /// Why the gateway refused a connection meanwhile; `None` if it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// The step was done and has no outcome to judge.
    Done,
}

/// An error response in its stored form, with the details beside the error.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Beside {
    /// The error response; `None` if the gateway closed without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<ErrorHead>,
    /// The `details` of the error response, such as `{code: PAIRING_REQUIRED, reason: role-upgrade}`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    details: Value,
}

/// An error response without its details.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
struct ErrorHead {
    /// Such as `NOT_PAIRED`.
    #[serde(default)]
    code: String,
    /// A message for people, which changes between releases.
    #[serde(default)]
    message: String,
}

impl From<WireError> for Beside {
    fn from(WireError { code, message, details }: WireError) -> Self {
        Self { error: Some(ErrorHead { code, message }), details }
    }
}

impl From<Option<WireError>> for Beside {
    fn from(error: Option<WireError>) -> Self {
        error.map(Self::from).unwrap_or_default()
    }
}

impl From<Beside> for WireError {
    fn from(Beside { error, details }: Beside) -> Self {
        let ErrorHead { code, message } = error.unwrap_or_default();
        Self { code, message, details }
    }
}

impl From<Beside> for Option<WireError> {
    fn from(beside: Beside) -> Self {
        beside.error.is_some().then(|| beside.into())
    }
}

mod side_by_side {
    use super::{Beside, Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T, S>(error: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Clone + Into<Beside>,
        S: Serializer,
    {
        error.clone().into().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: From<Beside>,
        D: Deserializer<'de>,
    {
        Beside::deserialize(deserializer).map(T::from)
    }
}

impl Outcome {
    /// The outcome for a connection that ended unexpectedly.
    pub fn of_end(end: ConnectionEnd, error: Option<WireError>) -> Self {
        match end {
            ConnectionEnd::Closed(close) => Self::Closed { close, error },
            ConnectionEnd::ProtocolError(what) => Self::ProtocolError { what },
        }
    }

    /// The outcome with its texts and JSON values replaced.
    #[must_use]
    pub fn map_texts_and_values(
        self,
        text: &mut dyn FnMut(String) -> String,
        value: &mut dyn FnMut(Value) -> Value,
    ) -> Self {
        let mut in_error = |error: WireError| WireError {
            code: text(error.code),
            message: text(error.message),
            details: value(error.details),
        };
        match self {
            Self::Hello { payload } => Self::Hello { payload: value(payload) },
            Self::Closed { close, error } => Self::Closed { close, error: error.map(in_error) },
            Self::Refused { error } => Self::Refused { error: in_error(error) },
            Self::Http { status, body } => Self::Http { status, body: value(body) },
            Self::Ok { payload } => Self::Ok { payload: value(payload) },
            Self::Arrived { payload } => Self::Arrived { payload: value(payload) },
            Self::Found { what } => Self::Found { what: value(what) },
            Self::ProtocolError { what } => Self::ProtocolError { what: text(what) },
            Self::State { document } => Self::State { document: value(document) },
            Self::Exit { code, signal, stdout, stderr } => {
                Self::Exit { code, signal, stdout: text(stdout), stderr: text(stderr) }
            }
            Self::Tool { result, refused } => Self::Tool { result: text(result), refused },
            Self::Silence | Self::Done => self,
        }
    }

    /// The document from which a step saves values.
    pub fn document(&self) -> Value {
        match self {
            Self::Hello { payload } | Self::Ok { payload } | Self::Arrived { payload } => payload.clone(),
            Self::State { document } => document.clone(),
            Self::Found { what: line @ Value::String(_) } => serde_json::json!({"line": line}),
            Self::Found { what } => what.clone(),
            Self::Closed { error: Some(error), .. } | Self::Refused { error } => {
                serde_json::to_value(error).unwrap_or_default()
            }
            Self::Http { status, body } => serde_json::json!({"status": status, "body": body}),
            Self::Tool { result, refused } => serde_json::json!({"result": result, "refused": refused}),
            Self::Exit { code, signal, stdout, stderr } => serde_json::json!({
                "code": code, "signal": signal, "stdout": stdout, "stderr": stderr, "json": printed_json(stdout),
            }),
            Self::Closed { error: None, .. } | Self::ProtocolError { .. } | Self::Silence | Self::Done => {
                Value::Null
            }
        }
    }

    /// The kind of expectation that such an outcome can meet; `None` if there is nothing to expect.
    pub const fn kind(&self) -> Option<ExpectationKind> {
        Some(match self {
            Self::Hello { .. } => ExpectationKind::Hello,
            Self::Closed { .. } => ExpectationKind::Closed,
            Self::Refused { .. } => ExpectationKind::Error,
            Self::Http { .. } => ExpectationKind::Http,
            Self::Ok { .. } => ExpectationKind::Ok,
            Self::Arrived { .. } | Self::Found { .. } => ExpectationKind::Arrives,
            Self::ProtocolError { .. } => ExpectationKind::ProtocolError,
            Self::Silence => ExpectationKind::Silence,
            Self::State { .. } => ExpectationKind::State,
            Self::Exit { .. } => ExpectationKind::Exit,
            Self::Tool { .. } => ExpectationKind::Tool,
            Self::Done => return None,
        })
    }

    /// The error response, if there was one.
    pub const fn error(&self) -> Option<&WireError> {
        match self {
            Self::Closed { error, .. } => error.as_ref(),
            Self::Refused { error } => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    /// One line for people, such as `closed 1008 "pairing required" · NOT_PAIRED {…}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello { .. } => f.write_str("hello"),
            Self::Ok { payload: Value::Null } => f.write_str("ok"),
            Self::Ok { payload } => write!(f, "ok {}", brief(payload)),
            Self::Arrived { payload } => write!(f, "arrived {}", brief(payload)),
            Self::Found { what: Value::Null } => f.write_str("found"),
            Self::Found { what: Value::String(line) } => write!(f, "found {line:?}"),
            Self::Found { what } => write!(f, "found {}", brief(what)),
            Self::Closed { close, error } => {
                write!(f, "closed {close}")?;
                error.as_ref().map_or(Ok(()), |error| write!(f, " · {}", ErrorLine(error)))
            }
            Self::Refused { error } => write!(f, "refused · {}", ErrorLine(error)),
            Self::Http { status, body } => write!(f, "HTTP {status} {}", brief(body)),
            Self::ProtocolError { what } => write!(f, "protocol error: {what}"),
            Self::Silence => f.write_str("silence"),
            Self::State { document } => write!(f, "state {}", brief(document)),
            Self::Tool { result, refused } => {
                write!(f, "tool {:?}", last_words(result))?;
                refused.as_ref().map_or(Ok(()), |reason| write!(f, " · the gateway refused: {reason}"))
            }
            Self::Exit { code, signal, stdout, stderr } => {
                match (code, signal) {
                    (Some(code), _) => write!(f, "exit {code}")?,
                    (None, Some(signal)) => write!(f, "ended by {signal}")?,
                    (None, None) => f.write_str("ended by a signal")?,
                }
                // Programs say at the end what went wrong, and on standard error.
                let told = if stderr.trim().is_empty() { stdout } else { stderr };
                if told.trim().is_empty() { Ok(()) } else { write!(f, " · {}", last_words(told)) }
            }
            Self::Done => f.write_str("done"),
        }
    }
}

struct ErrorLine<'a>(&'a WireError);

impl fmt::Display for ErrorLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.code)?;
        if !self.0.message.is_empty() {
            write!(f, " {:?}", self.0.message)?;
        }
        if self.0.details.is_null() { Ok(()) } else { write!(f, " {}", brief(&self.0.details)) }
    }
}

/// The JSON document that a program printed; `None` if its output is not JSON.
pub(super) fn printed_json(stdout: &str) -> Option<Value> {
    serde_json::from_str(stdout.trim()).ok()
}

/// The end of a text, as one line of limited length.
fn last_words(text: &str) -> String {
    const LONGEST: usize = 300;
    let line =
        text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ⏎ ");
    let start = line.char_indices().rev().nth(LONGEST).map_or(0, |(at, _)| at);
    if start == 0 { line } else { format!("…{}", &line[start..]) }
}

/// A value as one line of limited length.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 300;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((at, _)) => format!("{}…", &text[..at]),
    }
}

/// The normal form of an outcome: values that differ from run to run are replaced by placeholders.
///
/// Two runs of the same scenario on the same build have outcomes with equal normal forms.
pub fn normalised(outcome: &Outcome) -> Outcome {
    let mut copy = outcome.clone();
    let parts: Vec<&mut Value> = match &mut copy {
        Outcome::Hello { payload } | Outcome::Ok { payload } | Outcome::Arrived { payload } => vec![payload],
        Outcome::State { document } => vec![document],
        Outcome::Found { what } => {
            *what = Value::Null;
            vec![]
        }
        Outcome::Http { body, .. } => vec![body],
        Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. } => vec![&mut error.details],
        Outcome::Closed { error: None, .. }
        | Outcome::Exit { .. }
        | Outcome::Tool { .. }
        | Outcome::ProtocolError { .. }
        | Outcome::Silence
        | Outcome::Done => {
            vec![]
        }
    };
    parts.into_iter().for_each(redact_volatile);
    copy
}

/// Keys whose values differ from run to run, with their placeholders.
const VOLATILE: &[(&str, &str)] = &[
    ("requestId", "‹id›"),
    ("connId", "‹id›"),
    ("instanceId", "‹id›"),
    ("recoveryScope", "‹id›"),
    ("nonce", "‹nonce›"),
    ("ts", "‹time›"),
    ("uptimeMs", "‹time›"),
    ("remediationHint", "‹text›"),
];

/// Replaces values that differ from run to run, such as ids, times and nonces, by placeholders.
pub fn redact_volatile(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (key, inner) in entries.iter_mut() {
                let known = VOLATILE.iter().find(|(name, _)| name == key).map(|(_, word)| *word);
                let word = known.or_else(|| key.ends_with("AtMs").then_some("‹time›"));
                match word {
                    Some(word) if !inner.is_null() => *inner = Value::String(word.to_owned()),
                    _ => redact_volatile(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_volatile),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn refused(details: Value) -> Outcome {
        let error = WireError { code: "NOT_PAIRED".into(), message: "pairing required".into(), details };
        Outcome::Closed { close: Close::frame(Some(1008), "pairing required"), error: Some(error) }
    }

    #[test]
    fn an_outcome_reads_as_one_line() {
        assert_eq!(
            refused(json!({"code": "PAIRING_REQUIRED"})).to_string(),
            r#"closed 1008 "pairing required" · NOT_PAIRED "pairing required" {"code":"PAIRING_REQUIRED"}"#
        );
        assert_eq!(
            Outcome::Closed { close: Close::DROPPED, error: None }.to_string(),
            "closed without a close frame"
        );
    }

    #[rstest]
    #[case(refused(json!({"code": "PAIRING_REQUIRED"})), json!({
        "kind": "closed",
        "close": {"code": 1008, "reason": "pairing required", "clean": true},
        "error": {"code": "NOT_PAIRED", "message": "pairing required"},
        "details": {"code": "PAIRING_REQUIRED"},
    }))]
    #[case(Outcome::Closed { close: Close::DROPPED, error: None }, json!({
        "kind": "closed",
        "close": {"code": null, "reason": "", "clean": false},
    }))]
    #[case(Outcome::Refused { error: WireError { code: "X".into(), ..WireError::default() } }, json!({
        "kind": "refused",
        "error": {"code": "X", "message": ""},
    }))]
    fn a_stored_outcome_has_the_details_beside_the_error(#[case] outcome: Outcome, #[case] stored: Value) {
        assert_eq!(serde_json::to_value(&outcome).unwrap(), stored);
        assert_eq!(serde_json::from_value::<Outcome>(stored).unwrap(), outcome);
    }

    #[test]
    fn volatile_values_do_not_matter() {
        let one = refused(json!({"reason": "role-upgrade", "requestId": "a"}));
        let two = refused(json!({"reason": "role-upgrade", "requestId": "b"}));
        assert_ne!(one, two);
        assert_eq!(normalised(&one), normalised(&two));
        let other = refused(json!({"reason": "scope-upgrade", "requestId": "b"}));
        assert_ne!(normalised(&one), normalised(&other));
    }
}

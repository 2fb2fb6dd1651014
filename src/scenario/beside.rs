//! Verbs for what goes on beside the handshake: HTTP, and the start of a gateway.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::address::Address;
use super::duration::Millis;
use super::entries::Entries;
use super::expect::Expectation;
use super::lifecycle::Ready;
use super::saved::Saved;
use super::span::Spanned;

/// Sends a plain HTTP request, or an upgrade request written by hand.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// Name of this step. Default: `http`.
    pub id: Option<Spanned<String>>,
    /// Method. Default: `GET`.
    pub method: Option<String>,
    /// Request target, sent as it stands. Default: `/`.
    pub target: Option<String>,
    /// Headers, laid over `Host` and `Connection: close`; an empty text leaves one of these two out.
    #[serde(default)]
    pub headers: Entries<String>,
    /// Body: a text as it stands, anything else as JSON.
    pub body: Option<Value>,
    /// Address of this machine to connect to: one of 127.0.0.0/8, `::1`, or `localhost` by name. Default:
    /// `127.0.0.1`.
    pub address: Option<Address>,
    /// Address of this machine to connect from, such as `127.0.0.2`. Default: what the system picks.
    pub from: Option<Address>,
    /// How long to wait for the answer. Default: the run's time-out.
    pub within: Option<Millis>,
    /// The outcome that is right: `http` or `closed`. Default: `http: 200`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of the answer (`/status`, `/body/…`), by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// Starts another gateway of the same release beside this one, to see whether it comes up.
///
/// It has a home of its own and is stopped again at once. Where it comes up the outcome is `ok`; where it ends
/// instead, an error with the code `EXITED`, its last lines as the message, and `{exit: CODE}` as the details. One
/// that neither ends nor is ready in its time is `silence`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Name of this step. Default: `start`.
    pub id: Option<Spanned<String>>,
    /// Keys of its configuration, merged over the minimal one; `null` removes a key.
    pub config: Option<Value>,
    /// Files to place in its state directory, as the file's `files` are.
    pub files: Option<Map<String, Value>>,
    /// Its environment, over what the harness sets.
    #[serde(default)]
    pub env: Entries<String>,
    /// What counts as coming up. Default: a connect would be answered.
    #[serde(default)]
    pub ready: Ready,
    /// The outcome that is right: `ok`, or an `error`. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
}

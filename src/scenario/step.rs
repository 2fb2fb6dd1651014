//! The verbs: one thing that a scenario does.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_json::Value;

use super::actors::{AgentTurn, Approve, Cli, EditState, Model, NodeHost, Revoke, Upgrade};
use super::address::Address;
use super::beside::{HttpRequest, Start};
use super::connect::Connect;
use super::duration::Millis;
use super::entries::Entries;
use super::expect::Expectation;
use super::lifecycle::{Restart, Stop};
use super::log::Log;
use super::saved::Saved;
use super::span::Spanned;

/// One step: a mapping with a single key, its verb.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Opens a connection and does the handshake.
    Connect(Box<Connect>),
    /// Calls a method of the gateway.
    Call(Call),
    /// Waits for an event, or for its absence.
    Event(AwaitEvent),
    /// Ends a connection from this side.
    Disconnect(Disconnect),
    /// Sends a raw frame.
    Send(Send),
    /// Stops the gateway and starts it again on the same home.
    Restart(Restart),
    /// Stops the gateway and leaves it stopped.
    Stop(Stop),
    /// Stops the gateway and boots another release on the same home.
    Upgrade(Upgrade),
    /// Changes a file of the state directory while the gateway is stopped.
    EditState(EditState),
    /// Runs a command of the release's own command line.
    Cli(Cli),
    /// Runs the release's own node host until it is connected or refused.
    NodeHost(NodeHost),
    /// Tells the scripted model what to say.
    Model(Model),
    /// Lets the release's own agent take a turn.
    AgentTurn(AgentTurn),
    /// Approves what waits for a device.
    Approve(Approve),
    /// Revokes a device's token for a role.
    Revoke(Revoke),
    /// Sends a plain HTTP request, or an upgrade request written by hand.
    Http(HttpRequest),
    /// Starts another gateway of the same release beside this one, to see whether it comes up.
    Start(Start),
    /// Reads what the gateway has stored.
    State(State),
    /// Waits for a line of a log or for a frame of a connection, or for its absence.
    Log(Log),
    /// Lets time pass, or waits until the gateway closes a connection.
    Wait(Wait),
    /// Does several steps at the same time.
    Together(Together),
    /// Does steps one after the other: a branch of a `together`.
    Sequence(Sequence),
    /// Does steps several times.
    Repeat(Repeat),
}

/// Calls a method of the gateway.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The connection to call on.
    pub on: Spanned<String>,
    /// Name of this step. Default: the method.
    pub id: Option<Spanned<String>>,
    /// The method, such as `device.pair.list`.
    pub method: Spanned<String>,
    /// Its parameters; texts may hold references.
    pub params: Option<Spanned<Value>>,
    /// How long to wait for the answer. Default: the run's time-out.
    pub within: Option<Millis>,
    /// The outcome that is right. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of the answer, by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// Waits for an event.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitEvent {
    /// The connection that should get it.
    pub on: Spanned<String>,
    /// Name of this step. Default: the event.
    pub id: Option<Spanned<String>>,
    /// The event, such as `device.pair.requested`.
    pub event: Spanned<String>,
    /// Which of several: only events whose payload matches are looked at.
    pub payload: Option<Spanned<super::pattern::Pattern>>,
    /// Which of several, by the whole frame: `{seq: 1, stateVersion: {presence: $any}}`.
    pub frame: Option<Spanned<super::pattern::Pattern>>,
    /// How long to wait. Default: the run's time-out, or one second where silence is expected.
    pub within: Option<Millis>,
    /// The outcome that is right. Default: `arrives`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of the payload, by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// Ends a connection from this side.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// The connection to end.
    pub on: Spanned<String>,
    /// Close code to send. Default: 1000.
    pub code: Option<u16>,
    /// Drop the TCP connection without a close frame.
    #[serde(default)]
    pub abort: bool,
}

/// Sends a raw frame, on an open connection or on a fresh socket before any handshake.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// An open connection to send on.
    pub on: Option<Spanned<String>>,
    /// Name of a fresh socket to open and send on, and of this step.
    #[serde(rename = "as")]
    pub name: Option<Spanned<String>>,
    /// Name of this step. Default: the fresh socket's name, else `send`.
    pub id: Option<Spanned<String>>,
    /// A text frame.
    pub text: Option<String>,
    /// A text frame with this as JSON.
    pub json: Option<Value>,
    /// A binary frame, in hexadecimal.
    pub binary: Option<Spanned<String>>,
    /// Pads the text frame with spaces up to this many bytes.
    pub pad_to: Option<usize>,
    /// Send without waiting for the challenge (fresh sockets only).
    #[serde(default)]
    pub before_challenge: bool,
    /// HTTP headers of the upgrade request (fresh sockets only).
    #[serde(default)]
    pub headers: Entries<String>,
    /// Address of this machine to connect to (fresh sockets only): one of 127.0.0.0/8, `::1`, or `localhost` by
    /// name. Default: `127.0.0.1`.
    pub address: Option<Address>,
    /// Address of this machine to connect from (fresh sockets only). Default: what the system picks.
    pub from: Option<Address>,
    /// How long to wait for an answer. Default: the run's time-out, or one second where silence is expected.
    pub within: Option<Millis>,
    /// Why the gateway may close this socket later, whatever it says then. Without it, a close that no step
    /// expects fails this step.
    pub may_close: Option<Spanned<String>>,
    /// The outcome that is right: `closed`, `error`, `ok` or `silence`. Default: `closed`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of the answer, by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// Reads what the gateway has stored.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Name of this step. Default: `state`.
    pub id: Option<Spanned<String>>,
    /// The device whose records are read. Default: the identity that the programs of the gateway's home
    /// share. The document has `paired` (the record, if any) and `pending` (a list of requests).
    pub device: Option<Spanned<String>>,
    /// The outcome that is right: `state: PATTERN`.
    pub expect: Spanned<Expectation>,
    /// Names for parts of the document, by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// Lets time pass, or waits until the gateway closes a connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Wait {
    /// Lets time pass.
    For(Millis),
    /// Waits for the close of a connection.
    Closed(AwaitClose),
}

/// Waits until the gateway closes a connection.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitClose {
    /// The connection to watch.
    pub on: Spanned<String>,
    /// Name of this step. Default: `wait`.
    pub id: Option<Spanned<String>>,
    /// How long to wait. Default: the run's time-out, or one second where silence is expected.
    pub within: Option<Millis>,
    /// The outcome that is right: `closed` or `silence`. Default: `closed`.
    pub expect: Option<Spanned<Expectation>>,
}

/// Does several steps at the same time.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Together {
    /// The steps.
    pub steps: Vec<Spanned<Step>>,
}

/// Does steps one after the other: a branch of a `together`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// Name of the branch. Default: `sequence`.
    pub id: Option<Spanned<String>>,
    /// The steps.
    pub steps: Vec<Spanned<Step>>,
}

/// Does steps several times, or once for each value of a list.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["steps"]))]
pub struct Repeat {
    /// How many times.
    pub times: Spanned<u32>,
    /// Instead of `times`: values, for each of which the steps are written out with `${over}` filled in. Their
    /// names have to hold it, too.
    #[serde(default)]
    pub over: Vec<Value>,
    /// The steps. Their names are used again each time.
    pub steps: Vec<Spanned<Step>>,
}

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeOrKeys;

        impl<'de> Visitor<'de> for TimeOrKeys {
            type Value = Wait;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `500ms`, or a mapping with the connection to watch")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Wait, E> {
                text.parse().map(Wait::For).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Wait, A::Error> {
                AwaitClose::deserialize(MapAccessDeserializer::new(map)).map(Wait::Closed)
            }
        }

        deserializer.deserialize_any(TimeOrKeys)
    }
}

impl JsonSchema for Wait {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Wait".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let time = generator.subschema_for::<Millis>();
        let close = generator.subschema_for::<AwaitClose>();
        schemars::json_schema!({"anyOf": [time, close]})
    }
}

/// All verbs.
pub(super) const VERBS: &[&str] = &[
    "connect",
    "call",
    "event",
    "disconnect",
    "send",
    "restart",
    "stop",
    "upgrade",
    "edit_state",
    "cli",
    "node_host",
    "model",
    "agent_turn",
    "approve",
    "revoke",
    "http",
    "start",
    "state",
    "log",
    "wait",
    "together",
    "sequence",
    "repeat",
];

impl Step {
    /// The verb.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Call(_) => "call",
            Self::Event(_) => "event",
            Self::Disconnect(_) => "disconnect",
            Self::Send(_) => "send",
            Self::Restart(_) => "restart",
            Self::Stop(_) => "stop",
            Self::Upgrade(_) => "upgrade",
            Self::EditState(_) => "edit_state",
            Self::Cli(_) => "cli",
            Self::NodeHost(_) => "node_host",
            Self::Model(_) => "model",
            Self::AgentTurn(_) => "agent_turn",
            Self::Approve(_) => "approve",
            Self::Revoke(_) => "revoke",
            Self::Http(_) => "http",
            Self::Start(_) => "start",
            Self::State(_) => "state",
            Self::Log(_) => "log",
            Self::Wait(_) => "wait",
            Self::Together(_) => "together",
            Self::Sequence(_) => "sequence",
            Self::Repeat(_) => "repeat",
        }
    }

    /// Whether it is about a program beside the gateway, or about the identity that those share.
    pub fn is_of_a_program(&self) -> bool {
        match self {
            Self::Cli(_) | Self::NodeHost(_) | Self::Model(_) | Self::AgentTurn(_) => true,
            Self::Approve(one) => one.device.is_none() || one.on.is_none(),
            Self::Revoke(one) => one.device.is_none() || one.on.is_none(),
            Self::State(one) => one.device.is_none(),
            _ => false,
        }
    }

    /// The name that the scenario gives this step.
    pub fn given_id(&self) -> Option<&Spanned<String>> {
        match self {
            Self::Connect(one) => Some(&one.name),
            Self::Call(one) => one.id.as_ref(),
            Self::Event(one) => one.id.as_ref(),
            Self::Send(one) => one.id.as_ref().or(one.name.as_ref()),
            Self::Restart(one) => one.id.as_ref(),
            Self::Stop(one) => one.id.as_ref(),
            Self::Upgrade(one) => one.id.as_ref(),
            Self::EditState(one) => one.id.as_ref(),
            Self::Cli(one) => one.id.as_ref(),
            Self::NodeHost(one) => one.id.as_ref(),
            Self::AgentTurn(one) => one.id.as_ref(),
            Self::Approve(one) => one.id.as_ref(),
            Self::Revoke(one) => one.id.as_ref(),
            Self::Http(one) => one.id.as_ref(),
            Self::Start(one) => one.id.as_ref(),
            Self::State(one) => one.id.as_ref(),
            Self::Log(one) => one.id.as_ref(),
            Self::Wait(Wait::Closed(one)) => one.id.as_ref(),
            Self::Sequence(one) => one.id.as_ref(),
            Self::Disconnect(_) | Self::Model(_) | Self::Wait(_) | Self::Together(_) | Self::Repeat(_) => {
                None
            }
        }
    }

    /// The name that the scenario gives this step, or that follows from what it does.
    pub fn own_id(&self) -> &str {
        match (self.given_id(), self) {
            (Some(id), _) => &id.value,
            (None, Self::Call(one)) => &one.method.value,
            (None, Self::Event(one)) => &one.event.value,
            (None, _) => self.verb(),
        }
    }

    /// The expectation that is written down, if any.
    pub fn expect(&self) -> Option<&Spanned<Expectation>> {
        match self {
            Self::Connect(one) => one.expect.as_ref(),
            Self::Call(one) => one.expect.as_ref(),
            Self::Event(one) => one.expect.as_ref(),
            Self::Send(one) => one.expect.as_ref(),
            Self::Restart(one) => one.expect.as_ref(),
            Self::Stop(one) => one.expect.as_ref(),
            Self::Upgrade(one) => one.expect.as_ref(),
            Self::Cli(one) => one.expect.as_ref(),
            Self::NodeHost(one) => one.expect.as_ref(),
            Self::AgentTurn(one) => one.expect.as_ref(),
            Self::Approve(one) => one.expect.as_ref(),
            Self::Revoke(one) => one.expect.as_ref(),
            Self::Http(one) => one.expect.as_ref(),
            Self::Start(one) => one.expect.as_ref(),
            Self::State(one) => Some(&one.expect),
            Self::Log(one) => one.expect.as_ref(),
            Self::Wait(Wait::Closed(one)) => one.expect.as_ref(),
            Self::Disconnect(_)
            | Self::EditState(_)
            | Self::Model(_)
            | Self::Wait(_)
            | Self::Together(_)
            | Self::Sequence(_)
            | Self::Repeat(_) => None,
        }
    }

    /// The connection that the step opens.
    pub fn opens(&self) -> Option<&Spanned<String>> {
        match self {
            Self::Connect(one) => Some(&one.name),
            Self::Send(one) => one.name.as_ref(),
            _ => None,
        }
    }

    /// The open connection that the step works on.
    pub fn works_on(&self) -> Option<&Spanned<String>> {
        match self {
            Self::Call(one) => Some(&one.on),
            Self::Event(one) => Some(&one.on),
            Self::Disconnect(one) => Some(&one.on),
            Self::Send(one) => one.on.as_ref(),
            Self::Approve(one) => one.on.as_ref(),
            Self::Revoke(one) => one.on.as_ref(),
            Self::AgentTurn(one) => one.on.as_ref(),
            Self::Wait(Wait::Closed(one)) => Some(&one.on),
            _ => None,
        }
    }

    /// Whether it ends every connection, because the gateway is stopped for it.
    pub const fn stops_the_gateway(&self) -> bool {
        matches!(self, Self::Restart(_) | Self::Stop(_) | Self::Upgrade(_) | Self::EditState(_))
    }

    /// Names that the step gives to parts of its answer, each with a JSON pointer.
    pub fn saves(&self) -> Option<&Entries<Spanned<Saved>>> {
        match self {
            Self::Connect(one) => Some(&one.save),
            Self::Call(one) => Some(&one.save),
            Self::Event(one) => Some(&one.save),
            Self::Send(one) => Some(&one.save),
            Self::Http(one) => Some(&one.save),
            Self::Cli(one) => Some(&one.save),
            Self::State(one) => Some(&one.save),
            Self::Log(one) => Some(&one.save),
            Self::Disconnect(_)
            | Self::Start(_)
            | Self::Restart(_)
            | Self::Stop(_)
            | Self::Upgrade(_)
            | Self::EditState(_)
            | Self::NodeHost(_)
            | Self::Model(_)
            | Self::AgentTurn(_)
            | Self::Approve(_)
            | Self::Revoke(_)
            | Self::Wait(_)
            | Self::Together(_)
            | Self::Sequence(_)
            | Self::Repeat(_) => None,
        }
    }
}

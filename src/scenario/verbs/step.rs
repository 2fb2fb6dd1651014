//! The list of all verbs, and those that hold steps of their own.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::agent_turn::AgentTurn;
use super::approve::Approve;
use super::call::Call;
use super::cli::Cli;
use super::connect::Connect;
use super::disconnect::Disconnect;
use super::edit_state::EditState;
use super::event::AwaitEvent;
use super::http::HttpRequest;
use super::log::Log;
use super::model::Model;
use super::node_host::NodeHost;
use super::restart::Restart;
use super::revoke::Revoke;
use super::send::Send;
use super::start::Start;
use super::state::State;
use super::stop::Stop;
use super::upgrade::Upgrade;
use super::verb::{Verb, envelope};
use super::wait::Wait;
use crate::scenario::span::Spanned;

/// Makes of the list of verbs what has to name each of them: the enum, their words, and `with_verb!`, which does the
/// same with whichever verb a step has.
macro_rules! verbs {
    ($dollar:tt $($(#[$doc:meta])* $word:literal => $name:ident($of:ty),)+) => {
        /// One step: a mapping with a single key, its verb.
        #[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
        pub enum Step {
            $(
                $(#[$doc])*
                #[serde(rename = $word)]
                $name($of),
            )+
        }

        /// The words of all verbs.
        pub(in crate::scenario) const VERBS: &[&str] = &[$($word),+];

        impl Step {
            /// The word of its verb.
            pub const fn verb(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $word,)+
                }
            }

            /// What all verbs have in common.
            pub fn as_verb(&self) -> &dyn Verb {
                match self {
                    $(Self::$name(one) => one.as_verb(),)+
                }
            }
        }

        macro_rules! with_verb {
            ($dollar step:expr, $dollar one:ident => $dollar does:expr) => {
                match $dollar step {
                    $($crate::scenario::Step::$name($dollar one) => $dollar does,)+
                }
            };
        }
        pub(crate) use with_verb;
    };
}

verbs! { $
    /// Opens a connection and does the handshake.
    "connect" => Connect(Box<Connect>),
    /// Calls a method of the gateway.
    "call" => Call(Call),
    /// Waits for an event, or for its absence.
    "event" => Event(AwaitEvent),
    /// Ends a connection from this side.
    "disconnect" => Disconnect(Disconnect),
    /// Sends a raw frame.
    "send" => Send(Send),
    /// Stops the gateway and starts it again on the same home.
    "restart" => Restart(Restart),
    /// Stops the gateway and leaves it stopped.
    "stop" => Stop(Stop),
    /// Stops the gateway and boots another release on the same home.
    "upgrade" => Upgrade(Upgrade),
    /// Changes a file of the state directory while the gateway is stopped.
    "edit_state" => EditState(EditState),
    /// Runs a command of the release's own command line.
    "cli" => Cli(Cli),
    /// Runs the release's own node host until it is connected or refused.
    "node_host" => NodeHost(NodeHost),
    /// Tells the scripted model what to say.
    "model" => Model(Model),
    /// Lets the release's own agent take a turn.
    "agent_turn" => AgentTurn(AgentTurn),
    /// Approves what waits for a device.
    "approve" => Approve(Approve),
    /// Revokes a device's token for a role.
    "revoke" => Revoke(Revoke),
    /// Sends a plain HTTP request, or an upgrade request written by hand.
    "http" => Http(HttpRequest),
    /// Starts another gateway of the same release beside this one, to see whether it comes up.
    "start" => Start(Start),
    /// Reads what the gateway has stored.
    "state" => State(State),
    /// Waits for a line of a log or for a frame of a connection, or for its absence.
    "log" => Log(Log),
    /// Lets time pass, or waits until the gateway closes a connection.
    "wait" => Wait(Wait),
    /// Does several steps at the same time.
    "together" => Together(Together),
    /// Does steps one after the other: a branch of a `together`.
    "sequence" => Sequence(Sequence),
    /// Does steps several times.
    "repeat" => Repeat(Repeat),
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

impl Verb for Together {}

impl Verb for Sequence {
    envelope!(id);
}

impl Verb for Repeat {}

impl Step {
    /// The name that the scenario gives this step, or that follows from what it does.
    pub fn own_id(&self) -> &str {
        let verb = self.as_verb();
        match verb.id() {
            Some(id) => &id.value,
            None => verb.implied_id().unwrap_or_else(|| self.verb()),
        }
    }

    /// The steps inside this one.
    pub fn inner(&self) -> &[Spanned<Self>] {
        match self {
            Self::Together(Together { steps })
            | Self::Sequence(Sequence { steps, .. })
            | Self::Repeat(Repeat { steps, .. }) => steps,
            _ => &[],
        }
    }
}

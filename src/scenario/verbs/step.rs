//! The list of all verbs, and the verbs that contain steps.

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
use super::pause::{Pause, Resume};
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

/// Generates everything that has to name each verb: the enum, the list of words, and `with_verb!`, which evaluates an
/// expression with the verb of a step.
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

                    /// Its verb, as a trait object.
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
        /// Opens a connection and performs the handshake.
    "connect" => Connect(Box<Connect>),
    /// Calls a method of the gateway.
    "call" => Call(Call),
    /// Waits for an event, or for its absence.
    "event" => Event(AwaitEvent),
        /// Ends a connection from the client's side.
    "disconnect" => Disconnect(Disconnect),
    /// Stops reading from a connection.
    "pause" => Pause(Pause),
    /// Reads from a paused connection again.
    "resume" => Resume(Resume),
    /// Sends a raw frame.
    "send" => Send(Send),
    /// Stops the gateway and starts it again on the same home.
    "restart" => Restart(Restart),
    /// Stops the gateway and leaves it stopped.
    "stop" => Stop(Stop),
        /// Stops the gateway and boots a different release on the same home.
    "upgrade" => Upgrade(Upgrade),
    /// Changes a file of the state directory while the gateway is stopped.
    "edit_state" => EditState(EditState),
        /// Runs a command with the release's own command line.
    "cli" => Cli(Cli),
    /// Runs the release's own node host until it is connected or refused.
    "node_host" => NodeHost(NodeHost),
        /// Sets the replies of the scripted model.
    "model" => Model(Model),
        /// Runs a turn of the release's own agent.
    "agent_turn" => AgentTurn(AgentTurn),
        /// Approves the pending requests of a device.
    "approve" => Approve(Approve),
    /// Revokes a device's token for a role.
    "revoke" => Revoke(Revoke),
        /// Sends a plain HTTP request, or a hand-written upgrade request.
    "http" => Http(HttpRequest),
        /// Starts another gateway of the same release next to this one, to see whether it comes up.
    "start" => Start(Start),
    /// Reads what the gateway has stored.
    "state" => State(State),
        /// Waits for a line of a log or a frame of a connection, or for its absence.
    "log" => Log(Log),
        /// Waits for a fixed time, or until the gateway closes a connection.
    "wait" => Wait(Wait),
        /// Runs several steps at the same time.
        "together" => Together(Together),
        /// Runs steps one after the other, as a branch of a `together`.
        "sequence" => Sequence(Sequence),
        /// Repeats steps.
    "repeat" => Repeat(Repeat),
}

/// Runs several steps at the same time.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Together {
    /// The steps to run at the same time.
    pub steps: Vec<Spanned<Step>>,
}

/// Runs steps one after the other, as a branch of a `together`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// Name of the branch. Default: `sequence`.
    pub id: Option<Spanned<String>>,
    /// The steps to run in order.
    pub steps: Vec<Spanned<Step>>,
}

/// Repeats steps a number of times, or once for each value of a list.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["steps"]))]
pub struct Repeat {
    /// The number of repetitions.
    pub times: Spanned<u32>,
    /// Instead of `times`: values for `${over}`. The steps are written out once for each of them, so their names must
    /// contain `${over}` as well.
    #[serde(default)]
    pub over: Vec<Value>,
    /// The steps to repeat. Their names are the same in each repetition.
    pub steps: Vec<Spanned<Step>>,
}

impl Verb for Together {}

impl Verb for Sequence {
    envelope!(id);
}

impl Verb for Repeat {}

impl Step {
    /// The name that the scenario gives this step, or the default name.
    pub fn own_id(&self) -> &str {
        let verb = self.as_verb();
        match verb.id() {
            Some(id) => &id.value,
            None => verb.implied_id().unwrap_or_else(|| self.verb()),
        }
    }

    /// The steps within this one.
    pub fn inner(&self) -> &[Spanned<Self>] {
        match self {
            Self::Together(Together { steps })
            | Self::Sequence(Sequence { steps, .. })
            | Self::Repeat(Repeat { steps, .. }) => steps,
            _ => &[],
        }
    }
}

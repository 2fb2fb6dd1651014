//! Verbs for whole programs: other releases on the same home, and what lies in that home.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, Deserialize, Deserializer};
use serde_json::Value;

use super::duration::Millis;
use super::entries::Entries;
use super::expect::Expectation;
use super::lifecycle::Ready;
use super::saved::Saved;
use super::span::Spanned;
use crate::release::Release;

/// Stops the gateway and boots another release on the same home.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// Name of this step. Default: `upgrade`.
    pub id: Option<Spanned<String>>,
    /// The release to boot, older or newer, or `target`: what `--gateway` names.
    pub to: Spanned<Destination>,
    /// Boot on a copy, so that one prepared state meets many releases: the home is remembered at the first
    /// such step, and each later one starts from what was remembered.
    #[serde(default)]
    pub fork_home: bool,
    /// Keys of the configuration to change while the gateway is stopped.
    pub config: Option<Value>,
    /// When the next step begins. Default: once a connect would be answered.
    #[serde(default)]
    pub ready: Ready,
    /// The outcome that is right: `ok`, or `exit` where the release refuses the home. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
}

/// What an upgrade boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// What `--gateway` names.
    Target,
    /// A release, whatever is under test.
    Release(Release),
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "target" {
            return Ok(Self::Target);
        }
        text.parse().map(Self::Release).map_err(de::Error::custom)
    }
}

impl JsonSchema for Destination {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Destination".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("target"),
            Self::Release(release) => release.fmt(f),
        }
    }
}

/// Changes a file of the state directory while the gateway is stopped. The next step that needs the gateway
/// starts it again; an `upgrade` starts another release instead.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditState {
    /// Name of this step. Default: `edit_state`.
    pub id: Option<Spanned<String>>,
    /// The file, relative to the state directory, such as `devices/paired.json`.
    pub file: Spanned<String>,
    /// JSON patch (RFC 6902): operations such as `{op: replace, path: /a/b, value: 1}`. Texts may hold references.
    pub patch: Spanned<Vec<PatchOperation>>,
}

/// One operation of a JSON patch.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchOperation {
    /// What to do.
    pub op: PatchVerb,
    /// JSON pointer to the place.
    pub path: String,
    /// The value to add, replace with, or test for.
    pub value: Option<Value>,
    /// JSON pointer to the place to move or copy from.
    pub from: Option<String>,
}

/// What an operation of a JSON patch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchVerb {
    /// Adds a key or an element.
    Add,
    /// Removes what is there.
    Remove,
    /// Replaces what is there.
    Replace,
    /// Moves it from another place.
    Move,
    /// Copies it from another place.
    Copy,
    /// Fails unless this value is there.
    Test,
}

impl PatchVerb {
    /// As RFC 6902 writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Test => "test",
        }
    }
}

/// Runs a command of the release's own command line.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cli {
    /// Name of this step. Default: `cli`.
    pub id: Option<Spanned<String>>,
    /// The arguments behind `openclaw`. Texts may hold references.
    pub args: Spanned<Vec<String>>,
    /// The release whose command line it is. Default: the one that runs.
    pub release: Option<Spanned<Release>>,
    /// Name of a home of its own, as on another machine. Default: the gateway's home, whose identity the command
    /// line, the node host and the agent's exec tool share.
    pub home: Option<Spanned<String>>,
    /// Environment, over that of its home. Texts may hold references.
    #[serde(default)]
    pub env: Entries<String>,
    /// Keys of the configuration that it reads, merged over that of its home. Texts may hold references.
    pub config: Option<Value>,
    /// How long it may take. Default: two minutes.
    pub within: Option<Millis>,
    /// The outcome that is right: `exit`. Default: `exit: 0`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of its end, by JSON pointer: `/code`, `/stdout`, `/stderr`, `/json/…`.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

/// Runs the release's own node host until it is connected or refused.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeHost {
    /// Name of this step. Default: `node_host`.
    pub id: Option<Spanned<String>>,
    /// The release whose node host it is. Default: the one that runs.
    pub release: Option<Spanned<Release>>,
    /// Name of a home of its own, as on another machine. Default: the gateway's home.
    pub home: Option<Spanned<String>>,
    /// Whether it runs on until the scenario ends. Default: it is ended once it is connected.
    #[serde(default)]
    pub stays: bool,
    /// How long it may take. Default: two minutes.
    pub within: Option<Millis>,
    /// The outcome that is right: `hello` or `closed`. Default: `hello`.
    pub expect: Option<Spanned<Expectation>>,
}

/// Tells the scripted model what to say in the next turns of the agent.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What it says, request by request. Behind the last reply it says `done`.
    pub replies: Vec<ModelReply>,
}

/// One answer of the scripted model: a tool call, or a text that ends the turn.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct ModelReply {
    /// The tool to call, such as `exec`.
    pub call: Option<String>,
    /// Its arguments. Texts may hold references.
    pub arguments: Option<Value>,
    /// A text to say.
    pub say: Option<String>,
}

/// Lets the release's own agent take a turn with the scripted model.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentTurn {
    /// Name of this step. Default: `agent_turn`.
    pub id: Option<Spanned<String>>,
    /// What runs the agent. Default: `local`.
    #[serde(default)]
    pub via: AgentVia,
    /// The connection to ask on; only for `via: client`.
    pub on: Option<Spanned<String>>,
    /// What the user says. Default: `go`.
    pub message: Option<String>,
    /// How long it may take. Default: four minutes.
    pub within: Option<Millis>,
    /// The outcome that is right: `tool`, the last tool result that came back to the model. Default: `tool: $any`.
    pub expect: Option<Spanned<Expectation>>,
}

/// What runs the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentVia {
    /// `openclaw agent --local`: inside the command line's process.
    #[default]
    Local,
    /// `openclaw agent`: inside the gateway, asked by the command line.
    Gateway,
    /// The method `agent`, asked on a connection of the scenario.
    Client,
}

/// Approves what waits for a device, on a connection or with the command line.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Name of this step. Default: `approve`.
    pub id: Option<Spanned<String>>,
    /// The connection to approve on. Default: `openclaw devices approve`.
    pub on: Option<Spanned<String>>,
    /// The device. Default: the identity that the programs of the gateway's home share.
    pub device: Option<Spanned<String>>,
    /// The outcome that is right. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
}

/// Revokes a device's token for a role, on a connection or with the command line.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Name of this step. Default: `revoke`.
    pub id: Option<Spanned<String>>,
    /// The connection to revoke on. Default: `openclaw devices revoke`.
    pub on: Option<Spanned<String>>,
    /// The device. Default: the identity that the programs of the gateway's home share.
    pub device: Option<Spanned<String>>,
    /// The role.
    pub role: Spanned<String>,
    /// The outcome that is right. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
}

//! A scenario file as a person writes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::capability::Capability;
use super::device::Device;
use super::entries::Entries;
use super::expect::Expectation;
use super::span::Spanned;
use super::verbs::Step;
use crate::release::{Release, ReleaseRange, ReleaseSet};

/// A scenario: devices, steps, the outcomes that are right, and the releases that differ.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "gatecrash scenario")]
pub struct ScenarioFile {
    /// What should happen, in one sentence.
    pub title: Spanned<String>,
    /// The ground of the expectation: a security promise, a promise in docs or a merged change, or
    /// what a paired user may rely on.
    pub why: Spanned<String>,
    /// Issue or pull request, such as `openclaw#59045`.
    pub issue: Option<Spanned<String>>,
    /// Where the case comes from: an upstream case id, a catalogue row, an advisory, or `own`.
    #[serde(default)]
    pub source: Vec<Spanned<String>>,
    /// Words to select by.
    #[serde(default)]
    pub tags: Vec<Spanned<String>>,
    /// What a target must have for this scenario to mean anything.
    #[serde(default)]
    pub requires: Requires,
    /// Keys of the gateway's configuration, merged over the minimal one.
    pub config: Option<Spanned<Map<String, Value>>>,
    /// The release that boots first, where the story begins on another one than the target: an `upgrade`
    /// leads from it to the target.
    pub starts_on: Option<Spanned<Release>>,
    /// Files to place in the state directory before the gateway boots, by their path there: a text as it stands,
    /// anything else as JSON. They may hold `${gateway.token}`, `${gateway.password}` and `${clock}`.
    pub files: Option<Spanned<Map<String, Value>>>,
    /// Environment of the gateway, over what the harness sets. An empty text undoes a setting: such as
    /// `OPENCLAW_HANDSHAKE_TIMEOUT_MS`, which spares slow machines the gateway's own timer.
    pub env: Option<Spanned<BTreeMap<String, String>>>,
    /// Whether it has a gateway to itself. Scenarios that change what others rely on (another configuration,
    /// release or store, a call of `config.*` that succeeds) have one anyway.
    #[serde(default)]
    pub alone: bool,
    /// Devices by name, each with a key pair of its own.
    #[serde(default)]
    pub devices: Entries<Device>,
    /// A table: each row makes one case. `name` is the row's id, the other keys are `${each.KEY}`.
    #[serde(default)]
    pub each: Vec<Spanned<Map<String, Value>>>,
    /// Scenarios whose devices and steps come first.
    #[serde(default, rename = "use")]
    pub uses: Vec<Spanned<String>>,
    /// Keys of steps that say nothing else, by verb: `{connect: {scopes: [operator.read]}}`. A file `_defaults.yaml`
    /// holds such keys for all scenarios of its folder and below.
    pub defaults: Option<Spanned<Map<String, Value>>>,
    /// An owner who is there from the beginning: the device and the connection `owner`, with the scopes
    /// `operator.admin` and `operator.pairing`, or with those that are listed.
    pub owner: Option<Spanned<Owner>>,
    /// `all`: steps go on behind one that differs, and every one is judged.
    pub observe: Option<Observe>,
    /// What happens, in order.
    pub steps: Vec<Spanned<Step>>,
    /// Steps that always run at the end.
    #[serde(default)]
    pub finally: Vec<Spanned<Step>>,
    /// Steps for which any refusal is right, or success as well as refusal, each with the reason. Everywhere
    /// else `check --strict` wants an expectation to name what refuses.
    #[serde(default)]
    pub vague: Entries<String>,
    /// Releases on which steps have another outcome.
    #[serde(default)]
    pub deviations: Vec<Spanned<Deviation>>,
}

/// An owner without ceremony.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Owner {
    /// With the usual scopes.
    Usual(bool),
    /// With these scopes.
    Scopes(Vec<String>),
}

/// What is looked at behind a step that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Observe {
    /// All that comes.
    All,
}

/// What a target must have for a scenario to mean anything.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    /// Releases that have what the scenario is about; others are untestable. `||` joins several spans.
    pub releases: Option<Spanned<ReleaseSet>>,
    /// Abilities of the target.
    #[serde(default)]
    pub capabilities: Vec<Spanned<Capability>>,
}

/// Releases on which steps have another outcome than the one that is right.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The releases, such as `>=2026.3.31, <2026.4.2`.
    pub releases: Spanned<ReleaseRange>,
    /// What kind of difference it is.
    pub class: Spanned<DeviationClass>,
    /// Whether it lets in, keeps in, shows or grants what the right outcome refuses. Only for `regression` and
    /// `superseded`: a release that lacks a protection is one or the other. `false` says that somebody has
    /// looked at an outcome that lets in, and that nothing is protected by the right one.
    pub security: Option<Spanned<bool>>,
    /// The issue or pull request that knows of it.
    pub issue: Option<Spanned<String>>,
    /// What happens and why, where the issue does not say it.
    pub why: Option<String>,
    /// Rows of `each` that it holds for. Default: all.
    pub rows: Option<Vec<Spanned<String>>>,
    /// The outcome of each step that differs, by the step's name.
    pub steps: Entries<Spanned<Expectation>>,
}

/// Kinds of difference from the outcome that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationClass {
    /// It was wrong.
    Regression,
    /// The contract then was another.
    Superseded,
    /// The release lacks the thing.
    Unsupported,
    /// Written by a command and not yet looked at by a person.
    Unreviewed,
}

impl DeviationClass {
    /// The word that scenarios and reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Superseded => "superseded",
            Self::Unsupported => "unsupported",
            Self::Unreviewed => "unreviewed",
        }
    }
}

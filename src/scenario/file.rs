//! A scenario file as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::capability::Capability;
use super::device::Device;
use super::entries::Entries;
use super::expect::Expectation;
use super::needed::NeededVersion;
use super::span::Spanned;
use super::vars::VarValue;
use super::verbs::Step;
use crate::release::{Release, ReleaseRange, ReleaseSet};

/// A scenario: devices, steps, the right outcomes, and the releases that deviate.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "gatecrash scenario")]
pub struct ScenarioFile {
    /// What should happen, in one sentence.
    pub title: Spanned<String>,
    /// Why that is right: a security promise, a promise in the docs or in a merged change, or what a paired user
    /// may rely on.
    pub why: Spanned<String>,
    /// Issue or pull request, such as `openclaw#59045`.
    pub issue: Option<Spanned<String>>,
    /// Where the case comes from: the id of an upstream case, a catalogue row, an advisory, or `own`.
    #[serde(default)]
    pub source: Vec<Spanned<String>>,
    /// Words to select scenarios by.
    #[serde(default)]
    pub tags: Vec<Spanned<String>>,
    /// What a target must have for this scenario to apply.
    #[serde(default)]
    pub requires: Requires,
    /// Variables, used as `${var.NAME}`, with their defaults; `null` for one without a default. `--var NAME=VALUE` gives
    /// one another value.
    #[serde(default)]
    pub vars: BTreeMap<String, Option<VarValue>>,
    /// Keys of the gateway's configuration, merged into the minimal one.
    pub config: Option<Spanned<Map<String, Value>>>,
    /// The release that boots first, if that is not the target; an `upgrade` step then leads to the target.
    pub starts_on: Option<Spanned<Release>>,
    /// Files to place in the state directory before the gateway boots, by their path there: a text is written as it
    /// is, anything else as JSON. They may contain `${gateway.token}`, `${gateway.password}` and `${clock}`.
    pub files: Option<Spanned<Map<String, Value>>>,
    /// Environment variables of the gateway, in addition to those that the harness sets. An empty text unsets one,
    /// such as `OPENCLAW_HANDSHAKE_TIMEOUT_MS`, which keeps the gateway's own timer from firing on slow machines.
    pub env: Option<Spanned<BTreeMap<String, String>>>,
    /// Whether it gets a gateway to itself. Scenarios that change what others rely on (the configuration, the
    /// release, the store, or a successful call of `config.*`) get one anyway.
    #[serde(default)]
    pub alone: bool,
    /// Devices by name, each with its own key pair.
    #[serde(default)]
    pub devices: Entries<Device>,
    /// A table: each row makes one case. `name` becomes part of the case's id; the other keys are available as
    /// `${each.KEY}`.
    #[serde(default)]
    pub each: Vec<Spanned<Map<String, Value>>>,
    /// Scenarios whose devices and steps are included before those of this one.
    #[serde(default, rename = "use")]
    pub uses: Vec<Spanned<String>>,
    /// Default keys of steps, by verb: `{connect: {scopes: [operator.read]}}`. A file `_defaults.yaml` holds such
    /// keys for all scenarios in its folder and below.
    pub defaults: Option<Spanned<Map<String, Value>>>,
    /// Adds a paired device `owner` and opens its connection `owner` first: `true` for the scopes `operator.admin`
    /// and `operator.pairing`, or a list of scopes.
    pub owner: Option<Spanned<Owner>>,
    /// `all`: continue after a step that differs, and judge every step.
    pub observe: Option<Observe>,
    /// What happens, in order.
    pub steps: Vec<Spanned<Step>>,
    /// Steps that always run at the end, even after a failure.
    #[serde(default)]
    pub finally: Vec<Spanned<Step>>,
    /// Steps for which any refusal is right, or both success and refusal, each with an explanation. For all other
    /// steps, `check --strict` requires the expectation to name the reason for a refusal.
    #[serde(default)]
    pub vague: Entries<String>,
    /// Releases on which steps have a different outcome.
    #[serde(default)]
    pub deviations: Vec<Spanned<Deviation>>,
}

/// The scopes of the device that `owner:` adds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Owner {
    /// `true`: the default scopes.
    Usual(bool),
    /// Exactly these scopes.
    Scopes(Vec<String>),
}

/// Which steps are observed after one that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Observe {
    /// All of them.
    All,
}

/// What a target must have for a scenario to apply.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    /// Releases that have the feature under test; on others the scenario is untestable. `||` combines ranges.
    pub releases: Option<Spanned<ReleaseSet>>,
    /// The oldest version of gatecrash that can run the file, such as `">=0.2"`. An older one says so, and nothing else.
    pub gatecrash: Option<Spanned<NeededVersion>>,
    /// Capabilities that the target must have.
    #[serde(default)]
    pub capabilities: Vec<Spanned<Capability>>,
}

/// Releases on which steps have an outcome other than the right one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The releases, such as `>=2026.3.31, <2026.4.2`.
    pub releases: Spanned<ReleaseRange>,
    /// What kind of difference it is.
    pub class: Spanned<DeviationClass>,
    /// Whether the release grants or reveals something that the right outcome refuses. Only for `regression` and
    /// `superseded`: a release that lacks a protection is one or the other. `false` means that somebody has reviewed
    /// an outcome that gets through, and that the refusal protects nothing.
    pub security: Option<Spanned<bool>>,
    /// The issue or pull request that reports it.
    pub issue: Option<Spanned<String>>,
    /// What happens and why, if the issue does not say so.
    pub why: Option<String>,
    /// Rows of `each` that it applies to. Default: all.
    pub rows: Option<Vec<Spanned<String>>>,
    /// The outcome of each step that differs, by the step's name.
    pub steps: Entries<Spanned<Expectation>>,
}

/// Kinds of difference from the right outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationClass {
    /// The release is wrong.
    Regression,
    /// The release had a different contract.
    Superseded,
    /// The release lacks the feature.
    Unsupported,
    /// Written by a command, and not yet reviewed by a person.
    Unreviewed,
}

impl DeviationClass {
    /// The word used in scenarios and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Superseded => "superseded",
            Self::Unsupported => "unsupported",
            Self::Unreviewed => "unreviewed",
        }
    }
}

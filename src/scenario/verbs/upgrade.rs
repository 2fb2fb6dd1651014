//! The `upgrade` verb: boots a different release on the same home.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer};
use serde_json::Value;

use super::verb::{Verb, envelope};
use crate::release::Release;
use crate::scenario::capability::Capability;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::lifecycle::Ready;
use crate::scenario::pattern::Pattern;
use crate::scenario::span::Spanned;

/// Stops the gateway and boots a different release on the same home.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upgrade {
    /// Name of this step. Default: `upgrade`.
    pub id: Option<Spanned<String>>,
    /// The release to boot, older or newer, or `target` for the one that `--gateway` names.
    pub to: Spanned<Destination>,
    /// Boot on a copy of the home, so that many releases can start from the same state: the first such step saves a
    /// copy, and each later one starts from it.
    #[serde(default)]
    pub fork_home: bool,
    /// Keys of the configuration to change while the gateway is stopped.
    pub config: Option<Value>,
    /// When the next step begins. Default: once a connect would be answered.
    #[serde(default)]
    pub ready: Ready,
    /// The outcome that is right: `ok`, or `exit` if the release does not boot on the home. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
}

/// What an upgrade boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The release that `--gateway` names.
    Target,
    /// A specific release.
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

impl Verb for Upgrade {
    envelope!(id, expect);

    fn awaits(&self) -> &'static str {
        "the other release"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Ok(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Exit, Ok};
        &[Ok, Exit]
    }

    fn stops_the_gateway(&self) -> bool {
        true
    }

    fn changes_the_home(&self) -> bool {
        true
    }

    fn other_release(&self) -> Option<Release> {
        match self.to.value {
            Destination::Release(release) => Some(release),
            Destination::Target => None,
        }
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Upgrade]
    }
}

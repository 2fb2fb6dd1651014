//! The `node_host` verb: runs the release's own node host.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::{Verb, envelope};
use crate::release::Release;
use crate::scenario::capability::Capability;
use crate::scenario::duration::Millis;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::span::Spanned;

/// Runs the release's own node host until it is connected or refused.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeHost {
    /// Name of this step. Default: `node_host`.
    pub id: Option<Spanned<String>>,
    /// The release whose node host is used. Default: the one that is running.
    pub release: Option<Spanned<Release>>,
    /// Name of a separate home, as on another machine. Default: the gateway's home.
    pub home: Option<Spanned<String>>,
    /// Whether it keeps running until the scenario ends. Default: it is ended once it is connected.
    #[serde(default)]
    pub stays: bool,
    /// Time limit. Default: two minutes.
    pub within: Option<Millis>,
    /// The outcome that is right: `hello` or `closed`. Default: `hello`.
    pub expect: Option<Spanned<Expectation>>,
}

impl Verb for NodeHost {
    envelope!(id, expect, within);

    fn awaits(&self) -> &'static str {
        "the connection of the node host"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Hello(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, Exit, Hello, Silence};
        &[Hello, Closed, Exit, Silence]
    }

    fn is_of_a_program(&self) -> bool {
        true
    }

    fn makes_home_identity(&self) -> bool {
        true
    }

    fn other_release(&self) -> Option<Release> {
        self.release.as_ref().map(|release| release.value)
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Programs]
    }
}

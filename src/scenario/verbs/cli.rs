//! The `cli` verb: runs a command with the release's own command line.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verb::{Verb, envelope};
use crate::release::Release;
use crate::scenario::capability::Capability;
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{ExitExpectation, Expectation, ExpectationKind};
use crate::scenario::saved::Saved;
use crate::scenario::span::Spanned;

/// Runs a command with the release's own command line.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cli {
    /// Name of this step. Default: `cli`.
    pub id: Option<Spanned<String>>,
    /// The arguments after `openclaw`. Texts may contain references.
    pub args: Spanned<Vec<String>>,
    /// The release whose command line is used. Default: the one that is running.
    pub release: Option<Spanned<Release>>,
    /// Name of a separate home, as on another machine. Default: the gateway's home, whose identity is shared by the
    /// command line, the node host and the agent's exec tool.
    pub home: Option<Spanned<String>>,
    /// Additional environment variables. Texts may contain references.
    #[serde(default)]
    pub env: Entries<String>,
    /// Keys to merge into the configuration that it reads. Texts may contain references.
    pub config: Option<Value>,
    /// Time limit. Default: two minutes.
    pub within: Option<Millis>,
    /// The outcome that is right: `exit`. Default: `exit: 0`.
    pub expect: Option<Spanned<Expectation>>,
    /// Parts of the result to save, as JSON pointers by name: `/code`, `/stdout`, `/stderr`, `/json/…`.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for Cli {
    envelope!(id, expect, save, within);

    fn awaits(&self) -> &'static str {
        "the end of the program"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Exit(ExitExpectation::of_code(0)))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Exit, Silence};
        &[Exit, Silence]
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

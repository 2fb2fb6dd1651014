//! The `cli` verb: a command of the release's own command line.

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

/// Runs a command of the release's own command line.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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

impl Verb for Cli {
    envelope!(id, expect, save);

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

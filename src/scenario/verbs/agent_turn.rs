//! The `agent_turn` verb: a turn of the release's own agent.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::{StepSite, Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::span::Spanned;

/// Runs a turn of the release's own agent with the scripted model.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentTurn {
    /// Name of this step. Default: `agent_turn`.
    pub id: Option<Spanned<String>>,
    /// What runs the agent. Default: `local`.
    #[serde(default)]
    pub via: AgentVia,
    /// The connection to use; only for `via: client`.
    pub on: Option<Spanned<String>>,
    /// What the user says. Default: `go`.
    pub message: Option<String>,
    /// Time limit. Default: four minutes.
    pub within: Option<Millis>,
    /// The outcome that is right: `tool`, the last tool result that was returned to the model. Default: `tool: $any`.
    pub expect: Option<Spanned<Expectation>>,
}

/// What runs the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentVia {
    /// `openclaw agent --local`: within the process of the command line.
    #[default]
    Local,
    /// `openclaw agent`: in the gateway, requested by the command line.
    Gateway,
    /// The method `agent`, called on a connection of the scenario.
    Client,
}

impl Verb for AgentTurn {
    envelope!(id, expect, within);

    fn awaits(&self) -> &'static str {
        "the end of the turn"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Tool { result: Pattern::Any, refused: None })
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, Error, Exit, Ok, Silence, Tool};
        &[Tool, Exit, Ok, Error, Closed, Silence]
    }

    fn works_on(&self) -> Option<&Spanned<String>> {
        self.on.as_ref()
    }

    fn is_of_a_program(&self) -> bool {
        true
    }

    fn makes_home_identity(&self) -> bool {
        true
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Programs]
    }

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let message = match (self.via, &self.on) {
            (AgentVia::Client, None) => "`via: client` needs `on`",
            (AgentVia::Local | AgentVia::Gateway, Some(_)) => "`on` needs `via: client`",
            _ => return Vec::new(),
        };
        let error = site.error("bad-turn", message, site.span);
        vec![error.help("a client uses a connection of the scenario; the command line opens its own")]
    }
}

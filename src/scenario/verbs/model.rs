//! The `model` verb: what the scripted model of the agent says.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verb::{Site, Verb};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;

/// Tells the scripted model what to say in the next turns of the agent.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What it says, request by request. Behind the last reply it says `done`.
    pub replies: Vec<ModelReply>,
}

/// One answer of the scripted model: a tool call, or a text that ends the turn.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct ModelReply {
    /// The tool to call, such as `exec`.
    pub call: Option<String>,
    /// Its arguments. Texts may hold references.
    pub arguments: Option<Value>,
    /// A text to say.
    pub say: Option<String>,
}

impl Verb for Model {
    fn is_of_a_program(&self) -> bool {
        true
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Programs]
    }

    fn check(&self, site: &Site<'_>) -> Vec<Diagnostic> {
        let wrong = self.replies.iter().find(|one| one.call.is_some() == one.say.is_some());
        let told = wrong.map(|_| {
            let error = site.error("bad-reply", "a reply needs one of `call` and `say`", site.span);
            error.label("has none or both").help("`call` names a tool, `say` is a text that ends the turn")
        });
        told.into_iter().collect()
    }
}

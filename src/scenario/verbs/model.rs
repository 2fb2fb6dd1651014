//! The `model` verb: sets the replies of the agent's scripted model.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verb::{StepSite, Verb};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;

/// Sets what the scripted model replies in the next turns of the agent.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its replies, one for each request. After the last one, it says `done`.
    pub replies: Vec<ModelReply>,
}

/// One reply of the scripted model: a tool call, or a text that ends the turn.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct ModelReply {
    /// The tool to call, such as `exec`.
    pub call: Option<String>,
    /// Arguments of the tool. Texts may contain references.
    pub arguments: Option<Value>,
    /// The text to say.
    pub say: Option<String>,
}

impl Verb for Model {
    fn is_of_a_program(&self) -> bool {
        true
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Programs]
    }

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let wrong = self.replies.iter().find(|one| one.call.is_some() == one.say.is_some());
        let found = wrong.map(|_| {
            let error = site.error("bad-reply", "a reply needs exactly one of `call` and `say`", site.span);
            error.label("has none or both").help("`call` names a tool; `say` is a text that ends the turn")
        });
        found.into_iter().collect()
    }
}

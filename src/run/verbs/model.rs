//! Sets the replies of the scripted model.

use serde_json::json;

use super::perform::Perform;
use crate::gateway::{ScriptedModel, ScriptedReply};
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Model};
use crate::verdict::Outcome;

impl Perform for Model {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let bindings = context.bindings();
        let mut replies = Vec::new();
        for one in &self.replies {
            replies.push(match (&one.call, &one.say) {
                (Some(tool), _) => {
                    let arguments = one.arguments.clone().unwrap_or_else(|| json!({}));
                    ScriptedReply::Call {
                        tool: bindings.fill_text(tool)?,
                        arguments: bindings.fill(&arguments)?,
                    }
                }
                (None, say) => ScriptedReply::Say(bindings.fill_text(say.as_deref().unwrap_or_default())?),
            });
        }
        scripted(context)?.set(replies);
        Ok(Outcome::Done)
    }
}

/// The scripted model of the lane.
///
/// # Errors
/// Fails if the lane was booted without one.
pub(super) fn scripted<'a>(context: &'a CaseContext<'_>) -> Result<&'a ScriptedModel, StepError> {
    context.lane.model().ok_or_else(|| StepError::Broken("this lane has no scripted model".to_owned()))
}

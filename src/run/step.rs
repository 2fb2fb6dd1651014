//! Runs one step and observes its outcome.

use super::context::CaseContext;
use super::step_error::StepError;
use super::verbs::Perform;
use crate::gateway::Stopping;
use crate::model::NOT_MODELLED_CODE;
use crate::scenario::{Expectation, Ready, Step, with_verb};
use crate::verdict::Outcome;

/// Runs one step.
///
/// # Errors
/// Fails if the step has no outcome.
pub(super) async fn perform(
    context: &CaseContext<'_>,
    step: &Step,
    right: Option<&Expectation>,
) -> Result<Outcome, StepError> {
    if step.as_verb().stops_the_gateway() {
        context.sockets.let_go();
    } else if step.as_verb().needs_the_gateway() {
        wake(context).await?;
    }
    let outcome = with_verb!(step, one => one.perform(context, right).await)?;
    match outcome {
        Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. }
            if error.code == NOT_MODELLED_CODE =>
        {
            Err(StepError::Untestable(error.message))
        }
        outcome => Ok(outcome),
    }
}

/// Starts the gateway again if a step has stopped it.
async fn wake(context: &CaseContext<'_>) -> Result<(), StepError> {
    if !context.is_alone() || !context.lane.gateway().await.is_halted() {
        return Ok(());
    }
    let mut gateway = context.lane.exclusive_gateway().await;
    gateway.restart(None, Stopping::default(), Ready::Answers).await?;
    Ok(())
}

//! Doing one step and observing what comes back.

use super::context::CaseContext;
use super::step_error::StepError;
use super::verbs::Perform;
use crate::gateway::Stopping;
use crate::model::NOT_MODELLED_CODE;
use crate::scenario::{Expectation, Ready, Step, with_verb};
use crate::verdict::Outcome;

/// Does one step.
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

/// Starts a gateway that a step has stopped.
async fn wake(context: &CaseContext<'_>) -> Result<(), StepError> {
    if !context.is_alone() || !context.lane.host().await.is_halted() {
        return Ok(());
    }
    let mut gateway = context.lane.host_alone().await;
    gateway.restart(None, Stopping::default(), Ready::Answers).await?;
    Ok(())
}

//! Restarts the gateway.

use super::ending::{end_of_gateway, ended_before, stopping};
use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Restart};
use crate::verdict::Outcome;

impl Perform for Restart {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let config = self.config.as_ref().map(|config| context.bindings().fill(config)).transpose()?;
        let stopping = stopping(self.signal, self.within);
        // It waits for the other cases of the gateway, and stop and boot have limits of their own.
        let _held = context.limit.hold();
        if self.in_process {
            context.lane.restart_inside(config.as_ref()).await?;
            return Ok(Outcome::Done);
        }
        let ended = context.lane.restart(config.as_ref(), stopping, self.ready).await?;
        // If the gateway had already been stopped, that was the outcome of an earlier step.
        Ok(ended.map_or_else(ended_before, |ended| end_of_gateway(&ended)))
    }
}

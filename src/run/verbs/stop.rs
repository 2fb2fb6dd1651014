//! Stops the gateway.

use super::ending::{end_of_gateway, stopping};
use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Stop};
use crate::verdict::Outcome;

impl Perform for Stop {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let mut gateway = context.lane.exclusive_gateway().await;
        let ended = gateway.halt(stopping(self.signal, self.within)).await;
        let not_running = || {
            StepError::Broken("the gateway is already stopped, or was not started by gatecrash".to_owned())
        };
        Ok(end_of_gateway(&ended.ok_or_else(not_running)?))
    }
}

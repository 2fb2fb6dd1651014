//! Starts another gateway next to the one under test.

use serde_json::json;

use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Start};
use crate::verdict::Outcome;

impl Perform for Start {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let gateway = match context.lane.start_beside(self).await? {
            Ok(gateway) => gateway,
            Err(outcome) => return Ok(outcome),
        };
        match &self.name {
            Some(name) => context.neighbours.keep(&name.value, gateway).await,
            None => drop(gateway.stop(None).await),
        }
        Ok(Outcome::Ok { payload: json!({}) })
    }
}

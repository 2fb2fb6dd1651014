//! Calls a method of the gateway.

use std::time::Instant;

use super::perform::{Perform, outcome_of};
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Call, Expectation, changes_everybody};
use crate::verdict::Outcome;

impl Perform for Call {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let connection = context.connection(&self.on)?;
        let params = self.params.as_ref().map(|params| context.bindings().fill(&params.value)).transpose()?;
        let method = context.bindings().fill_text(&self.method.value)?;
        let outcome =
            outcome_of(connection.call(&method, params.as_ref(), context.within(self.within)).await);
        if matches!(outcome, Outcome::Ok { .. }) && changes_everybody(&method) {
            context.changed.lock().get_or_insert_with(Instant::now);
        }
        Ok(outcome)
    }
}

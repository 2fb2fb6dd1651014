//! Stops and resumes reading from a connection.

use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Pause, Resume};
use crate::verdict::Outcome;

impl Perform for Pause {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        context.connection(&self.on)?.pause();
        Ok(Outcome::Done)
    }
}

impl Perform for Resume {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        context.connection(&self.on)?.resume();
        Ok(Outcome::Done)
    }
}

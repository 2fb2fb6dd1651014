//! Starting another gateway beside the one under test.

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
        context.lane.start_beside(self).await
    }
}

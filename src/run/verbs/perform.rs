//! How a step is done, whatever its verb.

use crate::client::CallOutcome;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::Expectation;
use crate::verdict::Outcome;

/// A verb that can be done.
pub(in crate::run) trait Perform {
    /// Does the step, and says what was observed. `right` is the outcome that is expected, for steps that wait for it.
    ///
    /// # Errors
    /// Fails where the step has no outcome: see [`StepError`].
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError>;
}

/// What the gateway answered, as an outcome.
pub(super) fn outcome_of(answer: CallOutcome) -> Outcome {
    match answer {
        CallOutcome::Ok(payload) => Outcome::Ok { payload },
        CallOutcome::Refused(error) => Outcome::Refused { error },
        CallOutcome::Ended(end, error) => Outcome::of_end(end, error),
        CallOutcome::Silence => Outcome::Silence,
    }
}

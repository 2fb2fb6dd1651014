//! How a step is done, whatever its verb.

use crate::client::Answer;
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
pub(super) fn outcome_of(answer: Answer) -> Outcome {
    match answer {
        Answer::Ok(payload) => Outcome::Ok { payload },
        Answer::Refused(error) => Outcome::Refused { error },
        Answer::Ended(end, error) => Outcome::of_end(end, error),
        Answer::Silence => Outcome::Silence,
    }
}

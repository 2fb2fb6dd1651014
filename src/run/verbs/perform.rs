//! The common interface of the verbs that can be performed.

use crate::client::CallOutcome;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::Expectation;
use crate::verdict::Outcome;

/// A verb that can be performed.
pub(in crate::run) trait Perform {
    /// Performs the step and returns what was observed. `right` is the expected outcome, for steps that wait for it.
    ///
    /// # Errors
    /// Fails if the step has no outcome; see [`StepError`].
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError>;
}

/// The outcome of an answer from the gateway.
pub(super) fn outcome_of(answer: CallOutcome) -> Outcome {
    match answer {
        CallOutcome::Ok(payload) => Outcome::Ok { payload },
        CallOutcome::Refused(error) => Outcome::Refused { error },
        CallOutcome::Ended(end, error) => Outcome::of_end(end, error),
        CallOutcome::Silence => Outcome::Silence,
    }
}

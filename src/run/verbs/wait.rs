//! Waits for a fixed time, or for the close of a connection.

use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Wait};
use crate::verdict::Outcome;

impl Perform for Wait {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        match self {
            Self::For(time) => {
                context.pause(time.as_duration()).await;
                Ok(Outcome::Done)
            }
            Self::Closed(close) => {
                let connection = context.connection(&close.on)?;
                Ok(match connection.end(context.within_or_silence(close.within, right)).await {
                    Some(end) => Outcome::of_end(end, None),
                    None => Outcome::Silence,
                })
            }
        }
    }
}

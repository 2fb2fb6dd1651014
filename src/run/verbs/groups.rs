//! Steps that contain other steps, which the case runs one by one.

use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Repeat, Sequence, Together};
use crate::verdict::Outcome;

macro_rules! run_by_the_case {
    ($($verb:ty),+) => {
        $(impl Perform for $verb {
            async fn perform(
                &self,
                _context: &CaseContext<'_>,
                _right: Option<&Expectation>,
            ) -> Result<Outcome, StepError> {
                Ok(Outcome::Done)
            }
        })+
    };
}

run_by_the_case!(Together, Sequence, Repeat);

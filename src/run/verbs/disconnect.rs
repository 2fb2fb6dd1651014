//! Ends a connection from the client's side.

use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Disconnect, Expectation};
use crate::verdict::Outcome;

impl Perform for Disconnect {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let connection = context.connection(&self.on)?;
        context.sockets.end(&connection);
        if self.abort {
            connection.abort().await;
        } else {
            connection.close(self.code.unwrap_or(1000)).await;
        }
        Ok(Outcome::Done)
    }
}

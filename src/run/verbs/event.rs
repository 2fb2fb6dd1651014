//! Waits for an event of the gateway.

use serde_json::{Map, Value};

use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{AwaitEvent, Expectation, Pattern, Spanned};
use crate::verdict::{Outcome, matches};
use crate::wire::whole_event;

impl Perform for AwaitEvent {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let connection = context.connection(&self.on)?;
        let filled = |pattern: &Option<Spanned<Pattern>>| {
            let pattern = pattern.as_ref();
            pattern.map(|one| one.value.map_text(&mut |value| context.bindings().fill(value))).transpose()
        };
        let (by_payload, by_frame) = (filled(&self.payload)?, filled(&self.frame)?);
        let wanted = |payload: &Value, rest: &Map<String, Value>| {
            by_payload.as_ref().is_none_or(|pattern| matches(payload, pattern))
                && by_frame.as_ref().is_none_or(|pattern| matches(&whole_event(rest, payload), pattern))
        };
        let within = context.within_or_silence(self.within, right);
        Ok(match connection.event(&self.event.value, within, wanted).await {
            Some(Ok(payload)) => Outcome::Arrived { payload },
            Some(Err(end)) => Outcome::of_end(end, None),
            None => Outcome::Silence,
        })
    }
}

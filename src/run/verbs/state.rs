//! Reads what the gateway has stored.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::perform::Perform;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, State};
use crate::verdict::{Outcome, satisfies};

/// How long a gateway may take to write its state after it has answered.
const WRITE_WITHIN: Duration = Duration::from_secs(1);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl Perform for State {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let device = context.device_id(self.device.as_ref())?;
        let begun = Instant::now();
        loop {
            let stored = context.lane.stored().await?;
            let pending: Vec<&Value> = stored
                .pending
                .values()
                .filter(|request| request.get("deviceId").and_then(Value::as_str) == Some(device.as_str()))
                .collect();
            let mut document = json!({"pending": pending});
            if let Some(record) = stored.paired.get(&device) {
                document["paired"] = record.clone();
            }
            let outcome = Outcome::State { document };
            if right.is_none_or(|right| satisfies(&outcome, right)) || begun.elapsed() >= WRITE_WITHIN {
                return Ok(outcome);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

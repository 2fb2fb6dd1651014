//! Approving every request of a device; silence where none waits.

use serde_json::{Value, json};

use super::command::command;
use super::perform::{Perform, outcome_of};
use crate::client::CallOutcome;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Approve, Expectation};
use crate::verdict::Outcome;

impl Perform for Approve {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let device = context.device_id(self.device.as_ref())?;
        let stored = context.lane.stored().await;
        let Some(on) = &self.on else {
            let waiting = requests_of(&device, stored?.pending.values());
            let mut outcome = Outcome::Silence;
            for request in waiting {
                outcome = command(context, "approve", &["devices", "approve", &request]).await?;
                // What was not approved stays told, whatever becomes of the next one.
                if !matches!(outcome, Outcome::Ok { .. }) {
                    break;
                }
            }
            return Ok(outcome);
        };
        let connection = context.connection(on)?;
        let listed = match connection.call("device.pair.list", Some(&json!({})), context.lane.timeout()).await
        {
            CallOutcome::Ok(listed) => listed,
            other => return Ok(outcome_of(other)),
        };
        let pending = listed.get("pending").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut outcome = Outcome::Silence;
        for request in requests_of(&device, pending.iter()) {
            let params = json!({"requestId": request});
            let answer = connection.call("device.pair.approve", Some(&params), context.lane.timeout()).await;
            outcome = outcome_of(answer);
            if !matches!(outcome, Outcome::Ok { .. }) {
                break;
            }
        }
        Ok(outcome)
    }
}

fn requests_of<'a>(device: &str, pending: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let of_device = pending.filter(|one| one.get("deviceId").and_then(Value::as_str) == Some(device));
    of_device.filter_map(|one| one.get("requestId")?.as_str().map(str::to_owned)).collect()
}

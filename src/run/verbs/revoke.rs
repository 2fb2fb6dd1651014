//! Revokes a device's token for a role.

use serde_json::json;

use super::command::command;
use super::perform::{Perform, outcome_of};
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Expectation, Revoke};
use crate::verdict::Outcome;

impl Perform for Revoke {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let device = context.device_id(self.device.as_ref())?;
        let role = context.bindings().fill_text(&self.role.value)?;
        let Some(on) = &self.on else {
            return command(context, "revoke", &["devices", "revoke", "--device", &device, "--role", &role])
                .await;
        };
        let params = json!({"deviceId": device, "role": role});
        let answer =
            context.connection(on)?.call("device.token.revoke", Some(&params), context.lane.timeout()).await;
        Ok(outcome_of(answer))
    }
}

//! Approving and revoking, as an operator does it: over a connection, or with the command line.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::step::{CaseContext, outcome_of};
use super::super::step_error::{Missing, StepError};
use crate::client::Answer;
use crate::gateway::ProgramRequest;
use crate::scenario::{Approve, Revoke, Spanned};
use crate::verdict::Outcome;

const WITHIN: Duration = Duration::from_mins(2);

impl CaseContext<'_> {
    /// Approves every request of a device; silence where none waits.
    pub(in super::super) async fn approve(&self, step: &Approve) -> Result<Outcome, StepError> {
        let device = self.device_of(step.device.as_ref())?;
        let stored = self.lane.stored().await;
        let Some(on) = &step.on else {
            let waiting = requests_of(&device, stored?.pending.values());
            let mut outcome = Outcome::Silence;
            for request in waiting {
                outcome = self.command("approve", &["devices", "approve", &request]).await?;
                // What was not approved stays told, whatever becomes of the next one.
                if !matches!(outcome, Outcome::Ok { .. }) {
                    break;
                }
            }
            return Ok(outcome);
        };
        let connection = self.connection(on)?;
        let listed = match connection.call("device.pair.list", Some(&json!({})), self.lane.timeout()).await {
            Answer::Ok(listed) => listed,
            other => return Ok(outcome_of(other)),
        };
        let pending = listed.get("pending").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut outcome = Outcome::Silence;
        for request in requests_of(&device, pending.iter()) {
            let params = json!({"requestId": request});
            let answer = connection.call("device.pair.approve", Some(&params), self.lane.timeout()).await;
            outcome = outcome_of(answer);
            if !matches!(outcome, Outcome::Ok { .. }) {
                break;
            }
        }
        Ok(outcome)
    }

    /// Revokes a device's token for a role.
    pub(in super::super) async fn revoke(&self, step: &Revoke) -> Result<Outcome, StepError> {
        let device = self.device_of(step.device.as_ref())?;
        let role = self.bindings().fill_text(&step.role.value)?;
        let Some(on) = &step.on else {
            return self
                .command("revoke", &["devices", "revoke", "--device", &device, "--role", &role])
                .await;
        };
        let params = json!({"deviceId": device, "role": role});
        let answer =
            self.connection(on)?.call("device.token.revoke", Some(&params), self.lane.timeout()).await;
        Ok(outcome_of(answer))
    }

    /// The id of a device of the scenario, or of the programs that share the gateway's home.
    pub(in super::super) fn device_of(&self, device: Option<&Spanned<String>>) -> Result<String, StepError> {
        let bindings = self.bindings();
        match device {
            Some(device) => Ok(bindings.identity.key(&device.value).id()),
            None => bindings.own_identity.ok_or_else(|| StepError::Unreached {
                text: "no program has made an identity in the gateway's home".to_owned(),
                missing: Missing::Identity,
            }),
        }
    }

    async fn command(&self, name: &str, args: &[&str]) -> Result<Outcome, StepError> {
        let args = args.iter().map(|one| (*one).to_owned()).collect();
        let request = ProgramRequest { args, ..ProgramRequest::default() };
        Ok(match self.finish(name, &request, WITHIN).await?.outcome() {
            Outcome::Exit { code: Some(0), stdout, .. } => Outcome::Ok { payload: json!({"stdout": stdout}) },
            other => other,
        })
    }
}

fn requests_of<'a>(device: &str, pending: impl Iterator<Item = &'a Value>) -> Vec<String> {
    let of_device = pending.filter(|one| one.get("deviceId").and_then(Value::as_str) == Some(device));
    of_device.filter_map(|one| one.get("requestId")?.as_str().map(str::to_owned)).collect()
}

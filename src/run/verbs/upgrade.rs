//! Boots a different release on the same home. If the release does not boot on it, that is the outcome, and the gateway
//! stays stopped.

use std::sync::Arc;

use serde_json::json;

use super::ending::{ended_with, had_to_be_killed};
use super::perform::Perform;
use crate::gateway::{BootError, RunningGatewayError};
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Destination, Expectation, Upgrade};
use crate::verdict::Outcome;

impl Perform for Upgrade {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let prepared = context.lane.prepared();
        let (launch, release) = match self.to.value {
            Destination::Target => (prepared.launch(), prepared.release()),
            Destination::Release(release) => {
                (Some(prepared.launch_of(release, Arc::new(|_| {})).await?), Some(release))
            }
        };
        let launch = launch
            .ok_or_else(|| StepError::Untestable("the target was not started by gatecrash".to_owned()))?;
        let config = self.config.as_ref().map(|config| context.bindings().fill(config)).transpose()?;
        let mut gateway = context.lane.exclusive_gateway().await;
        let booted = gateway.restart_as(launch, self.fork_home, config.as_ref(), self.ready).await;
        drop(gateway);
        match booted {
            Ok(Some(ended)) if ended.killed => Err(StepError::Broken(had_to_be_killed(&ended))),
            Ok(_) => {
                context.lane.now_runs(release);
                let release = release.map(|release| release.to_string());
                Ok(Outcome::Ok { payload: json!({"release": release}) })
            }
            // A busy machine is not the fault of the release.
            Err(RunningGatewayError::Restart(error)) if error.is_of_a_starved_machine() => {
                Err(StepError::Starved(error))
            }
            Err(RunningGatewayError::Restart(BootError::Died { exit, tail })) => {
                Ok(ended_with(exit, String::new(), tail.join("\n")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

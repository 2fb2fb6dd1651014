//! The release's own command line.

use std::time::Duration;

use super::super::step::CaseContext;
use super::super::step_error::StepError;
use crate::gateway::ProgramRequest;
use crate::scenario::{Cli, Millis, UnresolvedReference};
use crate::verdict::Outcome;

/// Node alone takes seconds to load a release on a busy machine.
const WITHIN: Duration = Duration::from_mins(2);

impl CaseContext<'_> {
    pub(in super::super) async fn cli(&self, step: &Cli) -> Result<Outcome, StepError> {
        let bindings = self.bindings();
        let args: Result<Vec<String>, _> =
            step.args.value.iter().map(|one| bindings.fill_text(one)).collect();
        let env: Result<Vec<(String, String)>, UnresolvedReference> = step
            .env
            .iter()
            .map(|(name, value)| Ok((name.value.clone(), bindings.fill_text(value)?)))
            .collect();
        let request = ProgramRequest {
            args: args?,
            launch: self.launch_of(step.release.as_ref().map(|release| release.value)).await?,
            own_home: step.home.as_ref().map(|home| home.value.clone()),
            env: env?,
            config: step.config.as_ref().map(|config| bindings.fill(config)).transpose()?,
        };
        let name = step.id.as_ref().map_or("cli", |id| &id.value);
        let within = step.within.map_or(WITHIN, Millis::as_duration);
        Ok(self.finish(name, &request, within).await?.outcome())
    }
}

//! Runs a command with the release's own command line.

use super::perform::Perform;
use super::program::{WITHIN, launch_of, run};
use crate::gateway::ProgramRequest;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{Cli, Expectation, Millis, UnresolvedReference};
use crate::verdict::Outcome;

impl Perform for Cli {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let bindings = context.bindings();
        let args: Result<Vec<String>, _> =
            self.args.value.iter().map(|one| bindings.fill_text(one)).collect();
        let env: Result<Vec<(String, String)>, UnresolvedReference> = self
            .env
            .iter()
            .map(|(name, value)| Ok((name.value.clone(), bindings.fill_text(value)?)))
            .collect();
        let request = ProgramRequest {
            ports: Vec::new(),
            args: args?,
            launch: launch_of(context, self.release.as_ref().map(|release| release.value)).await?,
            own_home: self.home.as_ref().map(|home| home.value.clone()),
            env: env?,
            config: self.config.as_ref().map(|config| bindings.fill(config)).transpose()?,
        };
        let name = self.id.as_ref().map_or("cli", |id| &id.value);
        let within = self.within.map_or(WITHIN, Millis::as_duration);
        Ok(run(context, name, &request, within).await?.outcome())
    }
}

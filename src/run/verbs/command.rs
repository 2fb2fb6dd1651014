//! Runs operator commands for the verbs that can also use a connection.

use serde_json::json;

use super::program::{WITHIN, run};
use crate::gateway::ProgramRequest;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::verdict::Outcome;

/// Runs a command with the release's command line; the outcome is `ok` with its output if it succeeds.
///
/// # Errors
/// Fails if the command line cannot be started.
pub(super) async fn command(
    context: &CaseContext<'_>,
    name: &str,
    args: &[&str],
) -> Result<Outcome, StepError> {
    let args = args.iter().map(|one| (*one).to_owned()).collect();
    let request = ProgramRequest { args, ..ProgramRequest::default() };
    Ok(match run(context, name, &request, WITHIN).await?.outcome() {
        Outcome::Exit { code: Some(0), stdout, .. } => Outcome::Ok { payload: json!({"stdout": stdout}) },
        other => other,
    })
}

//! Starts and runs programs for the verbs that need them.

use std::sync::Arc;
use std::time::Duration;

use super::ending::ended_with;
use crate::client::Direction;
use crate::gateway::{Launch, ProcessExit, ProgramRequest, RunningGatewayError, StartedProgram};
use crate::release::Release;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::verdict::Outcome;

/// Number of lines of a program's output that are kept in the transcript.
const SHOWN: usize = 12;

/// How long a program may take by default: on a busy machine, Node alone takes seconds to load a release.
pub(super) const WITHIN: Duration = Duration::from_mins(2);

/// A program that has ended, or was stopped because it took too long.
pub(super) struct FinishedProgram {
    pub(super) exit: Option<ProcessExit>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl FinishedProgram {
    /// The outcome: silence if it did not end in time.
    pub(super) fn outcome(self) -> Outcome {
        match self.exit {
            Some(exit) => ended_with(exit, self.stdout, self.stderr),
            None => Outcome::Silence,
        }
    }
}

/// The launch for a program of another release, if the step names one.
///
/// # Errors
/// Fails if the release cannot be installed.
pub(super) async fn launch_of(
    context: &CaseContext<'_>,
    release: Option<Release>,
) -> Result<Option<Launch>, StepError> {
    match release {
        Some(release) => Ok(Some(context.lane.prepared().launch_of(release, Arc::new(|_| {})).await?)),
        None => Ok(None),
    }
}

/// Starts a program; `name` is that of the step, for the transcript.
///
/// # Errors
/// Fails if the program cannot be started.
pub(super) async fn start(
    context: &CaseContext<'_>,
    name: &str,
    request: &ProgramRequest,
) -> Result<StartedProgram, StepError> {
    context.transcript.add(name, Direction::Sent, format!("openclaw {}", request.args.join(" ")));
    let number = context.programs.next_number();
    let gateway = context.lane.gateway().await;
    gateway.start_program(request, number).await.map_err(|error| match error {
        RunningGatewayError::Attached | RunningGatewayError::NoHome => {
            StepError::Untestable("the target was not started by gatecrash".to_owned())
        }
        other => other.into(),
    })
}

/// Runs a program until it ends, or stops it if it takes too long.
///
/// # Errors
/// Fails if the program cannot be started.
pub(super) async fn run(
    context: &CaseContext<'_>,
    name: &str,
    request: &ProgramRequest,
    within: Duration,
) -> Result<FinishedProgram, StepError> {
    let mut running = start(context, name, request).await?;
    let exit = running.exit(within).await;
    let ended = FinishedProgram { exit, stdout: running.stdout(), stderr: running.stderr() };
    running.stop().await;
    context.programs.has_printed(name, &ended.stdout, &ended.stderr);
    for text in [&ended.stdout, &ended.stderr] {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for line in &lines[lines.len().saturating_sub(SHOWN)..] {
            context.transcript.add(name, Direction::Received, *line);
        }
    }
    let how = exit.map_or_else(|| "did not end in time".to_owned(), |exit| exit.to_string());
    context.transcript.add(name, Direction::Ended, how);
    Ok(ended)
}

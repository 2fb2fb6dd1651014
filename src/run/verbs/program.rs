//! What the verbs of programs have in common.

use std::sync::Arc;
use std::time::Duration;

use super::ending::ended_with;
use crate::client::Direction;
use crate::gateway::{Launch, ProcessExit, ProgramRequest, RunningGatewayError, StartedProgram};
use crate::release::Release;
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::verdict::Outcome;

/// Lines of a program's output that a transcript keeps.
const SHOWN: usize = 12;

/// How long a program may take where a step does not say: Node alone takes seconds to load a release on a busy machine.
pub(super) const WITHIN: Duration = Duration::from_mins(2);

/// A program that has ended, or did not in its time.
pub(super) struct Ended {
    pub(super) exit: Option<ProcessExit>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    /// As an outcome: silence where it did not end.
    pub(super) fn outcome(self) -> Outcome {
        match self.exit {
            Some(exit) => ended_with(exit, self.stdout, self.stderr),
            None => Outcome::Silence,
        }
    }
}

/// What a program is started from: another release where the step names one.
pub(super) async fn launch_of(
    context: &CaseContext<'_>,
    release: Option<Release>,
) -> Result<Option<Launch>, StepError> {
    match release {
        Some(release) => Ok(Some(context.lane.prepared().launch_of(release, Arc::new(|_| {})).await?)),
        None => Ok(None),
    }
}

/// Starts a program; `name` is the step's, for the transcript.
pub(super) async fn start(
    context: &CaseContext<'_>,
    name: &str,
    request: &ProgramRequest,
) -> Result<StartedProgram, StepError> {
    context.transcript.add(name, Direction::Sent, format!("openclaw {}", request.args.join(" ")));
    let number = context.programs.next_number();
    let gateway = context.lane.host().await;
    gateway.start_program(request, number).await.map_err(|error| match error {
        RunningGatewayError::Attached | RunningGatewayError::NoHome => {
            StepError::Untestable("the target runs elsewhere".to_owned())
        }
        other => other.into(),
    })
}

/// Runs a program to its end, or ends it where it takes too long.
pub(super) async fn run(
    context: &CaseContext<'_>,
    name: &str,
    request: &ProgramRequest,
    within: Duration,
) -> Result<Ended, StepError> {
    let mut running = start(context, name, request).await?;
    let exit = running.exit(within).await;
    let ended = Ended { exit, stdout: running.stdout(), stderr: running.stderr() };
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

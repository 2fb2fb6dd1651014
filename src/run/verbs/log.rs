//! Searches for a printed line, or for a frame of a connection.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::perform::Perform;
use crate::client::Direction;
use crate::gateway::Unread;
use crate::run::context::{Beginning, CaseContext};
use crate::run::step_error::{Missing, StepError};
use crate::scenario::{Expectation, LinePattern, Log, Pattern};
use crate::verdict::{Outcome, line_has, matches};

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What to look for, with its references filled in.
enum LogQuery {
    /// A line of the gateway's log.
    Line(LinePattern),
    /// A line in the output of a program.
    Printed(String, LinePattern),
    /// A frame of a connection.
    Frame(String, Direction, Pattern),
}

impl Perform for Log {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let query = query_of(self, context)?;
        let since = self.since.as_ref().map(|name| beginning(context, &name.value)).transpose()?;
        let within = context.within_or_silence(self.within, right);
        let begun = Instant::now();
        let mut unread = Unread::since(log_begins(context, since));
        loop {
            let found = match &query {
                LogQuery::Line(line) => {
                    context.lane.find_in_log(&mut unread, |text| has(text, line)).await.map(Value::from)
                }
                LogQuery::Printed(program, line) => printed(context, program, line)?,
                LogQuery::Frame(name, direction, pattern) => {
                    sent_or_received(context, name, *direction, pattern, since)
                }
            };
            if let Some(what) = found {
                if let Value::String(line) = &what {
                    context.transcript.add("log", Direction::Received, line.as_str());
                }
                return Ok(Outcome::Found { what });
            }
            if begun.elapsed() >= within {
                return Ok(Outcome::Silence);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// What a step looks for.
fn query_of(step: &Log, context: &CaseContext<'_>) -> Result<LogQuery, StepError> {
    let bindings = context.bindings();
    let of = step.of.as_ref().map(|of| of.value.clone());
    if let Some(line) = &step.line {
        let line = line.value.map_text(&mut |value| bindings.fill(value))?;
        return Ok(of.map_or(LogQuery::Line(line.clone()), |program| LogQuery::Printed(program, line)));
    }
    let frame = [(&step.sent, Direction::Sent), (&step.received, Direction::Received)];
    let frame = frame.into_iter().find_map(|(pattern, direction)| Some((pattern.as_ref()?, direction)));
    match (frame, of) {
        (Some((pattern, direction)), Some(of)) => {
            let pattern = pattern.value.map_text(&mut |value| bindings.fill(value))?;
            Ok(LogQuery::Frame(of, direction, pattern))
        }
        // `check` rejects such steps.
        _ => Err(StepError::Broken("this `log` does not say what to look for".to_owned())),
    }
}

fn beginning(context: &CaseContext<'_>, step: &str) -> Result<Beginning, StepError> {
    let begun = context.beginnings.lock();
    begun.get(step).copied().ok_or_else(|| StepError::Broken(format!("the step `{step}` has not begun")))
}

/// The instant from which on lines of the gateway's log count.
fn log_begins(context: &CaseContext<'_>, since: Option<Beginning>) -> Instant {
    match since {
        Some(step) => step.at,
        // The log of its own gateway contains nothing that another scenario caused.
        None if context.is_alone() => context.lane.begun(),
        None => context.begun,
    }
}

/// The first matching line in the output of a program.
fn printed(context: &CaseContext<'_>, program: &str, line: &LinePattern) -> Result<Option<Value>, StepError> {
    let text = context.programs.output(program).ok_or_else(|| StepError::Unreached {
        text: format!("the program `{program}` was not run"),
        missing: Missing::Value,
    })?;
    Ok(text.lines().find(|text| has(text, line)).map(Value::from))
}

fn sent_or_received(
    context: &CaseContext<'_>,
    name: &str,
    direction: Direction,
    pattern: &Pattern,
    since: Option<Beginning>,
) -> Option<Value> {
    context.transcript.find(since.map_or(0, |step| step.entry), |entry| {
        if entry.connection != name || entry.direction != direction {
            return None;
        }
        let frame: Value = serde_json::from_str(&entry.text).ok()?;
        matches(&frame, pattern).then_some(frame)
    })
}

/// Whether a line matches all patterns.
fn has(text: &str, line: &LinePattern) -> bool {
    line.0.iter().all(|one| line_has(text, one))
}

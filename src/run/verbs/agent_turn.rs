//! Runs a turn of the release's own agent; the outcome is the last tool result that the model received.

use std::time::{Duration, Instant};

use serde_json::json;

use super::model::scripted;
use super::perform::{Perform, outcome_of};
use super::program::run;
use crate::client::{CallOutcome, Direction};
use crate::gateway::{ProgramRequest, ScriptedModel, tool_results};
use crate::run::context::CaseContext;
use crate::run::step_error::StepError;
use crate::scenario::{AgentTurn, AgentVia, Expectation, Millis};
use crate::verdict::Outcome;

const WITHIN: Duration = Duration::from_mins(4);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long the gateway may take to log a refusal.
const LOGGED: Duration = Duration::from_millis(300);

impl Perform for AgentTurn {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let model = scripted(context)?;
        let message = context.bindings().fill_text(self.message.as_deref().unwrap_or("go"))?;
        let name = self.id.as_ref().map_or("agent_turn", |id| &id.value);
        let within = self.within.map_or(WITHIN, Millis::as_duration);
        let (begun, before) = (Instant::now(), model.requests().len());
        let otherwise = match self.via {
            AgentVia::Client => ask(self, context, &message, model, within).await?,
            AgentVia::Local | AgentVia::Gateway => {
                let local: &[&str] = if self.via == AgentVia::Local { &["--local"] } else { &[] };
                let mut args = vec!["agent"];
                args.extend(local);
                args.extend(["--agent", "main", "--message", &message, "--json", "--timeout", "60"]);
                let args = args.into_iter().map(str::to_owned).collect();
                let request = ProgramRequest { args, ..ProgramRequest::default() };
                run(context, name, &request, within).await?.outcome()
            }
        };
        let results = tool_results(&model.requests()[before..]);
        for result in &results {
            context.transcript.add("model", Direction::Received, format!("tool result: {result}"));
        }
        let Some(result) = results.into_iter().next_back() else { return Ok(otherwise) };
        Ok(Outcome::Tool { result, refused: refusal_since(context, begun).await })
    }
}

/// Starts a turn of the gateway's agent over a connection, and waits until the model has received a tool result.
async fn ask(
    turn: &AgentTurn,
    context: &CaseContext<'_>,
    message: &str,
    model: &ScriptedModel,
    within: Duration,
) -> Result<Outcome, StepError> {
    let on = turn.on.as_ref().ok_or_else(|| StepError::Broken("`via: client` needs `on`".to_owned()))?;
    let connection = context.connection(on)?;
    let before = model.requests().len();
    let params = json!({
        "message": message, "sessionKey": "agent:main:main",
        "idempotencyKey": context.bindings().identity.uuid(&format!("turn {before}")), "deliver": false,
    });
    let answer = connection.call("agent", Some(&params), within).await;
    let begun = Instant::now();
    if matches!(answer, CallOutcome::Ok(_)) {
        while begun.elapsed() < within && tool_results(&model.requests()[before..]).is_empty() {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
    Ok(outcome_of(answer))
}

/// The reason that the gateway logged for refusing a connection since an instant; it may log after it answers.
async fn refusal_since(context: &CaseContext<'_>, moment: Instant) -> Option<String> {
    let patience = Instant::now() + LOGGED;
    loop {
        let lines = context.lane.log_since(moment).await;
        if let Some(reason) = lines.iter().rev().find_map(|line| refusal(&line.text)) {
            return Some(reason);
        }
        if Instant::now() > patience {
            return None;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The reason in a log line, such as `role-upgrade` in `device access upgrade requested reason=role-upgrade device=…`.
fn refusal(line: &str) -> Option<String> {
    let known = ["role-upgrade", "scope-upgrade", "metadata-upgrade", "not-paired"];
    let reason = line.split("reason=").skip(1).find_map(|rest| {
        let word = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next()?;
        known.contains(&word).then(|| word.to_owned())
    });
    reason.filter(|_| line.contains("upgrade requested") || line.contains("pairing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_for_a_refusal_is_read_from_the_log() {
        let line = "[gateway] security audit: device access upgrade requested reason=role-upgrade device=d1 ip=127.0.0.1";
        assert_eq!(refusal(line).as_deref(), Some("role-upgrade"));
        assert_eq!(refusal("[ws] closed before connect conn=1 code=1008 reason=pairing required"), None);
    }
}

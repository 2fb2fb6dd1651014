//! The release's own agent, with a model that says what the scenario tells it to.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::step::{CaseContext, outcome_of};
use super::super::step_error::StepError;
use crate::client::{Answer, Direction};
use crate::gateway::{ProgramRequest, Reply, ScriptedModel, tool_results};
use crate::scenario::{AgentTurn, AgentVia, Millis, Model};
use crate::verdict::Outcome;

const WITHIN: Duration = Duration::from_mins(4);
const LOOK: Duration = Duration::from_millis(50);

impl CaseContext<'_> {
    /// Tells the model what to say.
    pub(in super::super) fn script(&self, step: &Model) -> Result<Outcome, StepError> {
        let bindings = self.bindings();
        let mut replies = Vec::new();
        for one in &step.replies {
            replies.push(match (&one.call, &one.say) {
                (Some(tool), _) => {
                    let arguments = one.arguments.clone().unwrap_or_else(|| json!({}));
                    Reply::Call { tool: bindings.fill_text(tool)?, arguments: bindings.fill(&arguments)? }
                }
                (None, say) => Reply::Say(bindings.fill_text(say.as_deref().unwrap_or_default())?),
            });
        }
        self.scripted()?.set(replies);
        Ok(Outcome::Done)
    }

    /// Lets the agent take a turn; what its last tool answered to the model is the outcome.
    pub(in super::super) async fn agent_turn(&self, step: &AgentTurn) -> Result<Outcome, StepError> {
        let model = self.scripted()?;
        let message = self.bindings().fill_text(step.message.as_deref().unwrap_or("go"))?;
        let name = step.id.as_ref().map_or("agent_turn", |id| &id.value);
        let within = step.within.map_or(WITHIN, Millis::as_duration);
        let (begun, before) = (Instant::now(), model.requests().len());
        let otherwise = match step.via {
            AgentVia::Client => self.ask_agent(step, &message, model, within).await?,
            AgentVia::Local | AgentVia::Gateway => {
                let local: &[&str] = if step.via == AgentVia::Local { &["--local"] } else { &[] };
                let mut args = vec!["agent"];
                args.extend(local);
                args.extend(["--agent", "main", "--message", &message, "--json", "--timeout", "60"]);
                let args = args.into_iter().map(str::to_owned).collect();
                let request = ProgramRequest { args, ..ProgramRequest::default() };
                self.finish(name, &request, within).await?.outcome()
            }
        };
        let results = tool_results(&model.requests()[before..]);
        for result in &results {
            self.transcript.add("model", Direction::Received, format!("tool result: {result}"));
        }
        let Some(result) = results.into_iter().next_back() else { return Ok(otherwise) };
        Ok(Outcome::Tool { result, refused: self.refusal_since(begun).await })
    }

    /// Asks the gateway's agent over a connection, and waits until a tool result has come back to the model.
    async fn ask_agent(
        &self,
        step: &AgentTurn,
        message: &str,
        model: &ScriptedModel,
        within: Duration,
    ) -> Result<Outcome, StepError> {
        let on = step.on.as_ref().ok_or_else(|| StepError::Broken("`via: client` needs `on`".to_owned()))?;
        let connection = self.connection(on)?;
        let before = model.requests().len();
        let params = json!({
            "message": message, "sessionKey": "agent:main:main",
            "idempotencyKey": self.bindings().identity.uuid(&format!("turn {before}")), "deliver": false,
        });
        let answer = connection.call("agent", Some(&params), within).await;
        let begun = Instant::now();
        if matches!(answer, Answer::Ok(_)) {
            while begun.elapsed() < within && tool_results(&model.requests()[before..]).is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(outcome_of(answer))
    }

    fn scripted(&self) -> Result<&ScriptedModel, StepError> {
        self.lane.model().ok_or_else(|| StepError::Broken("this lane has no scripted model".to_owned()))
    }
}

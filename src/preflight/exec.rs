//! Whether the agent's exec tool works on the copy: a real turn, with a model that is a script.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gateway::{Host, ProgramRequest, Reply, ScriptedModel, tool_results};

/// How long a turn may take on a busy machine.
const WITHIN: Duration = Duration::from_mins(4);

/// What the command prints, and no message about it can hold.
const MARK: &str = "preflight-42";

/// What the exec tool does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Exec {
    /// It runs the command.
    Runs,
    /// It waits for somebody to approve the command.
    AsksApproval,
    /// It fails.
    Fails {
        /// The first line of what the agent was told.
        said: String,
    },
}

impl fmt::Display for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs => f.write_str("runs commands"),
            Self::AsksApproval => f.write_str("asks for an approval of each command"),
            Self::Fails { said } => write!(f, "fails: {said}"),
        }
    }
}

/// Lets the agent run one harmless command in the home of the gateway.
pub(super) async fn try_exec(host: &Host, model: &ScriptedModel) -> Exec {
    let arguments = json!({"command": "echo preflight-$((40+2))"});
    model.set(vec![Reply::Call { tool: "exec".to_owned(), arguments }]);
    let args = ["agent", "--local", "--agent", "main", "--message", "go", "--json", "--timeout", "60"];
    let request = ProgramRequest { args: args.map(str::to_owned).to_vec(), launch: None, own_home: None };
    match host.start_program(&request, 1).await {
        Ok(mut running) => {
            running.exit(WITHIN).await;
            running.stop().await;
        }
        Err(error) => return Exec::Fails { said: error.to_string() },
    }
    let said = model.requests().last().map(tool_results).unwrap_or_default();
    judge(said.last().map(String::as_str))
}

fn judge(said: Option<&str>) -> Exec {
    match said {
        None => Exec::Fails { said: "the agent did not get as far as the tool".to_owned() },
        Some(said) if said.contains(MARK) => Exec::Runs,
        Some(said) if said.contains("Approval required") => Exec::AsksApproval,
        Some(said) => {
            // A tool that fails answers with a JSON object.
            let error = serde_json::from_str::<Value>(said).ok();
            let error = error.as_ref().and_then(|answer| answer.get("error")?.as_str()).unwrap_or(said);
            Exec::Fails { said: error.trim().lines().next().unwrap_or_default().to_owned() }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("preflight-42\n"), Exec::Runs)]
    #[case(Some("Approval required (id 1, full 1-2)"), Exec::AsksApproval)]
    #[case(Some("gateway closed (1008): pairing required\nmore"), Exec::Fails { said: "gateway closed (1008): pairing required".into() })]
    #[case(Some("{\"status\": \"error\", \"error\": \"gateway closed (1008)\\nGateway target: x\"}"), Exec::Fails { said: "gateway closed (1008)".into() })]
    fn what_the_agent_was_told_is_judged(#[case] said: Option<&str>, #[case] exec: Exec) {
        assert_eq!(judge(said), exec);
    }
}

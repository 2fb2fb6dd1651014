//! Tries the agent's exec tool on the copy: a real turn with a scripted model.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error_chain::chain;
use crate::gateway::{ProgramRequest, RunningGateway, ScriptedModel, ScriptedReply, tool_results};

/// How long a turn may take on a busy machine.
const WITHIN: Duration = Duration::from_mins(4);

/// The output of the command; no error message about the command can contain it.
const MARK: &str = "preflight-42";

/// What the exec tool does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ExecOutcome {
    /// The command runs.
    Runs,
    /// The command waits for an approval.
    AsksApproval,
    /// The tool fails.
    Fails {
        /// The first line of what the agent was told.
        said: String,
    },
    /// The agent did not reach the tool, which says nothing about the tool.
    Untried {
        /// Why, in the agent's words.
        why: String,
    },
}

impl fmt::Display for ExecOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs => f.write_str("runs commands"),
            Self::AsksApproval => f.write_str("asks for an approval of each command"),
            Self::Fails { said } => write!(f, "fails: {}", said.trim_end_matches('.')),
            Self::Untried { why } => write!(f, "could not be tried: {}", why.trim_end_matches('.')),
        }
    }
}

/// Lets the agent run one harmless command in the home of the gateway.
///
/// The local agent is tried first: through the gateway the command line pairs itself for everything, which may hide that
/// the tool is refused. While a gateway is running, 2026.9.6 allows only the second way.
pub(super) async fn try_exec(gateway: &RunningGateway, model: &ScriptedModel) -> ExecOutcome {
    let mut tried = ExecOutcome::Untried { why: String::new() };
    for (number, local) in [(1, true), (2, false)] {
        tried = turn(gateway, model, number, local).await;
        if !matches!(tried, ExecOutcome::Untried { .. }) {
            break;
        }
    }
    tried
}

async fn turn(gateway: &RunningGateway, model: &ScriptedModel, number: usize, local: bool) -> ExecOutcome {
    let before = model.requests().len();
    let arguments = json!({"command": "echo preflight-$((40+2))"});
    model.set(vec![ScriptedReply::Call { tool: "exec".to_owned(), arguments }]);
    let mut args = vec!["agent", "--agent", "main", "--message", "go", "--json", "--timeout", "60"];
    if local {
        args.push("--local");
    }
    let args = args.into_iter().map(str::to_owned).collect();
    let request = ProgramRequest { args, ..ProgramRequest::default() };
    let errors = match gateway.start_program(&request, number).await {
        Ok(mut running) => {
            running.exit(WITHIN).await;
            let errors = running.stderr();
            running.stop().await;
            errors
        }
        Err(error) => chain(&error),
    };
    let said = tool_results(&model.requests()[before..]);
    outcome(said.last().map(String::as_str), &errors)
}

fn outcome(said: Option<&str>, errors: &str) -> ExecOutcome {
    match said {
        None => ExecOutcome::Untried { why: reason(errors) },
        Some(said) if said.contains(MARK) => ExecOutcome::Runs,
        Some(said) if said.contains("Approval required") => ExecOutcome::AsksApproval,
        Some(said) => {
            // A tool that fails answers with a JSON object.
            let error = serde_json::from_str::<Value>(said).ok();
            let error = error.as_ref().and_then(|answer| answer.get("error")?.as_str()).unwrap_or(said);
            ExecOutcome::Fails { said: error.trim().lines().next().unwrap_or_default().to_owned() }
        }
    }
}

/// The line that names a reason, or the last one.
fn reason(errors: &str) -> String {
    let lines = || errors.lines().map(str::trim).filter(|line| !line.is_empty());
    let named = lines().find_map(|line| line.split_once("Reason: ").map(|(_, reason)| reason));
    named.or_else(|| lines().next_back()).unwrap_or("the agent said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("preflight-42\n"), ExecOutcome::Runs)]
    #[case(Some("Approval required (id 1, full 1-2)"), ExecOutcome::AsksApproval)]
    #[case(Some("gateway closed (1008): pairing required\nmore"), ExecOutcome::Fails { said: "gateway closed (1008): pairing required".into() })]
    #[case(Some("{\"status\": \"error\", \"error\": \"gateway closed (1008)\\nGateway target: x\"}"), ExecOutcome::Fails { said: "gateway closed (1008)".into() })]
    #[case(None, ExecOutcome::Untried { why: "A Gateway is running. Run without --local".into() })]
    fn the_tool_result_is_interpreted(#[case] said: Option<&str>, #[case] exec: ExecOutcome) {
        let errors = "[openclaw] The command failed.\n[openclaw] Reason: A Gateway is running. Run without --local\n\n";
        assert_eq!(outcome(said, errors), exec);
    }

    #[rstest]
    #[case("", "the agent said nothing")]
    #[case("first\nlast\n", "last")]
    fn without_a_named_reason_the_last_line_is_the_reason(#[case] errors: &str, #[case] why: &str) {
        assert_eq!(reason(errors), why);
    }
}

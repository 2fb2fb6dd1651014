//! What makes two failures the same failure.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::printed::telling_line;

/// The signature of an outcome that is not right: enough to tell it from other failures, and nothing that changes from
/// run to run or when a text is reworded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Signature {
    /// Name of the step.
    pub step: String,
    /// Kind of outcome, as expectations name it (`hello`, `closed`, `error`, `http`, `ok`, `arrives`, `silence`, `state`,
    /// `exit`, `tool`, `protocol_error`), `done` for a step without an outcome to expect, or `restart` for a gateway
    /// that restarted by itself.
    pub class: String,
    /// Close code or HTTP status; of a program that printed no words, its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// `error.details.code`, else `error.code`; of a program or a tool, the first words that it printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// `error.details.reason`; of a tool, why the gateway refused a connection meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Signature {
    /// The signature of a step's outcome.
    pub fn of(step: &str, outcome: &Outcome) -> Self {
        let error = outcome.error();
        let code = match outcome {
            Outcome::Closed { close, .. } => close.code,
            Outcome::Http { status, .. } => Some(*status),
            _ => None,
        };
        let printed = printed(outcome);
        let code = code.or_else(|| printed.as_ref().and_then(|one| one.code));
        let detail = error.map(|error| error.detail("code").unwrap_or(&error.code).to_owned());
        let detail = detail.or_else(|| printed.as_ref().map(|one| one.text.clone()));
        let reason = match outcome {
            Outcome::Tool { refused, .. } => refused.clone(),
            _ => error.and_then(|error| error.detail("reason")).map(str::to_owned),
        };
        Self {
            step: step.to_owned(),
            class: outcome.kind().map_or("done", |kind| kind.key()).to_owned(),
            code,
            detail: detail.filter(|detail| !detail.is_empty()),
            reason,
        }
    }

    /// The signature of a gateway that restarted by itself during a step.
    pub fn of_restart(step: &str) -> Self {
        Self { step: step.to_owned(), class: "restart".to_owned(), code: None, detail: None, reason: None }
    }

    /// Whether it stands for a gateway that restarted by itself.
    pub fn is_of_restart(&self) -> bool {
        self.class == "restart"
    }

    /// The shortest label for it: the reason, else the detail, else the class with its code.
    pub fn word(&self) -> String {
        match (&self.reason, &self.detail, self.code) {
            (Some(reason), _, _) => reason.clone(),
            (None, Some(detail), _) => detail.clone(),
            (None, None, Some(code)) => format!("{} {code}", self.class),
            // In a timeline `ok` stands for what is right, and this is not.
            (None, None, None) if self.class == "ok" => "succeeds".to_owned(),
            (None, None, None) => self.class.clone(),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.class)?;
        if let Some(code) = self.code {
            write!(f, " {code}")?;
        }
        for part in [&self.detail, &self.reason].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// What a program or a tool printed about a refusal.
struct Printed {
    code: Option<u16>,
    text: String,
}

/// The close that the text tells of, as in `gateway closed (1008): pairing required`; else its first words, which change
/// least between releases.
fn printed(outcome: &Outcome) -> Option<Printed> {
    let (texts, exit) = match outcome {
        Outcome::Tool { result, .. } => ([result.as_str(), ""], None),
        Outcome::Exit { code, stdout, stderr, .. } => ([stderr.as_str(), stdout], *code),
        _ => return None,
    };
    let closed = texts.iter().find_map(|text| text.split("closed (").nth(1)?.split_once("): "));
    if let Some((code, text)) = closed
        && let Ok(code) = code.parse()
    {
        return Some(Printed { code: Some(code), text: first_words(text) });
    }
    let text = texts.iter().find_map(|text| telling_line(text)).map(|line| first_words(&line));
    let text = text.unwrap_or_default();
    // Of a program without words, its exit code is all there is to tell.
    let code = exit.filter(|_| text.is_empty()).and_then(|code| u16::try_from(code).ok());
    Some(Printed { code, text })
}

/// The beginning of a text, up to the first character that ends a phrase.
fn first_words(text: &str) -> String {
    let end = |c: char| matches!(c, '(' | ':' | '.' | '\n' | '"' | '`');
    let words = text.trim_start().split(end).next().unwrap_or_default();
    words.trim().chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::wire::{Close, WireError};

    fn refused(message: &str, reason: &str) -> Outcome {
        let details = json!({"code": "PAIRING_REQUIRED", "reason": reason, "requestId": message});
        let error = WireError { code: "NOT_PAIRED".into(), message: message.into(), details };
        Outcome::Closed { close: Close::frame(Some(1008), message), error: Some(error) }
    }

    #[test]
    fn a_reworded_text_has_the_same_signature() {
        let old = Signature::of("node", &refused("pairing required", "role-upgrade"));
        let new = Signature::of("node", &refused("role upgrade needs approval", "role-upgrade"));
        assert_eq!(old, new);
        assert_eq!(old.to_string(), "node: closed 1008 PAIRING_REQUIRED role-upgrade");
        assert_eq!(old.word(), "role-upgrade");
    }

    #[test]
    fn a_refusal_that_a_tool_reports_is_its_signature() {
        let text = "Exec approval registration failed: Error: gateway closed (1008): pairing required\nGateway target";
        let seen = Signature::of(
            "exec",
            &Outcome::Tool { result: text.into(), refused: Some("role-upgrade".into()) },
        );
        assert_eq!(seen.to_string(), "exec: tool 1008 pairing required role-upgrade");
        let waits = Outcome::Tool { result: "Approval required (id 1f2e).".into(), refused: None };
        assert_eq!(Signature::of("exec", &waits).word(), "Approval required");
    }

    #[rstest]
    #[case::a_sentence("", "pairing required: ask", "pairing required")]
    #[case::standard_error_first("Error: x", "done", "Error")]
    #[case::json("", r#"{"ok": false, "error": {"message": "unknown device"}}"#, "unknown device")]
    #[case::json_without_a_message("", r#"{"ok": false}"#, "exit 3")]
    #[case::no_words("", "{\n", "exit 3")]
    #[case::nothing("", "", "exit 3")]
    fn a_program_is_labelled_by_its_words_or_its_exit_code(
        #[case] stderr: &str,
        #[case] stdout: &str,
        #[case] word: &str,
    ) {
        let outcome =
            Outcome::Exit { code: Some(3), signal: None, stdout: stdout.into(), stderr: stderr.into() };
        assert_eq!(Signature::of("run", &outcome).word(), word);
    }

    #[test]
    fn another_reason_or_step_has_another_signature() {
        let one = Signature::of("node", &refused("x", "role-upgrade"));
        assert_ne!(one, Signature::of("node", &refused("x", "scope-upgrade")));
        assert_ne!(one, Signature::of("operator", &refused("x", "role-upgrade")));
    }
}

//! What a gateway answers to an input, reduced to what is behaviour.

use std::sync::Arc;

use serde_json::Value;

use super::alphabet::Alphabet;
use super::machine::Input;
use crate::run::Cell;
use crate::verdict::{Outcome, Signature};

/// What a gateway answers to an input, in words, such as `hello operator(read) +token` or `closed 1008 role-upgrade`.
pub type Answer = Arc<str>;

/// The answers of a word's inputs; `None` if the cell does not have an outcome for each of its steps.
pub(super) fn answers(alphabet: &Alphabet, word: &[Input], cell: &Cell) -> Option<Vec<Answer>> {
    let positions = alphabet.positions(word);
    if positions.len() != cell.steps.len() {
        return None;
    }
    let mut parts: Vec<Vec<String>> = vec![Vec::new(); word.len()];
    for (position, step) in positions.iter().zip(&cell.steps) {
        let Some(part) = position.and_then(|at| parts.get_mut(at)) else { continue };
        match &step.outcome {
            Some(outcome) => part.extend(words_for(outcome)),
            // Its connection was refused, so there is nothing to end or to call on.
            None if part.is_empty() => part.push("not possible".to_owned()),
            None => {}
        }
    }
    Some(parts.into_iter().map(|part| part.join(", ").into()).collect())
}

/// The words for an outcome; `None` if it has nothing to tell.
pub(super) fn words_for(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done => None,
        Outcome::Hello { payload } => Some(format!("hello{}", granted(payload.get("auth")))),
        Outcome::Ok { payload } => Some(format!("ok{}", granted(Some(payload)))),
        other => Some(refusal(&Signature::of("", other))),
    }
}

/// The role, the scopes and whether a token came with it.
fn granted(auth: Option<&Value>) -> String {
    let Some(auth) = auth else { return String::new() };
    let mut text = String::new();
    if let Some(role) = auth.get("role").and_then(Value::as_str) {
        text.push(' ');
        text.push_str(role);
    }
    if let Some(scopes) = auth.get("scopes").and_then(Value::as_array)
        && !scopes.is_empty()
    {
        let mut scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
        scopes.sort_unstable();
        let short: Vec<&str> =
            scopes.iter().map(|scope| scope.strip_prefix("operator.").unwrap_or(scope)).collect();
        text.push('(');
        text.push_str(&short.join(" "));
        text.push(')');
    }
    if ["deviceToken", "token"].iter().any(|key| auth.get(key).is_some_and(Value::is_string)) {
        text.push_str(" +token");
    }
    text
}

/// A refusal: its kind, its code, and the reason or else the detail.
fn refusal(signature: &Signature) -> String {
    let mut parts = vec![signature.class.clone()];
    parts.extend(signature.code.map(|code| code.to_string()));
    match (&signature.detail, &signature.reason) {
        // The reason says more than that pairing is required.
        (Some(detail), Some(reason)) if detail == "PAIRING_REQUIRED" => parts.push(reason.clone()),
        (detail, reason) => parts.extend([detail, reason].into_iter().flatten().cloned()),
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::wire::{Close, WireError};

    fn refused(details: Value) -> WireError {
        WireError { code: "NOT_PAIRED".into(), message: "pairing required (requestId: 1)".into(), details }
    }

    #[rstest]
    #[case::done(Outcome::Done, None)]
    #[case::silence(Outcome::Silence, Some("silence"))]
    #[case::hello(
        Outcome::Hello {payload: json!({"auth": {"role": "operator", "scopes": ["operator.write", "operator.read"], "deviceToken": "‹token›", "issuedAtMs": 1}})},
        Some("hello operator(read write) +token")
    )]
    #[case::bare_hello(Outcome::Hello {payload: json!({"server": {"version": "x"}})}, Some("hello"))]
    #[case::call(Outcome::Ok {payload: json!({"deviceId": "d", "role": "node", "scopes": []})}, Some("ok node"))]
    #[case::pairing(
        Outcome::Closed {close: Close::frame(Some(1008), "x"), error: Some(refused(json!({"code": "PAIRING_REQUIRED", "reason": "role-upgrade", "requestId": "r"})))},
        Some("closed 1008 role-upgrade")
    )]
    #[case::other_details(
        Outcome::Closed {close: Close::frame(Some(1008), "x"), error: Some(refused(json!({"code": "AUTH_DEVICE_TOKEN_MISMATCH"})))},
        Some("closed 1008 AUTH_DEVICE_TOKEN_MISMATCH")
    )]
    #[case::error(Outcome::Refused {error: refused(Value::Null)}, Some("error NOT_PAIRED"))]
    #[case::http(Outcome::Http {status: 403, body: json!("no")}, Some("http 403"))]
    fn an_outcome_is_told_without_ids_and_times(#[case] outcome: Outcome, #[case] expected: Option<&str>) {
        assert_eq!(words_for(&outcome).as_deref(), expected);
    }
}

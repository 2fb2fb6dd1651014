//! Finds expectations that no outcome can ever satisfy.

use std::sync::Arc;

use serde_json::Value;

use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::expect::{ErrorExpectation, Expectation};
use crate::scenario::pattern::Pattern;
use crate::scenario::source::Source;
use crate::scenario::span::Spanned;
use crate::scenario::suggest::{advice, quoted};
use crate::scenario::verbs::Step;

/// Checks an expectation of a step: its own, or the one listed in a deviation.
pub(super) fn check_outcome(
    step: &Step,
    expectation: &Spanned<Expectation>,
    source: &Arc<Source>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let possible = step.as_verb().outcomes();
    let never = |message: String| {
        Diagnostic::error("never-matches", message, source, expectation.span).label("can never happen")
    };
    if possible.is_empty() {
        let message = format!("`{}` has no outcome to judge", step.verb());
        let error = Diagnostic::error("impossible-outcome", message, source, expectation.span);
        return vec![error.label("no outcome")];
    }
    for kind in expectation.value.kinds() {
        if !possible.contains(&kind) {
            let words: Vec<&str> = possible.iter().map(|one| one.key()).collect();
            let message = format!("`{}` is not a possible outcome of `{}`", kind.key(), step.verb());
            let error = Diagnostic::error("impossible-outcome", message, source, expectation.span);
            found.push(error.label("impossible here").help(format!("possible outcomes: {}", quoted(&words))));
        }
    }
    if let Some(reason) = impossible(&expectation.value) {
        found.push(never(reason));
    }
    for unknown in unknown_state_keys(&expectation.value) {
        let message = format!("the stored state has no key `{unknown}`");
        let help = advice("keys", unknown, &["paired", "pending"]);
        found.push(never(message).maybe_help(help));
    }
    found
}

/// Why no outcome of any verb can satisfy an expectation; `None` if one can.
fn impossible(expectation: &Expectation) -> Option<String> {
    match expectation {
        Expectation::Hello(pattern) | Expectation::State(pattern) => match pattern {
            Pattern::Array(_) | Pattern::Literal(Value::Null | Value::Bool(_) | Value::Number(_)) => {
                Some(format!("this value is always a mapping, which `{pattern}` never matches"))
            }
            other => never(other),
        },
        Expectation::Ok(pattern) | Expectation::Arrives(pattern) => never(pattern),
        Expectation::Silence => None,
        Expectation::Closed(closed) => closed
            .code
            .as_ref()
            .and_then(|code| never(code).or_else(|| number_outside(code, "close codes", 1000, 4999, "none")))
            .or_else(|| closed.reason.as_ref().and_then(|one| not_text(one, "reason")))
            .or_else(|| impossible_error(&closed.error)),
        Expectation::Error(error) => impossible_error(error),
        Expectation::Http { status, body } => never(status)
            .or_else(|| number_outside(status, "HTTP statuses", 100, 599, ""))
            .or_else(|| body.as_ref().and_then(never)),
        Expectation::Tool { result, refused } => {
            not_text(result, "tool").or_else(|| refused.as_ref().and_then(|one| not_text(one, "refused")))
        }
        Expectation::ProtocolError(what) => not_text(what, "protocol_error"),
        Expectation::Exit(exit) => never(&exit.code)
            .or_else(|| exit.signal.as_ref().and_then(|one| not_text(one, "signal")))
            .or_else(|| exit.stdout.as_ref().and_then(|one| not_text(one, "stdout")))
            .or_else(|| exit.stderr.as_ref().and_then(|one| not_text(one, "stderr")))
            .or_else(|| exit.json.as_ref().and_then(never)),
        Expectation::AnyOf(list) if list.is_empty() => Some("`any_of` lists no outcomes".to_owned()),
        Expectation::AnyOf(list) => list.iter().find_map(impossible),
    }
}

fn impossible_error(error: &ErrorExpectation) -> Option<String> {
    let code = error.code.as_ref().and_then(|one| not_text(one, "error"));
    let message = || error.message.as_ref().and_then(|one| not_text(one, "message"));
    code.or_else(message).or_else(|| error.details.as_ref().and_then(never))
}

fn not_text(pattern: &Pattern, key: &str) -> Option<String> {
    match pattern {
        Pattern::Literal(Value::Null | Value::Bool(_) | Value::Number(_))
        | Pattern::Array(_)
        | Pattern::Object(_) => Some(format!("`{key}` is always a text, which `{pattern}` never matches")),
        // A refusal may come without these, so `$absent` can match.
        Pattern::Absent => None,
        other => never(other),
    }
}

/// Why a pattern never matches a number in this range. `word` is allowed in place of a number.
fn number_outside(pattern: &Pattern, what: &str, low: u64, high: u64, word: &str) -> Option<String> {
    match pattern {
        Pattern::Literal(Value::Number(number))
            if !number.as_u64().is_some_and(|one| (low..=high).contains(&one)) =>
        {
            Some(format!("{what} range from {low} to {high}; {number} is outside"))
        }
        Pattern::Literal(Value::String(text)) if text != word && !text.contains("${") => {
            let or = if word.is_empty() { String::new() } else { format!(", or `{word}`") };
            Some(format!("{what} are numbers from {low} to {high}{or}; `{text}` is not"))
        }
        Pattern::OneOf(list) => list.iter().find_map(|one| number_outside(one, what, low, high, word)),
        Pattern::Literal(Value::Null | Value::Bool(_)) | Pattern::Array(_) | Pattern::Object(_) => {
            Some(format!("{what} are numbers from {low} to {high}; `{pattern}` is not"))
        }
        _ => None,
    }
}

/// Why a pattern matches no value; `None` if it can match one.
fn never(pattern: &Pattern) -> Option<String> {
    match pattern {
        Pattern::Absent => Some("`$absent` never matches, because this value is always present".to_owned()),
        Pattern::OneOf(list) if list.is_empty() => Some("`$one_of` lists no patterns".to_owned()),
        Pattern::OneOf(list) | Pattern::Contains(list) | Pattern::Set(list) | Pattern::Array(list) => {
            list.iter().find_map(never)
        }
        Pattern::Not(inner) if matches!(**inner, Pattern::Any) => {
            Some("`{$not: $any}` matches nothing; use `$absent` for a missing key".to_owned())
        }
        Pattern::Object(entries) => entries
            .iter()
            .filter(|(_, one)| !matches!(one, Pattern::Absent))
            .find_map(|(key, one)| never(one).map(|reason| format!("{reason} (below `{key}`)"))),
        Pattern::Any
        | Pattern::Literal(_)
        | Pattern::Matches(_)
        | Pattern::Excludes(_)
        | Pattern::Not(_)
        | Pattern::Exactly(_)
        | Pattern::Length(_) => None,
    }
}

fn unknown_state_keys(expectation: &Expectation) -> Vec<&str> {
    match expectation {
        Expectation::State(Pattern::Object(entries)) => entries
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !matches!(*key, "paired" | "pending"))
            .collect(),
        Expectation::AnyOf(list) => list.iter().flat_map(unknown_state_keys).collect(),
        _ => Vec::new(),
    }
}

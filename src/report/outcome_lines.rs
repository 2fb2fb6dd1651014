//! Expectations and outcomes as lines that people can read side by side.

use serde_json::{Map, Value, json};

use super::text::{cut, one_line, width};
use crate::scenario::FlowValue;
use crate::verdict::Outcome;

/// The widest value that stays on one line.
const ONE_LINE: usize = 76;

/// The most lines of one value.
const MOST_LINES: usize = 24;

/// The widest line.
const WIDEST: usize = 160;

/// An expectation, given as a scenario would write it.
pub(crate) fn expected_lines(expected: &str) -> Vec<String> {
    match serde_saphyr::from_str::<Value>(expected) {
        Ok(value) if value.is_object() => lines(&value),
        _ => vec![one_line(expected)],
    }
}

/// An outcome in the words of an expectation. Of a long payload, only the parts that `expected` names are shown.
pub(crate) fn came_lines(outcome: &Outcome, expected: Option<&str>) -> Vec<String> {
    let expected = expected.and_then(|text| serde_saphyr::from_str::<Value>(text).ok()).unwrap_or_default();
    let told = |key: &str, payload: &Value| {
        let payload = named(payload, &expected[key]);
        json!({ key: payload })
    };
    let value = match outcome {
        Outcome::Hello { payload } if expected["hello"].is_object() => told("hello", payload),
        Outcome::Ok { payload } if expected["ok"].is_object() => told("ok", payload),
        Outcome::Arrived { payload } if expected["arrives"].is_object() => told("arrives", payload),
        Outcome::State { document } if expected["state"].is_object() => told("state", document),
        Outcome::Http { status, body } => json!({"http": status, "body": body}),
        Outcome::Refused { error } => {
            json!({"error": error.code, "message": error.message, "details": error.details})
        }
        Outcome::Closed { close, error: Some(error) } => {
            let code = close.code.map_or_else(|| json!("none"), |code| json!(code));
            json!({
                "closed": code, "reason": close.reason, "error": error.code, "message": error.message,
                "details": error.details,
            })
        }
        other => return vec![one_line(&other.to_string())],
    };
    lines(&without_nothing(value))
}

/// The parts of a payload that a pattern names, in the pattern's order; all of it if the pattern names none.
fn named(payload: &Value, pattern: &Value) -> Value {
    let (Value::Object(there), Value::Object(wanted)) = (payload, pattern) else { return payload.clone() };
    if wanted.is_empty() || wanted.keys().any(|key| key.starts_with('$')) {
        return payload.clone();
    }
    let parts = wanted.iter().filter_map(|(key, inner)| Some((key.clone(), named(there.get(key)?, inner))));
    Value::Object(parts.collect())
}

/// An object without what is null or an empty text.
fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let something = |one: &Value| !one.is_null() && one.as_str() != Some("");
            Value::Object(entries.into_iter().filter(|(_, inner)| something(inner)).collect())
        }
        other => other,
    }
}

/// A value as YAML: on one line if it is short, otherwise with one key per line.
fn lines(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(entries) if width(&FlowValue(value).to_string()) > ONE_LINE => {
            block(entries, "", &mut found);
        }
        other => found.push(FlowValue(other).to_string()),
    }
    if found.len() > MOST_LINES {
        let rest = found.len() - MOST_LINES + 1;
        found.truncate(MOST_LINES - 1);
        found.push(format!("… {rest} more lines"));
    }
    found.iter().map(|line| cut(&one_line(line), WIDEST)).collect()
}

fn block(entries: &Map<String, Value>, indent: &str, into: &mut Vec<String>) {
    for (key, inner) in entries {
        let line = format!("{indent}{key}: {}", FlowValue(inner));
        match inner {
            Value::Object(nested) if width(&line) > ONE_LINE => {
                into.push(format!("{indent}{key}:"));
                block(nested, &format!("{indent}  "), into);
            }
            Value::Array(items) if width(&line) > ONE_LINE => {
                into.push(format!("{indent}{key}:"));
                into.extend(items.iter().map(|item| format!("{indent}  - {}", FlowValue(item))));
            }
            _ => into.push(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Close, WireError};

    #[test]
    fn what_is_short_stays_on_one_line() {
        assert_eq!(expected_lines("hello"), ["hello"]);
        assert_eq!(expected_lines("{closed: 1008}"), ["{closed: 1008}"]);
        assert_eq!(came_lines(&Outcome::Silence, Some("hello")), ["silence"]);
        assert_eq!(expected_lines("{not: [yaml"), ["{not: [yaml"]);
    }

    #[test]
    fn a_refusal_has_a_line_for_each_of_its_parts() {
        let error = WireError {
            code: "NOT_PAIRED".into(),
            message: "pairing required".into(),
            details: json!({"code": "PAIRING_REQUIRED", "requestId": "‹id›", "reason": "role-upgrade"}),
        };
        let outcome =
            Outcome::Closed { close: Close::frame(Some(1008), "pairing required"), error: Some(error) };
        assert_eq!(
            came_lines(&outcome, Some("hello")),
            [
                "closed: 1008",
                "reason: \"pairing required\"",
                "error: NOT_PAIRED",
                "message: \"pairing required\"",
                "details: {code: PAIRING_REQUIRED, requestId: \"‹id›\", reason: role-upgrade}",
            ]
        );
    }

    #[test]
    fn of_a_payload_only_what_was_asked_for_is_shown() {
        let payload = json!({
            "protocol": 3, "features": {"methods": ["a"]}, "auth": {"role": "operator", "scopes": [], "x": 1},
        });
        let came = came_lines(&Outcome::Hello { payload }, Some("{hello: {auth: {role: node, gone: 1}}}"));
        assert_eq!(came, ["{hello: {auth: {role: operator}}}"]);
    }

    #[test]
    fn endless_values_end() {
        let entries: Map<String, Value> = (0..500).map(|at| (format!("key-{at}"), json!(at))).collect();
        let came = came_lines(&Outcome::Http { status: 403, body: Value::Object(entries) }, None);
        assert_eq!(came.len(), MOST_LINES);
        assert_eq!(came.last().map(String::as_str), Some("… 479 more lines"));
    }
}

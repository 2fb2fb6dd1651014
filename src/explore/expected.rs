//! Outcomes as expectations that a scenario can list.

use serde_json::{Map, Value, json};

use super::compare::essence;
use crate::scenario::{Expectation, NAMED_OUTCOMES};
use crate::verdict::{Outcome, satisfies};

/// The expectation that describes an outcome: a name if there is one, else what identifies it. If the outcomes of two
/// targets differ only at a place, the expectation names what is there.
pub(super) fn expected(outcome: &Outcome, place: &str) -> Value {
    let named = NAMED_OUTCOMES.iter().find(|named| {
        let expectation = serde_json::from_value::<Expectation>(Value::from(named.name));
        expectation.is_ok_and(|one| satisfies(outcome, &one))
    });
    let mut value = match (outcome, named) {
        (_, Some(named)) if place.is_empty() => return Value::from(named.name),
        (Outcome::Hello { .. }, _) => json!("hello"),
        (Outcome::Ok { .. }, _) => json!("ok"),
        (Outcome::Arrived { .. } | Outcome::Found { .. }, _) => json!("arrives"),
        (Outcome::Silence, _) => json!("silence"),
        (Outcome::Closed { close, error }, _) => {
            let mut keys = Map::new();
            keys.insert("closed".to_owned(), close.code.map_or_else(|| json!("none"), |code| json!(code)));
            if let Some(error) = error {
                keys.extend(of_error(error));
            }
            Value::Object(keys)
        }
        (Outcome::Refused { error }, _) => Value::Object(of_error(error)),
        (Outcome::Http { status, body }, _) => match body.pointer("/error/type").and_then(Value::as_str) {
            Some(kind) => json!({"http": status, "body": {"error": {"type": kind}}}),
            None => json!({"http": status}),
        },
        (Outcome::State { .. }, _) => json!({"state": "$any"}),
        (Outcome::ProtocolError { .. }, _) => json!({"protocol_error": "$any"}),
        _ => Value::Null,
    };
    if !place.is_empty() {
        name_place(&mut value, outcome, place);
    }
    value
}

fn of_error(error: &crate::wire::WireError) -> Map<String, Value> {
    let mut keys = Map::new();
    keys.insert("error".to_owned(), json!(error.code));
    let details: Map<String, Value> = ["code", "reason"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), json!(error.detail(key)?))))
        .collect();
    if details.is_empty() {
        keys.insert("message".to_owned(), json!(error.message));
    } else {
        keys.insert("details".to_owned(), Value::Object(details));
    }
    keys
}

/// Adds to an expectation what the outcome has at a place of its essence.
fn name_place(value: &mut Value, outcome: &Outcome, place: &str) {
    let there = essence(outcome);
    let found = there.pointer(place).filter(|one| !one.is_null());
    let pattern = match found {
        None => json!("$absent"),
        // A masked secret is a token of this run.
        Some(Value::String(text)) if text.contains('‹') => json!("$any"),
        Some(Value::Array(items)) => json!({"$set": items}),
        Some(other) => other.clone(),
    };
    let keys: Vec<&str> = place.split('/').skip(1).collect();
    let nested = |keys: &[&str]| {
        keys.iter().rev().fold(pattern.clone(), |inner, key| json!({(*key).to_owned(): inner}))
    };
    match keys.as_slice() {
        ["hello" | "ok" | "state", ..] => *value = nested(&keys),
        ["close", "reason"] => value["reason"] = pattern,
        ["error", "message"] => value["message"] = pattern,
        ["details", key] => {
            if !value["details"].is_object() {
                value["details"] = json!({});
            }
            value["details"][*key] = pattern;
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::wire::{Close, WireError};

    fn refused(details: Value) -> Outcome {
        let error = WireError { code: "NOT_PAIRED".into(), message: "pairing required".into(), details };
        Outcome::Closed { close: Close::frame(Some(1008), "pairing required"), error: Some(error) }
    }

    #[rstest]
    #[case(refused(json!({"code": "PAIRING_REQUIRED", "reason": "role-upgrade"})), "", json!("role-upgrade"))]
    #[case(Outcome::Hello { payload: json!({"auth": {"role": "node"}}) }, "", json!("hello"))]
    #[case(
        Outcome::Hello { payload: json!({"auth": {"role": "node"}}) },
        "/hello/auth/deviceToken",
        json!({"hello": {"auth": {"deviceToken": "$absent"}}})
    )]
    #[case(
        Outcome::Hello { payload: json!({"auth": {"scopes": ["b", "a"]}}) },
        "/hello/auth/scopes",
        json!({"hello": {"auth": {"scopes": {"$set": ["a", "b"]}}}})
    )]
    fn an_outcome_is_told_as_a_scenario_would(
        #[case] outcome: Outcome,
        #[case] place: &str,
        #[case] told: Value,
    ) {
        let value = expected(&outcome, place);
        assert_eq!(value, told);
        let expectation: Expectation = serde_json::from_value(value).unwrap();
        assert!(satisfies(&outcome, &expectation));
    }
}

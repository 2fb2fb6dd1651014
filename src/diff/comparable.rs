//! The part of an outcome that has to be the same on two targets.

use serde_json::{Map, Value, json};

use crate::verdict::{Outcome, normalised};

/// The parts of `hello-ok` that say who was let in, and how. The rest depends on version and time.
const OF_HELLO: &[&str] = &["type", "protocol", "auth"];

/// The parts of a call's result that are about pairing. Lists also hold what other scenarios left in the same store.
const OF_CALLS: &[&str] = &["status", "created", "decision", "deviceId", "nodeId", "role", "scopes"];

/// The status of a successful upgrade, after which frames follow.
const SWITCHING_PROTOCOLS: u16 = 101;

/// The part of an outcome that has to be the same on two targets, with volatile values replaced.
///
/// For a hello, that is who was let in; for a call, that it succeeded and what the result says about pairing; for
/// everything else, the whole outcome.
pub fn comparable(outcome: &Outcome) -> Value {
    let mut value = match normalised(outcome) {
        Outcome::Hello { payload } => json!({"hello": picked(&payload, OF_HELLO)}),
        Outcome::Ok { payload } if payload["type"] == "hello-ok" => json!({"ok": picked(&payload, OF_HELLO)}),
        Outcome::Ok { payload } => json!({"ok": picked(&payload, OF_CALLS)}),
        Outcome::Http { status: SWITCHING_PROTOCOLS, .. } => json!({"http": SWITCHING_PROTOCOLS}),
        other => serde_json::to_value(&other).unwrap_or_default(),
    };
    without_ids(&mut value);
    without_particulars(&mut value);
    value
}

/// Removes what belongs to one build or one boot, such as the id of a build or the digest of a secret, and keys that later
/// releases added for other purposes than pairing.
fn without_particulars(value: &mut Value) {
    const PARTICULAR: &[&str] = &["gatewayBuildId", "generation", "recoveryScope", "pendingNodeSurface"];
    match value {
        Value::Object(entries) => {
            entries.retain(|key, _| !PARTICULAR.contains(&key.as_str()));
            entries.values_mut().for_each(without_particulars);
        }
        Value::Array(items) => items.iter_mut().for_each(without_particulars),
        _ => {}
    }
}

/// Replaces ids inside of texts, such as `(requestId: 17a11a93-12f8…`, which a close reason may cut short.
pub(super) fn without_ids(value: &mut Value) {
    match value {
        Value::String(text) => {
            for start in ["requestId: ", "request "] {
                while let Some((from, to)) = id_behind(text, start) {
                    text.replace_range(from..to, "‹id›");
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_ids),
        Value::Object(entries) => entries.values_mut().for_each(without_ids),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The range of an id after a word: at least the eight hexadecimal digits with which a UUID begins.
fn id_behind(text: &str, word: &str) -> Option<(usize, usize)> {
    text.match_indices(word).find_map(|(at, _)| {
        let from = at + word.len();
        let length =
            text[from..].find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(text.len() - from);
        (length >= 8).then_some((from, from + length))
    })
}

fn picked(value: &Value, keys: &[&str]) -> Value {
    let parts = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone())));
    Value::Object(parts.collect::<Map<String, Value>>())
}

/// A JSON pointer to the first place where two values differ; `None` if they are equal.
pub fn differing_place(one: &Value, other: &Value) -> Option<String> {
    match (one, other) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys = left.keys().chain(right.keys().filter(|key| !left.contains_key(*key)));
            keys.find_map(|key| below(key, left.get(key), right.get(key)))
        }
        (Value::Array(left), Value::Array(right)) => (0..left.len().max(right.len()))
            .find_map(|at| below(&at.to_string(), left.get(at), right.get(at))),
        _ => (one != other).then(String::new),
    }
}

fn below(key: &str, one: Option<&Value>, other: Option<&Value>) -> Option<String> {
    let rest = match (one, other) {
        (Some(one), Some(other)) => differing_place(one, other)?,
        _ => String::new(),
    };
    Some(format!("/{}{rest}", key.replace('~', "~0").replace('/', "~1")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(json!({"a": 1}), json!({"a": 1}), None)]
    #[case(json!({"a": 1}), json!({"a": 2}), Some("/a"))]
    #[case(json!({"a": {"b/c": [1, 2]}}), json!({"a": {"b/c": [1]}}), Some("/a/b~1c/1"))]
    #[case(json!({"a": 1}), json!({"a": 1, "b": null}), Some("/b"))]
    #[case(json!([]), json!({}), Some(""))]
    fn the_first_difference_is_named(#[case] one: Value, #[case] other: Value, #[case] at: Option<&str>) {
        assert_eq!(differing_place(&one, &other).as_deref(), at);
    }

    #[rstest]
    #[case(
        "pairing required (requestId: 17a11a93-12f8-4360-a4bb-0a33e9b",
        "pairing required (requestId: ‹id›"
    )]
    #[case("unknown request 17a11a93-12f8-4360-a4bb-0a33e9b12345, sorry", "unknown request ‹id›, sorry")]
    #[case("a request decade", "a request decade")]
    fn ids_inside_of_texts_are_replaced(#[case] text: &str, #[case] expected: &str) {
        let mut value = json!([{"text": text}]);
        without_ids(&mut value);
        assert_eq!(value, json!([{"text": expected}]));
    }

    #[test]
    fn version_and_time_of_a_hello_are_ignored() {
        let hello = |version: &str, role: &str| Outcome::Hello {
            payload: json!({"type": "hello-ok", "server": {"version": version}, "auth": {"role": role, "issuedAtMs": version.len()}}),
        };
        assert_eq!(comparable(&hello("2026.3.28", "node")), comparable(&hello("2026.3.31-1", "node")));
        assert_ne!(comparable(&hello("2026.3.28", "node")), comparable(&hello("2026.3.28", "operator")));
    }

    #[test]
    fn only_what_a_call_says_about_pairing_is_compared() {
        let of = |payload: Value| comparable(&Outcome::Ok { payload });
        assert_eq!(
            of(json!({"ok": true, "agents": []})),
            of(json!({"ok": true, "agents": [{"id": "main"}]}))
        );
        assert_eq!(of(json!({"pending": [{"deviceId": "a"}]})), of(json!({"pending": []})));
        assert_ne!(of(json!({"role": "node", "scopes": []})), of(json!({"role": "node", "scopes": ["x"]})));
        assert_ne!(of(json!({})), comparable(&Outcome::Silence));
    }

    #[test]
    fn frames_after_an_upgrade_are_ignored() {
        let of = |status, body: &str| comparable(&Outcome::Http { status, body: json!(body) });
        assert_eq!(of(101, "one"), of(101, "other"));
        assert_ne!(of(403, "one"), of(403, "other"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3u8).prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[ab/~]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_equal_values_have_no_difference(one in any_json(), other in any_json()) {
            prop_assert_eq!(differing_place(&one, &other).is_none(), one == other);
        }

        #[test]
        fn the_place_leads_to_values_that_differ(one in any_json(), other in any_json()) {
            if let Some(place) = differing_place(&one, &other) {
                prop_assert_ne!(one.pointer(&place), other.pointer(&place));
            }
        }
    }
}

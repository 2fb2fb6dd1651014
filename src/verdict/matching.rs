//! Compares an outcome with an expectation, and finds the first place at which they differ.

use serde_json::Value;

use super::outcome::{Outcome, normalised, printed_json};
use crate::scenario::{ClosedExpectation, ErrorExpectation, ExitExpectation, Expectation, Pattern};
use crate::wire::WireError;

/// The first place where an outcome differs from an expectation.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Mismatch {
    /// The place: the aspect of the outcome, then keys and indices (`details.reason`, `payload.scopes[1]`).
    pub at: String,
    /// What was expected there.
    pub expected: String,
    /// What the outcome has there.
    pub got: String,
}

/// Whether an outcome satisfies an expectation.
pub fn satisfies(outcome: &Outcome, expectation: &Expectation) -> bool {
    mismatch(outcome, expectation).is_none()
}

/// The first place where an outcome differs from an expectation; `None` if it satisfies the expectation.
pub fn mismatch(outcome: &Outcome, expectation: &Expectation) -> Option<Mismatch> {
    match (expectation, outcome) {
        (Expectation::Hello(pattern), Outcome::Hello { payload })
        | (Expectation::Ok(pattern), Outcome::Ok { payload })
        | (Expectation::Arrives(pattern), Outcome::Arrived { payload }) => {
            find("payload", Some(payload), pattern)
        }
        (Expectation::Arrives(pattern), Outcome::Found { what }) => find("found", Some(what), pattern),
        (Expectation::State(pattern), Outcome::State { document }) => find("state", Some(document), pattern),
        (Expectation::ProtocolError(pattern), Outcome::ProtocolError { what }) => {
            find("protocol error", Some(&Value::from(what.as_str())), pattern)
        }
        (Expectation::Silence, Outcome::Silence) => None,
        (Expectation::Error(expected), Outcome::Refused { error }) => in_error(expected, Some(error)),
        (Expectation::Closed(expected), Outcome::Closed { close, error }) => {
            in_close(expected, close).or_else(|| in_error(&expected.error, error.as_ref()))
        }
        (Expectation::Http { status, body }, Outcome::Http { status: got, body: got_body }) => {
            find("status", Some(&Value::from(*got)), status)
                .or_else(|| body.as_ref().and_then(|body| find("body", Some(got_body), body)))
        }
        (Expectation::Tool { result, refused }, Outcome::Tool { result: got, refused: reason }) => {
            let reason = reason.as_deref().map(Value::from);
            find("tool", Some(&Value::from(got.as_str())), result)
                .or_else(|| refused.as_ref().and_then(|one| find("refused", reason.as_ref(), one)))
        }
        (Expectation::Exit(expected), Outcome::Exit { code, signal, stdout, stderr }) => {
            in_exit(expected, *code, signal.as_deref(), stdout, stderr, outcome)
        }
        (Expectation::AnyOf(list), _) => {
            if list.iter().any(|one| satisfies(outcome, one)) {
                return None;
            }
            Some(differs("outcome", expectation.to_string(), told(outcome)))
        }
        _ => Some(differs("outcome", expectation.to_string(), told(outcome))),
    }
}

/// Whether a value matches a pattern.
pub fn matches(value: &Value, pattern: &Pattern) -> bool {
    find("", Some(value), pattern).is_none()
}

/// Whether a line of a log matches a pattern. A text may occur anywhere in the line; any other pattern has to match the
/// whole line.
pub fn line_has(line: &str, pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Literal(Value::String(text)) => line.contains(text.as_str()),
        Pattern::OneOf(list) => list.iter().any(|one| line_has(line, one)),
        Pattern::Not(inner) => !line_has(line, inner),
        other => matches(&Value::from(line), other),
    }
}

/// An outcome in words, without what differs from run to run.
fn told(outcome: &Outcome) -> String {
    match outcome {
        // Its normal form has no words at all.
        Outcome::Found { .. } => outcome.to_string(),
        other => normalised(other).to_string(),
    }
}

fn differs(at: &str, expected: String, got: String) -> Mismatch {
    Mismatch { at: at.to_owned(), expected, got }
}

fn in_close(expected: &ClosedExpectation, close: &crate::wire::Close) -> Option<Mismatch> {
    if let Some(code) = &expected.code {
        let none_expected = matches!(code, Pattern::Literal(Value::String(word)) if word == "none");
        let got = close.code.map(Value::from);
        let wrong = if none_expected { got.is_some() } else { find("code", got.as_ref(), code).is_some() };
        if wrong {
            return Some(differs("close code", code.to_string(), close.to_string()));
        }
    }
    let reason = Value::String(close.reason.clone());
    expected.reason.as_ref().and_then(|pattern| find("close reason", Some(&reason), pattern))
}

fn in_exit(
    expected: &ExitExpectation,
    code: Option<i32>,
    signal: Option<&str>,
    stdout: &str,
    stderr: &str,
    all: &Outcome,
) -> Option<Mismatch> {
    let by_signal = matches!(&expected.code, Pattern::Literal(Value::String(word)) if word == "none");
    let got = code.map(Value::from);
    let wrong = match &expected.code {
        Pattern::Any => false,
        _ if by_signal => got.is_some(),
        pattern => find("exit code", got.as_ref(), pattern).is_some(),
    };
    if wrong {
        return Some(differs("exit code", expected.code.to_string(), all.to_string()));
    }
    let text = |at, text: &str, pattern: &Option<Pattern>| {
        pattern.as_ref().and_then(|one| find(at, Some(&Value::from(text)), one))
    };
    let json = || expected.json.as_ref().and_then(|one| find("json", printed_json(stdout).as_ref(), one));
    let signal = signal.map(Value::from);
    let by =
        |pattern: &Option<Pattern>| pattern.as_ref().and_then(|one| find("signal", signal.as_ref(), one));
    by(&expected.signal)
        .or_else(|| text("stdout", stdout, &expected.stdout))
        .or_else(|| text("stderr", stderr, &expected.stderr))
        .or_else(json)
}

fn in_error(expected: &ErrorExpectation, error: Option<&WireError>) -> Option<Mismatch> {
    let code = error.map(|error| Value::String(error.code.clone()));
    let message = error.map(|error| Value::String(error.message.clone()));
    let details = error.map(|error| &error.details).filter(|details| !details.is_null());
    let part = |at, value, pattern: &Option<Pattern>| pattern.as_ref().and_then(|one| find(at, value, one));
    part("error", code.as_ref(), &expected.code)
        .or_else(|| part("details", details, &expected.details))
        .or_else(|| part("message", message.as_ref(), &expected.message))
}

/// The first place below `at` where a value differs from a pattern.
fn find(at: &str, value: Option<&Value>, pattern: &Pattern) -> Option<Mismatch> {
    let wrong = || {
        let got = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
        Some(differs(at, pattern.to_string(), got))
    };
    let Some(there) = value else {
        return if matches!(pattern, Pattern::Absent) { None } else { wrong() };
    };
    let holds = |value: &Value, pattern: &Pattern| find(at, Some(value), pattern).is_none();
    let right = match pattern {
        Pattern::Any => true,
        Pattern::Absent => false,
        Pattern::Literal(expected) => same(expected, there),
        Pattern::Exactly(expected) => expected == there,
        Pattern::Matches(regex) => there.as_str().is_some_and(|text| regex.is_match(text)),
        Pattern::OneOf(list) => list.iter().any(|one| holds(there, one)),
        Pattern::Not(inner) => !holds(there, inner),
        Pattern::Contains(list) => there
            .as_array()
            .is_some_and(|items| list.iter().all(|one| items.iter().any(|item| holds(item, one)))),
        Pattern::Excludes(list) => there
            .as_array()
            .is_some_and(|items| !list.iter().any(|one| items.iter().any(|item| holds(item, one)))),
        Pattern::Set(list) => there.as_array().is_some_and(|items| {
            items.len() == list.len() && pairs_up(items.len(), |item, one| holds(&items[item], &list[one]))
        }),
        Pattern::Length(length) => u64::try_from(length_of(there)).is_ok_and(|there| there == *length),
        Pattern::Array(list) => match there.as_array() {
            Some(items) if items.len() == list.len() => {
                return items
                    .iter()
                    .zip(list)
                    .enumerate()
                    .find_map(|(index, (item, one))| find(&format!("{at}[{index}]"), Some(item), one));
            }
            _ => false,
        },
        Pattern::Object(entries) => match there.as_object() {
            Some(keys) => {
                return entries
                    .iter()
                    .find_map(|(key, one)| find(&format!("{at}.{key}"), keys.get(key), one));
            }
            None => false,
        },
    };
    if right { None } else { wrong() }
}

/// Whether `count` elements and as many patterns can be paired so that each element matches its pattern: a matching in a
/// bipartite graph, found by augmenting paths.
fn pairs_up(count: usize, fits: impl Fn(usize, usize) -> bool) -> bool {
    fn place(
        item: usize,
        fits: &impl Fn(usize, usize) -> bool,
        tried: &mut [bool],
        taken_by: &mut [Option<usize>],
    ) -> bool {
        for pattern in 0..tried.len() {
            if tried[pattern] || !fits(item, pattern) {
                continue;
            }
            tried[pattern] = true;
            if taken_by[pattern].is_none_or(|other| place(other, fits, tried, taken_by)) {
                taken_by[pattern] = Some(item);
                return true;
            }
        }
        false
    }
    let mut taken_by = vec![None; count];
    (0..count).all(|item| place(item, &fits, &mut vec![false; count], &mut taken_by))
}

/// Whether two values are equal. Numbers are compared by value, so `1` equals `1.0`.
fn same(expected: &Value, got: &Value) -> bool {
    match (expected.as_f64(), got.as_f64()) {
        (Some(a), Some(b)) => expected == got || a.total_cmp(&b).is_eq(),
        _ => expected == got,
    }
}

fn length_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(keys) => keys.len(),
        Value::String(text) => text.chars().count(),
        _ => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::wire::Close;

    fn pattern(value: Value) -> Pattern {
        serde_json::from_value(value).unwrap()
    }

    fn expectation(value: Value) -> Expectation {
        serde_json::from_value(value).unwrap()
    }

    #[rstest]
    #[case(json!({"a": 1}), json!({"a": 1, "b": 2}), true)]
    #[case(json!({"a": 1}), json!({"b": 2}), false)]
    #[case(json!({"a": "$absent"}), json!({"b": 2}), true)]
    #[case(json!({"a": "$absent"}), json!({"a": null}), false)]
    #[case(json!({"a": "$any"}), json!({"a": null}), true)]
    #[case(json!({"a": "$any"}), json!({}), false)]
    #[case(json!([1, 2]), json!([1, 2]), true)]
    #[case(json!([1, 2]), json!([1, 2, 3]), false)]
    #[case(json!({"$contains": [2]}), json!([1, 2, 3]), true)]
    #[case(json!({"$contains": [4]}), json!([1, 2, 3]), false)]
    #[case(json!({"$excludes": [4]}), json!([1, 2, 3]), true)]
    #[case(json!({"$excludes": [1]}), json!([1, 2, 3]), false)]
    #[case(json!({"$set": [2, 1]}), json!([1, 2]), true)]
    #[case(json!({"$set": [2, 1]}), json!([1, 1]), false)]
    #[case(json!({"$set": [1, 1, 2]}), json!([1, 2, 2]), false)]
    #[case(json!({"$set": ["$any", 1]}), json!([1, 2]), true)]
    #[case(json!({"$set": [{"$one_of": [1, 2]}, {"$one_of": [1, 3]}, 1]}), json!([3, 1, 2]), true)]
    #[case(json!({"$set": [{"$one_of": [1, 2]}, 1, 1]}), json!([1, 2, 3]), false)]
    #[case(json!({"$one_of": ["x", "y"]}), json!("y"), true)]
    #[case(json!({"$one_of": ["x", "y"]}), json!("z"), false)]
    #[case(json!({"$not": "x"}), json!("y"), true)]
    #[case(json!({"$not": "x"}), json!("x"), false)]
    #[case(json!({"$matches": "^pair"}), json!("pairing"), true)]
    #[case(json!({"$matches": "^pair"}), json!(1), false)]
    #[case(json!({"$exactly": {"a": 1}}), json!({"a": 1, "b": 2}), false)]
    #[case(json!({"$length": 2}), json!({"a": 1, "b": 2}), true)]
    #[case(json!({"$length": 1}), json!(3), false)]
    #[case(json!(1), json!(1.0), true)]
    fn patterns_match_by_subset(#[case] written: Value, #[case] got: Value, #[case] matches: bool) {
        assert_eq!(find("x", Some(&got), &pattern(written)).is_none(), matches);
    }

    fn role_upgrade() -> Outcome {
        let details = json!({"code": "PAIRING_REQUIRED", "reason": "role-upgrade"});
        let error = WireError { code: "NOT_PAIRED".into(), message: "pairing required".into(), details };
        Outcome::Closed { close: Close::frame(Some(1008), "pairing required"), error: Some(error) }
    }

    #[rstest]
    #[case(json!({"closed": 1008}), true)]
    #[case(json!({"closed": 1002}), false)]
    #[case(json!({"closed": "none"}), false)]
    #[case(json!("closed"), true)]
    #[case(json!("hello"), false)]
    #[case(json!({"closed": 1008, "details": {"reason": "role-upgrade"}}), true)]
    #[case(json!({"closed": 1008, "details": {"reason": "scope-upgrade"}}), false)]
    #[case(json!({"closed": 1008, "error": "NOT_PAIRED"}), true)]
    #[case(json!({"error": "NOT_PAIRED"}), false)]
    #[case(json!({"any_of": ["hello", {"closed": 1008}]}), true)]
    #[case(json!({"any_of": ["hello", {"closed": 1000}]}), false)]
    fn a_refusal_is_compared_by_code_and_details(#[case] written: Value, #[case] matches: bool) {
        assert_eq!(satisfies(&role_upgrade(), &expectation(written)), matches);
    }

    #[test]
    fn a_mismatch_names_the_place() {
        let expected = expectation(json!({"closed": 1008, "details": {"reason": "scope-upgrade"}}));
        let found = mismatch(&role_upgrade(), &expected).unwrap();
        assert_eq!((found.at.as_str(), found.expected.as_str()), ("details.reason", "scope-upgrade"));
        assert_eq!(found.got, "\"role-upgrade\"");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_matches_itself_and_any(value in any_json()) {
            prop_assert!(find("x", Some(&value), &pattern(value.clone())).is_none());
            prop_assert!(find("x", Some(&value), &Pattern::Any).is_none());
            prop_assert!(find("x", Some(&value), &Pattern::Absent).is_some());
        }

        #[test]
        fn not_negates_a_pattern(value in any_json(), other in any_json()) {
            let plain = find("x", Some(&value), &pattern(other.clone())).is_none();
            let negated = find("x", Some(&value), &Pattern::Not(Box::new(pattern(other)))).is_none();
            prop_assert_ne!(plain, negated);
        }
    }
}

//! Finds the shortest expectation that distinguishes an outcome from the right ones.

use serde_json::Value;

use crate::scenario::{ClosedExpectation, ErrorExpectation, ExitExpectation, Expectation, Pattern};
use crate::verdict::{Mismatch, Outcome, satisfies};
use crate::wire::WireError;

/// The shortest expectation that `outcome` satisfies and none of `others` does.
///
/// Returns `None` if the difference is in a part that no short expectation can name.
pub(super) fn describe(
    outcome: &Outcome,
    right: Option<&Mismatch>,
    others: &[&Outcome],
) -> Option<Expectation> {
    let tells =
        |one: &Expectation| satisfies(outcome, one) && !others.iter().any(|other| satisfies(other, one));
    candidates(outcome, right).into_iter().find(tells)
}

/// Expectations that the outcome may satisfy, from the shortest to the longest.
fn candidates(outcome: &Outcome, mismatch: Option<&Mismatch>) -> Vec<Expectation> {
    let nested = |wrap: fn(Pattern) -> Expectation, aspect: &str| {
        let at = mismatch.and_then(|one| path_below(outcome, one, aspect));
        [Some(wrap(Pattern::Any)), at.map(wrap)].into_iter().flatten().collect()
    };
    match outcome {
        Outcome::Hello { .. } => nested(Expectation::Hello, "payload"),
        Outcome::Ok { .. } => nested(Expectation::Ok, "payload"),
        Outcome::Arrived { .. } => nested(Expectation::Arrives, "payload"),
        Outcome::Found { .. } => vec![Expectation::Arrives(Pattern::Any)],
        Outcome::State { .. } => nested(Expectation::State, "state"),
        Outcome::ProtocolError { what } => vec![
            Expectation::ProtocolError(Pattern::Any),
            Expectation::ProtocolError(Pattern::Literal(what.as_str().into())),
        ],
        Outcome::Silence => vec![Expectation::Silence],
        Outcome::Http { status, .. } => vec![Expectation::Http { status: literal(*status), body: None }],
        Outcome::Refused { error } => {
            errors(outcome, error, mismatch).into_iter().map(Expectation::Error).collect()
        }
        Outcome::Closed { close, error } => {
            let code = close.code.map_or_else(|| literal("none"), literal);
            let none = || vec![ErrorExpectation::default()];
            let closed = |error| {
                Expectation::Closed(ClosedExpectation { code: Some(code.clone()), reason: None, error })
            };
            error
                .as_ref()
                .map_or_else(none, |one| errors(outcome, one, mismatch))
                .into_iter()
                .map(closed)
                .collect()
        }
        Outcome::Exit { code, .. } => {
            let code = code.map_or_else(|| literal("none"), literal);
            vec![Expectation::Exit(ExitExpectation { code, ..ExitExpectation::by_itself() })]
        }
        Outcome::Tool { refused, .. } => {
            vec![Expectation::Tool { result: Pattern::Any, refused: refused.as_deref().map(literal) }]
        }
        Outcome::Done => Vec::new(),
    }
}

fn errors(outcome: &Outcome, error: &WireError, mismatch: Option<&Mismatch>) -> Vec<ErrorExpectation> {
    let code = Some(literal(error.code.as_str()));
    let told: Vec<(String, Pattern)> = ["code", "reason"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), literal(error.detail(key)?))))
        .collect();
    let message = literal(error.message.as_str());
    let mut found = Vec::new();
    if told.is_empty() {
        found.push(ErrorExpectation { code: code.clone(), ..ErrorExpectation::default() });
    } else {
        let details = Some(Pattern::Object(told));
        found.push(ErrorExpectation { details: details.clone(), ..ErrorExpectation::default() });
        found.push(ErrorExpectation { details, code: code.clone(), ..ErrorExpectation::default() });
    }
    if let Some(details) = mismatch.and_then(|one| path_below(outcome, one, "details")) {
        found.push(ErrorExpectation {
            code: code.clone(),
            details: Some(details),
            ..ErrorExpectation::default()
        });
    }
    found.push(ErrorExpectation { code, message: Some(message), ..ErrorExpectation::default() });
    found
}

/// A pattern for exactly this value. A text that would be read as a pattern word or a reference is escaped.
fn literal(value: impl Into<Value>) -> Pattern {
    match value.into() {
        Value::String(text) if text.starts_with('$') || text.contains("${") => {
            Pattern::Exactly(text.replace("${", "$${").into())
        }
        value => Pattern::Literal(value),
    }
}

/// A pattern for what came at the place of a mismatch, if keys alone lead to that place.
fn path_below(outcome: &Outcome, mismatch: &Mismatch, aspect: &str) -> Option<Pattern> {
    let nest = |inner: Pattern, key: &str| Pattern::Object(vec![(key.to_owned(), inner)]);
    if mismatch.at.starts_with("save.") {
        let keys: Vec<&str> = mismatch.expected.strip_prefix("something at /")?.split('/').collect();
        // The pattern ends at the first key that is missing.
        let there = keys.iter().scan(outcome.document(), |at, key| {
            *at = at.get(key)?.clone();
            Some(())
        });
        let missing = keys.get(..=there.count())?;
        return Some(missing.iter().rev().fold(Pattern::Absent, |inner, key| nest(inner, key)));
    }
    let path = mismatch.at.strip_prefix(aspect)?.strip_prefix('.')?;
    if path.contains(['[', '$']) {
        return None;
    }
    let got = match mismatch.got.as_str() {
        "nothing" => Pattern::Absent,
        // Whatever came there may differ on every machine.
        _ if mismatch.expected == "$absent" => Pattern::Any,
        text => simple(&serde_json::from_str(text).ok()?)?,
    };
    Some(path.rsplit('.').fold(got, nest))
}

/// A pattern for a scalar or a list of scalars; larger values would say more than is needed.
fn simple(value: &Value) -> Option<Pattern> {
    match value {
        Value::Object(_) => None,
        Value::Array(items) => {
            let items: Option<Vec<Pattern>> = items.iter().map(simple).collect();
            Some(Pattern::Array(items?))
        }
        scalar => Some(literal(scalar.clone())),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::wire::Close;

    fn closed(code: u16, error: Option<(&str, Value)>) -> Outcome {
        let error = error.map(|(code, details)| WireError {
            code: code.to_owned(),
            message: "no".to_owned(),
            details,
        });
        Outcome::Closed { close: Close::frame(Some(code), ""), error }
    }

    #[rstest]
    #[case(closed(1000, None), "{closed: 1000}")]
    #[case(closed(1008, Some(("NOT_PAIRED", json!({"code": "PAIRING_REQUIRED", "reason": "role-upgrade"})))), "{closed: 1008, details: {code: PAIRING_REQUIRED, reason: role-upgrade}}")]
    #[case(closed(1002, Some(("INVALID_REQUEST", json!({"expectedProtocol": 3})))), "{closed: 1002, error: INVALID_REQUEST}")]
    #[case(Outcome::Http { status: 403, body: json!({}) }, "{http: 403}")]
    #[case(Outcome::Hello { payload: json!({}) }, "hello")]
    #[case(Outcome::Silence, "silence")]
    fn an_outcome_is_described_briefly(#[case] outcome: Outcome, #[case] text: &str) {
        assert_eq!(describe(&outcome, None, &[]).unwrap().to_string(), text);
    }

    #[test]
    fn if_the_kind_is_right_the_differing_place_is_named() {
        let (right, wrong) = (json!({"auth": {"role": "operator"}}), json!({"auth": {"role": "node"}}));
        let mismatch =
            Mismatch { at: "payload.auth.role".into(), expected: "operator".into(), got: "\"node\"".into() };
        let (right, wrong) = (Outcome::Hello { payload: right }, Outcome::Hello { payload: wrong });
        let described = describe(&wrong, Some(&mismatch), &[&right]).unwrap();
        assert_eq!(described.to_string(), "{hello: {auth: {role: node}}}");
    }

    #[test]
    fn a_missing_part_that_was_to_be_saved_is_named() {
        let hello = Outcome::Hello { payload: json!({}) };
        let right = Outcome::Hello { payload: json!({"auth": {"deviceToken": "t"}}) };
        let mismatch = Mismatch {
            at: "save.token".into(),
            expected: "something at /auth/deviceToken".into(),
            got: "hello".into(),
        };
        let described = describe(&hello, Some(&mismatch), &[&right]).unwrap();
        assert_eq!(described.to_string(), "{hello: {auth: $absent}}");
        let hello = Outcome::Hello { payload: json!({"auth": {"role": "node"}}) };
        let described = describe(&hello, Some(&mismatch), &[&right]).unwrap();
        assert_eq!(described.to_string(), "{hello: {auth: {deviceToken: $absent}}}");
    }

    #[test]
    fn an_outcome_like_the_right_one_is_not_described() {
        let right = closed(1008, None);
        assert_eq!(describe(&closed(1008, None), None, &[&right]), None);
    }
}

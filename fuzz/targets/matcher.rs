//! Patterns against values, expectations against outcomes.

use bolero::check;
use gatecrash::scenario::{Expectation, Pattern};
use gatecrash::verdict::{Outcome, Verdict, judge, matches, mismatch, satisfies};
use serde_json::{Value, json};

use crate::sprout::Sprout;

fn pattern(written: Value) -> Option<Pattern> {
    serde_json::from_value(written).ok()
}

fn is_matched(value: &Value, written: Value) -> bool {
    matches(value, &pattern(written).expect("operators of what was read can be read"))
}

#[test]
fn patterns_keep_the_laws_of_their_operators() {
    check!().for_each(|bytes: &[u8]| {
        let mut sprout = Sprout::new(bytes);
        let (value, written, other) = (sprout.value(), sprout.value(), sprout.value());
        assert!(is_matched(&value, json!({"$exactly": value})), "{value} is exactly itself");
        let (Some(one), Some(_)) = (pattern(written.clone()), pattern(other.clone())) else { return };
        let holds = matches(&value, &one);
        assert_eq!(is_matched(&value, json!({"$not": written})), !holds, "not {one} on {value}");
        let either = holds || is_matched(&value, other.clone());
        assert_eq!(is_matched(&value, json!({"$one_of": [written, other]})), either, "{one} or {other}");
        let read_again: Pattern = serde_saphyr::from_str(&one.to_string()).unwrap();
        assert_eq!(matches(&value, &read_again), holds, "{one} is written as it is read");
        lists(&value, &written, &other);
    });
}

/// What holds for a list of values and two patterns.
fn lists(value: &Value, one: &Value, other: &Value) {
    let in_order = is_matched(value, json!([one, other]));
    if in_order {
        assert!(is_matched(value, json!({"$set": [other, one]})), "{value}: a list is a set of its elements");
        assert!(is_matched(value, json!({"$contains": [other]})));
        assert!(is_matched(value, json!({"$length": 2})));
    }
    if let Some(items) = value.as_array() {
        let contains = is_matched(value, json!({"$contains": [one]}));
        assert_eq!(is_matched(value, json!({"$excludes": [one]})), !contains, "{one} in {value}");
        let exactly: Vec<Value> = items.iter().rev().map(|item| json!({"$exactly": item})).collect();
        assert!(is_matched(value, json!({"$set": exactly})), "the order of a set does not matter: {value}");
        if let [first, .., last] = items.as_slice()
            && first != last
        {
            let mut twice = exactly;
            *twice.last_mut().unwrap() = json!({"$exactly": last});
            assert!(!is_matched(value, json!({"$set": twice})), "an element counts once: {value}");
        }
    }
}

#[test]
fn an_outcome_passes_if_and_only_if_it_satisfies_what_is_right() {
    check!().for_each(|bytes: &[u8]| {
        let mut sprout = Sprout::new(bytes);
        let Ok(right) = serde_json::from_value::<Expectation>(sprout.value()) else { return };
        let outcome = outcome(&mut sprout);
        let judged = judge(&outcome, &right, None);
        let is_right = satisfies(&outcome, &right);
        assert_eq!(judged.verdict == Verdict::Pass, is_right, "{outcome:?} for {right}");
        assert_eq!(judged.mismatch.is_none(), is_right);
        assert_eq!(mismatch(&outcome, &right).is_none(), is_right);
        let read_again: Expectation = serde_saphyr::from_str(&right.to_string()).unwrap();
        assert_eq!(satisfies(&outcome, &read_again), is_right, "{right} is written as it is read");
        let stored: Outcome = serde_json::from_value(serde_json::to_value(&outcome).unwrap()).unwrap();
        // The content of a log line is not stored.
        if !matches!(outcome, Outcome::Found { .. }) {
            assert_eq!(stored, outcome, "an outcome is stored as it is");
        }
    });
}

fn outcome(sprout: &mut Sprout<'_>) -> Outcome {
    let head = json!({"code": sprout.text(), "message": sprout.text()});
    let close = json!({"code": u16::from(sprout.byte()) + 1000, "reason": sprout.text()});
    let stored = match sprout.byte() % 12 {
        0 => json!({"kind": "hello", "payload": sprout.value()}),
        1 => json!({"kind": "closed", "close": close}),
        2 => json!({"kind": "closed", "close": close, "error": head, "details": sprout.value()}),
        3 => json!({"kind": "refused", "error": head, "details": sprout.value()}),
        4 => json!({"kind": "http", "status": u16::from(sprout.byte()) + 200, "body": sprout.value()}),
        5 => json!({"kind": "ok", "payload": sprout.value()}),
        6 => json!({"kind": "arrived", "payload": sprout.value()}),
        7 => json!({"kind": "protocol-error", "what": sprout.text()}),
        8 => json!({"kind": "state", "document": sprout.value()}),
        9 => json!({"kind": "exit", "code": sprout.byte(), "stdout": sprout.text(), "stderr": sprout.text()}),
        10 => json!({"kind": "tool", "result": sprout.text(), "refused": sprout.text()}),
        _ => json!({"kind": "silence"}),
    };
    serde_json::from_value(stored).expect("an outcome in its stored form")
}

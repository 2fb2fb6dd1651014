//! Finds steps that are refused as expected on several releases, but for different reasons.
//!
//! On some release, an expected refusal may come from another rule than the one that the scenario is about. This compares
//! the refusals of stored runs with each other.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

use crate::run::{Cell, RunRecord, StepRecord};
use crate::verdict::{Outcome, Verdict, telling_line};

/// Why a gateway refused, in a normal form that does not change from run to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusalReason {
    /// The kind of outcome: `hello`, `closed`, `error`, `http`, `exit`, `tool` and so on.
    pub class: String,
    /// The close code, HTTP status or exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// `error.code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `error.details.code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// `error.details.reason`, else `error.details.authReason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The message, close reason, body or most telling printed line, with ids and numbers replaced.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A step that meets one expectation for different reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// The id of the scenario.
    pub scenario: String,
    /// The id of the step.
    pub step: String,
    /// The file it is written in.
    pub path: String,
    /// The line in the file, from 1.
    pub line: usize,
    /// The expectation that is met.
    pub expected: String,
    /// The reasons, each with the targets that gave it, in the order of releases.
    pub reasons: Vec<Given>,
}

/// A reason and the targets that gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Given {
    /// The reason that the targets gave.
    #[serde(flatten)]
    pub reason: RefusalReason,
    /// The targets in the order of releases.
    pub targets: Vec<String>,
}

/// The result of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reasons {
    /// Steps that pass for different reasons, in the order of ids.
    pub differing: Vec<Differing>,
    /// The number of steps that were refused as expected on at least two targets.
    pub looked_at: usize,
}

impl RefusalReason {
    /// The reason of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        let error = outcome.error();
        let detail = |key: &str| error.and_then(|error| error.detail(key)).map(str::to_owned);
        let (number, text) = match outcome {
            Outcome::Closed { close, error } => {
                let text = error.as_ref().map_or(close.reason.as_str(), |error| error.message.as_str());
                (close.code.map(i64::from), text.to_owned())
            }
            Outcome::Refused { error } => (None, error.message.clone()),
            Outcome::Http { status, body } => (Some(i64::from(*status)), text_of(body)),
            Outcome::Exit { code, stdout, stderr, .. } => {
                let printed = if stderr.trim().is_empty() { stdout } else { stderr };
                (code.map(i64::from), telling_line(printed).unwrap_or_default())
            }
            Outcome::Tool { result, .. } => (None, telling_line(result).unwrap_or_default()),
            _ => (None, String::new()),
        };
        let refused = match outcome {
            Outcome::Tool { refused, .. } => refused.clone(),
            _ => None,
        };
        Self {
            class: outcome.kind().map_or("done", |kind| kind.key()).to_owned(),
            number,
            error: error.map(|error| error.code.clone()).filter(|code| !code.is_empty()),
            detail: detail("code"),
            reason: detail("reason").or_else(|| detail("authReason")).or(refused),
            message: steady(&text),
        }
    }

    /// Whether something was refused.
    fn refuses(&self) -> bool {
        match self.class.as_str() {
            "closed" | "error" => true,
            "http" => self.number.is_some_and(|status| status >= 400),
            "exit" => self.number != Some(0),
            "tool" => self.reason.is_some(),
            _ => false,
        }
    }

    /// Whether both refuse for the same reason. Messages change between releases, so the details are compared if there are
    /// any, and the messages otherwise. With `texts`, the messages have to be equal as well.
    fn same(&self, other: &Self, texts: bool) -> bool {
        if (&self.class, self.number) != (&other.class, other.number) {
            return false;
        }
        let details = |one: &Self| (one.detail.clone(), one.reason.clone());
        let detailed = self.detail.is_some() && details(self) == details(other);
        let worded = self.message == other.message;
        self == other || if texts { detailed && worded } else { detailed || worded }
    }

    /// Whether an expectation names this reason, for example as one of several that it allows.
    fn is_named_in(&self, expected: &str) -> bool {
        let says = |part: &Option<String>| part.as_ref().is_some_and(|one| names(expected, one));
        match (&self.reason, &self.detail) {
            (None, None) if self.message.is_empty() => false,
            (None, None) => expected.contains(&self.message),
            _ => says(&self.reason) || says(&self.detail),
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.class)?;
        if let Some(number) = self.number {
            write!(f, " {number}")?;
        }
        for part in [&self.error, &self.detail, &self.reason].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        if self.message.is_empty() { Ok(()) } else { write!(f, " {:?}", self.message) }
    }
}

/// A step that met its expectation in a cell, and its reason.
type PassedStep<'a> = (&'a Cell, &'a StepRecord, RefusalReason);

/// Finds steps that are refused as expected for different reasons on the targets of some runs. Later runs replace the cells
/// of earlier ones.
///
/// Only outcomes that meet the same expectation are compared, so a step with deviations is compared separately for each of
/// its expectations. With `texts`, a different message counts as a different reason.
pub fn reasons(runs: &[RunRecord], texts: bool) -> Reasons {
    let mut cells: BTreeMap<(&str, &str), &Cell> = BTreeMap::new();
    for cell in runs.iter().flat_map(|run| &run.cells) {
        cells.insert((&cell.scenario, &cell.target), cell);
    }
    let mut groups: BTreeMap<(&str, &str, &str), Vec<PassedStep<'_>>> = BTreeMap::new();
    for cell in cells.into_values() {
        for step in &cell.steps {
            let fine = matches!(step.verdict, Verdict::Pass | Verdict::Known);
            let (true, Some(outcome), Some(expected)) = (fine, &step.outcome, &step.expected) else {
                continue;
            };
            let group = groups.entry((&cell.scenario, &step.id, expected)).or_default();
            group.push((cell, step, RefusalReason::of(outcome)));
        }
    }
    let mut found = Reasons::default();
    for ((scenario, step, expected), mut group) in groups {
        if group.len() < 2 || !group.iter().any(|(.., reason)| reason.refuses()) {
            continue;
        }
        found.looked_at += 1;
        group.sort_by_key(|(cell, ..)| (cell.release, cell.target.clone()));
        let Some((_, first, _)) = group.first() else { continue };
        let (path, line) = (first.path.clone(), first.line);
        let given = sorted(group.iter().map(|(cell, _, reason)| (*cell, reason)), texts);
        if given.len() > 1 && !given.iter().all(|one| one.reason.is_named_in(expected)) {
            let (scenario, step, expected) = (scenario.to_owned(), step.to_owned(), expected.to_owned());
            found.differing.push(Differing { scenario, step, path, line, expected, reasons: given });
        }
    }
    found
}

fn sorted<'a>(group: impl Iterator<Item = (&'a Cell, &'a RefusalReason)>, texts: bool) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    for (cell, reason) in group {
        match given.iter_mut().find(|one| one.reason.same(reason, texts)) {
            Some(one) => one.targets.push(cell.target.clone()),
            None => given.push(Given { reason: reason.clone(), targets: vec![cell.target.clone()] }),
        }
    }
    given
}

/// The result as text.
pub fn text(found: &Reasons) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for one in &found.differing {
        let _ = writeln!(text, "{}#{}  {}:{}", one.scenario, one.step, one.path, one.line);
        let _ = writeln!(text, "  expected {}", one.expected);
        for given in &one.reasons {
            let _ = writeln!(text, "  {}  on {}", given.reason, shortened(&given.targets));
        }
        text.push('\n');
    }
    let steps = |count: usize| format!("{count} step{}", if count == 1 { "" } else { "s" });
    let _ = writeln!(
        text,
        "{} refused as expected on several targets, {} for different reasons",
        steps(found.looked_at),
        found.differing.len()
    );
    text
}

/// A list of targets; a long one is shortened to its first and last ones.
fn shortened(targets: &[String]) -> String {
    match targets {
        [first, second, .., last] if targets.len() > 6 => {
            format!("{first}, {second} … {last} ({} targets)", targets.len())
        }
        _ => targets.join(", "),
    }
}

/// Whether a text contains a word that is not part of a longer one.
fn names(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(inside) && !after.is_some_and(inside)
        })
}

fn text_of(body: &Value) -> String {
    let said = ["/error/type", "/error/code", "/error/message", "/error", "/message"];
    let named = said.iter().find_map(|place| body.pointer(place).and_then(Value::as_str));
    named.or(body.as_str()).map_or_else(|| body.to_string(), first_line)
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().to_owned()
}

/// A text with everything replaced that changes from run to run: ids become `‹id›`, numbers `#`.
fn steady(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let belongs = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        if end == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(end);
        out.push_str(&steady_word(word));
        rest = after;
    }
    out
}

fn steady_word(word: &str) -> String {
    let hexadecimal = word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if word.len() >= 8 && hexadecimal && word.contains(|c: char| c.is_ascii_digit()) {
        return "‹id›".to_owned();
    }
    let mut out = String::new();
    for one in word.chars() {
        match one {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::report::sample;
    use crate::wire::{Close, WireError};

    fn refused(code: &str, message: &str, details: Value) -> Outcome {
        let error = WireError { code: code.into(), message: message.into(), details };
        Outcome::Refused { error }
    }

    fn closed(code: u16, message: &str, details: Value) -> Outcome {
        let error = WireError { code: "INVALID_REQUEST".into(), message: message.into(), details };
        Outcome::Closed { close: Close::frame(Some(code), message), error: Some(error) }
    }

    /// A run in which one step of one scenario had these outcomes under these expectations.
    fn run_of(steps: &[(&str, &str, Outcome)]) -> RunRecord {
        let mut record = RunRecord::of(&sample::events());
        let cell = record.cells.iter().find(|cell| !cell.steps.is_empty()).unwrap().clone();
        record.cells = steps
            .iter()
            .map(|(target, expected, outcome)| {
                let mut cell = cell.clone();
                cell.target = (*target).to_owned();
                cell.release = target.parse().ok();
                cell.steps.truncate(1);
                cell.steps[0].verdict = Verdict::Pass;
                cell.steps[0].expected = Some((*expected).to_owned());
                cell.steps[0].outcome = Some(outcome.clone());
                cell
            })
            .collect();
        record
    }

    #[rstest]
    #[case::another_text(
        refused("INVALID_REQUEST", "missing scope: operator.admin", Value::Null),
        refused("INVALID_REQUEST", "unknown requestId", Value::Null),
        true
    )]
    #[case::another_id(
        refused("X", "unknown request 17a11a93-12f8-4360-a4bb-0a33e9b12345 after 60s", Value::Null),
        refused("X", "unknown request 27a11a93-12f8-4360-a4bb-0a33e9b12345 after 9s", Value::Null),
        false
    )]
    #[case::details_that_came_later(
        refused("INVALID_REQUEST", "missing scope: operator.read", Value::Null),
        refused("FORBIDDEN", "missing scope: operator.read", json!({"code": "MISSING_SCOPE"})),
        false
    )]
    #[case::a_reworded_text(
        closed(1008, "token missing (do this)", json!({"code": "AUTH_TOKEN_MISSING"})),
        closed(1008, "token missing (do that)", json!({"code": "AUTH_TOKEN_MISSING"})),
        false
    )]
    #[case::another_reason(
        closed(1008, "pairing required", json!({"code": "PAIRING_REQUIRED", "reason": "role-upgrade"})),
        closed(1008, "pairing is required", json!({"code": "PAIRING_REQUIRED", "reason": "not-paired"})),
        true
    )]
    #[case::another_ground_of_authentication(
        closed(1008, "unauthorized", json!({"code": "AUTH_UNAUTHORIZED", "authReason": "loopback_source"})),
        closed(1008, "no", json!({"code": "AUTH_UNAUTHORIZED", "authReason": "user_missing"})),
        true
    )]
    #[case::another_close(closed(1008, "no", Value::Null), closed(1000, "no", Value::Null), true)]
    #[case::let_in_or_refused(
        Outcome::Ok { payload: Value::Null },
        refused("X", "no", Value::Null),
        true
    )]
    #[case::another_payload(
        Outcome::Ok { payload: json!(1) },
        Outcome::Ok { payload: json!(2) },
        false
    )]
    fn a_step_is_listed_if_it_is_refused_for_different_reasons(
        #[case] one: Outcome,
        #[case] other: Outcome,
        #[case] listed: bool,
    ) {
        let run = run_of(&[("2026.3.28", "error", one), ("2026.3.31", "error", other)]);
        let found = reasons(&[run], false);
        assert_eq!(!found.differing.is_empty(), listed, "{}", text(&found));
    }

    #[test]
    fn only_what_meets_one_expectation_is_compared() {
        let refused = |message| refused("X", message, Value::Null);
        let run = run_of(&[
            ("2026.3.28", "{message: one}", refused("one")),
            ("2026.3.31", "{message: two}", refused("two")),
        ]);
        assert_eq!(reasons(&[run], false), Reasons::default());
    }

    #[test]
    fn alternatives_that_the_expectation_names_are_not_listed() {
        let with = |code: &str| closed(1008, code, json!({"code": code}));
        let named = "{closed: 1008, details: {code: {$one_of: [AUTH_A, AUTH_B]}}}";
        let both = |expected| {
            run_of(&[("2026.3.28", expected, with("AUTH_A")), ("2026.3.31", expected, with("AUTH_B"))])
        };
        assert!(reasons(&[both(named)], false).differing.is_empty());
        assert_eq!(reasons(&[both("{closed: 1008}")], false).differing.len(), 1);
        assert_eq!(reasons(&[both("{details: {code: AUTH_A_LONGER, x: AUTH_B}}")], false).differing.len(), 1);
    }

    #[test]
    fn with_texts_a_reworded_message_counts() {
        let with = |text: &str| closed(1008, text, json!({"code": "AUTH_A"}));
        let run =
            run_of(&[("2026.3.28", "closed", with("do this")), ("2026.3.31", "closed", with("do that"))]);
        assert!(reasons(std::slice::from_ref(&run), false).differing.is_empty());
        assert_eq!(reasons(&[run], true).differing.len(), 1);
    }

    #[test]
    fn what_failed_says_nothing_about_what_passes() {
        let refused = |message| refused("X", message, Value::Null);
        let mut run =
            run_of(&[("2026.3.28", "error", refused("one")), ("2026.3.31", "error", refused("two"))]);
        run.cells[1].steps[0].verdict = Verdict::Fail;
        assert_eq!(reasons(&[run], false), Reasons::default());
    }

    #[test]
    fn the_findings_read_as_a_list() {
        let run = run_of(&[
            ("2026.3.28", "error", refused("INVALID_REQUEST", "missing scope: operator.admin", Value::Null)),
            ("2026.3.31", "error", refused("INVALID_REQUEST", "unknown requestId", Value::Null)),
        ]);
        insta::assert_snapshot!(text(&reasons(&[run], false)));
    }
}

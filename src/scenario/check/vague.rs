//! Finds vague expectations: those that a refusal for an unrelated reason would also satisfy.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::expect::{ClosedExpectation, ErrorExpectation, ExitExpectation, Expectation};
use crate::scenario::pattern::Pattern;
use crate::scenario::source::Source;
use crate::scenario::span::Spanned;
use crate::scenario::story::{Action, Scenario, StoryStep};
use crate::scenario::suggest::advice;
use crate::scenario::verbs::Step;

/// Close codes that a gateway sends for many reasons: normal closure, protocol error, policy violation, internal error.
const GENERIC_CLOSES: &[u64] = &[1000, 1002, 1008, 1011];

/// Error codes that a gateway sends for many reasons.
const GENERIC_ERRORS: &[&str] = &["INVALID_REQUEST", "UNAVAILABLE", "NOT_PAIRED", "FORBIDDEN"];

/// Detail codes that cover several reasons; the `reason` next to them tells which.
const GENERIC_DETAILS: &[&str] = &["PAIRING_REQUIRED", "AUTH_UNAUTHORIZED"];

/// HTTP statuses that a gateway sends for many reasons; the body tells which.
const GENERIC_STATUSES: &[u64] = &[400, 403, 500, 502, 503];

/// Why an expectation is vague.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Vagueness {
    /// Any close satisfies it.
    AnyClose,
    /// Any error satisfies it.
    AnyError,
    /// Any HTTP response satisfies it.
    AnyStatus,
    /// Any exit of the program satisfies it.
    AnyExit,
    /// Any tool result satisfies it.
    AnyAnswer,
    /// Any stored state satisfies it.
    AnyState,
    /// It names nothing but a code that stands for many reasons.
    Generic(String),
    /// Both success and refusal satisfy it.
    EitherWay,
}

impl Vagueness {
    fn message(&self) -> String {
        match self {
            Self::AnyClose => "any close satisfies this expectation".to_owned(),
            Self::AnyError => "any error satisfies this expectation".to_owned(),
            Self::AnyStatus => "any HTTP response satisfies this expectation".to_owned(),
            Self::AnyExit => "any exit of the program satisfies this expectation".to_owned(),
            Self::AnyAnswer => "any tool result satisfies this expectation".to_owned(),
            Self::AnyState => "any stored state satisfies this expectation".to_owned(),
            Self::Generic(code) => format!("a gateway sends {code} for many reasons"),
            Self::EitherWay => "both success and refusal satisfy this expectation".to_owned(),
        }
    }

    const fn help(&self) -> &'static str {
        match self {
            Self::AnyStatus => "name the status, and the body if the status can have many reasons",
            Self::AnyExit => "name the exit code, and what the program prints about the refusal",
            Self::AnyAnswer => "name the tool's result, or why it is `refused`",
            Self::AnyState => "name what should be stored",
            Self::EitherWay => "decide which is right, or explain under `vague` why both are",
            Self::AnyClose | Self::AnyError | Self::Generic(_) => {
                "name the reason, such as `details: {code: …, reason: …}` or `message: {$matches: …}`, or explain under `vague` why any refusal is right"
            }
        }
    }
}

/// What is vague about an expectation. `listed` is set for outcomes of a deviation, which may include the right
/// outcome as well: such a release does not always go wrong.
fn vague(expectation: &Expectation, listed: bool) -> Option<Vagueness> {
    match expectation {
        Expectation::Hello(_) | Expectation::Ok(_) | Expectation::Arrives(_) | Expectation::Silence => None,
        Expectation::State(pattern) => {
            let says_nothing = match pattern {
                Pattern::Any => true,
                Pattern::Object(entries) => entries.is_empty(),
                _ => false,
            };
            says_nothing.then_some(Vagueness::AnyState)
        }
        Expectation::ProtocolError(what) => (!pins(what)).then_some(Vagueness::AnyError),
        Expectation::Error(error) => vague_error(error),
        Expectation::Closed(closed) => vague_close(closed),
        Expectation::Http { status, body } => vague_status(status, body.as_ref()),
        Expectation::Exit(exit) => vague_exit(exit),
        Expectation::Tool { result, refused } => {
            let named = pins(result) || refused.as_ref().is_some_and(|one| pins(one) || says_absent(one));
            (!named).then_some(Vagueness::AnyAnswer)
        }
        Expectation::AnyOf(list) => list.iter().find_map(|one| vague(one, listed)).or_else(|| {
            let lets_in = list.iter().any(succeeds);
            let refuses = list.iter().any(refuses);
            (!listed && lets_in && refuses).then_some(Vagueness::EitherWay)
        }),
    }
}

fn succeeds(expectation: &Expectation) -> bool {
    match expectation {
        Expectation::Hello(_) | Expectation::Ok(_) | Expectation::Arrives(_) => true,
        Expectation::Http { status, .. } => numbers(status).iter().any(|one| *one < 400),
        Expectation::Exit(exit) => numbers(&exit.code).contains(&0),
        _ => false,
    }
}

fn refuses(expectation: &Expectation) -> bool {
    match expectation {
        Expectation::Error(_) | Expectation::Closed(_) => true,
        Expectation::Http { status, .. } => numbers(status).iter().any(|one| *one >= 400),
        Expectation::Exit(exit) => numbers(&exit.code).iter().any(|one| *one != 0),
        Expectation::Tool { refused, .. } => refused.as_ref().is_some_and(pins),
        _ => false,
    }
}

fn vague_error(error: &ErrorExpectation) -> Option<Vagueness> {
    if error.message.as_ref().is_some_and(pins) || error.details.as_ref().is_some_and(names_a_reason) {
        return None;
    }
    match &error.code {
        Some(code) if pins(code) => {
            let generic = texts(code).into_iter().find(|one| GENERIC_ERRORS.contains(&one.as_str()));
            generic.map(|code| Vagueness::Generic(format!("`{code}`")))
        }
        _ => Some(Vagueness::AnyError),
    }
}

fn vague_close(closed: &ClosedExpectation) -> Option<Vagueness> {
    let Some(code) = closed.code.as_ref().filter(|code| pins(code)) else { return Some(Vagueness::AnyClose) };
    let generic = numbers(code).into_iter().find(|one| GENERIC_CLOSES.contains(one))?;
    if closed.reason.as_ref().is_some_and(pins) || vague_error(&closed.error).is_none() {
        return None;
    }
    Some(Vagueness::Generic(format!("close code {generic}")))
}

fn vague_status(status: &Pattern, body: Option<&Pattern>) -> Option<Vagueness> {
    if !pins(status) {
        return Some(Vagueness::AnyStatus);
    }
    let all = numbers(status);
    if all.iter().any(|one| *one < 400) && all.iter().any(|one| *one >= 400) {
        return Some(Vagueness::EitherWay);
    }
    if body.is_some_and(pins) {
        return None;
    }
    let generic = numbers(status).into_iter().find(|one| GENERIC_STATUSES.contains(one));
    generic.map(|status| Vagueness::Generic(format!("HTTP {status}")))
}

fn vague_exit(exit: &ExitExpectation) -> Option<Vagueness> {
    let printed = [&exit.stdout, &exit.stderr, &exit.json];
    let named = printed.into_iter().flatten().any(pins);
    if named {
        return None;
    }
    if !pins(&exit.code) {
        return Some(Vagueness::AnyExit);
    }
    let failed = numbers(&exit.code).into_iter().find(|one| *one != 0);
    failed.map(|code| Vagueness::Generic(format!("exit code {code}")))
}

/// Whether details name the reason: some key is given, and not only a code that covers several reasons.
fn names_a_reason(details: &Pattern) -> bool {
    let Pattern::Object(entries) = details else { return pins(details) };
    let value = |key: &str| entries.iter().find(|(name, _)| name == key).map(|(_, one)| one);
    let reason = value("reason").is_some_and(pins);
    let open = |code: &Pattern| texts(code).iter().any(|one| GENERIC_DETAILS.contains(&one.as_str()));
    match value("code") {
        Some(code) if pins(code) => reason || !open(code) || value("authReason").is_some_and(pins),
        _ => pins(details),
    }
}

/// Whether a pattern says what a value is, rather than only what it is not.
fn pins(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Any | Pattern::Absent | Pattern::Not(_) | Pattern::Excludes(_) | Pattern::Length(_) => false,
        Pattern::Literal(_) | Pattern::Exactly(_) => true,
        // An expression that matches both an empty text and nonsense would match anything.
        Pattern::Matches(regex) => !regex.is_match("") && !regex.is_match("\u{fffd}\u{fffd}"),
        Pattern::OneOf(list) => !list.is_empty() && list.iter().all(pins),
        Pattern::Contains(list) | Pattern::Set(list) | Pattern::Array(list) => list.iter().any(pins),
        Pattern::Object(entries) => entries.iter().any(|(_, one)| pins(one)),
    }
}

const fn says_absent(pattern: &Pattern) -> bool {
    matches!(pattern, Pattern::Absent)
}

/// The numbers that a pattern names.
fn numbers(pattern: &Pattern) -> Vec<u64> {
    match pattern {
        Pattern::Literal(Value::Number(number)) => number.as_u64().into_iter().collect(),
        Pattern::OneOf(list) => list.iter().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// The texts that a pattern names.
fn texts(pattern: &Pattern) -> Vec<String> {
    match pattern {
        Pattern::Literal(Value::String(text)) => vec![text.clone()],
        Pattern::OneOf(list) => list.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// The entries under `vague`, and whether any case needs them.
#[derive(Default)]
pub(super) struct VagueReasons(BTreeMap<(String, usize), VagueReason>);

struct VagueReason {
    step: Spanned<String>,
    source: Arc<Source>,
    needed: bool,
}

impl VagueReasons {
    /// Reports reasons for steps whose expectation is not vague in any case.
    pub(super) fn needless(self) -> impl Iterator<Item = Diagnostic> {
        self.0.into_values().filter(|one| !one.needed).map(|one| {
            let message = format!("the expectation of `{}` is not vague", one.step.value);
            Diagnostic::error("needless-vague", message, &one.source, one.step.span)
                .label("not needed")
                .help("remove it")
        })
    }
}

/// Checks that every expectation names the reason for a refusal, or that `vague` explains why it does not.
pub(super) fn check_vague(scenario: &Scenario, reasons: &mut VagueReasons, found: &mut Vec<Diagnostic>) {
    let steps = scenario.all_steps();
    let mut needed = Vec::new();
    for step in &steps {
        let Action::One(one, Some(right)) = &step.action else { continue };
        // The default of a stop is that the gateway exits when asked to, in whatever way.
        if one.as_verb().expect().is_none() && matches!(one, Step::Restart(_) | Step::Stop(_)) {
            continue;
        }
        needed.extend(vague(&right.value, false).map(|why| (step.id.as_str(), why, right, &step.source)));
    }
    for entry in &scenario.deviations {
        for (name, listed) in &entry.steps {
            let why = vague(&listed.value, true);
            needed.extend(why.map(|why| (name.value.as_str(), why, listed, &entry.source)));
        }
    }
    let reason = |step: &str| scenario.vague.iter().find(|one| one.step.value == step);
    for (step, why, expectation, source) in &needed {
        if reason(step).is_none() {
            let warning = Diagnostic::error("vague", why.message(), source, expectation.span).as_warning();
            found.push(warning.label(format!("`{step}`")).help(why.help()));
        }
    }
    for one in &scenario.vague {
        if !steps.iter().any(|step: &&StoryStep| step.id == one.step.value) {
            let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
            let message = format!("there is no step `{}`", one.step.value);
            let error = Diagnostic::error("unknown-step", message, &one.source, one.step.span);
            found.push(error.label("unknown step").maybe_help(advice("steps", &one.step.value, &ids)));
            continue;
        }
        if one.why.trim().is_empty() {
            let error = Diagnostic::error("empty-why", "the reason is empty", &one.source, one.step.span);
            found.push(error.label("empty").help("explain why any refusal is right here"));
        }
        let place = (one.source.path.clone(), one.step.span.start);
        let new = || VagueReason { step: one.step.clone(), source: Arc::clone(&one.source), needed: false };
        reasons.0.entry(place).or_insert_with(new).needed |=
            needed.iter().any(|(step, ..)| *step == one.step.value);
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn expectation(text: &str) -> Expectation {
        serde_saphyr::from_str(text).unwrap()
    }

    fn generic(code: &str) -> Vagueness {
        Vagueness::Generic(code.to_owned())
    }

    #[rstest]
    #[case("hello", None)]
    #[case("ok", None)]
    #[case("silence", None)]
    #[case("closed", Some(Vagueness::AnyClose))]
    #[case("{closed: $any}", Some(Vagueness::AnyClose))]
    #[case("{closed: {$not: 1000}, details: {code: X}}", Some(Vagueness::AnyClose))]
    #[case("{closed: 1009}", None)]
    #[case("{closed: 4001}", None)]
    #[case("{closed: none}", None)]
    #[case("{closed: 1008}", Some(generic("close code 1008")))]
    #[case("{closed: {$one_of: [1009, 1008]}}", Some(generic("close code 1008")))]
    #[case("{closed: 1008, reason: $any}", Some(generic("close code 1008")))]
    #[case("{closed: 1008, reason: slow consumer}", None)]
    #[case("{closed: 1000, reason: \"\"}", None)]
    #[case("{closed: 1008, error: INVALID_REQUEST}", Some(generic("close code 1008")))]
    #[case("{closed: 1008, error: NOT_LINKED}", None)]
    #[case("{closed: 1008, message: {$matches: nonce}}", None)]
    #[case("{closed: 1008, message: {$matches: \".*\"}}", Some(generic("close code 1008")))]
    #[case("{closed: 1008, message: {$matches: .}}", Some(generic("close code 1008")))]
    #[case("{closed: 1008, details: {code: $any}}", Some(generic("close code 1008")))]
    #[case("{closed: 1008, details: {code: AUTH_TOKEN_MISMATCH}}", None)]
    #[case("{closed: 1008, details: {code: PAIRING_REQUIRED}}", Some(generic("close code 1008")))]
    #[case(
        "{closed: 1008, details: {code: PAIRING_REQUIRED, reason: $any}}",
        Some(generic("close code 1008"))
    )]
    #[case("{closed: 1008, details: {code: PAIRING_REQUIRED, reason: role-upgrade}}", None)]
    #[case("{closed: 1008, details: {reason: role-upgrade}}", None)]
    #[case("{closed: 1008, details: $absent}", Some(generic("close code 1008")))]
    #[case("{closed: 1008, details: {code: {$one_of: [A, B]}}}", None)]
    #[case("error", Some(Vagueness::AnyError))]
    #[case("{error: $any}", Some(Vagueness::AnyError))]
    #[case("{error: {$not: X}}", Some(Vagueness::AnyError))]
    #[case("{error: INVALID_REQUEST}", Some(generic("`INVALID_REQUEST`")))]
    #[case("{error: {$one_of: [X, UNAVAILABLE]}}", Some(generic("`UNAVAILABLE`")))]
    #[case("{error: AGENT_TIMEOUT}", None)]
    #[case("{error: $any, message: {$matches: \"missing scope: operator.read\"}}", None)]
    #[case("{error: INVALID_REQUEST, details: {code: MISSING_SCOPE}}", None)]
    #[case("{http: 200}", None)]
    #[case("{http: 404}", None)]
    #[case("{http: $any}", Some(Vagueness::AnyStatus))]
    #[case("{http: {$not: 200}}", Some(Vagueness::AnyStatus))]
    #[case("{http: 403}", Some(generic("HTTP 403")))]
    #[case("{http: 403, body: $any}", Some(generic("HTTP 403")))]
    #[case("{http: 403, body: {error: {type: forbidden}}}", None)]
    #[case("{http: {$one_of: [200, 403]}, body: {error: {type: forbidden}}}", Some(Vagueness::EitherWay))]
    #[case("{exit: 0}", None)]
    #[case("{exit: none}", None)]
    #[case("{exit: 1}", Some(generic("exit code 1")))]
    #[case("{exit: {$not: 0}}", Some(Vagueness::AnyExit))]
    #[case("{exit: {$not: 0}, stderr: {$matches: pairing required}}", None)]
    #[case("{tool: $any}", Some(Vagueness::AnyAnswer))]
    #[case("{tool: $any, refused: role-upgrade}", None)]
    #[case("{tool: {$matches: Approval required}}", None)]
    #[case("{state: $any}", Some(Vagueness::AnyState))]
    #[case("{state: {}}", Some(Vagueness::AnyState))]
    #[case("{state: {paired: $any}}", None)]
    #[case("{state: {paired: $absent}}", None)]
    #[case("{state: {pending: []}}", None)]
    #[case("{state: {paired: {roles: [operator]}}}", None)]
    #[case("{any_of: [{closed: 1009}, {closed: 1008}]}", Some(generic("close code 1008")))]
    #[case("{any_of: [hello, {closed: 1009}]}", Some(Vagueness::EitherWay))]
    #[case("{any_of: [ok, {error: AGENT_TIMEOUT}]}", Some(Vagueness::EitherWay))]
    #[case("{any_of: [silence, {closed: 1009}]}", None)]
    #[case("{any_of: [{exit: 0}, {tool: {$matches: Approval required}}]}", None)]
    #[case("{any_of: [{exit: 0}, {tool: $any, refused: role-upgrade}]}", Some(Vagueness::EitherWay))]
    fn an_expectation_is_vague_if_an_unrelated_refusal_satisfies_it(
        #[case] text: &str,
        #[case] expected: Option<Vagueness>,
    ) {
        assert_eq!(vague(&expectation(text), false), expected);
    }

    #[test]
    fn a_deviation_may_list_the_right_outcome_too() {
        let either = expectation("{any_of: [hello, {closed: 1009}]}");
        assert_eq!(vague(&either, true), None);
        let vague_member = expectation("{any_of: [hello, {closed: 1008}]}");
        assert_eq!(vague(&vague_member, true), Some(generic("close code 1008")));
    }
}

//! Rules for the `log` verb.

use std::sync::Arc;

use serde_json::Value;

use super::super::diagnostic::Diagnostic;
use super::super::log::{Line, Log};
use super::super::pattern::Pattern;
use super::super::source::Source;
use super::super::span::Span;
use super::super::step::Step;
use super::super::story::{Action, Scenario};
use super::super::suggest::advice;

/// Checks what a `log` step says by itself.
pub(super) fn check_log(log: &Log, span: Span, source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut add = |message: &str, span: Span, label: &str, help: &str| {
        found.push(Diagnostic::error("bad-log", message, source, span).label(label).help(help));
    };
    let told = [log.line.is_some(), log.sent.is_some(), log.received.is_some()];
    match told.iter().filter(|there| **there).count() {
        1 => {}
        0 => {
            add(
                "`log` does not say what to look for",
                span,
                "no pattern",
                "add `line`, `sent` or `received`",
            );
        }
        _ => add("`log` looks for one thing", span, "several", "keep one of `line`, `sent`, `received`"),
    }
    let frame = log.sent.as_ref().or(log.received.as_ref());
    if let (Some(frame), None) = (frame, &log.of) {
        add(
            "`sent` and `received` are about a connection or a program",
            frame.span,
            "whose frames?",
            "say `of:` with its name",
        );
    }
    if let Some(line) = &log.line {
        if line.value.0.is_empty() {
            add("this list holds for every line", line.span, "empty", "write a text that the line holds");
        }
        if let Some(wrong) = line.value.0.iter().find(|one| !is_for_text(one)) {
            let message = format!("a line is a text, and `{wrong}` is no pattern for one");
            add(&message, line.span, "not for a text", "write a text, or `{$matches: …}`");
        }
        if let (Some(since), Some(_)) = (&log.since, &log.of) {
            add(
                "what a program prints has no time",
                since.span,
                "cannot be told",
                "leave out `since`, or look for a frame",
            );
        }
    }
    found
}

/// Checks that what a `log` step names is there, and that it looks for nothing that another scenario may cause.
pub(super) fn check_names(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let steps = scenario.all_steps();
    for (at, step) in steps.iter().enumerate() {
        let Action::One(Step::Log(log), _) = &step.action else { continue };
        let before = || steps[..at].iter().copied();
        if let Some(of) = &log.of {
            let names: Vec<&str> = before()
                .filter_map(|one| match &one.action {
                    Action::One(one @ (Step::Cli(_) | Step::NodeHost(_)), _) => {
                        Some(one.given_id().map_or(one.verb(), |id| id.value.as_str()))
                    }
                    Action::One(one, _) if log.line.is_none() => one.opens().map(|name| name.value.as_str()),
                    _ => None,
                })
                .collect();
            if !names.contains(&of.value.as_str()) {
                let what = if log.line.is_some() { "program" } else { "connection or program" };
                let message = format!("there is no {what} `{}` before this step", of.value);
                let error = Diagnostic::error("unknown-log", message, &step.source, of.span);
                found.push(error.label("unknown").maybe_help(advice("known", &of.value, &names)));
            }
        }
        if let Some(since) = &log.since
            && !before().any(|one| one.id == since.value)
        {
            let ids: Vec<&str> = before().map(|one| one.id.as_str()).collect();
            let message = format!("there is no step `{}` before this one", since.value);
            let error = Diagnostic::error("unknown-step", message, &step.source, since.span);
            found.push(error.label("unknown step").maybe_help(advice("steps", &since.value, &ids)));
        }
        if let (Some(line), None) = (&log.line, &log.of)
            && !scenario.is_alone(None)
            && !is_about_this_scenario(&line.value)
        {
            let message = "another scenario on the same gateway may cause such a line";
            let error = Diagnostic::error("shared-log", message, &step.source, line.span).label("whose?");
            found.push(error.help(
                "name what is this scenario's own, such as `${device.NAME.id}`, or give it a gateway to itself \
                 (`alone: true`)",
            ));
        }
    }
    found
}

/// Whether a reference ties the line to the scenario.
fn is_about_this_scenario(line: &Line) -> bool {
    line.0.iter().any(|one| matches!(one, Pattern::Literal(Value::String(text)) if text.contains("${")))
}

fn is_for_text(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Literal(Value::String(text)) => !text.trim().is_empty(),
        Pattern::Matches(_) => true,
        Pattern::OneOf(list) => !list.is_empty() && list.iter().all(is_for_text),
        Pattern::Not(inner) => is_for_text(inner),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::super::super::load::load;
    use super::super::check;
    use super::*;

    /// What is wrong with a `log` step behind a connect and a command line.
    fn codes(log: &Value) -> Vec<&'static str> {
        let file = json!({"title": "t", "why": "w", "devices": {"d": {}}, "steps": [
            {"connect": {"as": "c", "device": "d"}},
            {"log": log},
        ]});
        let source = Arc::new(Source { path: "t.yaml".into(), text: file.to_string() });
        check(&load(&[("t".to_owned(), source)]), true).iter().map(|one| one.code).collect()
    }

    #[rstest]
    #[case(json!({"line": "device=${device.d.id}"}))]
    #[case(json!({"line": ["refused", "${device.d.id}", {"$matches": "code=1008"}], "since": "c"}))]
    #[case(json!({"of": "c", "received": {"type": "res"}, "expect": "silence"}))]
    #[case(json!({"of": "c", "sent": {"method": "connect"}}))]
    fn what_can_be_found_is_fine(#[case] log: Value) {
        assert_eq!(codes(&log), [""; 0], "{log}");
    }

    #[rstest]
    #[case(json!({}), "bad-log")]
    #[case(json!({"line": "${device.d.id}", "sent": {}, "of": "c"}), "bad-log")]
    #[case(json!({"line": 1}), "bad-log")]
    #[case(json!({"line": []}), "bad-log")]
    #[case(json!({"sent": {"type": "req"}}), "bad-log")]
    #[case(json!({"line": "refused"}), "shared-log")]
    #[case(json!({"line": "x", "of": "c"}), "unknown-log")]
    #[case(json!({"of": "other", "sent": {}}), "unknown-log")]
    #[case(json!({"line": "${device.d.id}", "since": "later"}), "unknown-step")]
    #[case(json!({"line": "${device.d.id}", "expect": "ok"}), "impossible-outcome")]
    fn what_cannot_be_found_is_told(#[case] log: Value, #[case] code: &str) {
        assert!(codes(&log).contains(&code), "{log}: {:?}", codes(&log));
    }
}

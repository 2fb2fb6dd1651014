//! Tables: `each` makes one case for each row.

use gatecrash::scenario::{Action, Expectation, Step, check};

use super::{scenario, suite};

#[test]
fn each_row_makes_a_case_with_its_own_values() {
    let text = scenario(
        "each:\n  \
           - {name: let-in, scopes: [a, b], outcome: hello, port: 1}\n  \
           - {name: refused, scopes: [], outcome: {closed: 1009}, port: 2}\n\
         steps:\n  \
           - connect:\n      as: operator\n      scopes: ${each.scopes}\n      platform: os-${each.port}\n      \
             headers: {X-Case: \"${each.name}\"}\n      expect: ${each.outcome}\n\
         deviations:\n  \
           - {releases: \"<2026.4.1\", class: superseded, security: true, rows: [refused], steps: {operator: hello}}",
    );
    let suite = suite(&[("auth/scopes", &text)]);
    assert_eq!(check(&suite, true), []);
    let ids: Vec<&str> = suite.scenarios.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["auth/scopes/let-in", "auth/scopes/refused"]);
    let titles: Vec<&str> = suite.scenarios.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(titles, ["A sentence (let-in)", "A sentence (refused)"]);
    let listed: Vec<usize> = suite.scenarios.iter().map(|one| one.deviations.len()).collect();
    assert_eq!(listed, [0, 1]);
    let Action::One(Step::Connect(first), Some(right)) = &suite.scenarios[0].steps[0].action else {
        panic!("not a connect");
    };
    assert_eq!(first.scopes, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(first.platform.as_deref(), Some("os-1"));
    assert_eq!(first.headers.get("X-Case").map(String::as_str), Some("let-in"));
    assert!(matches!(right.value, Expectation::Hello(_)));
    assert_eq!(
        &text[right.span.start..right.span.end],
        "hello",
        "the expectation has the position of its row"
    );
}

#[test]
fn a_title_that_uses_a_column_gets_no_suffix() {
    let text = "title: A ${each.role} comes in\nwhy: A reason.\neach: [{name: one, role: node}]\n\
                steps: [{connect: {as: a, role: \"${each.role}\"}}]\n";
    let suite = suite(&[("a", text)]);
    assert_eq!(check(&suite, true), []);
    assert_eq!(suite.scenarios[0].title, "A node comes in");
}

#[test]
fn a_value_in_a_row_may_be_a_reference() {
    let text = scenario(
        "devices: {laptop: {paired: {}}}\n\
         each: [{name: own, token: \"${device.laptop.token.operator}\"}]\n\
         steps: [{connect: {as: a, device: laptop, auth: {token: \"${each.token}\"}}}]",
    );
    let suite = suite(&[("a", &text)]);
    assert_eq!(check(&suite, true), []);
    assert_eq!(suite.scenarios[0].steps[0].references.len(), 1);
}

#[test]
fn repeat_over_writes_out_the_steps_for_each_value() {
    let text = "title: t\nwhy: w\neach: [{name: one, methods: [status, node.list]}]\nsteps:\n  \
                - connect: {as: a}\n  \
                - repeat:\n      over: \"${each.methods}\"\n      steps:\n        \
                - call: {on: a, id: \"asks ${over}\", method: \"${over}\"}\n";
    let suite = suite(&[("a", text)]);
    assert_eq!(check(&suite, true), []);
    let ids: Vec<&str> = suite.scenarios[0].steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["a", "asks status", "asks node.list"]);
}

#[test]
fn repeat_over_needs_a_list_and_distinct_step_names() {
    let text = |over: &str, rest: &str| {
        format!(
            "title: t\nwhy: w\nsteps:\n  - connect: {{as: a}}\n  - repeat:\n      over: {over}\n{rest}      steps:\n        \
             - call: {{on: a, id: x, method: \"${{over}}\"}}\n"
        )
    };
    let codes =
        |text: &str| -> Vec<&str> { suite(&[("a", text)]).diagnostics.iter().map(|one| one.code).collect() };
    assert_eq!(codes(&text("status", "")), ["wrong-type"]);
    assert!(codes(&text("[status, node.list]", "")).contains(&"duplicate-step"), "both steps are named x");
    assert!(codes(&text("[status]", "      times: 2\n")).contains(&"times-and-over"));
}

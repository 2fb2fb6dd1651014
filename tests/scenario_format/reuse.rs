//! `use`, default step names, default expectations, and required capabilities.

use gatecrash::scenario::{Capability, Expectation, Scenario, check};
use rstest::rstest;

use super::{scenario, suite};

fn ids(scenario: &Scenario) -> Vec<&str> {
    scenario.all_steps().into_iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn used_scenarios_are_included_first_and_once() {
    let base = scenario(
        "devices: {laptop: {paired: {}}}\nconfig: {a: {b: 1}}\nrequires: {releases: \">=2026.3.1\"}\n\
         steps: [{connect: {as: first, device: laptop, save: {token: /auth/deviceToken}}}]\n\
         finally: [{wait: 1ms}]\n\
         deviations: [{releases: \"2026.3.2\", class: superseded, steps: {first: {closed: 1009}}}]",
    );
    let middle = scenario("use: [base]\nconfig: {a: {c: 2}}\nsteps: [{disconnect: {on: first}}]");
    let top = scenario(
        "use: [middle, base]\nrequires: {releases: \"<2026.5.1\"}\n\
         steps: [{connect: {as: again, device: laptop, auth: {token: \"${token}\"}}}]",
    );
    let suite = suite(&[("top", &top), ("base", &base), ("middle", &middle)]);
    assert_eq!(check(&suite, true), [], "a capture counts as used if a scenario that includes it uses it");
    let top = &suite.scenarios[0];
    assert_eq!(ids(top), ["first", "disconnect", "again", "wait"]);
    assert_eq!(top.steps[0].source.path, "scenarios/base.yaml");
    assert_eq!(serde_json::Value::from(top.config.clone()), serde_json::json!({"a": {"b": 1, "c": 2}}));
    assert_eq!(top.devices.len(), 1);
    assert_eq!(top.deviations.len(), 1);
    let releases = top.requires.releases.as_ref().map(|one| one.value.to_string());
    assert_eq!(releases.as_deref(), Some(">=2026.3.1, <2026.5.1"));
    assert_eq!(top.needs(), [Capability::Seed, Capability::Config]);
}

#[test]
fn a_table_is_used_by_naming_a_row() {
    let table = scenario(
        "each: [{name: cli}, {name: probe}]\nsteps: [{connect: {as: a, persona: \"${each.name}\"}}]",
    );
    let good = scenario("use: [table/probe]\nsteps: [{call: {on: a, method: status}}]");
    let bad = scenario("use: [table]\nsteps: [{call: {on: a, method: status}}]");
    let suite = suite(&[("bad", &bad), ("good", &good), ("table", &table)]);
    let messages: Vec<&str> = suite.diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(messages, ["`table` is a table; name one of its rows"]);
    assert!(suite.scenarios.iter().any(|one| one.id == "good"));
}

#[rstest]
#[case("devices: {laptop: {}}", "devices: {laptop: {family: desktop}}", "device-conflict")]
#[case("config: {a: {b: 1}}", "config: {a: {b: 2}}", "config-conflict")]
#[case("requires: {releases: \"<2026.3.1\"}", "requires: {releases: \">2026.3.1\"}", "requires-conflict")]
fn combined_scenarios_must_not_contradict_each_other(
    #[case] base: &str,
    #[case] top: &str,
    #[case] code: &str,
) {
    let base = scenario(&format!("{base}\nsteps: [{{wait: 1ms}}]"));
    let top = scenario(&format!("use: [base]\n{top}\nsteps: [{{wait: 1ms}}]"));
    let suite = suite(&[("base", &base), ("top", &top)]);
    let codes: Vec<&str> = suite.diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(codes, [code]);
}

#[test]
fn default_step_names_are_numbered() {
    let text = scenario(
        "steps:\n  - connect: {as: status}\n  - call: {on: status, method: status}\n  \
         - call: {on: status, method: status}\n  - call: {on: status, method: status, id: status-2}\n  \
         - wait: 1ms\n  - wait: 1ms\n  - repeat: {times: 2, steps: [{wait: 1ms}]}",
    );
    let suite = suite(&[("a", &text)]);
    assert_eq!(suite.diagnostics, []);
    let expected = ["status", "status-3", "status-4", "status-2", "wait", "wait-2", "repeat", "wait-3"];
    assert_eq!(ids(&suite.scenarios[0]), expected);
}

#[rstest]
#[case("connect: {as: b}", "hello")]
#[case("call: {on: a, method: m}", "ok")]
#[case("event: {on: a, event: e}", "arrives")]
#[case("send: {as: b, text: x}", "closed")]
#[case("wait: {on: a}", "closed")]
fn verbs_have_default_expectations(#[case] step: &str, #[case] outcome: &str) {
    let text = scenario(&format!("steps:\n  - connect: {{as: a}}\n  - {step}"));
    let suite = suite(&[("a", &text)]);
    // An expectation of any close is reported as vague with `strict`.
    assert_eq!(check(&suite, true).iter().map(|one| one.code).find(|code| *code != "vague"), None);
    let gatecrash::scenario::Action::One(_, Some(right)) = &suite.scenarios[0].steps[1].action else {
        panic!("no outcome");
    };
    let written: Expectation = serde_json::from_value(outcome.into()).unwrap();
    assert_eq!(right.value, written);
}

#[rstest]
#[case("devices: {d: {pending: {}}}\nsteps: [{wait: 1ms}]", &[Capability::Seed])]
#[case("steps: [{restart: {}}]", &[Capability::Restart])]
#[case("devices: {d: {}}\nsteps: [{state: {device: d, expect: {state: $any}}}]", &[Capability::State])]
#[case("steps: [{connect: {as: a, address: \"::1\"}}]", &[Capability::Ipv6])]
#[case("requires: {capabilities: [real]}\nsteps: [{wait: 1ms}]", &[Capability::Real])]
fn required_capabilities_follow_from_the_steps(#[case] text: &str, #[case] needs: &[Capability]) {
    let suite = suite(&[("a", &scenario(text))]);
    assert_eq!(suite.scenarios[0].needs(), needs);
}

//! Hostile texts are rejected quickly and without a panic.

use gatecrash::report::diagnostic::{render, to_json};
use gatecrash::scenario::check;
use proptest::prelude::*;
use rstest::rstest;

use super::{scenario, suite};

const VALID: &str = r#"title: A devicé that was paired — 端末
why: "A reason: with a colon."
tags: [pairing, role]
requires: {releases: ">=2026.3.1", capabilities: [seed]}
devices:
  laptop: &device
    paired: {roles: [operator, node], tokens: {}}
  phone: *device
each:
  - {name: cli, outcome: {closed: 1008, details: {code: X}}}
  - {name: probe, outcome: hello}
steps:
  - connect: {as: operator, device: laptop, persona: "${each.name}", save: {token: /auth}}
  - connect:
      as: second
      auth: {token: "${token}"}
      expect: ${each.outcome}
  - together:
      steps:
        - call: {on: operator, method: status, params: {a: [1, -2, 1.5, null, true]}}
        - wait: 10ms
finally:
  - disconnect: {on: operator}
deviations:
  - {releases: "<2026.4.1", class: regression, issue: openclaw#1, rows: [cli], steps: {second: {closed: 1009}}}
"#;

fn assert_no_panic(text: &str) {
    let suite = suite(&[("a", text), ("b", "use: [a]")]);
    for one in check(&suite, false) {
        assert!(one.span.start <= one.span.end && one.span.end <= one.source.text.len());
        assert!(one.source.text.is_char_boundary(one.span.start));
        assert!(one.source.text.is_char_boundary(one.span.end));
        render(&one, false, 80);
        to_json(&one);
    }
}

#[test]
fn the_base_text_is_valid() {
    assert_eq!(check(&suite(&[("a", VALID)]), true), []);
}

#[rstest]
#[case::deep_flow("[".repeat(100_000))]
#[case::deep_block((0..2_000).map(|depth| "  ".repeat(depth) + "- \n").collect::<String>())]
#[case::deep_maps("{a: ".repeat(5_000))]
#[case::laughs({
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        text = format!("{text}a{level}: &a{level} [{before}]\n");
    }
    text
})]
#[case::endless_alias("a: &a [*a]".to_owned())]
#[case::unknown_alias("a: *b".to_owned())]
#[case::merge("a: &a {b: 1}\nc: {<<: *a}".to_owned())]
#[case::tag("a: !include /etc/passwd".to_owned())]
#[case::documents("a: 1\n---\nb: 2".to_owned())]
#[case::infinite("a: .inf".to_owned())]
#[case::huge("x".repeat(2_000_000))]
#[case::nothing(String::new())]
#[case::comment("# only this".to_owned())]
#[case::key_of_a_list("[1, 2]: x".to_owned())]
#[case::null_key("~: x".to_owned())]
#[case::nul("\0".to_owned())]
fn hostile_texts_are_rejected(#[case] text: String) {
    let suite = suite(&[("a", &text)]);
    assert!(!suite.diagnostics.is_empty());
    assert!(suite.scenarios.is_empty());
    assert_no_panic(&text);
}

#[rstest]
#[case::plain("steps:\n  - connect: {as: a, persna: b}", "persna")]
#[case::wide_characters("steps:\n  - connect: {as: a, platform: \"端末é😀\", persna: b}", "persna")]
#[case::tabs_between("steps:\n  - connect: {as: a,\t\tpersna: b}", "persna")]
#[case::carriage_returns("steps:\r\n  - connect:\r\n      as: a\r\n      persna: b", "persna")]
#[case::value("steps:\n  - wait: 5 seconds", "5 seconds")]
#[case::quoted("steps:\n  - wait: '5'", "'5'")]
#[case::inside_text("steps:\n  - connect: {as: a, platform: \"x-${nope}-y\"}", "${nope}")]
#[case::range(
    "steps: [{wait: 1s}]\ndeviations: [{releases: nope, class: superseded, steps: {wait: hello}}]",
    "nope"
)]
#[case::flow_mapping("steps:\n  - connect: {as: a, expect: { } }", "{ }")]
fn the_span_covers_the_error(#[case] text: &str, #[case] fault: &str) {
    for start in ["", "\u{feff}"] {
        let text = format!("{start}{}", scenario(text));
        let found = check(&suite(&[("a", &text)]), false);
        let spans: Vec<&str> = found.iter().map(|one| &text[one.span.start..one.span.end]).collect();
        assert!(spans.contains(&fault), "{spans:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn loading_any_text_does_not_panic(text in "\\PC{0,200}") {
        assert_no_panic(&text);
    }

    #[test]
    fn loading_a_mutated_valid_text_does_not_panic(
        changes in prop::collection::vec((0usize..2_000, 0usize..40, "[-\\[\\]{}:,&*!|>'\"#%@`$ \n\ta1.~é\r]{0,6}"), 1..4),
    ) {
        let mut text = VALID.to_owned();
        for (at, length, new) in changes {
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            text.replace_range(start..end, &new);
        }
        assert_no_panic(&text);
    }

    #[test]
    fn loading_shuffled_lines_does_not_panic(order in prop::collection::vec(0usize..29, 1..40)) {
        let lines: Vec<&str> = VALID.lines().collect();
        let text: Vec<&str> = order.iter().map(|at| lines[at % lines.len()]).collect();
        assert_no_panic(&text.join("\n"));
    }
}

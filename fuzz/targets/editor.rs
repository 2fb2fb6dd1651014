//! `expect update` on files as people may write them, with whatever runs may show.

use std::collections::BTreeSet;
use std::sync::Arc;

use bolero::check;
use gatecrash::curate::expect::update;
use gatecrash::run::{Cell, RunRecord};
use gatecrash::scenario::{Scenario, Severity, Source, Suite, check, layout, load};
use gatecrash::verdict::Verdict;
use serde_json::{Value, json};

use crate::sprout::Sprout;

const RELEASES: &[&str] = &["2026.3.28", "2026.3.31", "2026.4.2", "2026.5.18", "2026.9.6"];

#[test]
fn deviations_are_updated_and_nothing_else() {
    check!().for_each(|bytes: &[u8]| {
        let (choices, text) = bytes.split_at(bytes.len().min(24));
        let text = String::from_utf8_lossy(text).into_owned();
        let source = Arc::new(Source { path: "scenarios/fuzz.yaml".to_owned(), text });
        let sources = [("fuzz".to_owned(), Arc::clone(&source))];
        let suite = load(&sources);
        let chosen: BTreeSet<&str> = suite.scenarios.iter().map(|one| one.id.as_str()).collect();
        let run = run(&suite, &mut Sprout::new(choices));
        let (updates, _) = update(&sources, &chosen, std::slice::from_ref(&run));
        for one in updates {
            let written = Arc::new(Source { path: source.path.clone(), text: one.text.clone() });
            let before = layout(&source).expect("what was edited has a layout");
            let after = layout(&written).expect("what is written can be read");
            assert!(before.is_same_beside_deviations(&after), "{}\nbecame\n{}", source.text, one.text);
            let again = load(&[("fuzz".to_owned(), Arc::clone(&written))]);
            assert!(errors(&again).is_subset(&errors(&suite)), "new errors in\n{}", one.text);
            let (more, _) = update(&[("fuzz".to_owned(), written)], &chosen, std::slice::from_ref(&run));
            assert_eq!(more, [], "updating again changes nothing");
        }
    });
}

fn errors(suite: &Suite) -> BTreeSet<String> {
    let found = check(suite, false);
    let all = suite.diagnostics.iter().chain(&found).filter(|one| one.severity == Severity::Error);
    all.map(|one| one.message.clone()).collect()
}

/// A run of the scenarios on several releases, in which every step had one of a few outcomes.
fn run(suite: &Suite, choices: &mut Sprout<'_>) -> RunRecord {
    let mut cells = Vec::new();
    for scenario in suite.scenarios.iter().take(8) {
        for release in RELEASES {
            cells.push(cell(scenario, release, choices));
        }
    }
    RunRecord { cells, ..RunRecord::of(&[]) }
}

fn cell(scenario: &Scenario, release: &str, choices: &mut Sprout<'_>) -> Cell {
    let steps: Vec<Value> = scenario.steps.iter().map(|step| step_record(&step.id, choices)).collect();
    let verdict = if choices.byte() % 8 == 7 { Verdict::Error } else { Verdict::Fail };
    serde_json::from_value(json!({
        "scenario": scenario.id, "target": release, "release": release, "attempt": 1, "verdict": verdict,
        "duration_ms": 1, "steps": steps, "transcript": [], "log": [],
    }))
    .unwrap()
}

/// A step that was let in, closed, not answered or refused, in its stored form.
fn step_record(id: &str, choices: &mut Sprout<'_>) -> Value {
    let outcome = match choices.byte() % 4 {
        0 => json!({"kind": "hello", "payload": {"auth": {"role": "node"}}}),
        1 => json!({"kind": "closed", "close": {"code": 1008, "reason": "pairing required"}}),
        2 => json!({"kind": "silence"}),
        _ => {
            json!({"kind": "refused", "error": {"code": "NOT_PAIRED"}, "details": {"code": "PAIRING_REQUIRED"}})
        }
    };
    json!({
        "id": id, "verb": "connect", "path": "scenarios/fuzz.yaml", "line": 1, "verdict": Verdict::Fail,
        "outcome": outcome, "duration_ms": 1, "first_entry": 0,
    })
}

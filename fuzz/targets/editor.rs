//! `expect update` on files as people may write them, with whatever runs may show.

use std::collections::BTreeSet;
use std::sync::Arc;

use bolero::check;
use gatecrash::curate::expect::update;
use gatecrash::release::Release;
use gatecrash::run::{Cell, RUN_FORMAT, RunInfo, RunRecord, StepRecord, Summary, TargetInfo};
use gatecrash::scenario::{Scenario, Severity, Source, StoryStep, Suite, check, layout, load};
use gatecrash::verdict::{Outcome, Verdict};
use serde_json::json;

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

/// A run in which every step went as it is written, was closed or got silence, as the bytes say.
fn run(suite: &Suite, choices: &mut Sprout<'_>) -> RunRecord {
    let mut cells = Vec::new();
    for scenario in suite.scenarios.iter().take(8) {
        for release in RELEASES {
            cells.push(cell(scenario, release.parse().unwrap(), choices));
        }
    }
    let targets =
        RELEASES.iter().map(|one| TargetInfo { target: (*one).to_owned(), release: one.parse().ok() });
    RunRecord {
        format: RUN_FORMAT,
        run: RunInfo::default(),
        targets: targets.collect(),
        scenarios: Vec::new(),
        gateways: Vec::new(),
        summary: Summary::of(&cells, &[]),
        cells,
        timelines: Vec::new(),
        unfinished: Vec::new(),
    }
}

fn cell(scenario: &Scenario, release: Release, choices: &mut Sprout<'_>) -> Cell {
    let of_step = |step: &StoryStep| {
        let outcome = match choices.byte() % 4 {
            0 => json!({"kind": "hello", "payload": {"auth": {"role": "node"}}}),
            1 => json!({"kind": "closed", "close": {"code": 1008, "reason": "pairing required"}}),
            2 => json!({"kind": "silence"}),
            _ => {
                json!({"kind": "refused", "error": {"code": "NOT_PAIRED"}, "details": {"code": "PAIRING_REQUIRED"}})
            }
        };
        step_record(&step.id, serde_json::from_value(outcome).unwrap())
    };
    let steps = scenario.steps.iter().map(of_step).collect();
    let verdict = if choices.byte() % 8 == 7 { Verdict::Error } else { Verdict::Fail };
    Cell {
        scenario: scenario.id.clone(),
        target: release.to_string(),
        release: Some(release),
        attempt: 1,
        gateway: Some(0),
        verdict,
        reason: None,
        signature: None,
        duration_ms: 1,
        steps,
        transcript: Vec::new(),
        log: Vec::new(),
        log_at: None,
        stored: None,
        retried: None,
        frames: None,
    }
}

fn step_record(id: &str, outcome: Outcome) -> StepRecord {
    StepRecord {
        id: id.to_owned(),
        verb: "connect".to_owned(),
        path: "scenarios/fuzz.yaml".to_owned(),
        line: 1,
        written: None,
        verdict: Verdict::Fail,
        reason: None,
        outcome: Some(outcome),
        expected: None,
        deviation: None,
        mismatch: None,
        duration_ms: 1,
        first_entry: 0,
        end_entry: Some(0),
        connection: None,
    }
}

//! The recorded history agrees with the suite.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use gatecrash::curate::timeline;
use gatecrash::scenario::{Action, Expectation, Scenario, Source, StoryDeviation, load};

use super::{repository_file, root};

/// What the history tells of a case on a release is what the case lists.
#[test]
fn the_history_agrees_with_the_deviations_that_are_listed() {
    let history = timeline::read(&repository_file("suite-data/timelines.json")).expect("a history");
    let suite: BTreeMap<String, Scenario> = suite().into_iter().map(|one| (one.id.clone(), one)).collect();
    let mut wrong = Vec::new();
    for one in &history.timelines {
        let Some(scenario) = suite.get(&one.scenario) else {
            wrong.push(format!("{} is in the history only", one.scenario));
            continue;
        };
        for release in history.releases.iter().chain(&history.between) {
            let stretch =
                one.stretches.iter().find(|stretch| (stretch.first..=stretch.last).contains(release));
            let Some(stretch) = stretch.filter(|stretch| stretch.behaviour != "?") else { continue };
            let mut entries = scenario.deviations.iter().filter(|entry| entry.releases.contains(release));
            if stretch.behaviour == "ok" && entries.clone().any(|entry| lists_what_is_right(entry, scenario))
            {
                continue;
            }
            let listed = entries.next().is_some();
            if listed == (stretch.behaviour == "ok") {
                wrong
                    .push(format!("{} on {release}: {} (listed: {listed})", one.scenario, stretch.behaviour));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether each step that it lists may have the outcome that is right, too.
fn lists_what_is_right(entry: &StoryDeviation, scenario: &Scenario) -> bool {
    let right_of = |name: &str| {
        scenario.all_steps().into_iter().find(|step| step.id == name).and_then(|step| match &step.action {
            Action::One(_, right) => right.as_ref(),
            _ => None,
        })
    };
    entry.steps.iter().all(|(step, listed)| match (&listed.value, right_of(&step.value)) {
        (Expectation::AnyOf(several), Some(right)) => several.contains(&right.value),
        _ => false,
    })
}

fn suite() -> Vec<Scenario> {
    let root = root().join("scenarios");
    let mut sources = Vec::new();
    for section in fs::read_dir(&root).expect("the suite").flatten().filter(|one| one.path().is_dir()) {
        for file in fs::read_dir(section.path()).expect("a section").flatten() {
            let below = file.path().strip_prefix(&root).expect("below the suite").with_extension("");
            let text = fs::read_to_string(file.path()).expect("a scenario");
            let source = Source { path: format!("scenarios/{}.yaml", below.display()), text };
            sources.push((below.display().to_string(), Arc::new(source)));
        }
    }
    load(&sources).scenarios
}

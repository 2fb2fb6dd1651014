//! Runs a suite against every mutant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::score::{Fate, Score};
use crate::gateway::{EmbeddedTarget, Target, Workshop};
use crate::model::Mutant;
use crate::release::Release;
use crate::run::{Cell, Emit, Event, RunRequest, Settings, run};
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// What to hunt, and with what.
pub struct HuntRequest {
    /// The suite.
    pub scenarios: Vec<Scenario>,
    /// The mutants.
    pub mutants: Vec<&'static Mutant>,
    /// Releases whose rules are tried one after the other on what still lives.
    pub releases: Vec<Release>,
    /// Seed, time-out and clock.
    pub settings: Settings,
    /// Models at the same time.
    pub jobs: usize,
}

/// Runs the suite against each mutant, under the rules of the first release, then of the next for those that
/// nobody noticed.
pub async fn hunt(workshop: &Workshop, request: &HuntRequest, cancel: &CancellationToken) -> Score {
    let mut fates: Vec<Fate> = request
        .mutants
        .iter()
        .map(|mutant| Fate { mutant, killed: false, release: None, by: Vec::new() })
        .collect();
    let mut blind = BTreeSet::new();
    for release in &request.releases {
        let alive: Vec<&'static Mutant> =
            fates.iter().filter(|fate| !fate.killed).map(|fate| fate.mutant).collect();
        if alive.is_empty() || cancel.is_cancelled() {
            break;
        }
        let verdicts = verdicts(workshop, request, *release, &alive, cancel).await;
        let sound = |scenario: &str| {
            verdicts.get(&(target(*release, None), scenario.to_owned())).is_some_and(|one| one.is_fine())
        };
        for ((name, scenario), verdict) in &verdicts {
            if *name == target(*release, None) && !verdict.is_fine() && *verdict != Verdict::Untestable {
                blind.insert(format!("{scenario} on {name}"));
            }
        }
        for fate in fates.iter_mut().filter(|fate| !fate.killed) {
            let name = target(*release, Some(fate.mutant));
            fate.by = request
                .scenarios
                .iter()
                .filter(|one| sound(&one.id))
                .filter(|one| verdicts.get(&(name.clone(), one.id.clone())).is_some_and(|one| notices(*one)))
                .map(|one| one.id.clone())
                .collect();
            fate.killed = !fate.by.is_empty();
            fate.release = fate.killed.then_some(*release);
        }
    }
    Score::new(fates, blind.into_iter().collect())
}

const fn notices(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Fixed | Verdict::Flaky)
}

fn embedded(release: Release, mutant: Option<&'static Mutant>) -> Target {
    Target::Embedded(EmbeddedTarget { release: Some(release), mutant })
}

fn target(release: Release, mutant: Option<&'static Mutant>) -> String {
    embedded(release, mutant).to_string()
}

async fn verdicts(
    workshop: &Workshop,
    request: &HuntRequest,
    release: Release,
    mutants: &[&'static Mutant],
    cancel: &CancellationToken,
) -> BTreeMap<(String, String), Verdict> {
    let faults = std::iter::once(None).chain(mutants.iter().copied().map(Some));
    let run_request = RunRequest {
        memory: None,
        scenarios: request.scenarios.clone(),
        targets: faults.map(|mutant| embedded(release, mutant)).collect(),
        settings: request.settings.clone(),
        jobs: request.jobs,
        repeat: 1,
        fail_fast: false,
        id: format!("mutants-{release}"),
    };
    let found: Arc<Mutex<BTreeMap<(String, String), Verdict>>> = Arc::default();
    let keep = Arc::clone(&found);
    let emit: Emit = Arc::new(move |event| {
        if let Event::CellFinished(cell) = event {
            let Cell { target, scenario, verdict, .. } = *cell;
            keep.lock().unwrap_or_else(PoisonError::into_inner).insert((target, scenario), verdict);
        }
    });
    run(workshop, &run_request, &emit, cancel).await;
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *found)
}

//! Runs the suite against the mutants of the model.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::score::{MutantFate, Score};
use crate::gateway::{EmbeddedTarget, Target, TargetProvider};
use crate::model::Mutant;
use crate::release::Release;
use crate::run::{Cell, Emit, Event, Rerun, RunRequest, Settings, run};
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// Is told how far a hunt is.
pub type HuntTell = Arc<dyn Fn(HuntProgress) + Send + Sync>;

/// What to try, and how.
pub struct HuntRequest {
    /// The scenarios of the suite.
    pub scenarios: Vec<Scenario>,
    /// The mutants of the model.
    pub mutants: Vec<&'static Mutant>,
    /// The releases whose rules the model follows, one after the other, for the mutants that were not noticed before.
    pub releases: Vec<Release>,
    /// The seed, the time-out and the clock.
    pub settings: Settings,
    /// How many models run in parallel.
    pub jobs: usize,
}

/// How far a hunt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HuntProgress {
    /// The suite runs against the mutants that were not noticed yet, under the rules of a release.
    Running {
        /// The release.
        release: Release,
        /// How many mutants these are.
        mutants: usize,
        /// Scenarios that ended, on all of them together and on the sound model.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// What seems to notice a mutant runs again by itself.
    Confirming {
        /// The release.
        release: Release,
        /// Mutants that were confirmed.
        done: usize,
        /// How many there are.
        all: usize,
    },
}

/// Runs the suite against each mutant, first under the rules of the first release, then of the next one for the mutants that
/// no scenario noticed.
pub async fn hunt(
    provider: &TargetProvider,
    request: &HuntRequest,
    tell: &HuntTell,
    cancel: &CancellationToken,
) -> Score {
    let mut fates: Vec<MutantFate> = request
        .mutants
        .iter()
        .map(|mutant| MutantFate { mutant, killed: false, release: None, by: Vec::new() })
        .collect();
    let mut blind = BTreeSet::new();
    for release in &request.releases {
        let alive: Vec<&'static Mutant> =
            fates.iter().filter(|fate| !fate.killed).map(|fate| fate.mutant).collect();
        if alive.is_empty() || cancel.is_cancelled() {
            break;
        }
        let mutants = alive.len();
        let faults: Vec<Option<&'static Mutant>> =
            std::iter::once(None).chain(alive.into_iter().map(Some)).collect();
        let (release_now, own_tell) = (*release, Arc::clone(tell));
        let count: CellCount = Arc::new(move |done, all| {
            own_tell(HuntProgress::Running { release: release_now, mutants, done, all });
        });
        let lot = HuntLot { faults: &faults, scenarios: &request.scenarios, jobs: request.jobs };
        let verdicts = verdicts(provider, request, *release, lot, &count, cancel).await;
        let sound = |scenario: &str| {
            verdicts.get(&(target(*release, None), scenario.to_owned())).is_some_and(|one| one.is_fine())
        };
        for ((name, scenario), verdict) in &verdicts {
            if *name == target(*release, None) && !verdict.is_fine() && *verdict != Verdict::Untestable {
                blind.insert(format!("{scenario} on {name}"));
            }
        }
        let mut suspects = Vec::new();
        for fate in fates.iter_mut().filter(|fate| !fate.killed) {
            let name = target(*release, Some(fate.mutant));
            let by = request
                .scenarios
                .iter()
                .filter(|one| sound(&one.id))
                .filter(|one| verdicts.get(&(name.clone(), one.id.clone())).is_some_and(|one| notices(*one)))
                .cloned()
                .collect();
            suspects.push(Suspects { fate, by });
        }
        let all = suspects.len();
        let confirmed = suspects.into_iter().map(|one| one.confirm(provider, request, *release, cancel));
        let mut confirmed = futures_util::stream::iter(confirmed).buffer_unordered(request.jobs.max(1));
        let mut done = 0;
        tell(HuntProgress::Confirming { release: *release, done, all });
        while confirmed.next().await.is_some() {
            done += 1;
            tell(HuntProgress::Confirming { release: *release, done, all });
        }
    }
    Score::new(fates, blind.into_iter().collect())
}

/// A mutant, and the scenarios that seem to notice it.
struct Suspects<'a> {
    fate: &'a mut MutantFate,
    by: Vec<Scenario>,
}

impl Suspects<'_> {
    /// Runs these scenarios again by themselves, because on a busy machine a late answer looks like a fault.
    async fn confirm(
        self,
        provider: &TargetProvider,
        request: &HuntRequest,
        release: Release,
        cancel: &CancellationToken,
    ) {
        let Self { fate, by } = self;
        if by.is_empty() {
            return;
        }
        let faults = [None, Some(fate.mutant)];
        let lot = HuntLot { faults: &faults, scenarios: &by, jobs: 1 };
        let nobody: CellCount = Arc::new(|_, _| {});
        let verdicts = verdicts(provider, request, release, lot, &nobody, cancel).await;
        let verdict = |mutant, id: &str| verdicts.get(&(target(release, mutant), id.to_owned())).copied();
        let notices_again = |id: &str| {
            verdict(None, id).is_some_and(Verdict::is_fine)
                && verdict(Some(fate.mutant), id).is_some_and(notices)
        };
        fate.by = by.into_iter().map(|one| one.id).filter(|id| notices_again(id)).collect();
        fate.killed = !fate.by.is_empty();
        fate.release = fate.killed.then_some(release);
    }
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

/// What runs together: these scenarios on the model with each of these faults.
#[derive(Clone, Copy)]
struct HuntLot<'a> {
    faults: &'a [Option<&'static Mutant>],
    scenarios: &'a [Scenario],
    jobs: usize,
}

/// Is told how many cells of how many are done.
type CellCount = Arc<dyn Fn(usize, usize) + Send + Sync>;

async fn verdicts(
    provider: &TargetProvider,
    request: &HuntRequest,
    release: Release,
    lot: HuntLot<'_>,
    count: &CellCount,
    cancel: &CancellationToken,
) -> BTreeMap<(String, String), Verdict> {
    let HuntLot { faults, scenarios, jobs } = lot;
    let all = faults.len() * scenarios.len();
    count(0, all);
    let run_request = RunRequest {
        memory: None,
        scenarios: scenarios.to_vec(),
        targets: faults.iter().map(|mutant| embedded(release, *mutant)).collect(),
        settings: request.settings.clone(),
        jobs,
        repeat: 1,
        fail_fast: false,
        deny: Vec::new(),
        id: format!("mutants-{release}"),
        rerun: Rerun::default(),
    };
    let found: Arc<Mutex<BTreeMap<(String, String), Verdict>>> = Arc::default();
    let (keep, count) = (Arc::clone(&found), Arc::clone(count));
    let emit: Emit = Arc::new(move |event| {
        if let Event::CellFinished(cell) = event {
            let Cell { target, scenario, verdict, .. } = *cell;
            let mut keep = keep.lock();
            keep.insert((target, scenario), verdict);
            count(keep.len(), all);
        }
    });
    run(provider, &run_request, &emit, cancel).await;
    let mut found = found.lock();
    std::mem::take(&mut *found)
}

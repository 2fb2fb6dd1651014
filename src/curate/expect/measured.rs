//! What stored runs show of the steps of a file's cases.

use std::collections::{BTreeMap, BTreeSet};

use crate::release::Release;
use crate::run::{Cell, RunRecord, StepRecord};
use crate::scenario::Scenario;
use crate::verdict::{Mismatch, Outcome, Verdict};

/// What a step did on a release.
#[derive(Clone, Debug)]
pub(super) struct Seen<'a> {
    /// Whether it was the right outcome.
    pub(super) right: bool,
    /// The outcome.
    pub(super) outcome: &'a Outcome,
    /// Where it first differs from what was expected.
    pub(super) mismatch: Option<&'a Mismatch>,
}

/// A case of a file and one of its steps.
pub(super) type Site<'a> = (&'a str, &'a str);
pub(super) type Observed<'a> = BTreeMap<Site<'a>, BTreeMap<Release, Seen<'a>>>;

/// What runs show of a file's cases.
#[derive(Debug, Default)]
pub(super) struct Measured<'a> {
    /// What the steps did, where they ran.
    pub(super) observed: Observed<'a>,
    /// The releases that each case was run on, whatever became of it there.
    pub(super) run_on: BTreeMap<&'a str, BTreeSet<Release>>,
}

/// What the runs show of these cases. Later runs replace earlier ones.
pub(super) fn measure<'a>(cases: &[&'a Scenario], runs: &'a [RunRecord]) -> Measured<'a> {
    let mut measured = Measured::default();
    for run in runs {
        let mut of_run: BTreeMap<Site<'_>, BTreeMap<Release, Vec<Seen<'_>>>> = BTreeMap::new();
        for cell in &run.cells {
            let Some(case) = cases.iter().find(|one| one.id == cell.scenario) else { continue };
            let Some(release) = cell.release else { continue };
            measured.run_on.entry(&case.id).or_default().insert(release);
            if cell.verdict == Verdict::Error {
                continue;
            }
            for (step, seen) in seen_of(case, cell) {
                of_run.entry((&case.id, step)).or_default().entry(release).or_default().push(seen);
            }
        }
        for (site, releases) in of_run {
            let of_site = measured.observed.entry(site).or_default();
            for (release, mut seen) in releases {
                // What is not always the same says nothing about the release.
                let same = seen.windows(2).all(|pair| pair[0].right == pair[1].right);
                match seen.pop().filter(|_| same) {
                    Some(last) => of_site.insert(release, last),
                    None => of_site.remove(&release),
                };
            }
        }
    }
    measured
}

fn seen_of<'a>(case: &'a Scenario, cell: &'a Cell) -> Vec<(&'a str, Seen<'a>)> {
    let steps = case.all_steps();
    let seen = |record: &'a StepRecord| {
        let step = steps.iter().find(|one| one.id == record.id)?;
        let right = match record.verdict {
            Verdict::Pass | Verdict::Fixed => true,
            Verdict::Fail | Verdict::Known => false,
            Verdict::Skipped | Verdict::Untestable | Verdict::Flaky | Verdict::Error => return None,
        };
        let outcome = record.outcome.as_ref()?;
        Some((step.id.as_str(), Seen { right, outcome, mismatch: record.mismatch.as_ref() }))
    };
    cell.steps.iter().filter_map(seen).collect()
}

/// The cases of these scenarios that something unlisted ended before their last step, with the release. What
/// their later steps do there is not known before the runs are made again.
pub fn cut_short<'a>(scenarios: &'a [Scenario], runs: &[RunRecord]) -> BTreeSet<(&'a str, Release)> {
    let mut found = BTreeSet::new();
    for cell in runs.iter().flat_map(|run| &run.cells) {
        let Some(case) = scenarios.iter().find(|one| one.id == cell.scenario) else { continue };
        let Some(release) = cell.release else { continue };
        let unlisted = cell.steps.iter().any(|step| matches!(step.verdict, Verdict::Fail | Verdict::Fixed));
        if unlisted && cell.steps.iter().any(|step| step.verdict == Verdict::Skipped) {
            found.insert((case.id.as_str(), release));
        } else {
            found.remove(&(case.id.as_str(), release));
        }
    }
    found
}

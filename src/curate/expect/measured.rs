//! What stored runs show about the steps of the cases in a file.

use std::collections::{BTreeMap, BTreeSet};

use crate::release::Release;
use crate::run::{Cell, RunRecord, StepRecord};
use crate::scenario::Scenario;
use crate::verdict::{Mismatch, Outcome, Verdict};

/// The outcome of a step on a release.
#[derive(Clone, Debug)]
pub(super) struct StepObservation<'a> {
    /// Whether the outcome was right.
    pub(super) right: bool,
    pub(super) outcome: &'a Outcome,
    /// Where the outcome first differs from what was expected.
    pub(super) mismatch: Option<&'a Mismatch>,
}

/// The id of a case and the id of one of its steps.
pub(super) type CaseStep<'a> = (&'a str, &'a str);
pub(super) type Observations<'a> = BTreeMap<CaseStep<'a>, BTreeMap<Release, StepObservation<'a>>>;

/// What runs show about the cases of a file.
#[derive(Debug, Default)]
pub(super) struct Measurements<'a> {
    /// The outcomes of the steps, on the releases where they ran.
    pub(super) observed: Observations<'a>,
    /// The releases on which each case was run, with whatever verdict.
    pub(super) run_on: BTreeMap<&'a str, BTreeSet<Release>>,
}

/// Collects what the runs show about these cases. Later runs replace earlier ones.
pub(super) fn measure<'a>(cases: &[&'a Scenario], runs: &'a [RunRecord]) -> Measurements<'a> {
    let mut measured = Measurements::default();
    for run in runs {
        let mut of_run: BTreeMap<CaseStep<'_>, BTreeMap<Release, Vec<StepObservation<'_>>>> = BTreeMap::new();
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
                // Repetitions that disagree say nothing about the release.
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

fn seen_of<'a>(case: &'a Scenario, cell: &'a Cell) -> Vec<(&'a str, StepObservation<'a>)> {
    let steps = case.all_steps();
    let seen = |record: &'a StepRecord| {
        let step = steps.iter().find(|one| one.id == record.id)?;
        let right = match record.verdict {
            Verdict::Pass | Verdict::Fixed => true,
            Verdict::Fail | Verdict::Known => false,
            Verdict::Skipped | Verdict::Untestable | Verdict::Flaky | Verdict::Error => return None,
        };
        let outcome = record.outcome.as_ref()?;
        Some((step.id.as_str(), StepObservation { right, outcome, mismatch: record.mismatch.as_ref() }))
    };
    cell.steps.iter().filter_map(seen).collect()
}

/// The cases that an unlisted outcome ended before their last step, each with the release. What their later steps do there
/// is only known after another run.
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

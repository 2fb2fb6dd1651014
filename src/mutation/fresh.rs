//! Tries mutants on freshly started gateways, many at once.
//!
//! Most mutants that are still unnoticed here will survive, and each boot costs seconds. So all of them are active in the
//! same gateways. If every scenario ends as it does without mutants, all have survived. Otherwise, each mutant that a
//! differing scenario reaches is tried alone.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::reach::Reach;
use super::trial::{Lot, TrialRequest};
use crate::gateway::TargetProvider;
use crate::run::{Cell, Settings};
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// The maximum number of scenarios with which a suspected mutant is tried alone: one that notices it is enough.
const FEW: usize = 3;

/// A mutant without a verdict, which needs fresh gateways.
pub(super) struct OpenMutant {
    /// The number of the mutant.
    pub number: usize,
    /// The scenarios to run on fresh gateways, by their index in the suite.
    pub asked: Vec<usize>,
    /// The scenarios that ran with it, in the order in which they ended.
    pub scenarios_run: Vec<String>,
    /// How long the trials of this mutant alone took.
    pub took: Duration,
}

impl OpenMutant {
    fn note(&mut self, scenario: &str) {
        if !self.scenarios_run.iter().any(|one| one == scenario) {
            self.scenarios_run.push(scenario.to_owned());
        }
    }
}

/// The effect of a mutant on the scenarios that ran with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MutantEffect {
    Nothing,
    Killed(String),
    TimedOut(String),
    NotBooted,
    /// Unknown: the machine was overloaded whenever it was tried, or a scenario is unstable even without the mutant.
    Undecided,
}

impl MutantEffect {
    const fn shows(&self) -> bool {
        matches!(self, Self::Killed(_) | Self::TimedOut(_) | Self::NotBooted)
    }
}

/// How a scenario ended with mutants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScenarioEnd {
    /// As it does without mutants.
    Fine,
    /// Differently than without mutants.
    Different,
    /// Without an answer that should have come.
    Silent,
    /// Before its first step: the gateway did not start.
    NotBooted,
}

/// How scenarios ended on fresh gateways.
#[derive(Debug, Default)]
struct ScenarioEnds {
    fine: Vec<usize>,
    /// In the order in which they ended.
    bad: Vec<(usize, ScenarioEnd)>,
}

/// Tries mutants on fresh gateways.
pub(super) struct Fresh<'a> {
    pub request: &'a TrialRequest<'a>,
    pub provider: &'a TargetProvider,
    pub reach: &'a Reach,
    pub cancel: &'a CancellationToken,
    /// The number of runs so far, so that no two runs share a folder of switches.
    pub runs: AtomicUsize,
}

impl Fresh<'_> {
    /// Tries mutants and reports the effect of each to `decided`, unless the run is cancelled before.
    pub(super) async fn try_together(
        &self,
        open: Vec<OpenMutant>,
        decided: &(dyn Fn(OpenMutant, MutantEffect) + Sync),
    ) {
        let mut groups = vec![open];
        while let Some(mut group) = groups.pop() {
            if group.len() < 2 {
                for mut one in group {
                    let asked = one.asked.clone();
                    let (seen, _) = self.alone(&mut one, &asked).await;
                    if self.cancel.is_cancelled() {
                        return;
                    }
                    decided(one, seen);
                }
                continue;
            }
            let active: Vec<usize> = group.iter().map(|one| one.number).collect();
            let asked: BTreeSet<usize> = group.iter().flat_map(|one| one.asked.iter().copied()).collect();
            let asked: Vec<usize> = asked.into_iter().collect();
            let ends = self.ends(&active, &asked, true).await;
            // A difference that does not repeat does not come from a mutant.
            let suspicious: Vec<usize> = ends.bad.iter().map(|(at, _)| *at).collect();
            let again = self.ends(&active, &suspicious, true).await;
            if self.cancel.is_cancelled() {
                return;
            }
            let fine: BTreeSet<usize> = ends.fine.iter().chain(&again.fine).copied().collect();
            for one in &mut group {
                for at in one.asked.clone().into_iter().filter(|at| fine.contains(at)) {
                    one.note(&self.request.scenarios[at].id);
                }
            }
            if again.bad.is_empty() {
                for one in group {
                    let all = one.asked.iter().all(|at| fine.contains(at));
                    decided(one, if all { MutantEffect::Nothing } else { MutantEffect::Undecided });
                }
                continue;
            }
            let bad: BTreeSet<usize> = again.bad.into_iter().map(|(at, _)| at).collect();
            let before = group.len();
            let asked_alone: Vec<(OpenMutant, MutantEffect, BTreeSet<usize>)> = stream::iter(group)
                .map(|mut one| async {
                    let few = self.few(&one, &bad);
                    let (seen, unsteady) = self.alone(&mut one, &few).await;
                    (one, seen, unsteady)
                })
                .buffer_unordered(self.request.jobs.max(1))
                .collect()
                .await;
            if self.cancel.is_cancelled() {
                return;
            }
            let unsteady: BTreeSet<usize> =
                asked_alone.iter().flat_map(|(_, _, unsteady)| unsteady).copied().collect();
            let mut rest = Vec::new();
            for (one, seen, _) in asked_alone {
                if seen.shows() || one.asked.iter().any(|at| unsteady.contains(at)) {
                    decided(one, if seen.shows() { seen } else { MutantEffect::Undecided });
                } else {
                    rest.push(one);
                }
            }
            if rest.len() == before {
                // They only have an effect together, or on scenarios that were not among the few.
                groups.push(rest.split_off(before / 2));
            }
            if !rest.is_empty() {
                groups.push(rest);
            }
        }
    }

    /// The scenarios with which to try a mutant alone, out of those that differed with it and other mutants.
    fn few(&self, one: &OpenMutant, bad: &BTreeSet<usize>) -> Vec<usize> {
        let mut few: Vec<usize> = one.asked.iter().copied().filter(|at| bad.contains(at)).collect();
        few.sort_by_key(|at| {
            let scenario = &self.request.scenarios[*at];
            (has_own_boot(scenario), self.reach.breadth(&scenario.id))
        });
        few.truncate(FEW);
        few
    }

    /// Runs scenarios with one mutant. A difference counts if it repeats and the same scenario passes without the mutant.
    /// Also returns the scenarios that do not pass without it.
    async fn alone(&self, one: &mut OpenMutant, asked: &[usize]) -> (MutantEffect, BTreeSet<usize>) {
        let started = Instant::now();
        let mut asked = asked.to_vec();
        let mut unsteady = BTreeSet::new();
        let mut undecided = false;
        let seen = loop {
            let ends = self.ends(&[one.number], &asked, false).await;
            for at in ends.fine.iter().chain(ends.bad.iter().map(|(at, _)| at)) {
                one.note(&self.request.scenarios[*at].id);
            }
            let Some((suspect, bad)) = ends.bad.first().copied() else {
                let all = asked.iter().all(|at| ends.fine.contains(at));
                break if undecided || !all { MutantEffect::Undecided } else { MutantEffect::Nothing };
            };
            let again = self.ends(&[one.number], &[suspect], false).await;
            let without = self.ends(&[], &[suspect], false).await;
            let steady = !without.fine.is_empty();
            if steady && !again.bad.is_empty() {
                let id = self.request.scenarios[suspect].id.clone();
                break match bad {
                    ScenarioEnd::NotBooted => MutantEffect::NotBooted,
                    ScenarioEnd::Silent => MutantEffect::TimedOut(id),
                    ScenarioEnd::Different | ScenarioEnd::Fine => MutantEffect::Killed(id),
                };
            }
            if !steady {
                unsteady.insert(suspect);
            }
            undecided |= !steady || again.fine.is_empty();
            asked.retain(|at| *at != suspect);
            if asked.is_empty() || self.cancel.is_cancelled() {
                break if undecided { MutantEffect::Undecided } else { MutantEffect::Nothing };
            }
        };
        one.took += started.elapsed();
        (seen, unsteady)
    }

    /// Runs scenarios with these mutants active from the start: all of them on several gateways in parallel, or only until
    /// the first that does not pass.
    async fn ends(&self, active: &[usize], asked: &[usize], all: bool) -> ScenarioEnds {
        let mut ends = ScenarioEnds::default();
        if asked.is_empty() {
            return ends;
        }
        let folder = format!("fresh-{}", self.runs.fetch_add(1, Ordering::Relaxed));
        let switches = self.request.switches(&folder).starting_with(active);
        let settings = Settings { switches: Some(switches), ..self.request.settings.clone() };
        let mut asked = asked.to_vec();
        // Scenarios with the plain configuration come first, because they share one boot.
        asked.sort_by_key(|at| has_own_boot(&self.request.scenarios[*at]));
        let lot = Lot {
            scenarios: asked.iter().map(|at| self.request.scenarios[*at].clone()).collect(),
            settings,
            jobs: if all { self.request.jobs.max(1) } else { 1 },
            fail_fast: !all,
        };
        for cell in self.request.run(self.provider, lot, &|_| {}, self.cancel).await {
            let Some(at) = asked.iter().copied().find(|at| self.request.scenarios[*at].id == cell.scenario)
            else {
                continue;
            };
            match end_of(&cell) {
                Some(ScenarioEnd::Fine) => ends.fine.push(at),
                Some(bad) => ends.bad.push((at, bad)),
                None => {}
            }
        }
        ends
    }
}

/// How a cell ended; `None` if it says nothing about the mutants.
fn end_of(cell: &Cell) -> Option<ScenarioEnd> {
    if cell.verdict == Verdict::Untestable || cell.is_of_a_starved_machine() {
        None
    } else if cell.verdict.is_fine() {
        Some(ScenarioEnd::Fine)
    } else if cell.steps.is_empty() {
        Some(ScenarioEnd::NotBooted)
    } else if cell.verdict == Verdict::Error || cell.retried.is_some() {
        Some(ScenarioEnd::Silent)
    } else {
        Some(ScenarioEnd::Different)
    }
}

fn has_own_boot(scenario: &Scenario) -> bool {
    !scenario.config.is_empty() || !scenario.env.is_empty() || !scenario.files.is_empty()
}

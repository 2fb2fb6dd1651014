//! Finds out which mutants each scenario reaches.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::trial::{Lot, TrialError, TrialRequest};
use crate::gateway::TargetProvider;
use crate::run::{Cell, Reached, Settings};
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// The most scenarios of a gateway that are taken to be related.
const LANE_OF_FEW: usize = 8;

/// The mutants that each scenario reaches, and which scenarios pass without a mutant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The mutants that each scenario reaches. Those that a boot reaches are under the empty name.
    pub reached: BTreeMap<String, BTreeSet<usize>>,
    /// The scenarios that pass without a mutant. Only these can notice one.
    pub sound: BTreeSet<String>,
    /// The scenarios that the target cannot run.
    pub untestable: BTreeSet<String>,
}

impl Reach {
    /// Whether a scenario passes without a mutant, so that it can notice one.
    pub(super) fn is_sound(&self, scenario: &Scenario) -> bool {
        self.sound.contains(&scenario.id)
    }

    /// Whether a scenario reaches a mutant; the empty name stands for a boot.
    pub(super) fn reaches(&self, scenario: &str, mutant: usize) -> bool {
        self.reached.get(scenario).is_some_and(|all| all.contains(&mutant))
    }

    /// How many mutants a scenario reaches.
    pub(super) fn breadth(&self, scenario: &str) -> usize {
        self.reached.get(scenario).map_or(0, BTreeSet::len)
    }
}

/// Runs every scenario once without an active mutant, and records which mutants it reaches.
///
/// # Errors
/// Fails if no scenario passes.
pub async fn reach(
    request: &TrialRequest<'_>,
    provider: &TargetProvider,
    done: &(dyn Fn(&Cell) + Sync),
    cancel: &CancellationToken,
) -> Result<Reach, TrialError> {
    let jobs = request.jobs.max(1);
    let reached = Reached::default();
    let mut reach = Reach::default();
    let mut reason = None;
    // Each share boots its own plain gateway, so that the shares run in parallel.
    let shares = (0..jobs).map(|share| {
        let (reached, switches) = (reached.clone(), request.switches(&format!("reach-{share}")));
        async move {
            let own = request.scenarios.iter().skip(share).step_by(jobs).cloned().collect();
            let settings = Settings {
                switches: Some(switches.clone()),
                reached: Some(reached.clone()),
                ..request.settings.clone()
            };
            let lot = Lot { scenarios: own, settings, jobs: 1, fail_fast: false };
            let cells = request.run(provider, lot, done, cancel).await;
            // What a gateway executes when it ends is attributed to its scenarios,
            let mut by_gateway: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
            for cell in &cells {
                if let Some(gateway) = cell.gateway {
                    by_gateway.entry(gateway).or_default().push(&cell.scenario);
                }
            }
            for (gateway, scenarios) in by_gateway {
                let rest = switches.rest(gateway);
                // unless it has so many that they cannot all be the cause.
                if scenarios.len() <= LANE_OF_FEW {
                    for scenario in scenarios {
                        reached.add(scenario, rest.iter().copied());
                    }
                }
            }
            cells
        }
    });
    for cell in futures_util::future::join_all(shares).await.into_iter().flatten() {
        if cell.verdict == Verdict::Untestable {
            reach.untestable.insert(cell.scenario);
        } else if cell.verdict.is_fine() {
            reach.sound.insert(cell.scenario);
        } else {
            reason = cell.reason;
        }
    }
    let all = reached.take();
    reach.reached = all.mutants;
    // A scenario of which it is not known what it reaches cannot decide about a mutant.
    reach.sound.retain(|scenario| !all.lost.contains(scenario));
    if reach.sound.is_empty() { Err(TrialError::Blind(reason)) } else { Ok(reach) }
}

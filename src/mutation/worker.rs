//! Tries one mutant at a time, on a gateway that keeps running.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::fresh::{MutantEffect, OpenMutant};
use super::operators::CodeMutant;
use super::reach::Reach;
use super::trial::{TrialError, TrialRequest};
use crate::gateway::PreparedTarget;
use crate::run::{Settings, Warm};
use crate::scenario::Scenario;

/// The number of scenarios after which a gateway is replaced: by then, what they left in its store slows each connect down
/// so much that a boot is cheaper.
const SCENARIOS_ON_ONE_BOOT: usize = 1000;

/// How often scenarios are run whose results do not count because the machine was overloaded.
const TRIES: usize = 3;

/// The sizes of the first and the second batch of scenarios; the rest is the third.
const BATCHES: [usize; 2] = [6, 40];

/// How often each scenario has killed mutants, by function and by file. Successful scenarios run first.
#[derive(Default)]
pub(super) struct Kills(Mutex<HashMap<(String, String), usize>>);

impl Kills {
    fn note(&self, mutant: &CodeMutant, scenario: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for place in [format!("{}#{}", mutant.source, mutant.function), mutant.source.clone()] {
            *all.entry((place, scenario.to_owned())).or_default() += 1;
        }
    }

    fn of(&self, mutant: &CodeMutant, scenario: &str) -> (usize, usize) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |place: String| all.get(&(place, scenario.to_owned())).copied().unwrap_or_default();
        (count(format!("{}#{}", mutant.source, mutant.function)), count(mutant.source.clone()))
    }
}

/// The result of a trial on a running gateway.
pub(super) enum Tried {
    /// No scenario reaches the mutant.
    NotReached,
    /// The effect on the scenarios so far, and what is left to try on fresh gateways.
    OnWarm(MutantEffect, OpenMutant),
}

/// Tries one mutant after the other, on a gateway that it keeps running.
pub(super) struct Worker<'a> {
    pub request: &'a TrialRequest<'a>,
    pub reach: &'a Reach,
    pub prepared: Arc<PreparedTarget>,
    pub kills: &'a Kills,
    pub cancel: &'a CancellationToken,
    pub number: usize,
    pub warm: Option<(Warm, usize)>,
    pub boots: usize,
}

/// The first scenario that differs with a mutant.
enum FirstDifference {
    None,
    Shown { scenario: String, silent: bool },
    Unknown,
}

impl Worker<'_> {
    /// Tries a mutant on the running gateway.
    pub(super) async fn trial(&mut self, number: usize) -> Result<Tried, TrialError> {
        let started = Instant::now();
        let (request, reach) = (self.request, self.reach);
        let mutant = &request.mutants[number];
        let mut scenarios_run = Vec::new();
        let sound: Vec<usize> =
            (0..request.scenarios.len()).filter(|at| reach.is_sound(&request.scenarios[*at])).collect();
        let mut reaching: Vec<usize> =
            sound.iter().copied().filter(|at| reach.reaches(&request.scenarios[*at].id, number)).collect();
        let at_boot = mutant.is_static() || reach.reaches("", number);
        if at_boot && reaching.is_empty() {
            // Every scenario depends on what a boot sets up.
            reaching = sound;
        }
        if reaching.is_empty() {
            return Ok(Tried::NotReached);
        }
        reaching.sort_by_key(|at| {
            let id = &request.scenarios[*at].id;
            (std::cmp::Reverse(self.kills.of(mutant, id)), reach.breadth(id))
        });
        let release = self.prepared.release();
        let (warm, fresh): (Vec<usize>, Vec<usize>) =
            reaching.iter().partition(|at| Warm::can_run(&request.scenarios[**at], release.as_ref()));
        let seen = if warm.is_empty() || mutant.is_static() {
            MutantEffect::Nothing
        } else {
            let scenarios: Vec<&Scenario> = warm.iter().map(|at| &request.scenarios[*at]).collect();
            self.on_the_warm_gateway(number, &scenarios, &mut scenarios_run).await?
        };
        if let MutantEffect::Killed(by) | MutantEffect::TimedOut(by) = &seen {
            self.kills.note(mutant, by);
        }
        // A mutant that a boot executes has to be active from the start; the others have been tried already.
        let asked = if at_boot { reaching } else { fresh };
        Ok(Tried::OnWarm(seen, OpenMutant { number, asked, scenarios_run, took: started.elapsed() }))
    }

    /// Runs scenarios on the running gateway. A difference counts if the same scenario passes right afterwards on the same
    /// gateway, without the mutant.
    async fn on_the_warm_gateway(
        &mut self,
        number: usize,
        scenarios: &[&Scenario],
        scenarios_run: &mut Vec<String>,
    ) -> Result<MutantEffect, TrialError> {
        let mut from = 0;
        let mut undecided = false;
        for end in BATCHES.into_iter().chain([scenarios.len()]) {
            let mut rest = scenarios.get(from..end.min(scenarios.len())).unwrap_or_default().to_vec();
            from += rest.len();
            while !rest.is_empty() && !self.cancel.is_cancelled() {
                let (suspect, seen) = match self.first_difference(number, &rest, scenarios_run).await? {
                    FirstDifference::None => break,
                    FirstDifference::Unknown => {
                        undecided = true;
                        break;
                    }
                    FirstDifference::Shown { scenario, silent: true } => {
                        (scenario.clone(), MutantEffect::TimedOut(scenario))
                    }
                    FirstDifference::Shown { scenario, silent: false } => {
                        (scenario.clone(), MutantEffect::Killed(scenario))
                    }
                };
                let Some(scenario) = rest.iter().find(|one| one.id == suspect).copied() else { break };
                if self.is_fine_without(scenario).await? {
                    return Ok(seen);
                }
                // This mutant or an earlier one may have damaged the gateway, so a fresh one has to decide.
                self.put_down().await;
                let again = self.first_difference(number, &[scenario], scenarios_run).await?;
                self.put_down().await;
                if self.is_fine_without(scenario).await? {
                    if matches!(again, FirstDifference::Shown { .. }) {
                        return Ok(seen);
                    }
                } else {
                    // The scenario does not pass without the mutant either, so it says nothing about it.
                    undecided = true;
                }
                rest.retain(|one| one.id != suspect);
            }
        }
        Ok(if undecided { MutantEffect::Undecided } else { MutantEffect::Nothing })
    }

    /// The first scenario that does not pass with the mutant. Results of an overloaded machine are repeated.
    async fn first_difference(
        &mut self,
        number: usize,
        scenarios: &[&Scenario],
        scenarios_run: &mut Vec<String>,
    ) -> Result<FirstDifference, TrialError> {
        let mut open = scenarios.to_vec();
        for _ in 0..TRIES {
            let warm = self.pick_up(open.len()).await?;
            let cells = match warm.turn(&[number]).await {
                Ok(()) => {
                    warm.run(&open, |cell| !cell.verdict.is_fine() && !cell.is_of_a_starved_machine()).await
                }
                Err(error) => Err(error),
            };
            let alive = warm.is_alive().await;
            let turned = warm.turn(&[]).await;
            if !alive || turned.is_err() || cells.is_err() {
                self.put_down().await;
            }
            // A gateway that hangs before the first step and a store that cannot be written are not effects of the mutant.
            let Ok(cells) = cells else { continue };
            let decided = cells.iter().filter(|(cell, _)| !cell.is_of_a_starved_machine());
            for (cell, _) in decided.clone() {
                if !scenarios_run.contains(&cell.scenario) {
                    scenarios_run.push(cell.scenario.clone());
                }
            }
            if let Some((cell, silent)) = decided.clone().find(|(cell, _)| !cell.verdict.is_fine()) {
                let (scenario, silent) = (cell.scenario.clone(), *silent && alive);
                return Ok(FirstDifference::Shown { scenario, silent });
            }
            let fine: BTreeSet<&str> = decided.map(|(cell, _)| cell.scenario.as_str()).collect();
            open.retain(|one| !fine.contains(one.id.as_str()));
            if open.is_empty() {
                return Ok(FirstDifference::None);
            }
        }
        Ok(FirstDifference::Unknown)
    }

    async fn is_fine_without(&mut self, scenario: &Scenario) -> Result<bool, TrialError> {
        let warm = self.pick_up(1).await?;
        if warm.turn(&[]).await.is_err() {
            return Ok(false);
        }
        let cells = warm.run(&[scenario], |_| true).await;
        Ok(cells.is_ok_and(|cells| cells.iter().all(|(cell, _)| cell.verdict.is_fine()) && !cells.is_empty()))
    }

    /// The running gateway; a fresh one if there is none, or if too many scenarios ran on it.
    async fn pick_up(&mut self, scenarios: usize) -> Result<&mut Warm, TrialError> {
        let (warm, ran) = match self.warm.take() {
            Some((warm, ran)) if ran < SCENARIOS_ON_ONE_BOOT => (warm, ran),
            worn => {
                if let Some((worn, _)) = worn {
                    worn.stop().await;
                }
                self.boots += 1;
                let switches = self.request.switches(&format!("warm-{}", self.number));
                let settings = Settings { switches: Some(switches), ..self.request.settings.clone() };
                (Warm::boot(Arc::clone(&self.prepared), settings, self.boots).await?, 0)
            }
        };
        Ok(&mut self.warm.insert((warm, ran + scenarios)).0)
    }

    pub(super) async fn put_down(&mut self) {
        if let Some((warm, _)) = self.warm.take() {
            warm.stop().await;
        }
    }
}

//! Runs a suite against mutants of a release's own code.
//!
//! All mutants are in one private copy of the package (see [`super::switchable`]). First every scenario runs once, one at
//! a time, and says which mutants it reaches. Then each mutant gets the scenarios that reach it: those that leave a
//! gateway as they found it on one that stays up, the others on gateways of their own, until one of them no longer ends
//! as it does without the mutant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::operators::{CodeMutant, Operator};
use crate::gateway::{Subject, Switches, Target, Workshop};
use crate::run::{Cell, Deny, Emit, Event, Reached, Rerun, RunRequest, Settings, Warm, run};
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MutantVerdict {
    /// A scenario does not end as it does without the mutant.
    Killed,
    /// All that is different is that an answer never came.
    TimedOut,
    /// No scenario that reaches it notices it.
    Survived,
    /// Nobody can notice it; a person has said why.
    Equivalent,
    /// The gateway does not come up with it.
    NotBooted,
    /// No scenario reaches it.
    NotReached,
}

impl MutantVerdict {
    /// All verdicts, the best first.
    pub const ALL: [Self; 6] =
        [Self::Killed, Self::TimedOut, Self::NotBooted, Self::Equivalent, Self::Survived, Self::NotReached];

    /// Its name, as reports have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::TimedOut => "timed out",
            Self::Survived => "survived",
            Self::Equivalent => "equivalent",
            Self::NotBooted => "not booted",
            Self::NotReached => "not reached",
        }
    }
}

/// What a trial of a mutant has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The mutant.
    pub id: String,
    /// What became of it.
    pub verdict: MutantVerdict,
    /// The scenario that noticed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub killed_by: Option<String>,
    /// Scenarios that ran with it, in the order in which they ended.
    pub scenarios_run: Vec<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// What the scenarios reach, and how they end without a mutant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Mutants by the scenario that reaches them; those of a boot stand under the empty name.
    pub reached: BTreeMap<String, BTreeSet<usize>>,
    /// Scenarios that are fine without a mutant; only these can notice one.
    pub sound: BTreeSet<String>,
    /// Scenarios that the target cannot show.
    pub untestable: BTreeSet<String>,
}

/// What to try.
pub struct TrialRequest<'a> {
    /// The suite.
    pub scenarios: &'a [Scenario],
    /// All mutants of the package, by their numbers.
    pub mutants: &'a [CodeMutant],
    /// The private copy of the package with all mutants in it.
    pub target: Target,
    /// Seed, time-out and clock.
    pub settings: Settings,
    /// A folder for the switches of gateways.
    pub place: PathBuf,
    /// Gateways at the same time.
    pub jobs: usize,
}

/// Why mutants cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The gateway does not come up though no mutant is active.
    #[error("the gateway with the mutants does not come up though none is active: {0}")]
    Boot(#[from] crate::gateway::StartError),
    /// The copy cannot be used.
    #[error(transparent)]
    Prepare(#[from] crate::gateway::PrepareError),
    /// Nothing passes without a mutant.
    #[error("no scenario is fine on the gateway without a mutant{}", .0.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Blind(Option<String>),
}

impl TrialRequest<'_> {
    fn switches(&self, folder: &str) -> Switches {
        Switches::new(self.place.join(folder), self.mutants.len(), None)
    }

    fn run_request(&self, scenarios: Vec<Scenario>, settings: Settings, fail_fast: bool) -> RunRequest {
        RunRequest {
            scenarios,
            targets: vec![self.target.clone()],
            settings,
            jobs: 1,
            memory: None,
            repeat: 1,
            fail_fast,
            deny: Vec::<Deny>::new(),
            id: "mutants".to_owned(),
            rerun: Rerun::default(),
        }
    }

    /// Runs every scenario once without a mutant, and notes which mutants it reaches.
    ///
    /// # Errors
    /// Fails where no scenario is fine.
    pub async fn reach(
        &self,
        workshop: &Workshop,
        done: &(dyn Fn(&Cell) + Sync),
        cancel: &CancellationToken,
    ) -> Result<Reach, TrialError> {
        let jobs = self.jobs.max(1);
        let reached = Reached::default();
        let mut reach = Reach::default();
        let mut reason = None;
        // Each share boots a plain gateway of its own, so that they run beside each other.
        let shares = (0..jobs).map(|share| {
            let (reached, switches) = (reached.clone(), self.switches(&format!("reach-{share}")));
            async move {
                let own = self.scenarios.iter().skip(share).step_by(jobs).cloned().collect();
                let settings = Settings {
                    switches: Some(switches.clone()),
                    reached: Some(reached.clone()),
                    ..self.settings.clone()
                };
                let cells = cells_of(workshop, &self.run_request(own, settings, false), done, cancel).await;
                // What a gateway executes at its end is its scenarios' doing.
                let mut by_gateway: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
                for cell in &cells {
                    if let Some(gateway) = cell.gateway {
                        by_gateway.entry(gateway).or_default().push(&cell.scenario);
                    }
                }
                for (gateway, scenarios) in by_gateway {
                    let rest = switches.rest(gateway);
                    // Of many scenarios none has brought it about.
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
        // Without knowing what they reach, they cannot be said to have looked at a mutant.
        reach.sound.retain(|scenario| !all.lost.contains(scenario));
        if reach.sound.is_empty() { Err(TrialError::Blind(reason)) } else { Ok(reach) }
    }

    /// Tries mutants, several at the same time; `done` is told of each.
    ///
    /// # Errors
    /// Fails where the gateway does not come up without an active mutant.
    pub async fn try_all(
        &self,
        workshop: &Workshop,
        reach: &Reach,
        wanted: &[usize],
        until: Option<Instant>,
        done: &(dyn Fn(usize, Trial) + Sync),
        cancel: &CancellationToken,
    ) -> Result<(), TrialError> {
        let subject = Arc::new(workshop.prepare(&self.target, Arc::new(|_| {})).await?);
        // Those that need boots of their own come last: the others tell more in the same time.
        let mut wanted = wanted.to_vec();
        wanted.sort_by_key(|number| self.mutants.get(*number).is_some_and(CodeMutant::is_static));
        let next = AtomicUsize::new(0);
        let kills = Kills::default();
        let workers = (0..self.jobs.max(1)).map(|number| {
            let mut worker = Worker {
                request: self,
                workshop,
                reach,
                subject: Arc::clone(&subject),
                kills: &kills,
                cancel,
                number,
                warm: None,
                boots: 0,
            };
            let (next, wanted) = (&next, &wanted);
            async move {
                loop {
                    let late = until.is_some_and(|until| Instant::now() >= until);
                    let Some(mutant) = wanted.get(next.fetch_add(1, Ordering::SeqCst)) else { break };
                    if cancel.is_cancelled() || late {
                        break;
                    }
                    let trial = worker.trial(*mutant).await?;
                    if cancel.is_cancelled() {
                        break;
                    }
                    if let Some(trial) = trial {
                        done(*mutant, trial);
                    }
                }
                worker.put_down().await;
                Ok::<(), TrialError>(())
            }
        });
        futures_util::future::try_join_all(workers).await.map(|_| ())
    }
}

/// A gateway with more scenarios than that is shared by unrelated ones.
const LANE_OF_FEW: usize = 8;

/// A gateway that has run so often is replaced: what former runs left in its store makes it slow.
const RUNS_ON_ONE_BOOT: usize = 400;

/// How often scenarios are asked of which a starved machine says nothing.
const TRIES: usize = 3;

/// Scenarios in the first, small batch, and in the second; the rest is the third.
const BATCHES: [usize; 2] = [6, 40];

/// Which scenarios have killed mutants, by function and by file: they are asked first.
#[derive(Default)]
struct Kills(Mutex<HashMap<(String, String), usize>>);

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

/// Tries one mutant after the other, on a gateway that it keeps.
struct Worker<'a> {
    request: &'a TrialRequest<'a>,
    workshop: &'a Workshop,
    reach: &'a Reach,
    subject: Arc<Subject>,
    kills: &'a Kills,
    cancel: &'a CancellationToken,
    number: usize,
    warm: Option<(Warm, usize)>,
    boots: usize,
}

/// What one look at scenarios with a mutant has shown.
enum Difference {
    None,
    Shown { scenario: String, silent: bool },
    Unknown,
}

/// What running scenarios with a mutant has shown.
enum Seen {
    Nothing,
    Killed(String),
    TimedOut(String),
    NotBooted,
    /// The machine starved whenever it was asked.
    Undecided,
}

impl Worker<'_> {
    /// Tries a mutant; none where nothing could be said of it.
    async fn trial(&mut self, number: usize) -> Result<Option<Trial>, TrialError> {
        let started = Instant::now();
        let mutant = &self.request.mutants[number];
        let mut scenarios_run = Vec::new();
        let mut reaching: Vec<&Scenario> = self
            .request
            .scenarios
            .iter()
            .filter(|one| self.reach.sound.contains(&one.id))
            .filter(|one| self.reaches(&one.id, number))
            .collect();
        let at_boot = mutant.is_static() || self.reaches("", number);
        if at_boot && reaching.is_empty() {
            // Everybody who connects relies on what a boot sets up.
            reaching =
                self.request.scenarios.iter().filter(|one| self.reach.sound.contains(&one.id)).collect();
        }
        reaching.sort_by_key(|one| {
            let breadth = self.reach.reached.get(&one.id).map_or(0, BTreeSet::len);
            (std::cmp::Reverse(self.kills.of(mutant, &one.id)), breadth)
        });
        let release = self.subject.release();
        let (warm, cold): (Vec<&Scenario>, Vec<&Scenario>) =
            reaching.iter().partition(|one| Warm::can_run(one, release.as_ref()));
        let mut seen = if reaching.is_empty() {
            None
        } else if warm.is_empty() || mutant.is_static() {
            Some(Seen::Nothing)
        } else {
            Some(self.on_the_warm_gateway(number, &warm, &mut scenarios_run).await?)
        };
        if let Some(Seen::Nothing) = seen {
            // A mutant that a boot executes has to be there from the start; the others have been asked already.
            let again = if at_boot { warm } else { Vec::new() };
            let asked: Vec<Scenario> = again.into_iter().chain(cold).cloned().collect();
            if !asked.is_empty() {
                seen = Some(self.on_its_own_gateways(number, asked, &mut scenarios_run).await);
            }
        }
        let (verdict, killed_by) = match seen {
            None => (MutantVerdict::NotReached, None),
            Some(Seen::Nothing) => (MutantVerdict::Survived, None),
            Some(Seen::Killed(by)) => (MutantVerdict::Killed, Some(by)),
            Some(Seen::TimedOut(by)) => (MutantVerdict::TimedOut, Some(by)),
            Some(Seen::NotBooted) => (MutantVerdict::NotBooted, None),
            Some(Seen::Undecided) => return Ok(None),
        };
        if let Some(by) = &killed_by {
            self.kills.note(mutant, by);
        }
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Some(Trial { id: mutant.id.clone(), verdict, killed_by, scenarios_run, duration_ms }))
    }

    fn reaches(&self, scenario: &str, mutant: usize) -> bool {
        self.reach.reached.get(scenario).is_some_and(|all| all.contains(&mutant))
    }

    /// Scenarios that can follow on a gateway that stays up. A difference counts where the same scenario is fine right
    /// afterwards, on the same gateway, without the mutant.
    async fn on_the_warm_gateway(
        &mut self,
        number: usize,
        scenarios: &[&Scenario],
        scenarios_run: &mut Vec<String>,
    ) -> Result<Seen, TrialError> {
        let mut from = 0;
        let mut undecided = false;
        for end in BATCHES.into_iter().chain([scenarios.len()]) {
            let mut rest = scenarios.get(from..end.min(scenarios.len())).unwrap_or_default().to_vec();
            from += rest.len();
            while !rest.is_empty() && !self.cancel.is_cancelled() {
                let (suspect, seen) = match self.first_difference(number, &rest, scenarios_run).await? {
                    Difference::None => break,
                    Difference::Unknown => {
                        undecided = true;
                        break;
                    }
                    Difference::Shown { scenario, silent: true } => {
                        (scenario.clone(), Seen::TimedOut(scenario))
                    }
                    Difference::Shown { scenario, silent: false } => {
                        (scenario.clone(), Seen::Killed(scenario))
                    }
                };
                let Some(scenario) = rest.iter().find(|one| one.id == suspect).copied() else { break };
                if self.is_fine_without(scenario).await? {
                    return Ok(seen);
                }
                // The gateway was left in disorder, by this mutant or by an earlier one: a fresh one tells.
                self.put_down().await;
                let again = self.first_difference(number, &[scenario], scenarios_run).await?;
                self.put_down().await;
                if self.is_fine_without(scenario).await? {
                    if matches!(again, Difference::Shown { .. }) {
                        return Ok(seen);
                    }
                } else {
                    // Without the mutant it is not fine either, so it says nothing of the mutant.
                    undecided = true;
                }
                rest.retain(|one| one.id != suspect);
            }
        }
        Ok(if undecided { Seen::Undecided } else { Seen::Nothing })
    }

    /// The first scenario that is not fine with the mutant. What a starved machine shows is asked again.
    async fn first_difference(
        &mut self,
        number: usize,
        scenarios: &[&Scenario],
        scenarios_run: &mut Vec<String>,
    ) -> Result<Difference, TrialError> {
        let mut open = scenarios.to_vec();
        for _ in 0..TRIES {
            let warm = self.pick_up().await?;
            let cells = match warm.turn(Some(number)).await {
                Ok(()) => {
                    warm.run(&open, |cell| !cell.verdict.is_fine() && !cell.is_of_a_starved_machine()).await
                }
                Err(error) => Err(error),
            };
            let alive = warm.is_alive().await;
            let turned = warm.turn(None).await;
            if !alive || turned.is_err() || cells.is_err() {
                self.put_down().await;
            }
            // Neither a hanging gateway before the first step nor a store that we cannot write is the mutant's doing.
            let Ok(cells) = cells else { continue };
            let decided = cells.iter().filter(|(cell, _)| !cell.is_of_a_starved_machine());
            for (cell, _) in decided.clone() {
                if !scenarios_run.contains(&cell.scenario) {
                    scenarios_run.push(cell.scenario.clone());
                }
            }
            if let Some((cell, silent)) = decided.clone().find(|(cell, _)| !cell.verdict.is_fine()) {
                let (scenario, silent) = (cell.scenario.clone(), *silent && alive);
                return Ok(Difference::Shown { scenario, silent });
            }
            let fine: BTreeSet<&str> = decided.map(|(cell, _)| cell.scenario.as_str()).collect();
            open.retain(|one| !fine.contains(one.id.as_str()));
            if open.is_empty() {
                return Ok(Difference::None);
            }
        }
        Ok(Difference::Unknown)
    }

    async fn is_fine_without(&mut self, scenario: &Scenario) -> Result<bool, TrialError> {
        let warm = self.pick_up().await?;
        if warm.turn(None).await.is_err() {
            return Ok(false);
        }
        let cells = warm.run(&[scenario], |_| true).await;
        Ok(cells.is_ok_and(|cells| cells.iter().all(|(cell, _)| cell.verdict.is_fine()) && !cells.is_empty()))
    }

    /// Scenarios that have gateways of their own, with the mutant active from the start. A difference counts where it
    /// shows again, and the same scenario is fine without the mutant.
    async fn on_its_own_gateways(
        &self,
        number: usize,
        mut scenarios: Vec<Scenario>,
        scenarios_run: &mut Vec<String>,
    ) -> Seen {
        // Those with the plain configuration share one boot: they come first.
        scenarios.sort_by_key(|one| !one.config.is_empty() || !one.env.is_empty() || !one.files.is_empty());
        let mut undecided = false;
        loop {
            let seen = self.first_cold_difference(Some(number), &scenarios, scenarios_run).await;
            let (Seen::Killed(suspect) | Seen::TimedOut(suspect)) = &seen else {
                return if undecided && matches!(seen, Seen::Nothing) { Seen::Undecided } else { seen };
            };
            let alone: Vec<Scenario> = scenarios.iter().filter(|one| one.id == *suspect).cloned().collect();
            let nobody = &mut Vec::new();
            let again = self.first_cold_difference(Some(number), &alone, nobody).await;
            let without = self.first_cold_difference(None, &alone, nobody).await;
            if !matches!(again, Seen::Nothing | Seen::Undecided) && matches!(without, Seen::Nothing) {
                return seen;
            }
            // Where the control is not fine, the scenario says nothing of the mutant.
            undecided |= !matches!(without, Seen::Nothing) || matches!(again, Seen::Undecided);
            let suspect = suspect.clone();
            scenarios.retain(|one| one.id != suspect);
            if scenarios.is_empty() || self.cancel.is_cancelled() {
                return if undecided { Seen::Undecided } else { Seen::Nothing };
            }
        }
    }

    async fn first_cold_difference(
        &self,
        active: Option<usize>,
        scenarios: &[Scenario],
        scenarios_run: &mut Vec<String>,
    ) -> Seen {
        let switches = self.request.switches(&format!("cold-{}", self.number)).starting_with(active);
        let settings = Settings { switches: Some(switches), ..self.request.settings.clone() };
        let request = self.request.run_request(scenarios.to_vec(), settings, true);
        let cells = cells_of(self.workshop, &request, &|_| {}, self.cancel).await;
        let mut seen = Seen::Nothing;
        for cell in cells {
            if cell.verdict == Verdict::Untestable {
                continue;
            }
            if cell.is_of_a_starved_machine() {
                seen = if matches!(seen, Seen::Nothing) { Seen::Undecided } else { seen };
                continue;
            }
            if cell.steps.is_empty() && !cell.verdict.is_fine() {
                // Nothing was done: the gateway did not come up.
                if matches!(seen, Seen::Nothing) {
                    seen = Seen::NotBooted;
                }
                continue;
            }
            if !scenarios_run.contains(&cell.scenario) {
                scenarios_run.push(cell.scenario.clone());
            }
            if cell.verdict.is_fine() || matches!(seen, Seen::Killed(_)) {
                continue;
            }
            let silent = cell.verdict == Verdict::Error || cell.retried.is_some();
            seen = if silent { Seen::TimedOut(cell.scenario) } else { Seen::Killed(cell.scenario) };
        }
        seen
    }

    /// The gateway that stays up; a fresh one where there is none, or where it has run too often.
    async fn pick_up(&mut self) -> Result<&mut Warm, TrialError> {
        let (warm, runs) = match self.warm.take() {
            Some((warm, runs)) if runs < RUNS_ON_ONE_BOOT => (warm, runs),
            worn => {
                if let Some((worn, _)) = worn {
                    worn.stop().await;
                }
                self.boots += 1;
                let switches = self.request.switches(&format!("warm-{}", self.number));
                let settings = Settings { switches: Some(switches), ..self.request.settings.clone() };
                (Warm::boot(Arc::clone(&self.subject), settings, self.boots).await?, 0)
            }
        };
        Ok(&mut self.warm.insert((warm, runs + 1)).0)
    }

    async fn put_down(&mut self) {
        if let Some((warm, _)) = self.warm.take() {
            warm.stop().await;
        }
    }
}

/// Runs a request and collects its cells in the order in which they ended.
async fn cells_of(
    workshop: &Workshop,
    request: &RunRequest,
    done: &(dyn Fn(&Cell) + Sync),
    cancel: &CancellationToken,
) -> Vec<Cell> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let emit: Emit = Arc::new(move |event| {
        if let Event::CellFinished(cell) = event {
            // Nobody may be left to be told where the run was cancelled.
            let _ = sender.send(*cell);
        }
    });
    let mut cells = Vec::new();
    let running = run(workshop, request, &emit, cancel);
    tokio::pin!(running);
    loop {
        tokio::select! {
            () = &mut running => break,
            Some(cell) = receiver.recv() => {
                done(&cell);
                cells.push(cell);
            }
        }
    }
    while let Ok(cell) = receiver.try_recv() {
        done(&cell);
        cells.push(cell);
    }
    cells
}

/// So many of the mutants, chosen by a seed; the same ones in every build with the same code.
pub fn sample(mutants: &[CodeMutant], among: &[usize], count: usize, seed: u64) -> Vec<usize> {
    let mut ordered: Vec<usize> = among.to_vec();
    ordered.sort_by_cached_key(|at| {
        let id = mutants.get(*at).map_or("", |one| &one.id);
        Sha256::digest(format!("{seed} {id}"))
    });
    ordered.truncate(count);
    ordered.sort_unstable();
    ordered
}

/// How many mutants there are of each operator.
pub fn by_operator(mutants: &[CodeMutant], among: &[usize]) -> BTreeMap<Operator, usize> {
    let mut counts = BTreeMap::new();
    for mutant in among.iter().filter_map(|at| mutants.get(*at)) {
        *counts.entry(mutant.operator).or_default() += 1;
    }
    counts
}

/// The longest that a step waits with a mutant, where its scenario does not say.
pub const PATIENCE: Duration = Duration::from_secs(5);

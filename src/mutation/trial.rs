//! The trial of a mutant: its request, its verdict, and how scenarios run for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::operators::{CodeMutant, Operator};
use crate::gateway::{Switches, Target, TargetProvider};
use crate::run::{Cell, Deny, Emit, Event, Rerun, RunRequest, Settings, run};
use crate::scenario::Scenario;

/// The verdict on a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MutantVerdict {
    /// A scenario ends differently than without the mutant.
    Killed,
    /// The only difference is that an answer never came.
    TimedOut,
    /// Scenarios reach it, but none notices it.
    Survived,
    /// Nobody can notice it, for a reason that a person has given.
    Equivalent,
    /// The gateway does not start with it.
    NotBooted,
    /// No scenario reaches it.
    NotReached,
}

impl MutantVerdict {
    /// All verdicts, the best ones first.
    pub const ALL: [Self; 6] =
        [Self::Killed, Self::TimedOut, Self::NotBooted, Self::Equivalent, Self::Survived, Self::NotReached];

    /// The name in reports.
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

/// The result of the trial of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The id of the mutant.
    pub id: String,
    /// The verdict on the mutant.
    pub verdict: MutantVerdict,
    /// The scenario that noticed it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub killed_by: Option<String>,
    /// The scenarios that ran with it, in the order in which they ended.
    pub scenarios_run: Vec<String>,
    /// How long the trial took, in milliseconds.
    pub duration_ms: u64,
}

/// What the trials of all mutants need.
pub struct TrialRequest<'a> {
    /// The scenarios of the suite.
    pub scenarios: &'a [Scenario],
    /// All mutants of the package, by their numbers.
    pub mutants: &'a [CodeMutant],
    /// The private copy of the package with all mutants in it.
    pub target: Target,
    /// The seed, the time-out and the clock.
    pub settings: Settings,
    /// A folder for the switches of gateways.
    pub place: PathBuf,
    /// How many gateways run in parallel.
    pub jobs: usize,
}

/// Why mutants cannot be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The gateway does not start although no mutant is active.
    #[error("the gateway with the mutants does not start although none is active")]
    Boot(#[from] crate::gateway::StartError),
    /// The copy of the package cannot be prepared.
    #[error(transparent)]
    Prepare(#[from] crate::gateway::PrepareError),
    /// No scenario passes without a mutant.
    #[error("no scenario passes on the gateway without a mutant{}", .0.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Blind(Option<String>),
}

impl TrialRequest<'_> {
    /// The switches of gateways that use a folder with this name.
    pub(super) fn switches(&self, folder: &str) -> Switches {
        Switches::new(self.place.join(folder), self.mutants.len(), &[])
    }

    /// Runs scenarios, and returns their cells in the order in which they ended.
    pub(super) async fn run(
        &self,
        provider: &TargetProvider,
        lot: Lot,
        done: &(dyn Fn(&Cell) + Sync),
        cancel: &CancellationToken,
    ) -> Vec<Cell> {
        let request = RunRequest {
            scenarios: lot.scenarios,
            targets: vec![self.target.clone()],
            settings: lot.settings,
            jobs: lot.jobs,
            memory: None,
            repeat: 1,
            fail_fast: lot.fail_fast,
            deny: Vec::<Deny>::new(),
            id: "mutants".to_owned(),
            rerun: Rerun::default(),
        };
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let emit: Emit = Arc::new(move |event| {
            if let Event::CellFinished(cell) = event {
                // The receiver may be gone if the run was cancelled.
                let _ = sender.send(*cell);
            }
        });
        let mut cells = Vec::new();
        let running = run(provider, &request, &emit, cancel);
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
}

/// Scenarios to run, and how.
pub(super) struct Lot {
    /// The scenarios to run.
    pub scenarios: Vec<Scenario>,
    /// The seed, the time-out, the clock, and the active mutants.
    pub settings: Settings,
    /// How many gateways run in parallel.
    pub jobs: usize,
    /// Whether to stop at the first cell that does not pass.
    pub fail_fast: bool,
}

/// Chooses this many mutants by a seed. Builds with the same code give the same choice.
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

/// The number of mutants of each operator.
pub fn by_operator(mutants: &[CodeMutant], among: &[usize]) -> BTreeMap<Operator, usize> {
    let mut counts = BTreeMap::new();
    for mutant in among.iter().filter_map(|at| mutants.get(*at)) {
        *counts.entry(mutant.operator).or_default() += 1;
    }
    counts
}

/// The default time limit of a step that runs with a mutant.
pub const PATIENCE: Duration = Duration::from_secs(5);

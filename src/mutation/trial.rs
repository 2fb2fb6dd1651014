//! A trial of a mutant: what is asked, and what it has shown.

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
    #[error("the gateway with the mutants does not start although none is active")]
    Boot(#[from] crate::gateway::StartError),
    /// The copy cannot be used.
    #[error(transparent)]
    Prepare(#[from] crate::gateway::PrepareError),
    /// Nothing passes without a mutant.
    #[error("no scenario passes on the gateway without a mutant{}", .0.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Blind(Option<String>),
}

impl TrialRequest<'_> {
    /// Switches of gateways that have a folder of this name.
    pub(super) fn switches(&self, folder: &str) -> Switches {
        Switches::new(self.place.join(folder), self.mutants.len(), &[])
    }

    /// Runs scenarios on gateways with these switches. Answers with the cells in the order in which they ended.
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
                // Nobody may be left to be told where the run was cancelled.
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

/// Scenarios to run on gateways of their own.
pub(super) struct Lot {
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// Seed, time-out, clock, and which mutants are active.
    pub settings: Settings,
    /// Gateways at the same time.
    pub jobs: usize,
    /// Whether the first cell that is not fine ends it.
    pub fail_fast: bool,
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

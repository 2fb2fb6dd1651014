//! Builds and measures commits, or looks up their stored results.

use std::io;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::git::GitError;
use super::trees::{BuildError, CommitVariant, WorkTrees};
use crate::bisect::drive::{Measurement, Oracle};
use crate::bisect::evidence::{EvidenceStore, KnownCells};
use crate::bisect::runner::{ScenarioRunner, broken, millis};
use crate::error_chain::chain;
use crate::gateway::{Remote, Target};
use crate::run::Cell;

/// Tells how commits behave: from stored results, or by building and booting them.
pub(super) struct CommitOracle<'a> {
    runner: ScenarioRunner<'a>,
    ids: Vec<String>,
    trees: &'a WorkTrees,
    evidence: EvidenceStore,
    known: KnownCells,
    names: Vec<String>,
}

/// Why there is no oracle for commits.
#[derive(Debug, thiserror::Error)]
pub enum CommitOracleError {
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// Stored results cannot be read.
    #[error("the evidence of earlier runs cannot be read")]
    EvidenceStore(#[from] io::Error),
}

impl<'a> CommitOracle<'a> {
    /// An oracle over commits in order. Without `use_known`, stored results are ignored.
    ///
    /// # Errors
    ///
    /// When git fails, or the stored results cannot be read.
    pub(super) async fn new(
        runner: ScenarioRunner<'a>,
        ids: Vec<String>,
        trees: &'a WorkTrees,
        evidence: EvidenceStore,
        use_known: bool,
    ) -> Result<Self, CommitOracleError> {
        let known = match runner.scenario().filter(|_| use_known) {
            Some(scenario) => evidence.known(scenario)?,
            None => KnownCells::default(),
        };
        let names = if known.is_empty() { Vec::new() } else { trees.build_names(&ids).await? };
        Ok(Self { runner, ids, trees, evidence, known, names })
    }

    /// Measures a variant of a commit; none when cancelled. A failed build gives a broken cell.
    pub(super) async fn measure_variant(
        &self,
        variant: &CommitVariant,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Measurement> {
        let started = Instant::now();
        let measurement = self.built_and_measured(variant, attempt, cancel).await?.unwrap_or_else(|error| {
            let log = error.log().to_vec();
            let scenario = self.runner.scenario().map_or("", |one| one.id.as_str());
            let cell = broken(scenario, &variant.base, chain(&error), log);
            Measurement { cell, boots: 0, duration_ms: 0 }
        });
        Some(Measurement { duration_ms: millis(started), ..measurement })
    }

    async fn built_and_measured(
        &self,
        variant: &CommitVariant,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Result<Measurement, BuildError>> {
        (self.runner.tell)(format!("{} is built", variant.base));
        let built = tokio::select! {
            built = self.trees.build(variant) => built,
            () = cancel.cancelled() => return None,
        };
        let built = match built {
            Ok(built) => built,
            Err(error) => return Some(Err(error)),
        };
        let dir = built.dir.to_string_lossy();
        let text = self.trees.recipe().gateway.replace("{dir}", &dir);
        let target = match Target::parse(&text, Remote::Refused) {
            Ok(target) => target,
            Err(error) => return Some(Err(BuildError::Target(error))),
        };
        let measured = self.runner.run(&target, attempt, cancel).await?;
        if let Ok(name) = self.trees.build_name(variant).await {
            for scenario in &self.runner.scenarios {
                if let Some(cell) = measured.cells.iter().find(|cell| cell.scenario == scenario.id) {
                    // If storing fails, the next bisect merely builds this commit again.
                    let _ = self.evidence.keep(scenario, &name, cell);
                }
            }
        }
        Some(Ok(measured.measurement))
    }
}

impl Oracle for CommitOracle<'_> {
    async fn measure(
        &self,
        candidate: usize,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Measurement> {
        let base = self.ids.get(candidate)?.clone();
        self.measure_variant(&CommitVariant { base, change: None }, attempt, cancel).await
    }

    /// A build takes all processors, so nothing is built ahead.
    async fn prepare(&self, _: usize) {}

    fn known(&self, candidate: usize) -> Option<Cell> {
        self.known.cell(self.names.get(candidate)?).cloned()
    }
}

//! Answers what commits do.

use std::io;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::git::GitError;
use super::trees::{BuildError, Trees, Variant};
use crate::bisect::drive::{Measurement, Oracle};
use crate::bisect::evidence::{Evidence, Known};
use crate::bisect::measure::{Measure, broken, millis};
use crate::gateway::{Remote, Target};
use crate::run::Cell;

/// Answers what commits do: by what is known, else by building and booting them.
pub struct Commits<'a> {
    measure: Measure<'a>,
    ids: Vec<String>,
    trees: &'a Trees,
    evidence: Evidence,
    known: Known,
    names: Vec<String>,
}

/// Why there is no oracle for commits.
#[derive(Debug, thiserror::Error)]
pub enum CommitsError {
    /// Git did not answer.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The evidence cannot be read.
    #[error("the evidence cannot be read: {0}")]
    Evidence(#[from] io::Error),
}

impl<'a> Commits<'a> {
    /// Over commits in their order. What is known is read now, unless everything is to be measured again.
    pub async fn new(
        measure: Measure<'a>,
        ids: Vec<String>,
        trees: &'a Trees,
        evidence: Evidence,
        use_known: bool,
    ) -> Result<Self, CommitsError> {
        let known = match measure.scenario().filter(|_| use_known) {
            Some(scenario) => evidence.known(scenario)?,
            None => Known::default(),
        };
        let names = if known.is_empty() { Vec::new() } else { trees.build_names(&ids).await? };
        Ok(Self { measure, ids, trees, evidence, known, names })
    }

    /// Looks at a variant of a commit; none when cancelled. A build that fails is a broken cell.
    pub async fn variant(
        &self,
        variant: &Variant,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Measurement> {
        let started = Instant::now();
        let sight = self.looked(variant, attempt, cancel).await?.unwrap_or_else(|error| {
            let log = if let BuildError::Command { log, .. } = &error { log.clone() } else { Vec::new() };
            let scenario = self.measure.scenario().map_or("", |one| one.id.as_str());
            let cell = broken(scenario, &variant.base, error.to_string(), log);
            Measurement { cell, boots: 0, duration_ms: 0 }
        });
        Some(Measurement { duration_ms: millis(started), ..sight })
    }

    async fn looked(
        &self,
        variant: &Variant,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Result<Measurement, BuildError>> {
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
            Err(error) => return Some(Err(BuildError::Io(io::Error::other(error)))),
        };
        let measured = self.measure.take(&target, attempt, cancel).await?;
        if let Ok(name) = self.trees.build_name(variant).await {
            for scenario in &self.measure.scenarios {
                if let Some(cell) = measured.cells.iter().find(|cell| cell.scenario == scenario.id) {
                    // Without the store the next bisect builds again, and that is all.
                    let _ = self.evidence.keep(scenario, &name, cell);
                }
            }
        }
        Some(Ok(measured.sight))
    }
}

impl Oracle for Commits<'_> {
    async fn look(&self, candidate: usize, attempt: u32, cancel: &CancellationToken) -> Option<Measurement> {
        let base = self.ids.get(candidate)?.clone();
        self.variant(&Variant { base, change: None }, attempt, cancel).await
    }

    /// Builds take all processors, so nothing is built ahead.
    async fn warm(&self, _: usize) {}

    fn known(&self, candidate: usize) -> Option<Cell> {
        self.known.cell(self.names.get(candidate)?).cloned()
    }
}

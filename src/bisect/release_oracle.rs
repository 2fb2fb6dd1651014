//! Measures releases, or looks up their stored results.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::drive::{Measurement, Oracle};
use super::evidence::{EvidenceStore, KnownCells, release_build};
use super::runner::ScenarioRunner;
use crate::gateway::Target;
use crate::release::Release;
use crate::run::Cell;

/// Tells how releases behave: from stored results, or by booting them.
pub(super) struct ReleaseOracle<'a> {
    runner: ScenarioRunner<'a>,
    candidates: Vec<Release>,
    evidence: EvidenceStore,
    known: Option<KnownCells>,
}

impl<'a> ReleaseOracle<'a> {
    /// An oracle over releases in order of time. Without `use_known`, stored results are ignored.
    ///
    /// # Errors
    ///
    /// When the stored results cannot be read.
    pub(super) fn new(
        runner: ScenarioRunner<'a>,
        releases: Vec<Release>,
        evidence: EvidenceStore,
        use_known: bool,
    ) -> io::Result<Self> {
        let known = match runner.scenario().filter(|_| use_known) {
            Some(scenario) => Some(evidence.known(scenario)?),
            None => None,
        };
        Ok(Self { runner, candidates: releases, evidence, known })
    }
}

impl Oracle for ReleaseOracle<'_> {
    async fn measure(
        &self,
        candidate: usize,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> Option<Measurement> {
        let release = *self.candidates.get(candidate)?;
        let measured = self.runner.run(&Target::Release(release), attempt, cancel).await?;
        for scenario in &self.runner.scenarios {
            if let Some(cell) = measured.cells.iter().find(|cell| cell.scenario == scenario.id) {
                // If storing fails, the next bisect merely boots this release again.
                let _ = self.evidence.keep(scenario, &release_build(release), cell);
            }
        }
        Some(measured.measurement)
    }

    async fn prepare(&self, candidate: usize) {
        if let Some(release) = self.candidates.get(candidate) {
            // An error will show again when the release is measured.
            let _ = self.runner.provider.prepare(&Target::Release(*release), Arc::new(|_| {})).await;
        }
    }

    fn known(&self, candidate: usize) -> Option<Cell> {
        self.known.as_ref()?.cell(&release_build(*self.candidates.get(candidate)?)).cloned()
    }
}

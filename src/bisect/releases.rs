//! Releases as candidates.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::drive::{Measurement, Oracle};
use super::evidence::{Evidence, Known, release_build};
use super::measure::Measure;
use crate::gateway::Target;
use crate::release::Release;
use crate::run::Cell;

/// Answers what releases do: by what is known, else by booting them.
pub struct Releases<'a> {
    measure: Measure<'a>,
    candidates: Vec<Release>,
    evidence: Evidence,
    known: Option<Known>,
}

impl<'a> Releases<'a> {
    /// Over releases in the order of time. What is known is read now, unless everything is to be measured
    /// again.
    pub fn new(
        measure: Measure<'a>,
        releases: Vec<Release>,
        evidence: Evidence,
        use_known: bool,
    ) -> io::Result<Self> {
        let known = match measure.scenario().filter(|_| use_known) {
            Some(scenario) => Some(evidence.known(scenario)?),
            None => None,
        };
        Ok(Self { measure, candidates: releases, evidence, known })
    }
}

impl Oracle for Releases<'_> {
    async fn look(&self, candidate: usize, attempt: u32, cancel: &CancellationToken) -> Option<Measurement> {
        let release = *self.candidates.get(candidate)?;
        let measured = self.measure.take(&Target::Release(release), attempt, cancel).await?;
        for scenario in &self.measure.scenarios {
            if let Some(cell) = measured.cells.iter().find(|cell| cell.scenario == scenario.id) {
                // Without the store the next bisect boots again, and that is all.
                let _ = self.evidence.keep(scenario, &release_build(release), cell);
            }
        }
        Some(measured.sight)
    }

    async fn warm(&self, candidate: usize) {
        if let Some(release) = self.candidates.get(candidate) {
            // Trouble shows again when it is looked at.
            let _ = self.measure.provider.prepare(&Target::Release(*release), Arc::new(|_| {})).await;
        }
    }

    fn known(&self, candidate: usize) -> Option<Cell> {
        self.known.as_ref()?.cell(&release_build(*self.candidates.get(candidate)?)).cloned()
    }
}

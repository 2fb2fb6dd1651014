//! What all searches of a bisect share.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::conditions::Conditions;
use super::drive::{DriveResult, Oracle, SearchDriver};
use super::entry::{BISECT_FORMAT, Candidate, CandidateKind, LogEntry, SearchEnd, SearchStart};
use super::evidence::EvidenceStore;
use super::log_writer::LogWriter;
use super::request::BisectRequest;
use super::runner::{ScenarioRunner, millis};
use super::search_record::SearchRecord;

/// The entries of one search, and whether it was interrupted.
pub(super) type Searched = (Vec<LogEntry>, bool);

/// Where to start a search over releases.
#[derive(Clone, Copy, Default)]
pub(super) struct Guesses<'a> {
    /// Numbers of candidates that probably start a change, the likeliest first.
    pub(super) candidates: &'a [usize],
    /// Whether the user named no ends.
    pub(super) free: bool,
}

/// What all searches of a bisect share.
pub(super) struct SearchContext<'a> {
    pub(super) request: &'a BisectRequest<'a>,
    pub(super) evidence: EvidenceStore,
    pub(super) cancel: &'a CancellationToken,
    /// Searches of the log that is being resumed.
    past: Vec<SearchRecord>,
}

impl<'a> SearchContext<'a> {
    pub(super) fn new(
        request: &'a BisectRequest<'a>,
        past: Vec<SearchRecord>,
        cancel: &'a CancellationToken,
    ) -> Self {
        let conditions = Conditions::of(&request.settings, request.question.repeat);
        let evidence = EvidenceStore::below(&request.cache_dir, conditions);
        Self { request, evidence, cancel, past }
    }

    pub(super) fn runner(&self) -> ScenarioRunner<'a> {
        ScenarioRunner {
            provider: self.request.provider,
            scenarios: self.request.scenarios.clone(),
            settings: self.request.settings.clone(),
            repeat: self.request.question.repeat,
            tell: Arc::clone(&self.request.tell),
        }
    }

    /// The search with this number over candidates of a kind, in the log that is being resumed.
    pub(super) fn past_search(&self, kind: CandidateKind, number: usize) -> Option<&SearchRecord> {
        self.past.iter().filter(|search| search.start.kind == kind).nth(number)
    }

    pub(super) fn start(
        &self,
        kind: CandidateKind,
        candidates: Vec<Candidate>,
        notes: Vec<String>,
    ) -> SearchStart {
        SearchStart {
            format: BISECT_FORMAT,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            question: self.request.question.clone(),
            kind,
            candidates,
            arguments: self.request.arguments.clone(),
            notes,
        }
    }

    /// Runs one search, or the rest of a past one; whether it was interrupted.
    pub(super) async fn search(
        &self,
        oracle: &impl Oracle,
        log: &mut LogWriter<'_>,
        past: Option<&SearchRecord>,
        guesses: Guesses<'_>,
    ) -> bool {
        let start = log.start();
        match past {
            Some(search) if search.end.is_some() => return false,
            Some(search) => log.resumed(search.probes.len()),
            None => log.add(LogEntry::Started(Box::new(start.clone()))),
        }
        let began = Instant::now();
        let probes = past.map(|search| search.probes.clone()).unwrap_or_default();
        let result = {
            let mut emit = |entry| log.add(entry);
            let (question, count) = (&start.question, start.candidates.len());
            SearchDriver::new(oracle, question, count, self.request.jobs, self.cancel, &mut emit)
                .guided(guesses.candidates, guesses.free)
                .after(probes)
                .search()
                .await
        };
        let DriveResult::Done(outcome, confidence) = result else { return true };
        log.add(LogEntry::Ended(SearchEnd { outcome, confidence, duration_ms: millis(began) }));
        false
    }
}

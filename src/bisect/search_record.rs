//! The searches of a bisect, rebuilt from the entries of its log.

use super::entry::{
    BuildVerdict, CandidateKind, Check, Commit, LogEntry, Probe, Reading, SearchEnd, SearchStart,
};
use super::search::SearchOutcome;
use crate::run::StepRecord;
use crate::verdict::Signature;

/// One search, rebuilt from its log entries.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRecord {
    /// The question and the candidates.
    pub start: SearchStart,
    /// The probes in the order they were made.
    pub probes: Vec<Probe>,
    /// How it ended; none while it is unfinished.
    pub end: Option<SearchEnd>,
    /// The commit that was found.
    pub commit: Option<Commit>,
    /// Checks of the answer.
    pub checks: Vec<Check>,
}

impl SearchRecord {
    /// A search that has only just started.
    pub fn new(start: SearchStart) -> Self {
        Self { start, probes: Vec::new(), end: None, commit: None, checks: Vec::new() }
    }

    /// The searches of a log, in order.
    pub fn all(entries: &[LogEntry]) -> Vec<Self> {
        let mut searches: Vec<Self> = Vec::new();
        for entry in entries {
            if let LogEntry::Started(start) = entry {
                searches.push(Self::new((**start).clone()));
            } else if let Some(search) = searches.last_mut() {
                search.take(entry);
            }
        }
        searches
    }

    /// Adds what an entry after the start says.
    pub fn take(&mut self, entry: &LogEntry) {
        match entry {
            LogEntry::Started(_) => {}
            LogEntry::Probed(probe) => self.probes.push((**probe).clone()),
            LogEntry::Ended(end) => self.end = Some(end.clone()),
            LogEntry::CommitFound(commit) => self.commit = Some(commit.clone()),
            LogEntry::Checked(check) => self.checks.push(check.clone()),
        }
    }

    /// The number of the search that holds the answer. This is the last one, unless the last one searched the commits
    /// of a merge and found no change: then the merge itself is to blame, and the search that found it counts.
    pub fn decisive(searches: &[Self]) -> Option<usize> {
        let last = searches.len().checked_sub(1)?;
        let has_change = |at: usize| {
            (searches[at].start.kind == CandidateKind::Commit).then(|| searches[at].change().is_some())
        };
        let merge = last
            .checked_sub(1)
            .filter(|before| (has_change(*before), has_change(last)) == (Some(true), Some(false)));
        Some(merge.unwrap_or(last))
    }

    /// The last candidate without the change and the first one with it.
    pub fn change(&self) -> Option<(usize, usize)> {
        match self.end.as_ref()?.outcome {
            SearchOutcome::Found { first_new } => Some((first_new.checked_sub(1)?, first_new)),
            SearchOutcome::FoundDespiteSkips { last_old, first_new } => Some((last_old, first_new)),
            _ => None,
        }
    }

    /// Whether the change may be in a build between those two that is not a candidate.
    pub fn has_gap(&self) -> bool {
        let inside = self.change().and_then(|(before, at)| self.start.candidates.get(before + 1..=at));
        inside.is_some_and(|inside| inside.iter().any(|one| one.gap_before))
    }

    /// The failure that was bisected: the first one that made a build bad.
    pub fn signature(&self) -> Option<&Signature> {
        self.probes.iter().find_map(|probe| match (&probe.reading, probe.verdict) {
            (Reading::Wrong(signature), BuildVerdict::Bad) => Some(signature),
            _ => None,
        })
    }

    /// The steps of the first probe of a candidate.
    pub fn steps(&self, candidate: usize) -> Option<&[StepRecord]> {
        self.probes.iter().find(|probe| probe.candidate == candidate).map(|probe| probe.steps.as_slice())
    }

    /// The full name of a candidate.
    pub fn name(&self, candidate: usize) -> String {
        self.start.candidates.get(candidate).map_or_else(|| "?".to_owned(), |one| one.name.clone())
    }

    /// The abbreviated name of a candidate.
    pub fn short_name(&self, candidate: usize) -> &str {
        self.start.candidates.get(candidate).map_or("?", |one| one.short())
    }
}

//! The JSON report of a bisect, computed from the entries of its log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{
    BISECT_FORMAT, BuildVerdict, CandidateKind, Check, Commit, LogEntry, Probe, Reading, SearchEnd,
    SoughtChange,
};
use super::search::SearchOutcome;
use super::search_record::SearchRecord;
use crate::run::Format;
use crate::verdict::Signature;

/// How a bisect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// The first build with the change is known.
    Found,
    /// The change is in one of a few builds.
    FoundDespiteSkips,
    /// No answer is possible.
    Indeterminate,
    /// Nothing changes between the ends.
    EndsDoNotDiffer,
    /// The good end is bad and the bad end is good.
    EndsSwapped,
    /// The bisect was interrupted; its log can be resumed.
    Unfinished,
}

/// A probe as the report lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportedProbe {
    /// The build.
    pub build: String,
    /// The verdict on it.
    pub verdict: BuildVerdict,
    /// The failure it showed.
    pub signature: Option<Signature>,
    /// Why there is no verdict.
    pub why: Option<String>,
    /// Whether the result came from stored evidence.
    pub cached: bool,
    /// Gateway starts.
    pub boots: usize,
    /// Duration in milliseconds.
    pub duration_ms: u64,
}

/// Neighbouring candidates that behave alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehaviourRange {
    /// The first probed candidate of the range.
    pub first: String,
    /// The last probed candidate of the range.
    pub last: String,
    /// `ok`, the short name of a failure, or `?`.
    pub behaviour: String,
}

/// The result of a bisect, as the JSON report states it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BisectReport {
    /// Version of this document's format.
    pub format: Format,
    /// Version of gatecrash.
    pub harness: String,
    /// Id of the scenario.
    pub scenario: String,
    /// The step that counts.
    pub step: Option<String>,
    /// The kind of change that was looked for.
    pub find: SoughtChange,
    /// What the candidates are.
    pub kind: CandidateKind,
    /// Number of candidates, ends included.
    pub candidates: usize,
    /// How the bisect ended.
    pub result: Conclusion,
    /// The first bad build, when a regression was looked for.
    pub first_bad: Option<String>,
    /// The first good build, when a fix was looked for.
    pub first_good: Option<String>,
    /// The last build before the change.
    pub before: Option<String>,
    /// When the build with the change was published or written.
    pub date: Option<String>,
    /// The builds that may hold the change, where some could not be tested; the last one certainly shows it.
    pub one_of: Vec<String>,
    /// The failure that was bisected.
    pub signature: Option<Signature>,
    /// How likely the answer is, with `--confidence`.
    pub confidence: Option<f64>,
    /// Gateway starts, checks included.
    pub boots: usize,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// The probes in the order they were made.
    pub steps: Vec<ReportedProbe>,
    /// How the probed candidates behave, in order of time.
    pub timeline: Vec<BehaviourRange>,
    /// The commit that was found.
    pub commit: Option<Commit>,
    /// Checks of the answer.
    pub checks: Vec<Check>,
    /// Remarks on the range.
    pub notes: Vec<String>,
    /// Whether the change may be in a build after `before` that was not available.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
    /// Reports of the other searches: over wider ranges, or inside a merge.
    pub earlier: Vec<BisectReport>,
}

impl BisectReport {
    /// The report of a log: that of its decisive search, with the others beside it.
    pub fn of(entries: &[LogEntry]) -> Option<Self> {
        let searches = SearchRecord::all(entries);
        let decisive = SearchRecord::decisive(&searches)?;
        let mut reports: Vec<Self> = searches.iter().map(Self::of_search).collect();
        let own = reports.remove(decisive);
        Some(Self { earlier: reports, ..own })
    }

    /// The report of one search.
    fn of_search(search: &SearchRecord) -> Self {
        let question = &search.start.question;
        let change = search.change();
        let named = change.map(|(_, at)| search.name(at));
        let (first_bad, first_good) = match question.find {
            SoughtChange::Regression => (named, None),
            SoughtChange::Fix => (None, named),
        };
        let checks = &search.checks;
        let probing_ms = || search.probes.iter().map(|probe| probe.duration_ms).sum();
        Self {
            format: BISECT_FORMAT,
            harness: search.start.harness.clone(),
            scenario: question.scenario.clone(),
            step: question.step.clone(),
            find: question.find,
            kind: search.start.kind,
            candidates: search.start.candidates.len(),
            result: conclusion(search.end.as_ref()),
            first_bad,
            first_good,
            before: change.map(|(before, _)| search.name(before)),
            date: change.and_then(|(_, at)| search.start.candidates.get(at)?.date.clone()),
            one_of: match change {
                Some((before, at)) if before + 1 < at => {
                    (before + 1..=at).map(|at| search.name(at)).collect()
                }
                _ => Vec::new(),
            },
            signature: search.signature().cloned(),
            confidence: search.end.as_ref().and_then(|end| end.confidence),
            boots: search.probes.iter().map(|probe| probe.boots).sum::<usize>()
                + checks.iter().map(|check| check.boots).sum::<usize>(),
            duration_ms: search.end.as_ref().map_or_else(probing_ms, |end| end.duration_ms)
                + checks.iter().map(|check| check.duration_ms).sum::<u64>(),
            steps: search.probes.iter().map(|probe| reported(search, probe)).collect(),
            timeline: timeline(search),
            commit: search.commit.clone(),
            checks: checks.clone(),
            notes: search.start.notes.clone(),
            gap: search.has_gap(),
            earlier: Vec::new(),
        }
    }

    /// Gateway starts of all searches.
    pub fn all_boots(&self) -> usize {
        self.boots + self.earlier.iter().map(|one| one.boots).sum::<usize>()
    }
}

fn reported(search: &SearchRecord, probe: &Probe) -> ReportedProbe {
    let (signature, why) = match &probe.reading {
        Reading::Right => (None, None),
        Reading::Wrong(signature) => (Some(signature.clone()), None),
        Reading::Unclear(why) => (None, Some(why.clone())),
    };
    ReportedProbe {
        build: search.name(probe.candidate),
        verdict: probe.verdict,
        signature,
        why,
        cached: probe.cached,
        boots: probe.boots,
        duration_ms: probe.duration_ms,
    }
}

/// How the probed candidates of a search behave, in order of time.
pub fn timeline(search: &SearchRecord) -> Vec<BehaviourRange> {
    let mut behaviours: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for probe in &search.probes {
        behaviours.entry(probe.candidate).or_default().push(match &probe.reading {
            Reading::Right => "ok".to_owned(),
            Reading::Wrong(signature) => signature.word(),
            Reading::Unclear(_) => "?".to_owned(),
        });
    }
    let mut ranges: Vec<BehaviourRange> = Vec::new();
    for (candidate, shown) in behaviours {
        let wrong = shown.iter().find(|one| *one != "ok" && *one != "?");
        let behaviour = match wrong.filter(|wrong| shown.iter().any(|one| one != *wrong)) {
            Some(wrong) => format!("flaky {wrong}"),
            None => shown.into_iter().next().unwrap_or_default(),
        };
        let name = search.name(candidate);
        match ranges.last_mut() {
            Some(open) if open.behaviour == behaviour => open.last = name,
            _ => ranges.push(BehaviourRange { first: name.clone(), last: name, behaviour }),
        }
    }
    ranges
}

const fn conclusion(end: Option<&SearchEnd>) -> Conclusion {
    let Some(end) = end else { return Conclusion::Unfinished };
    match end.outcome {
        SearchOutcome::Found { .. } => Conclusion::Found,
        SearchOutcome::FoundDespiteSkips { .. } => Conclusion::FoundDespiteSkips,
        SearchOutcome::Indeterminate => Conclusion::Indeterminate,
        SearchOutcome::EndsDoNotDiffer { .. } => Conclusion::EndsDoNotDiffer,
        SearchOutcome::EndsSwapped => Conclusion::EndsSwapped,
    }
}

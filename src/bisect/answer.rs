//! The answer: a function of the log's entries, and the JSON report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::Reading;
use super::entry::{Answered, Asked, BISECT_FORMAT, Check, Commit, Entry, Find, Kind, Probe, Word};
use super::search::Finding;
use crate::run::{Format, StepRecord};
use crate::verdict::Signature;

/// How a bisect ended, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// The first build with the change is known.
    Found,
    /// It is one of a few.
    FoundDespiteSkips,
    /// It cannot be said.
    Indeterminate,
    /// Nothing changes between the ends.
    EndsDoNotDiffer,
    /// The ends are the other way round.
    EndsSwapped,
    /// It was interrupted; the log can be resumed.
    Unfinished,
}

/// One step of the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The build.
    pub build: String,
    /// What it was called.
    pub verdict: Word,
    /// The failure that it showed.
    pub signature: Option<Signature>,
    /// Why it could not be told.
    pub why: Option<String>,
    /// Whether it was known before.
    pub cached: bool,
    /// Gateway starts.
    pub boots: usize,
    /// Length in milliseconds.
    pub duration_ms: u64,
}

/// Neighbouring candidates that behave alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first one that was looked at.
    pub first: String,
    /// The last one.
    pub last: String,
    /// `ok`, a signature in a word, or `?`.
    pub behaviour: String,
}

/// An answer: the JSON report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Version of this document's format.
    pub format: Format,
    /// Version of gatecrash.
    pub harness: String,
    /// Id of the scenario.
    pub scenario: String,
    /// The step that counts.
    pub step: Option<String>,
    /// What was looked for.
    pub find: Find,
    /// What candidates are.
    pub kind: Kind,
    /// How many there were, ends included.
    pub candidates: usize,
    /// How it ended.
    pub result: Conclusion,
    /// The first bad build, when a regression was looked for.
    pub first_bad: Option<String>,
    /// The first good build, when a fix was looked for.
    pub first_good: Option<String>,
    /// The last build before the change.
    pub before: Option<String>,
    /// When the build with the change was published or written.
    pub date: Option<String>,
    /// The builds it may be, where some could not be told; the last one certainly has the change.
    pub one_of: Vec<String>,
    /// The failure that counts.
    pub signature: Option<Signature>,
    /// How likely the answer is, where that was asked.
    pub confidence: Option<f64>,
    /// Gateway starts, checks included.
    pub boots: usize,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// The looks in their order.
    pub steps: Vec<Step>,
    /// What was seen, in the order of time.
    pub timeline: Vec<Stretch>,
    /// The commit that was found.
    pub commit: Option<Commit>,
    /// Measurements after the answer.
    pub checks: Vec<Check>,
    /// What people should know of the range.
    pub notes: Vec<String>,
    /// Whether the change may be in a build between `before` and the one that was found, which was not to be had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
    /// Answers of the other searches: over wider ranges, or inside a merge.
    pub earlier: Vec<Answer>,
}

/// One search as its entries tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// The question.
    pub asked: Asked,
    /// The looks in their order.
    pub looks: Vec<Probe>,
    /// The end.
    pub answered: Option<Answered>,
    /// The commit that was found.
    pub commit: Option<Commit>,
    /// Measurements after the answer.
    pub checks: Vec<Check>,
}

impl Story {
    /// The searches of a log, in order.
    pub fn all(entries: &[Entry]) -> Vec<Self> {
        let mut stories: Vec<Self> = Vec::new();
        for entry in entries {
            if let Entry::Asked(asked) = entry {
                let asked = (**asked).clone();
                let (looks, checks) = (Vec::new(), Vec::new());
                stories.push(Self { asked, looks, answered: None, commit: None, checks });
                continue;
            }
            let Some(story) = stories.last_mut() else { continue };
            match entry {
                Entry::Asked(_) => {}
                Entry::Looked(look) => story.looks.push((**look).clone()),
                Entry::Answered(answered) => story.answered = Some(answered.clone()),
                Entry::Described(commit) => story.commit = Some(commit.clone()),
                Entry::Checked(check) => story.checks.push(check.clone()),
            }
        }
        stories
    }

    /// The number of the search whose answer counts: the last one; the one before where the last looked for
    /// a commit that a merge had brought in and found none, because the merge itself is to blame.
    pub fn that_tells(stories: &[Self]) -> Option<usize> {
        let last = stories.len().checked_sub(1)?;
        let inside = |at: usize| stories[at].asked.kind == Kind::Commit && stories[at].change().is_none();
        let before = last.checked_sub(1).filter(|before| {
            inside(last) && stories[*before].asked.kind == Kind::Commit && stories[*before].change().is_some()
        });
        Some(before.unwrap_or(last))
    }

    /// The last candidate without the change and the first with it.
    pub fn change(&self) -> Option<(usize, usize)> {
        match self.answered.as_ref()?.finding {
            Finding::Found { first_new } => Some((first_new.checked_sub(1)?, first_new)),
            Finding::FoundDespiteSkips { last_old, first_new } => Some((last_old, first_new)),
            _ => None,
        }
    }

    /// Whether the change may be in a build between those two that is no candidate.
    pub fn has_gap(&self) -> bool {
        let inside = self.change().and_then(|(before, at)| self.asked.candidates.get(before + 1..=at));
        inside.is_some_and(|inside| inside.iter().any(|one| one.gap_before))
    }

    /// The failure that counts: the first one that was bad.
    pub fn signature(&self) -> Option<&Signature> {
        self.looks.iter().find_map(|look| match (&look.reading, look.word) {
            (Reading::Wrong(signature), Word::Bad) => Some(signature),
            _ => None,
        })
    }

    /// The steps that a candidate showed when it was looked at first.
    pub fn steps(&self, candidate: usize) -> Option<&[StepRecord]> {
        self.looks.iter().find(|look| look.candidate == candidate).map(|look| look.steps.as_slice())
    }

    fn name(&self, candidate: usize) -> String {
        self.asked.candidates.get(candidate).map_or_else(|| "?".to_owned(), |one| one.name.clone())
    }

    fn answer(&self) -> Answer {
        let question = &self.asked.question;
        let change = self.change();
        let named = change.map(|(_, at)| self.name(at));
        let (first_bad, first_good) = match question.find {
            Find::Regression => (named, None),
            Find::Fix => (None, named),
        };
        Answer {
            format: BISECT_FORMAT,
            harness: self.asked.harness.clone(),
            scenario: question.scenario.clone(),
            step: question.step.clone(),
            find: question.find,
            kind: self.asked.kind,
            candidates: self.asked.candidates.len(),
            result: result(self.answered.as_ref()),
            first_bad,
            first_good,
            before: change.map(|(before, _)| self.name(before)),
            date: change.and_then(|(_, at)| self.asked.candidates.get(at)?.date.clone()),
            one_of: match change {
                Some((before, at)) if before + 1 < at => (before + 1..=at).map(|at| self.name(at)).collect(),
                _ => Vec::new(),
            },
            signature: self.signature().cloned(),
            confidence: self.answered.as_ref().and_then(|answered| answered.confidence),
            boots: self.looks.iter().map(|look| look.boots).sum::<usize>()
                + self.checks.iter().map(|check| check.boots).sum::<usize>(),
            duration_ms: self.answered.as_ref().map_or_else(
                || self.looks.iter().map(|look| look.duration_ms).sum(),
                |answered| answered.duration_ms,
            ) + self.checks.iter().map(|check| check.duration_ms).sum::<u64>(),
            steps: self.looks.iter().map(|look| self.step(look)).collect(),
            timeline: self.timeline(),
            commit: self.commit.clone(),
            checks: self.checks.clone(),
            notes: self.asked.notes.clone(),
            gap: self.has_gap(),
            earlier: Vec::new(),
        }
    }

    fn step(&self, look: &Probe) -> Step {
        let (signature, why) = match &look.reading {
            Reading::Right => (None, None),
            Reading::Wrong(signature) => (Some(signature.clone()), None),
            Reading::Unclear(why) => (None, Some(why.clone())),
        };
        Step {
            build: self.name(look.candidate),
            verdict: look.word,
            signature,
            why,
            cached: look.cached,
            boots: look.boots,
            duration_ms: look.duration_ms,
        }
    }

    fn timeline(&self) -> Vec<Stretch> {
        let mut seen: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for look in &self.looks {
            seen.entry(look.candidate).or_default().push(match &look.reading {
                Reading::Right => "ok".to_owned(),
                Reading::Wrong(signature) => signature.word(),
                Reading::Unclear(_) => "?".to_owned(),
            });
        }
        let mut stretches: Vec<Stretch> = Vec::new();
        for (candidate, words) in seen {
            let wrong = words.iter().find(|word| *word != "ok" && *word != "?");
            let behaviour = match wrong.filter(|wrong| words.iter().any(|word| word != *wrong)) {
                Some(wrong) => format!("flaky {wrong}"),
                None => words.into_iter().next().unwrap_or_default(),
            };
            let name = self.name(candidate);
            match stretches.last_mut() {
                Some(open) if open.behaviour == behaviour => open.last = name,
                _ => stretches.push(Stretch { first: name.clone(), last: name, behaviour }),
            }
        }
        stretches
    }
}

impl Answer {
    /// The answer of a log: that of its last search, with the ones around it.
    pub fn of(entries: &[Entry]) -> Option<Self> {
        let stories = Story::all(entries);
        let told = Story::that_tells(&stories)?;
        let mut answers: Vec<Self> = stories.iter().map(Story::answer).collect();
        let own = answers.remove(told);
        Some(Self { earlier: answers, ..own })
    }

    /// Gateway starts of all searches.
    pub fn all_boots(&self) -> usize {
        self.boots + self.earlier.iter().map(|one| one.boots).sum::<usize>()
    }
}

const fn result(answered: Option<&Answered>) -> Conclusion {
    let Some(answered) = answered else { return Conclusion::Unfinished };
    match answered.finding {
        Finding::Found { .. } => Conclusion::Found,
        Finding::FoundDespiteSkips { .. } => Conclusion::FoundDespiteSkips,
        Finding::Indeterminate => Conclusion::Indeterminate,
        Finding::EndsDoNotDiffer { .. } => Conclusion::EndsDoNotDiffer,
        Finding::EndsSwapped => Conclusion::EndsSwapped,
    }
}

//! What happens in a bisect, as entries of its log. Every answer is a function of them.

use super::search::Finding;
use crate::release::Release;
use crate::run::{Format, StepRecord};
use crate::verdict::Signature;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a cell shows of the scenario, or of one of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// What is right.
    Right,
    /// Something else.
    Wrong(Signature),
    /// It cannot be told, and why.
    Unclear(String),
}

/// The format of `bisect.jsonl` and of the JSON report.
pub const BISECT_FORMAT: Format = Format { major: 1, minor: 0 };

/// What to look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Find {
    /// The first build that fails; the good end is the earlier one.
    #[default]
    Regression,
    /// The first build that is right again; the bad end is the earlier one.
    Fix,
}

/// What is said of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It does what is right.
    Good,
    /// It shows the failure that is looked for.
    Bad,
    /// It shows another failure.
    Other,
    /// It cannot be told.
    Skip,
}

/// What the user calls good and bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Good.
    pub good: String,
    /// Bad.
    pub bad: String,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Id of the scenario.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// The file.
    pub path: String,
    /// Digest of its texts.
    pub digest: String,
    /// The step that counts; the first one that differs where none is named.
    pub step: Option<String>,
    /// What to look for.
    pub find: Find,
    /// Whether every failure is bad.
    pub any_failure: bool,
    /// Runs of each candidate.
    pub repeat: u32,
    /// How sure the answer must be, where behaviour is flaky.
    pub confidence: Option<f64>,
    /// Words of the user.
    pub terms: Terms,
    /// Whether all changes are wanted, not one.
    pub all_transitions: bool,
}

/// What candidates are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Published releases.
    Release,
    /// Commits of a repository.
    Commit,
}

/// A build that may be tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The release, or the whole commit id.
    pub name: String,
    /// Its release, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// When it was published or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// First line of a commit's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<String>,
    /// Whether there may be builds between it and the candidate before it that are no candidates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap_before: bool,
}

impl Candidate {
    /// The name as people write it: a commit id is cut.
    pub fn short(&self) -> &str {
        let is_id = self.name.len() >= 40 && self.name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { &self.name[..12] } else { &self.name }
    }
}

/// A question with everything it is asked of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Version of this log's format.
    pub format: Format,
    /// Version of gatecrash.
    pub harness: String,
    /// The question.
    pub question: Question,
    /// What candidates are.
    pub kind: Kind,
    /// The candidates in the order of time, ends included.
    pub candidates: Vec<Candidate>,
    /// How it was asked, for `--resume`.
    pub wish: Value,
    /// What people should know of the range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One look at a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Number of the candidate.
    pub candidate: usize,
    /// What was seen.
    pub reading: Reading,
    /// What that makes it.
    pub word: Word,
    /// Whether it was known before.
    pub cached: bool,
    /// Gateway starts.
    pub boots: usize,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// The steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
    /// Last lines of a build or gateway that broke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// A measurement made after the answer, to be sure of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was measured.
    pub what: String,
    /// What it should be.
    pub expected: Word,
    /// What it was.
    pub word: Word,
    /// Why it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether the commit was put on or taken out, and not just measured again.
    #[serde(default)]
    pub ablation: bool,
    /// Gateway starts.
    pub boots: usize,
    /// Length in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
}

/// What a check says about the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It speaks for it.
    For,
    /// It speaks against it.
    Against,
    /// It could not be made, such as where the commit's change does not apply.
    Untold,
}

impl Check {
    /// What it says about the answer.
    pub fn support(&self) -> Support {
        if self.word == self.expected {
            Support::For
        } else if self.word == Word::Skip {
            Support::Untold
        } else {
            Support::Against
        }
    }
}

/// Whether something speaks against an answer, or nothing tells what was asked to be checked. One ablation of
/// two is enough: a commit seldom applies to the far end as it is.
pub fn doubtful(checks: &[Check]) -> bool {
    let (ablations, again): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.ablation);
    let untold = |check: &&Check| check.support() == Support::Untold;
    checks.iter().any(|check| check.support() == Support::Against)
        || again.iter().any(untold)
        || !ablations.is_empty() && ablations.iter().all(untold)
}

/// The commit that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its whole id.
    pub id: String,
    /// Who wrote it.
    pub author: String,
    /// When it was written.
    pub date: String,
    /// First line of its message.
    pub prepared: String,
    /// Files that it changes, with the letter of the change.
    pub files: Vec<String>,
}

/// The end of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// What was found.
    pub finding: Finding,
    /// How likely it is, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Length in milliseconds.
    pub duration_ms: u64,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum Entry {
    /// A search begins; a second one narrows the answer of the first.
    Asked(Box<Asked>),
    /// A candidate was looked at.
    Looked(Box<Probe>),
    /// The search ended.
    Answered(Answered),
    /// The commit that it found.
    Described(Commit),
    /// The answer was checked.
    Checked(Check),
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn question() -> Question {
        Question {
            scenario: "roles/legacy".into(),
            title: "A device keeps its role".into(),
            path: "scenarios/roles/legacy.yaml".into(),
            digest: "d".into(),
            step: None,
            find: Find::Regression,
            any_failure: false,
            repeat: 1,
            confidence: None,
            terms: Terms { good: "good".into(), bad: "bad".into() },
            all_transitions: false,
        }
    }

    pub(crate) fn asked(releases: &[&str]) -> Asked {
        let candidate = |name: &&str| Candidate {
            name: (*name).to_owned(),
            release: name.parse().ok(),
            date: None,
            prepared: None,
            gap_before: false,
        };
        Asked {
            format: BISECT_FORMAT,
            harness: "0.1.0".into(),
            question: question(),
            kind: Kind::Release,
            candidates: releases.iter().map(candidate).collect(),
            wish: Value::Null,
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_commit_is_called_by_the_start_of_its_id() {
        let mut one = asked(&["2026.3.28"]).candidates.remove(0);
        assert_eq!(one.short(), "2026.3.28");
        one.name = "0123456789abcdef0123456789abcdef01234567".into();
        assert_eq!(one.short(), "0123456789ab");
    }

    #[rstest::rstest]
    #[case(&[], false)]
    #[case(&["good good", "bad bad"], false)]
    #[case(&["good bad", "bad bad"], true)]
    #[case(&["good skip", "bad bad"], true)]
    #[case(&["good good", "bad bad", "bad skip +", "good good +"], false)]
    #[case(&["good good", "bad bad", "bad skip +", "good skip +"], true)]
    #[case(&["good good", "bad bad", "bad other +", "good good +"], true)]
    fn an_answer_is_doubtful_by_its_checks(#[case] checks: &[&str], #[case] expected: bool) {
        let word = |text: &str| match text {
            "good" => Word::Good,
            "bad" => Word::Bad,
            "other" => Word::Other,
            _ => Word::Skip,
        };
        let check = |text: &&str| {
            let parts: Vec<&str> = text.split(' ').collect();
            let (expected, word, ablation) = (word(parts[0]), word(parts[1]), parts.len() > 2);
            Check { what: String::new(), expected, word, why: None, ablation, boots: 1, duration_ms: 1 }
        };
        assert_eq!(doubtful(&checks.iter().map(check).collect::<Vec<_>>()), expected);
    }
}

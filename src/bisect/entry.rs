//! The entries of a bisect log. Every report is computed from them alone.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::search::SearchOutcome;
use crate::release::Release;
use crate::run::{Format, StepRecord};
use crate::verdict::Signature;

/// What a cell shows of the scenario, or of one of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The behaviour is right.
    Right,
    /// The behaviour is wrong in this way.
    Wrong(Signature),
    /// The behaviour could not be determined, for this reason.
    Unclear(String),
}

/// The format of `bisect.jsonl` and of the JSON report.
pub const BISECT_FORMAT: Format = Format { major: 1, minor: 0 };

/// The kind of change a bisect looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SoughtChange {
    /// The first build that fails; the good end is the earlier one.
    #[default]
    Regression,
    /// The first build that is right again; the bad end is the earlier one.
    Fix,
}

impl SoughtChange {
    /// Sorts a good and a bad end by time, the earlier one first. The same call turns an earlier and a later end
    /// back into a good and a bad one.
    pub fn ordered<T>(self, good: T, bad: T) -> (T, T) {
        match self {
            Self::Regression => (good, bad),
            Self::Fix => (bad, good),
        }
    }
}

/// The verdict on a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildVerdict {
    /// It behaves as it should.
    Good,
    /// It shows the failure that is being bisected.
    Bad,
    /// It shows a different failure.
    Other,
    /// It could not be tested.
    Skip,
}

/// The words the user prefers for good and bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Used for `good`.
    pub good: String,
    /// Used for `bad`.
    pub bad: String,
}

/// What a bisect is asked to find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// Id of the scenario.
    pub scenario: String,
    /// Title of the scenario.
    pub title: String,
    /// File of the scenario.
    pub path: String,
    /// Digest of every text the scenario is written in.
    pub digest: String,
    /// The step that counts; without one, the first step that differs.
    pub step: Option<String>,
    /// The kind of change to look for.
    pub find: SoughtChange,
    /// Whether every failure is bad.
    pub any_failure: bool,
    /// Runs of each candidate.
    pub repeat: u32,
    /// How certain the answer must be, where behaviour is flaky.
    pub confidence: Option<f64>,
    /// The user's words for good and bad.
    pub terms: Terms,
    /// Whether to find every change instead of one.
    pub all_transitions: bool,
}

/// What the candidates of a search are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CandidateKind {
    /// Published releases.
    Release,
    /// Commits of a repository.
    Commit,
}

/// A build that may be tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The release, or the full commit id.
    pub name: String,
    /// The release, unless this is a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// When it was published or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// First line of the commit message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether builds may exist between this candidate and the previous one that are not candidates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap_before: bool,
}

impl Candidate {
    /// The name for display: commit ids are abbreviated.
    pub fn short(&self) -> &str {
        let is_id = self.name.len() >= 40 && self.name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { &self.name[..12] } else { &self.name }
    }
}

/// The start of a search: the question, and the candidates it is asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchStart {
    /// Format version of this log.
    pub format: Format,
    /// Version of gatecrash.
    pub harness: String,
    /// The question.
    pub question: Question,
    /// What the candidates are.
    pub kind: CandidateKind,
    /// The candidates in order of time, ends included.
    pub candidates: Vec<Candidate>,
    /// The arguments of the command, for `--resume`.
    #[serde(rename = "wish")]
    pub arguments: Value,
    /// Remarks on the range.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One test of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Number of the candidate.
    pub candidate: usize,
    /// What the candidate did.
    pub reading: Reading,
    /// The verdict that follows from the reading.
    #[serde(rename = "word")]
    pub verdict: BuildVerdict,
    /// Whether the result came from stored evidence.
    pub cached: bool,
    /// Gateway starts.
    pub boots: usize,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// Every step of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRecord>,
    /// Last log lines of a build or gateway that broke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// A measurement that confirms or contradicts the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What was measured.
    pub what: String,
    /// The verdict that supports the answer.
    pub expected: BuildVerdict,
    /// The verdict that was measured.
    #[serde(rename = "word")]
    pub verdict: BuildVerdict,
    /// Why there is no verdict, or how the build fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether the commit was applied or reverted, rather than measured again.
    #[serde(default)]
    pub ablation: bool,
    /// Gateway starts.
    pub boots: usize,
    /// Duration in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
}

/// What a check says about the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckSupport {
    /// It supports the answer.
    For,
    /// It contradicts the answer.
    Against,
    /// It could not be made, for example because the change does not apply.
    Inconclusive,
}

impl Check {
    /// What this check says about the answer.
    pub fn support(&self) -> CheckSupport {
        if self.verdict == self.expected {
            CheckSupport::For
        } else if self.verdict == BuildVerdict::Skip {
            CheckSupport::Inconclusive
        } else {
            CheckSupport::Against
        }
    }
}

/// Whether a check contradicts the answer, or the requested checks were inconclusive. One conclusive ablation of two
/// is enough: a commit seldom applies unchanged to the far end of the range.
pub fn is_doubtful(checks: &[Check]) -> bool {
    let (ablations, repeats): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.ablation);
    let inconclusive = |check: &&Check| check.support() == CheckSupport::Inconclusive;
    checks.iter().any(|check| check.support() == CheckSupport::Against)
        || repeats.iter().any(inconclusive)
        || !ablations.is_empty() && ablations.iter().all(inconclusive)
}

/// The commit that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Full commit id.
    pub id: String,
    /// Name of the author.
    pub author: String,
    /// Author date.
    pub date: String,
    /// First line of the message.
    pub subject: String,
    /// Changed files, each with the letter of its change.
    pub files: Vec<String>,
}

/// The end of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchEnd {
    /// What the search found.
    #[serde(rename = "finding")]
    pub outcome: SearchOutcome,
    /// How likely the outcome is, for searches over flaky behaviour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Duration in milliseconds.
    pub duration_ms: u64,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum LogEntry {
    /// A search begins; a second one narrows the answer of the first.
    #[serde(rename = "asked")]
    Started(Box<SearchStart>),
    /// A candidate was tested.
    #[serde(rename = "looked")]
    Probed(Box<Probe>),
    /// The search ended.
    #[serde(rename = "answered")]
    Ended(SearchEnd),
    /// The search found this commit.
    #[serde(rename = "described")]
    CommitFound(Commit),
    /// The answer was checked.
    Checked(Check),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bisect::test_support::search_start;

    #[test]
    fn a_commit_id_is_abbreviated() {
        let mut one = search_start(&["2026.3.28"]).candidates.remove(0);
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
    fn contradicting_and_inconclusive_checks_make_an_answer_doubtful(
        #[case] checks: &[&str],
        #[case] expected: bool,
    ) {
        let verdict = |text: &str| match text {
            "good" => BuildVerdict::Good,
            "bad" => BuildVerdict::Bad,
            "other" => BuildVerdict::Other,
            _ => BuildVerdict::Skip,
        };
        let check = |text: &&str| {
            let parts: Vec<&str> = text.split(' ').collect();
            let (expected, verdict, ablation) = (verdict(parts[0]), verdict(parts[1]), parts.len() > 2);
            Check { what: String::new(), expected, verdict, why: None, ablation, boots: 1, duration_ms: 1 }
        };
        assert_eq!(is_doubtful(&checks.iter().map(check).collect::<Vec<_>>()), expected);
    }
}

//! The results of trying the mutants of the code of a release.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operators::{CodeMutant, Operator};
use super::reach::Reach;
use super::trial::{MutantVerdict, Trial};
use crate::run::Format;

/// The format of the JSON report.
pub const MUTANTS_FORMAT: Format = Format { major: 1, minor: 0 };

/// Mutants that nobody can notice, each with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Equivalents(BTreeMap<String, String>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EquivalentEntry {
    id: String,
    reason: String,
}

/// The equivalent mutants that come with gatecrash.
pub const EQUIVALENT: &str = include_str!("../../coverage/equivalent-mutants.yaml");

/// Why a list of equivalent mutants cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EquivalentsError {
    /// It is not a list of ids with reasons.
    #[error("not a list of mutants with `id` and `reason`")]
    Shape(#[source] serde_saphyr::Error),
    /// A mutant has no reason.
    #[error("`{0}` needs a reason why nobody can notice it")]
    NoReason(String),
    /// A mutant is listed twice.
    #[error("`{0}` is listed twice")]
    Twice(String),
}

impl Equivalents {
    /// Reads a list.
    ///
    /// # Errors
    /// Fails if it is not a list of unique ids with reasons.
    pub fn read(text: &str) -> Result<Self, EquivalentsError> {
        let written: Option<Vec<EquivalentEntry>> =
            serde_saphyr::from_str(text).map_err(EquivalentsError::Shape)?;
        let mut all = BTreeMap::new();
        for EquivalentEntry { id, reason } in written.unwrap_or_default() {
            if reason.trim().is_empty() {
                return Err(EquivalentsError::NoReason(id));
            }
            if all.insert(id.clone(), reason).is_some() {
                return Err(EquivalentsError::Twice(id));
            }
        }
        Ok(Self(all))
    }

    /// Why nobody can notice a mutant.
    pub fn reason(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }
}

/// A mutant with the result of its trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MutantReport {
    /// The id, which stays the same in every build of the same code.
    pub id: String,
    /// Upstream's name of the source file.
    pub source: String,
    /// The bundled file below the package.
    pub chunk: String,
    /// The line in the bundled file, from 1.
    pub line: usize,
    /// The function; empty for code that runs when the file is loaded.
    pub function: String,
    /// The operator that made the mutant.
    pub operator: Operator,
    /// The code that it replaces.
    pub before: String,
    /// The code that it inserts.
    pub after: String,
    /// The verdict on the mutant.
    pub verdict: MutantVerdict,
    /// Why it is equivalent, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The scenario that noticed it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub killed_by: Option<String>,
    /// The scenarios that ran with it.
    pub scenarios_run: Vec<String>,
    /// How long the trial took, in milliseconds.
    pub duration_ms: u64,
    /// The mutant as a unified diff of the bundled file; for survivors only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// The results of all chosen mutants.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CodeScore {
    /// Version of this document's format.
    pub format: Format,
    /// The gateway that was tested.
    pub target: String,
    /// The seed of the sample and of all keys.
    pub seed: u64,
    /// The number of mutants in all of the code in scope.
    pub possible: usize,
    /// The number of mutants that were chosen but not tried, because the time was over, the run was interrupted, or the
    /// machine was overloaded.
    pub not_tried: usize,
    /// The number of mutants with each verdict.
    pub counts: BTreeMap<MutantVerdict, usize>,
    /// The share of killed and timed out mutants among these and the survivors, from 0 to 1.
    pub score: f64,
    /// Scenarios that cannot notice a mutant, because they do not pass without one, or because their gateway did not report
    /// what they reach.
    pub blind: Vec<String>,
    /// The results of the mutants.
    pub mutants: Vec<MutantReport>,
}

/// The report of a mutant.
pub fn report_of(mutant: &CodeMutant, trial: Trial, reason: Option<&str>, text: &str) -> MutantReport {
    let diff = (trial.verdict == MutantVerdict::Survived).then(|| diff(mutant, text));
    MutantReport {
        id: mutant.id.clone(),
        source: mutant.source.clone(),
        chunk: mutant.chunk.clone(),
        line: mutant.line,
        function: mutant.function.clone(),
        operator: mutant.operator,
        before: mutant.before.clone(),
        after: mutant.after.clone(),
        verdict: trial.verdict,
        reason: reason.map(str::to_owned),
        killed_by: trial.killed_by,
        scenarios_run: trial.scenarios_run,
        duration_ms: trial.duration_ms,
        diff,
    }
}

/// A mutant as a unified diff of its bundled file, with upstream's name of the source file in the header.
fn diff(mutant: &CodeMutant, text: &str) -> String {
    let (head, tail) = (text.get(..mutant.bytes.start), text.get(mutant.bytes.end..));
    let mutated = format!("{}{}{}", head.unwrap_or_default(), mutant.after, tail.unwrap_or_default());
    let name = format!("{} ({})", mutant.source, mutant.chunk);
    similar::TextDiff::from_lines(text, &mutated)
        .unified_diff()
        .context_radius(2)
        .header(&name, &name)
        .to_string()
}

impl CodeScore {
    /// Counts the results of mutants.
    pub fn new(
        target: String,
        seed: u64,
        possible: usize,
        not_tried: usize,
        reach: &Reach,
        scenarios: impl Iterator<Item = String>,
        mutants: Vec<MutantReport>,
    ) -> Self {
        let mut counts = BTreeMap::new();
        for mutant in &mutants {
            *counts.entry(mutant.verdict).or_default() += 1;
        }
        let of = |verdict: MutantVerdict| counts.get(&verdict).copied().unwrap_or_default();
        let noticed: usize = of(MutantVerdict::Killed) + of(MutantVerdict::TimedOut);
        let all = noticed + of(MutantVerdict::Survived);
        #[expect(clippy::cast_precision_loss, reason = "there are fewer mutants than 2^52")]
        let score = if all == 0 { 0.0 } else { noticed as f64 / all as f64 };
        let blind =
            scenarios.filter(|id| !reach.sound.contains(id) && !reach.untestable.contains(id)).collect();
        Self { format: MUTANTS_FORMAT, target, seed, possible, not_tried, counts, score, blind, mutants }
    }

    /// Whether any mutant was noticed or survived.
    pub fn has_decided(&self) -> bool {
        let decided = [MutantVerdict::Killed, MutantVerdict::TimedOut, MutantVerdict::Survived];
        decided.iter().any(|verdict| self.counts.contains_key(verdict))
    }

    /// Whether every chosen mutant was tried, reached, and noticed, apart from those that nobody can notice.
    pub fn is_all_noticed(&self) -> bool {
        let missed = [MutantVerdict::Survived, MutantVerdict::NotReached];
        self.not_tried == 0 && !missed.iter().any(|verdict| self.counts.contains_key(verdict))
    }

    /// The mutants with this verdict.
    pub fn with(&self, verdict: MutantVerdict) -> impl Iterator<Item = &MutantReport> {
        self.mutants.iter().filter(move |one| one.verdict == verdict)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::mutation::operators::mutants_of;
    use crate::mutation::test_support::chunk;

    fn trial(verdict: MutantVerdict) -> Trial {
        Trial { id: String::new(), verdict, killed_by: None, scenarios_run: Vec::new(), duration_ms: 1 }
    }

    #[test]
    fn survivors_are_shown_as_a_diff_and_lower_the_score() {
        let chunk = chunk("const a = 1;\nb = !c;\nd();");
        let mutants = mutants_of(&chunk, &[]);
        let not = mutants.iter().find(|one| one.operator == Operator::RemoveNot).unwrap();
        let verdicts = [
            MutantVerdict::Killed,
            MutantVerdict::TimedOut,
            MutantVerdict::Survived,
            MutantVerdict::NotBooted,
            MutantVerdict::NotReached,
            MutantVerdict::Killed,
        ];
        let reports =
            verdicts.into_iter().map(|verdict| report_of(not, trial(verdict), None, &chunk.text)).collect();
        let reach = Reach { sound: ["a/b".to_owned()].into(), ..Reach::default() };
        let scenarios = ["a/b", "a/c"].map(str::to_owned).into_iter();
        let score = CodeScore::new("2026.3.31".into(), 1, 9, 0, &reach, scenarios, reports);
        assert!((score.score - 0.75).abs() < f64::EPSILON);
        assert_eq!(score.blind, ["a/c"]);
        assert!(score.has_decided() && !score.is_all_noticed());
        let survivor = score.with(MutantVerdict::Survived).next().unwrap();
        insta::assert_snapshot!(survivor.diff.as_deref().unwrap(), @r"
        --- src/a.ts (dist/a.js)
        +++ src/a.ts (dist/a.js)
        @@ -2,5 +2,5 @@
         //#region src/a.ts
         const a = 1;
        -b = !c;
        +b = c;
         d();
         //#endregion
        ");
        assert!(score.with(MutantVerdict::Killed).all(|one| one.diff.is_none()));
    }

    #[rstest]
    #[case::all(&[MutantVerdict::Killed, MutantVerdict::Equivalent, MutantVerdict::NotBooted], 0, true)]
    #[case::a_survivor(&[MutantVerdict::Killed, MutantVerdict::Survived], 0, false)]
    #[case::not_reached(&[MutantVerdict::Killed, MutantVerdict::NotReached], 0, false)]
    #[case::not_tried(&[MutantVerdict::Killed], 1, false)]
    fn all_are_noticed_only_if_all_were_tried(
        #[case] verdicts: &[MutantVerdict],
        #[case] not_tried: usize,
        #[case] expected: bool,
    ) {
        let chunk = chunk("b = !c;");
        let mutant = &mutants_of(&chunk, &[])[0];
        let reports =
            verdicts.iter().map(|verdict| report_of(mutant, trial(*verdict), None, &chunk.text)).collect();
        let score =
            CodeScore::new("x".into(), 1, 9, not_tried, &Reach::default(), std::iter::empty(), reports);
        assert_eq!(score.is_all_noticed(), expected);
    }

    #[rstest]
    #[case("- {id: a, reason: because}", Some("because"), None)]
    #[case("", None, None)]
    #[case("- {id: a, reason: ' '}", None, Some("`a` needs a reason why nobody can notice it"))]
    #[case("[{id: a, reason: b}, {id: a, reason: c}]", None, Some("`a` is listed twice"))]
    fn equivalent_mutants_need_a_reason(
        #[case] text: &str,
        #[case] reason: Option<&str>,
        #[case] error: Option<&str>,
    ) {
        let read = Equivalents::read(text);
        assert_eq!(read.as_ref().err().map(ToString::to_string).as_deref(), error);
        assert_eq!(read.unwrap_or_default().reason("a"), reason);
    }

    #[test]
    fn the_list_of_equivalent_mutants_can_be_read() {
        assert!(Equivalents::read(EQUIVALENT).is_ok());
    }
}

//! The results of trying the mutants of the model.

use serde::Serialize;

use crate::model::Mutant;
use crate::release::Release;

/// The result of one mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MutantFate {
    /// The mutant that was tried.
    #[serde(flatten)]
    pub mutant: &'static Mutant,
    /// Whether a scenario noticed it.
    pub killed: bool,
    /// The release under whose rules it was first noticed.
    pub release: Option<Release>,
    /// The ids of the scenarios that noticed it under these rules.
    pub by: Vec<String>,
}

/// The results of all mutants.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Each mutant, in the order of the table.
    pub mutants: Vec<MutantFate>,
    /// The number of killed mutants.
    pub killed: usize,
    /// The share of killed mutants, from 0 to 1.
    pub score: f64,
    /// Scenarios that do not pass on the model without a fault, so that they cannot notice one.
    pub blind: Vec<String>,
}

impl Score {
    /// Computes the score from the results.
    pub fn new(mutants: Vec<MutantFate>, blind: Vec<String>) -> Self {
        let killed = mutants.iter().filter(|fate| fate.killed).count();
        #[expect(clippy::cast_precision_loss, reason = "there are fewer mutants than 2^52")]
        let score = if mutants.is_empty() { 0.0 } else { killed as f64 / mutants.len() as f64 };
        Self { mutants, killed, score, blind }
    }

    /// The mutants that could be noticed but were not.
    pub fn survivors(&self) -> impl Iterator<Item = &MutantFate> {
        self.mutants.iter().filter(|fate| !fate.killed && fate.mutant.unseen.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MUTANTS;

    fn fate(at: usize, by: &[&str]) -> MutantFate {
        MutantFate {
            mutant: &MUTANTS[at],
            killed: !by.is_empty(),
            release: None,
            by: by.iter().map(|one| (*one).to_owned()).collect(),
        }
    }

    #[test]
    fn the_score_is_the_share_of_the_killed() {
        let score =
            Score::new(vec![fate(0, &["a"]), fate(1, &[]), fate(2, &["a", "b"]), fate(3, &["b"])], vec![]);
        assert_eq!((score.killed, score.score), (3, 0.75));
        let survivors: Vec<&str> = score.survivors().map(|one| one.mutant.name).collect();
        assert_eq!(survivors, [MUTANTS[1].name]);
    }

    #[test]
    fn the_score_without_mutants_is_zero() {
        assert!(Score::new(vec![], vec![]).score.abs() < f64::EPSILON);
    }

    #[test]
    fn a_result_names_its_mutant() {
        let value = serde_json::to_value(fate(0, &["a"])).unwrap();
        assert_eq!(value["name"], MUTANTS[0].name);
        assert_eq!(value["rule"], MUTANTS[0].rule);
        assert_eq!(value["by"], serde_json::json!(["a"]));
    }
}

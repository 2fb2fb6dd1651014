//! The listed deviations that a run shows, the worst first.

use super::standing::Standing;
use crate::run::{Cell, Known, RunRecord, StepRecord, deciding, is_of_security};
use crate::verdict::Outcome;

/// A listed deviation of a scenario, with the targets that show it.
#[derive(Clone, Debug)]
pub(crate) struct KnownWrong<'a> {
    /// The kind of deviation.
    pub(crate) known: Known,
    /// The first cell that shows it.
    pub(crate) cell: &'a Cell,
    /// The step that shows it.
    pub(crate) step: Option<&'a StepRecord>,
    /// The targets that show it, in the order of the columns.
    pub(crate) on: Vec<&'a str>,
}

/// The listed deviations of a run that it does not deny, the worst first. Targets on which a step differs in the same way
/// are grouped.
pub(crate) fn known_deviations(record: &RunRecord) -> Vec<KnownWrong<'_>> {
    let mut found: Vec<KnownWrong<'_>> = Vec::new();
    for cell in &record.cells {
        let Standing::Known(known) = Standing::of(&record.run.deny, cell) else { continue };
        let same = |one: &&mut KnownWrong<'_>| {
            one.known == known
                && one.cell.scenario == cell.scenario
                && one.cell.signature == cell.signature
                && is_of_security(one.cell) == is_of_security(cell)
        };
        match found.iter_mut().find(same) {
            Some(open) => open.on.push(&cell.target),
            None => found.push(KnownWrong { known, cell, step: deciding(cell), on: vec![&cell.target] }),
        }
    }
    found.sort_by_key(|one| one.known);
    found
}

impl KnownWrong<'_> {
    /// What came and what would be right, in one sentence.
    pub(crate) fn told(&self) -> String {
        let Some(step) = self.step else { return String::new() };
        let came = self.came();
        let right = step.deviation.as_ref().map_or("something else", |listed| listed.right.as_str());
        format!("`{}`: {came}; right is {right}", step.id)
    }

    /// What came, without the payload of a success.
    pub(crate) fn came(&self) -> String {
        match self.step.and_then(|step| step.outcome.as_ref()) {
            None => "nothing".to_owned(),
            Some(Outcome::Ok { .. }) => "ok".to_owned(),
            Some(Outcome::Arrived { .. } | Outcome::Found { .. }) => "arrives".to_owned(),
            Some(Outcome::State { .. }) => "another state".to_owned(),
            Some(other) => other.to_string(),
        }
    }

    /// The issue that the deviation names.
    pub(crate) fn issue(&self) -> Option<&str> {
        self.step.and_then(|step| step.deviation.as_ref())?.issue.as_deref()
    }

    /// The reason that the entry gives, and the issue.
    pub(crate) fn why(&self) -> String {
        let listed = self.step.and_then(|step| step.deviation.as_ref());
        let issue = self.issue().map(|issue| format!("({issue})"));
        let why = listed.and_then(|listed| listed.why.clone());
        why.into_iter().chain(issue).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::run::Deny;

    fn told(record: &RunRecord) -> Vec<String> {
        let one = |one: &KnownWrong<'_>| {
            format!("{} {} on {}", one.known.word(), one.cell.scenario, one.on.join(", "))
        };
        known_deviations(record).iter().map(one).collect()
    }

    #[test]
    fn the_worst_come_first_and_targets_are_grouped() {
        let record = RunRecord::of(&sample::events());
        assert_eq!(
            told(&record),
            [
                "security pairing/revoked-node-stays-out on 2026.4.2",
                "regression pairing/legacy-empty-token-map on 2026.3.31",
                "superseded pairing/legacy-empty-token-map on 2026.9.6",
            ]
        );
    }

    #[test]
    fn denied_deviations_are_left_out() {
        let mut record = RunRecord::of(&sample::events());
        record.run.deny = vec![Deny::Security];
        assert_eq!(told(&record).len(), 2);
    }
}

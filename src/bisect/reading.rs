//! What a cell means to a bisect. It is judged by the expectation, not by the list of deviations.

use super::entry::{BuildVerdict, Question, Reading, SoughtChange};
use super::search::Mark;
use crate::run::Cell;
use crate::verdict::{Signature, Verdict};

/// Reads a cell. With a step, the rest of the scenario does not count.
pub(super) fn read(cell: &Cell, step: Option<&str>) -> Reading {
    if matches!(cell.verdict, Verdict::Error | Verdict::Untestable) {
        let reason = cell.reason.clone();
        return Reading::Unclear(reason.unwrap_or_else(|| format!("the cell is {}", cell.verdict)));
    }
    let Some(step) = step else {
        return cell.signature.clone().map_or(Reading::Right, Reading::Wrong);
    };
    // The rounds of a repeated step are called `step[2]` and so on.
    let is_step = |id: &str| id == step || id.strip_prefix(step).is_some_and(|rest| rest.starts_with('['));
    let mut reached = false;
    for record in cell.steps.iter().filter(|record| is_step(&record.id)) {
        match (record.verdict, &record.outcome) {
            (Verdict::Known | Verdict::Fail, Some(outcome)) => {
                return Reading::Wrong(Signature::of(step, outcome));
            }
            (Verdict::Pass | Verdict::Fixed, _) => reached = true,
            _ => {}
        }
    }
    if reached {
        return Reading::Right;
    }
    let earlier = cell.signature.as_ref();
    let why = earlier.map_or_else(String::new, |signature| format!(", after {signature}"));
    Reading::Unclear(format!("the step `{step}` was not reached{why}"))
}

/// Turns readings into verdicts and marks. Only the failure that the bad end shows counts as bad.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    find: SoughtChange,
    any_failure: bool,
    wanted: Option<Signature>,
}

impl Judge {
    /// A judge that does not know yet which failure counts.
    pub(super) fn new(question: &Question) -> Self {
        Self { find: question.find, any_failure: question.any_failure, wanted: None }
    }

    /// The failure that counts as bad, once it is known.
    pub(super) const fn wanted(&self) -> Option<&Signature> {
        self.wanted.as_ref()
    }

    /// The verdict on a reading. The first failure that is judged becomes the one that counts, so the bad end has to be
    /// judged first.
    pub(super) fn verdict(&mut self, reading: &Reading) -> BuildVerdict {
        match reading {
            Reading::Right => BuildVerdict::Good,
            Reading::Unclear(_) => BuildVerdict::Skip,
            Reading::Wrong(signature) => {
                let wanted = self.wanted.get_or_insert_with(|| signature.clone());
                if self.any_failure || wanted == signature { BuildVerdict::Bad } else { BuildVerdict::Other }
            }
        }
    }

    /// The mark that a verdict makes in the order of time.
    pub(super) const fn mark(&self, verdict: BuildVerdict) -> Mark {
        match (self.find, verdict) {
            (_, BuildVerdict::Other | BuildVerdict::Skip) => Mark::Skip,
            (SoughtChange::Regression, BuildVerdict::Good) | (SoughtChange::Fix, BuildVerdict::Bad) => {
                Mark::Old
            }
            (SoughtChange::Regression, BuildVerdict::Bad) | (SoughtChange::Fix, BuildVerdict::Good) => {
                Mark::New
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::bisect::test_support::question;
    use crate::run::test_support::cell;

    fn signature(reason: &str) -> Signature {
        Signature {
            step: "back".into(),
            class: "closed".into(),
            code: Some(1008),
            detail: None,
            reason: Some(reason.into()),
        }
    }

    #[test]
    fn a_listed_failure_is_still_wrong() {
        let mut known = cell("a", "2026.3.31", Verdict::Known);
        known.signature = Some(signature("role-upgrade"));
        assert_eq!(read(&known, None), Reading::Wrong(signature("role-upgrade")));
        assert_eq!(read(&cell("a", "2026.3.28", Verdict::Pass), None), Reading::Right);
    }

    #[rstest]
    #[case(Verdict::Error)]
    #[case(Verdict::Untestable)]
    fn a_broken_cell_is_unclear(#[case] verdict: Verdict) {
        let mut broken = cell("a", "2026.3.31", verdict);
        broken.reason = Some("it died".into());
        assert_eq!(read(&broken, None), Reading::Unclear("it died".into()));
    }

    #[test]
    fn a_step_that_was_not_reached_is_unclear() {
        let reading = read(&cell("a", "2026.3.31", Verdict::Fail), Some("back"));
        assert_eq!(reading, Reading::Unclear("the step `back` was not reached".into()));
    }

    #[rstest]
    #[case(false, BuildVerdict::Other, Mark::Skip)]
    #[case(true, BuildVerdict::Bad, Mark::New)]
    fn a_different_failure_is_bad_only_with_any_failure(
        #[case] any: bool,
        #[case] verdict: BuildVerdict,
        #[case] mark: Mark,
    ) {
        let mut judge = Judge::new(&Question { any_failure: any, ..question() });
        assert_eq!(judge.verdict(&Reading::Wrong(signature("role-upgrade"))), BuildVerdict::Bad);
        let other = judge.verdict(&Reading::Wrong(signature("scope-upgrade")));
        assert_eq!((other, judge.mark(other)), (verdict, mark));
    }

    #[test]
    fn a_search_for_a_fix_reverses_the_marks() {
        let judge = Judge::new(&Question { find: SoughtChange::Fix, ..question() });
        assert_eq!((judge.mark(BuildVerdict::Bad), judge.mark(BuildVerdict::Good)), (Mark::Old, Mark::New));
    }
}

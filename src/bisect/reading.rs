//! What a cell says to a bisect. Judged against what is right, not against the list of deviations.

use super::entry::{Find, Question, Reading, Word};
use super::search::Mark;
use crate::run::Cell;
use crate::verdict::{Signature, Verdict};

/// Reads a cell. With a step, nothing else in the scenario counts.
pub fn read(cell: &Cell, step: Option<&str>) -> Reading {
    if matches!(cell.verdict, Verdict::Error | Verdict::Untestable) {
        let reason = cell.reason.clone();
        return Reading::Unclear(reason.unwrap_or_else(|| format!("the cell is {}", cell.verdict)));
    }
    let Some(step) = step else {
        return cell.signature.clone().map_or(Reading::Right, Reading::Wrong);
    };
    // The rounds of a repeated step are called `step[2]` and so on.
    let of_step = |id: &str| id == step || id.strip_prefix(step).is_some_and(|rest| rest.starts_with('['));
    let mut reached = false;
    for record in cell.steps.iter().filter(|record| of_step(&record.id)) {
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

/// Turns readings into words and marks. The failure to look for is the one that the bad end shows.
#[derive(Clone, Debug)]
pub struct Judge {
    find: Find,
    any_failure: bool,
    wanted: Option<Signature>,
}

impl Judge {
    /// For a question.
    pub fn new(question: &Question) -> Self {
        Self { find: question.find, any_failure: question.any_failure, wanted: None }
    }

    /// The failure that is looked for, once the bad end has shown it.
    pub const fn wanted(&self) -> Option<&Signature> {
        self.wanted.as_ref()
    }

    /// The word for a reading. The first failure that is shown becomes the one that is looked for, so the
    /// bad end comes first.
    pub fn word(&mut self, reading: &Reading) -> Word {
        match reading {
            Reading::Right => Word::Good,
            Reading::Unclear(_) => Word::Skip,
            Reading::Wrong(signature) => {
                let wanted = self.wanted.get_or_insert_with(|| signature.clone());
                if self.any_failure || wanted == signature { Word::Bad } else { Word::Other }
            }
        }
    }

    /// The mark that a word makes in the order of time.
    pub const fn mark(&self, word: Word) -> Mark {
        match (self.find, word) {
            (_, Word::Other | Word::Skip) => Mark::Skip,
            (Find::Regression, Word::Good) | (Find::Fix, Word::Bad) => Mark::Old,
            (Find::Regression, Word::Bad) | (Find::Fix, Word::Good) => Mark::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::bisect::entry::tests::question;
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
    fn a_listed_failure_is_read_as_wrong() {
        let mut known = cell("a", "2026.3.31", Verdict::Known);
        known.signature = Some(signature("role-upgrade"));
        assert_eq!(read(&known, None), Reading::Wrong(signature("role-upgrade")));
        assert_eq!(read(&cell("a", "2026.3.28", Verdict::Pass), None), Reading::Right);
    }

    #[rstest]
    #[case(Verdict::Error)]
    #[case(Verdict::Untestable)]
    fn what_broke_is_unclear(#[case] verdict: Verdict) {
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
    #[case(false, Word::Other, Mark::Skip)]
    #[case(true, Word::Bad, Mark::New)]
    fn another_failure_is_bad_only_when_any_is(#[case] any: bool, #[case] word: Word, #[case] mark: Mark) {
        let mut judge = Judge::new(&Question { any_failure: any, ..question() });
        assert_eq!(judge.word(&Reading::Wrong(signature("role-upgrade"))), Word::Bad);
        let other = judge.word(&Reading::Wrong(signature("scope-upgrade")));
        assert_eq!((other, judge.mark(other)), (word, mark));
    }

    #[test]
    fn a_search_for_a_fix_turns_the_marks_round() {
        let judge = Judge::new(&Question { find: Find::Fix, ..question() });
        assert_eq!((judge.mark(Word::Bad), judge.mark(Word::Good)), (Mark::Old, Mark::New));
    }
}

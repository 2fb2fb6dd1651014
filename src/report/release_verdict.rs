//! The answer for somebody who decides about a release, in one word and one line.

use std::collections::BTreeMap;

use super::difference::{differences, section};
use super::text::count;
use crate::run::{Ending, RunRecord};
use crate::verdict::Verdict;

/// The number of scenarios that are named.
const FEW: usize = 3;

/// Whether a release can be shipped, as far as a run can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseVerdict {
    /// Everything that was planned was tested, and nothing is wrong that is not listed.
    Ship,
    /// Something is wrong that is not listed, or that the run denies.
    DoNotShip,
    /// Nothing is wrong, but not everything could be tested.
    Partial,
    /// The run broke or was interrupted, so it says nothing.
    Blocked,
}

impl ReleaseVerdict {
    /// The verdict of a run. A listed deviation that did not happen makes the list outdated, not the release bad.
    pub fn of(record: &RunRecord) -> Self {
        let sums = &record.summary;
        let whole = record.ending() == Ending::Whole;
        let wrong = sums.fail + sums.flaky + sums.listed.denied;
        if sums.error > 0 || !record.run.unusable.is_empty() || (!whole && wrong == 0) {
            Self::Blocked
        } else if wrong > 0 {
            Self::DoNotShip
        } else if sums.untestable == sums.total() {
            Self::Blocked
        } else if sums.untestable > 0 {
            Self::Partial
        } else {
            Self::Ship
        }
    }

    /// The verdict in words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ship => "ship",
            Self::DoNotShip => "do not ship",
            Self::Partial => "partial",
            Self::Blocked => "blocked",
        }
    }
}

/// The verdict with its reason, in one line.
pub fn release_verdict(record: &RunRecord) -> String {
    let verdict = ReleaseVerdict::of(record);
    let sums = &record.summary;
    let reason = match verdict {
        ReleaseVerdict::Ship => format!("{} as expected or as listed", count(sums.total(), "cell")),
        ReleaseVerdict::DoNotShip => {
            let wrong: Vec<String> = differences(record)
                .iter()
                .filter(|one| one.cell.verdict != Verdict::Fixed)
                .map(|one| format!("{} on {}", one.cell.scenario, one.cell.target))
                .collect();
            let more = wrong.len().saturating_sub(FEW);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("wrong: {}{rest}", wrong.iter().take(FEW).cloned().collect::<Vec<_>>().join(", "))
        }
        ReleaseVerdict::Partial => format!("not tested: {}", untested(record)),
        ReleaseVerdict::Blocked => {
            let first = record.run.unusable.first().cloned().or_else(|| {
                let broken = record.cells.iter().find(|cell| cell.verdict == Verdict::Error)?;
                Some(format!("{} on {}", broken.scenario, broken.target))
            });
            first
                .map_or_else(|| "not all of the run took place".to_owned(), |first| format!("broke: {first}"))
        }
    };
    format!("{}: {reason}\n", verdict.word())
}

/// What could not be tested, by sections.
fn untested(record: &RunRecord) -> String {
    let mut sections: BTreeMap<&str, usize> = BTreeMap::new();
    for cell in record.cells.iter().filter(|cell| cell.verdict == Verdict::Untestable) {
        *sections.entry(section(&cell.scenario)).or_default() += 1;
    }
    let told: Vec<String> = sections
        .into_iter()
        .map(|(name, cells)| format!("{cells} of {}", if name.is_empty() { "the suite" } else { name }))
        .collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::Event;
    use crate::run::test_support::{cell, finished, started};
    use crate::verdict::Verdict::{Error, Fail, Fixed, Flaky, Known, Pass, Untestable};

    fn record(verdicts: &[Verdict], planned: usize) -> RunRecord {
        let names: Vec<String> = (0..planned).map(|at| format!("auth/s{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut events = vec![started(&names, &["2026.3.31"])];
        let cells = names.iter().zip(verdicts).map(|(name, verdict)| cell(name, "2026.3.31", *verdict));
        events.extend(cells.map(|one| Event::CellFinished(Box::new(one))));
        events.push(finished());
        RunRecord::of(&events)
    }

    #[rstest]
    #[case::fine(&[Pass, Known], "ship: 2 cells")]
    #[case::outdated_list(&[Pass, Fixed], "ship: 2 cells")]
    #[case::wrong(&[Pass, Fail], "do not ship: wrong: auth/s1 on 2026.3.31")]
    #[case::flaky(&[Flaky], "do not ship: wrong: auth/s0 on 2026.3.31")]
    #[case::wrong_and_untested(&[Fail, Untestable], "do not ship")]
    #[case::many(&[Fail, Fail, Fail, Fail, Fail], "and 2 more")]
    #[case::untested(&[Pass, Untestable], "partial: not tested: 1 of auth")]
    #[case::nothing_tested(&[Untestable], "blocked")]
    #[case::broken(&[Fail, Error], "blocked: broke: auth/s1 on 2026.3.31")]
    fn each_result_has_its_verdict(#[case] verdicts: &[Verdict], #[case] says: &str) {
        let line = release_verdict(&record(verdicts, verdicts.len()));
        assert!(line.contains(says) && line.ends_with('\n') && line.lines().count() == 1, "{line}");
    }

    #[test]
    fn a_run_that_is_not_whole_ships_nothing() {
        assert_eq!(ReleaseVerdict::of(&record(&[Pass], 2)), ReleaseVerdict::Blocked);
        assert_eq!(ReleaseVerdict::of(&RunRecord::of(&[])), ReleaseVerdict::Blocked);
    }
}

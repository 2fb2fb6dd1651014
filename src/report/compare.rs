//! Compares two runs cell by cell.

use super::undone;
use crate::run::{Cell, Ending, RunRecord, Unfinished, behaviour};
use crate::verdict::Verdict;

/// The comparison of two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The cells that differ.
    pub changed: Vec<Changed>,
    /// The number of cells that are the same in both runs.
    pub alike: usize,
    /// Cells without a result in both runs: untestable, or broken.
    pub unseen: Vec<String>,
    /// The cells of the first run only, as `scenario on target`.
    pub only_first: Vec<String>,
    /// The cells of the second run only.
    pub only_second: Vec<String>,
    /// How complete the first run is.
    pub first: ComparedRun,
    /// How complete the second run is.
    pub second: ComparedRun,
}

/// How complete a compared run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedRun {
    /// How the run ended.
    pub ending: Ending,
    /// The ending in words, with counts; `None` for a complete run.
    pub told: Option<String>,
    /// Planned cells without a verdict, or with fewer repetitions than planned.
    pub lacks: Vec<String>,
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonResult {
    /// At least one cell changed.
    Changed,
    /// No compared cell changed, but a run is incomplete.
    NotWhole(Ending),
    /// The runs have no cell in common.
    NothingInCommon,
    /// All compared cells are the same.
    Alike,
}

impl Comparison {
    /// The result of the comparison as a whole.
    pub fn finding(&self) -> ComparisonResult {
        let endings = [self.first.ending, self.second.ending];
        // A run that was cut off says less than one that was interrupted.
        let worst = [Ending::CutOff, Ending::Interrupted, Ending::Incomplete];
        match worst.into_iter().find(|one| endings.contains(one)) {
            _ if !self.changed.is_empty() => ComparisonResult::Changed,
            Some(ending) => ComparisonResult::NotWhole(ending),
            None if self.alike == 0 => ComparisonResult::NothingInCommon,
            None => ComparisonResult::Alike,
        }
    }
}

impl ComparedRun {
    fn of(record: &RunRecord) -> Self {
        let name = |one: &Unfinished| format!("{} on {}", one.scenario, one.target);
        Self {
            ending: record.ending(),
            told: undone::ending(record),
            lacks: record.unfinished.iter().map(name).collect(),
        }
    }
}

/// A cell that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The id of the scenario.
    pub scenario: String,
    /// The target; both targets if the runs have one target each.
    pub target: String,
    /// Verdict and behaviour in the first run.
    pub before: (Verdict, String),
    /// Verdict and behaviour in the second run.
    pub after: (Verdict, String),
}

/// Compares two runs cell by cell. Runs with a single target each are compared even if their targets differ.
pub fn compare(first: &RunRecord, second: &RunRecord) -> Comparison {
    let across = match (&first.targets[..], &second.targets[..]) {
        ([one], [other]) => one.target != other.target,
        _ => false,
    };
    let same =
        |one: &Cell, other: &Cell| one.scenario == other.scenario && (across || one.target == other.target);
    let shown = |cell: &Cell| (cell.verdict, behaviour(cell));
    let name = |cell: &Cell| format!("{} on {}", cell.scenario, cell.target);
    let mut comparison = Comparison {
        changed: Vec::new(),
        alike: 0,
        unseen: Vec::new(),
        only_first: Vec::new(),
        only_second: Vec::new(),
        first: ComparedRun::of(first),
        second: ComparedRun::of(second),
    };
    for cell in &first.cells {
        match second.cells.iter().find(|other| same(cell, other)) {
            None => comparison.only_first.push(name(cell)),
            Some(other) if says_nothing(cell) && says_nothing(other) => comparison.unseen.push(name(cell)),
            Some(other) if shown(cell) == shown(other) => comparison.alike += 1,
            Some(other) => comparison.changed.push(Changed {
                scenario: cell.scenario.clone(),
                target: if across {
                    format!("{} → {}", cell.target, other.target)
                } else {
                    cell.target.clone()
                },
                before: shown(cell),
                after: shown(other),
            }),
        }
    }
    let missing = |other: &&Cell| !first.cells.iter().any(|cell| same(cell, other));
    comparison.only_second = second.cells.iter().filter(missing).map(name).collect();
    comparison
}

/// Whether a cell has no result that could be compared.
const fn says_nothing(cell: &Cell) -> bool {
    matches!(cell.verdict, Verdict::Untestable | Verdict::Error)
}

impl Comparison {
    /// Whether any cell was compared.
    pub const fn compares(&self) -> bool {
        self.alike > 0 || !self.changed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::sample;
    use crate::run::Event;

    fn on(target: &str) -> RunRecord {
        let mut record = RunRecord::of(&sample::events());
        record.targets.retain(|one| one.target == target);
        record.cells.retain(|one| one.target == target);
        record
    }

    #[test]
    fn a_run_equals_itself() {
        let record = RunRecord::of(&sample::events());
        let found = compare(&record, &record);
        let unseen = record.cells.iter().filter(|cell| says_nothing(cell)).count();
        assert!(unseen > 0);
        assert_eq!((found.alike, found.changed.len()), (record.cells.len() - unseen, 0));
        assert_eq!(found.unseen.len(), unseen);
    }

    #[test]
    fn runs_on_one_target_each_are_compared_across_targets() {
        let found = compare(&on("2026.3.28"), &on("2026.3.31"));
        assert_eq!(
            found.changed,
            [Changed {
                scenario: "pairing/legacy-empty-token-map".into(),
                target: "2026.3.28 → 2026.3.31".into(),
                before: (Verdict::Pass, "ok".into()),
                after: (Verdict::Known, "role-upgrade".into()),
            }]
        );
        assert_eq!(found.alike, 5);
    }

    #[test]
    fn without_a_common_cell_nothing_is_compared() {
        let mut one = RunRecord::of(&sample::events());
        let mut other = one.clone();
        one.cells.retain(|cell| cell.scenario.starts_with("pairing/"));
        other.cells.retain(|cell| !cell.scenario.starts_with("pairing/"));
        assert!(!compare(&one, &other).compares());
        assert!(compare(&one, &one).compares());
    }

    #[test]
    fn cells_without_a_result_are_not_counted_as_the_same() {
        let mut record = RunRecord::of(&sample::events());
        record.cells.iter_mut().for_each(|cell| cell.verdict = Verdict::Error);
        let found = compare(&record, &record);
        assert!(!found.compares());
        assert_eq!(found.unseen.len(), record.cells.len());
    }

    /// The sample with another ending, and without its last two cells if `cells` is false.
    fn ended(cells: bool, end: Option<bool>) -> RunRecord {
        let mut events = sample::events();
        events.retain(|event| match event {
            Event::CellFinished(cell) => {
                cells || cell.target != "2026.9.6" || !cell.scenario.starts_with("state/")
            }
            other => !matches!(other, Event::RunFinished { .. }),
        });
        let end = end.map(|interrupted| Event::RunFinished { duration_ms: 1, interrupted });
        RunRecord::of(&events.into_iter().chain(end).collect::<Vec<_>>())
    }

    #[rstest]
    #[case::cut_off(false, None, Ending::CutOff)]
    #[case::without_its_last_event_only(true, None, Ending::CutOff)]
    #[case::interrupted(false, Some(true), Ending::Interrupted)]
    #[case::interrupted_at_its_end(true, Some(true), Ending::Interrupted)]
    #[case::cells_are_missing(false, Some(false), Ending::Incomplete)]
    fn an_incomplete_run_equals_no_other(
        #[case] cells: bool,
        #[case] end: Option<bool>,
        #[case] ending: Ending,
    ) {
        let whole = RunRecord::of(&sample::events());
        let part = ended(cells, end);
        assert_eq!(compare(&whole, &part).finding(), ComparisonResult::NotWhole(ending));
        assert_eq!(compare(&part, &whole).finding(), ComparisonResult::NotWhole(ending));
        assert_eq!(compare(&part, &part).finding(), ComparisonResult::NotWhole(ending), "nor like itself");
        assert_eq!(compare(&whole, &part).second.lacks.is_empty(), cells);
        assert_eq!(compare(&whole, &whole).finding(), ComparisonResult::Alike);
    }

    #[test]
    fn runs_without_a_common_cell_are_not_equal() {
        let of = |targets: [&str; 2]| {
            let mut record = RunRecord::of(&sample::events());
            record.cells.retain(|one| targets.contains(&one.target.as_str()));
            record
        };
        let found = compare(&of(["2026.3.24", "2026.3.28"]), &of(["2026.4.1", "2026.4.2"]));
        assert_eq!(found.finding(), ComparisonResult::NothingInCommon);
    }

    #[test]
    fn cells_of_only_one_run_are_named() {
        let whole = RunRecord::of(&sample::events());
        let mut part = whole.clone();
        part.cells.retain(|cell| cell.target != "2026.9.6");
        assert_eq!(compare(&whole, &part).only_first.len(), 7);
        assert_eq!(compare(&part, &whole).only_second.len(), 7);
    }
}

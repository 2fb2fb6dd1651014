//! What changed between two runs.

use super::undone;
use crate::run::{Cell, Ending, RunRecord, Unfinished, behaviour};
use crate::verdict::Verdict;

/// What changed between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Cells of both that are not the same.
    pub changed: Vec<Changed>,
    /// Number of cells of both that are the same.
    pub alike: usize,
    /// Cells that say nothing in either run: untestable, or broken in both.
    pub unseen: Vec<String>,
    /// Cells that only the first has, as `scenario on target`.
    pub only_first: Vec<String>,
    /// Cells that only the second has.
    pub only_second: Vec<String>,
    /// The first run, where it is not whole.
    pub first: ComparedRun,
    /// The second run, where it is not whole.
    pub second: ComparedRun,
}

/// What a run of a comparison lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedRun {
    /// How it ended.
    pub ending: Ending,
    /// The same in words, with counts; none for a whole run.
    pub told: Option<String>,
    /// Cells that it had planned and that have no verdict, or not as often as planned.
    pub lacks: Vec<String>,
}

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonResult {
    /// Something changed.
    Changed,
    /// Nothing changed in what was compared, but a run is not whole.
    NotWhole(Ending),
    /// The runs have no cell in common.
    NothingInCommon,
    /// The runs are alike.
    Alike,
}

impl Comparison {
    /// What it comes to.
    pub fn finding(&self) -> ComparisonResult {
        let endings = [self.first.ending, self.second.ending];
        // A run without an end says less than one that was interrupted.
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

/// A cell that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Id of the scenario.
    pub scenario: String,
    /// The target; two of them where runs on one target each are compared.
    pub target: String,
    /// In the first run.
    pub before: (Verdict, String),
    /// In the second run.
    pub after: (Verdict, String),
}

/// Compares cell by cell; runs on a single target each are compared whatever their targets are.
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

/// Whether a cell shows nothing that could be compared.
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
    fn a_run_is_like_itself() {
        let record = RunRecord::of(&sample::events());
        let found = compare(&record, &record);
        let unseen = record.cells.iter().filter(|cell| says_nothing(cell)).count();
        assert!(unseen > 0);
        assert_eq!((found.alike, found.changed.len()), (record.cells.len() - unseen, 0));
        assert_eq!(found.unseen.len(), unseen);
    }

    #[test]
    fn two_builds_are_compared_across_their_names() {
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
    fn runs_without_a_common_cell_compare_nothing() {
        let mut one = RunRecord::of(&sample::events());
        let mut other = one.clone();
        one.cells.retain(|cell| cell.scenario.starts_with("pairing/"));
        other.cells.retain(|cell| !cell.scenario.starts_with("pairing/"));
        assert!(!compare(&one, &other).compares());
        assert!(compare(&one, &one).compares());
    }

    #[test]
    fn cells_that_say_nothing_are_not_alike() {
        let mut record = RunRecord::of(&sample::events());
        record.cells.iter_mut().for_each(|cell| cell.verdict = Verdict::Error);
        let found = compare(&record, &record);
        assert!(!found.compares());
        assert_eq!(found.unseen.len(), record.cells.len());
    }

    /// The sample without the last two cells, or with all of them, and with another end.
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
    fn a_run_that_is_not_whole_is_never_alike(
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
    fn runs_without_a_common_cell_are_not_alike() {
        let of = |targets: [&str; 2]| {
            let mut record = RunRecord::of(&sample::events());
            record.cells.retain(|one| targets.contains(&one.target.as_str()));
            record
        };
        let found = compare(&of(["2026.3.24", "2026.3.28"]), &of(["2026.4.1", "2026.4.2"]));
        assert_eq!(found.finding(), ComparisonResult::NothingInCommon);
    }

    #[test]
    fn cells_of_one_run_alone_are_named() {
        let whole = RunRecord::of(&sample::events());
        let mut part = whole.clone();
        part.cells.retain(|cell| cell.target != "2026.9.6");
        assert_eq!(compare(&whole, &part).only_first.len(), 7);
        assert_eq!(compare(&part, &whole).only_second.len(), 7);
    }
}

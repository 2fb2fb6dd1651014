//! Classifies cells with listed deviations: known regressions, superseded contracts, unsupported features.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deny::Deny;
use super::event::{Cell, ListedDeviation, StepRecord};
use crate::scenario::DeviationClass;
use crate::verdict::Verdict;

/// What a cell with a listed deviation shows, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// A regression that grants or reveals something that should be refused.
    Security,
    /// Any other regression.
    Regression,
    /// A deviation that was listed by a command and has not been reviewed.
    Unreviewed,
    /// A superseded contract.
    Superseded,
    /// A feature that the release lacks.
    Unsupported,
}

impl Known {
    /// All of them, worst first.
    pub const ALL: [Self; 5] =
        [Self::Security, Self::Regression, Self::Unreviewed, Self::Superseded, Self::Unsupported];

    /// What a cell shows: the worst of its listed deviations. `None` if its verdict is not `known`.
    pub fn of(cell: &Cell) -> Option<Self> {
        let worst = deciding(cell).and_then(|step| step.deviation.as_ref()).map(Self::of_deviation);
        // Nobody has reviewed a cell without a listed deviation.
        (cell.verdict == Verdict::Known).then(|| worst.unwrap_or(Self::Unreviewed))
    }

    /// What a step shows. `None` if its verdict is not `known`.
    pub fn of_step(step: &StepRecord) -> Option<Self> {
        let listed = step.deviation.as_ref().map(Self::of_deviation);
        (step.verdict == Verdict::Known).then(|| listed.unwrap_or(Self::Unreviewed))
    }

    const fn of_deviation(listed: &ListedDeviation) -> Self {
        match listed.class {
            DeviationClass::Regression if listed.security => Self::Security,
            DeviationClass::Regression => Self::Regression,
            DeviationClass::Unreviewed => Self::Unreviewed,
            DeviationClass::Superseded => Self::Superseded,
            DeviationClass::Unsupported => Self::Unsupported,
        }
    }

    /// The word used in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Regression => "regression",
            Self::Unreviewed => "unreviewed",
            Self::Superseded => "superseded",
            Self::Unsupported => "unsupported",
        }
    }

    /// A full description, such as `known regression`.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Security => "known security regression",
            Self::Regression => "known regression",
            Self::Unreviewed => "unreviewed deviation",
            Self::Superseded => "superseded contract",
            Self::Unsupported => "unsupported by the release",
        }
    }

    /// Whether the release is wrong, or may be wrong because nobody has reviewed it.
    pub const fn is_wrong(self) -> bool {
        matches!(self, Self::Security | Self::Regression | Self::Unreviewed)
    }
}

/// The step with the worst listed deviation of a cell.
pub(crate) fn deciding(cell: &Cell) -> Option<&StepRecord> {
    listed(cell).min_by_key(|(_, listed)| Known::of_deviation(listed)).map(|(step, _)| step)
}

/// The steps that showed a listed deviation, with that deviation.
fn listed(cell: &Cell) -> impl Iterator<Item = (&StepRecord, &ListedDeviation)> {
    let known = cell.steps.iter().filter(|step| step.verdict == Verdict::Known);
    known.filter_map(|step| Some((step, step.deviation.as_ref()?)))
}

/// Whether a listed deviation of a cell grants or reveals something that should be refused.
pub(crate) fn is_of_security(cell: &Cell) -> bool {
    cell.verdict == Verdict::Known && listed(cell).any(|(_, listed)| listed.security)
}

/// Whether a cell shows a deviation of a denied kind.
pub(crate) fn shows(cell: &Cell, denied: Deny) -> bool {
    let class = match denied {
        Deny::Security => return is_of_security(cell),
        // Nobody has reviewed a cell without a listed deviation.
        Deny::Unreviewed if Known::of(cell) == Some(Known::Unreviewed) => return true,
        Deny::Unreviewed => DeviationClass::Unreviewed,
        Deny::Regression => DeviationClass::Regression,
        Deny::Superseded => DeviationClass::Superseded,
        Deny::Unsupported => DeviationClass::Unsupported,
    };
    cell.verdict == Verdict::Known && listed(cell).any(|(_, listed)| listed.class == class)
}

/// Whether a cell fails a run that denies these kinds of deviation.
pub(crate) fn denied(deny: &[Deny], cell: &Cell) -> bool {
    deny.iter().any(|one| shows(cell, *one))
}

/// Cells with the verdict `known`, by what they show. Each is counted once, for the worst of its deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KnownCounts {
    /// Regressions, including security regressions.
    pub regression: usize,
    /// Regressions that grant or reveal something that should be refused.
    pub regression_of_security: usize,
    /// Deviations that nobody has reviewed.
    pub unreviewed: usize,
    /// Superseded contracts, including those that concern security.
    pub superseded: usize,
    /// Superseded contracts that grant or reveal something that should be refused.
    pub superseded_of_security: usize,
    /// Features that a release lacks.
    pub unsupported: usize,
    /// Cells of any kind that fail the run because it denies them.
    pub denied: usize,
}

impl KnownCounts {
    /// Counts the cells with the verdict `known`.
    pub fn of<'a>(cells: impl IntoIterator<Item = &'a Cell>, deny: &[Deny]) -> Self {
        let mut counts = Self::default();
        for cell in cells {
            let Some(known) = Known::of(cell) else { continue };
            counts.denied += usize::from(denied(deny, cell));
            match known {
                Known::Security => {
                    counts.regression += 1;
                    counts.regression_of_security += 1;
                }
                Known::Regression => counts.regression += 1,
                Known::Unreviewed => counts.unreviewed += 1,
                Known::Superseded => {
                    counts.superseded += 1;
                    counts.superseded_of_security += usize::from(is_of_security(cell));
                }
                Known::Unsupported => counts.unsupported += 1,
            }
        }
        counts
    }

    /// The counts in words, worst first, such as `12 known regressions (3 of security)` and `40 superseded`.
    pub fn in_words(&self) -> Vec<String> {
        let plural = if self.regression == 1 { "" } else { "s" };
        let of_security =
            |number| if number > 0 { format!(" ({number} of security)") } else { String::new() };
        let parts = [
            (self.regression, format!("known regression{plural}"), self.regression_of_security),
            (self.unreviewed, "unreviewed".to_owned(), 0),
            (self.superseded, "superseded".to_owned(), self.superseded_of_security),
            (self.unsupported, "unsupported".to_owned(), 0),
        ];
        let there = parts.into_iter().filter(|(number, ..)| *number > 0);
        there.map(|(number, what, security)| format!("{number} {what}{}", of_security(security))).collect()
    }

    /// Whether there are known regressions or deviations that nobody has reviewed.
    pub const fn any_wrong(&self) -> bool {
        self.regression > 0 || self.unreviewed > 0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::run::test_support::{cell, listed_step};
    use DeviationClass::{Regression, Superseded, Unreviewed, Unsupported};

    fn known(steps: &[(DeviationClass, bool)]) -> Cell {
        let steps = steps.iter().zip(1..).map(|((class, security), number)| StepRecord {
            id: format!("step-{number}"),
            ..listed_step(*class, *security)
        });
        Cell { steps: steps.collect(), ..cell("a", "2026.3.31", Verdict::Known) }
    }

    #[rstest]
    #[case(&[(Unsupported, false), (Superseded, true)], Known::Superseded, "step-2")]
    #[case(&[(Superseded, true), (Regression, false)], Known::Regression, "step-2")]
    #[case(&[(Regression, false), (Regression, true)], Known::Security, "step-2")]
    #[case(&[(Unreviewed, false), (Unsupported, false)], Known::Unreviewed, "step-1")]
    fn a_cell_shows_the_worst_of_its_deviations(
        #[case] steps: &[(DeviationClass, bool)],
        #[case] worst: Known,
        #[case] step: &str,
    ) {
        let cell = known(steps);
        assert_eq!(Known::of(&cell), Some(worst));
        assert_eq!(deciding(&cell).unwrap().id, step);
    }

    #[test]
    fn only_cells_with_the_verdict_known_count_as_known() {
        let failed = Cell { verdict: Verdict::Fail, ..known(&[(Regression, true)]) };
        assert_eq!(Known::of(&failed), None);
        assert!(!denied(&Deny::ALL, &failed) && !is_of_security(&failed));
        assert_eq!(KnownCounts::of([&failed], &Deny::ALL), KnownCounts::default());
    }

    #[test]
    fn a_known_cell_without_a_deviation_is_unreviewed() {
        let bare = cell("a", "2026.3.31", Verdict::Known);
        assert_eq!(Known::of(&bare), Some(Known::Unreviewed));
        assert!(shows(&bare, Deny::Unreviewed) && !shows(&bare, Deny::Regression));
    }

    #[rstest]
    #[case(Deny::Regression, [true, true, false, false, false, false])]
    #[case(Deny::Security, [true, false, true, false, false, false])]
    #[case(Deny::Superseded, [false, false, true, true, false, false])]
    #[case(Deny::Unsupported, [false, false, false, false, true, false])]
    #[case(Deny::Unreviewed, [false, false, false, false, false, true])]
    fn denying_a_kind_matches_its_cells(#[case] deny: Deny, #[case] expected: [bool; 6]) {
        let cells = [
            (Regression, true),
            (Regression, false),
            (Superseded, true),
            (Superseded, false),
            (Unsupported, false),
            (Unreviewed, false),
        ];
        assert_eq!(cells.map(|one| shows(&known(&[one]), deny)), expected);
    }

    #[test]
    fn cells_are_counted_once_and_described_worst_first() {
        let cells = [
            known(&[(Superseded, false)]),
            known(&[(Superseded, true)]),
            known(&[(Unsupported, false)]),
            known(&[(Regression, true), (Superseded, true)]),
            known(&[(Regression, false)]),
        ];
        let counts = KnownCounts::of(&cells, &[Deny::Security]);
        assert_eq!(
            counts.in_words(),
            ["2 known regressions (1 of security)", "2 superseded (1 of security)", "1 unsupported"]
        );
        assert_eq!(counts.denied, 2);
        assert!(counts.any_wrong() && !KnownCounts::of(&cells[..3], &[]).any_wrong());
    }

    #[test]
    fn the_words_of_deny_parse_back() {
        for one in Deny::ALL {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        assert!("regresion".parse::<Deny>().is_err());
    }
}

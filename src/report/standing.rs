//! What a cell is called in a report: its verdict, and of a listed deviation what kind of one it is.

use crate::run::{Cell, Deny, Known, StepRecord, denied};
use crate::verdict::Verdict;

/// How a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its verdict, other than `known`.
    Verdict(Verdict),
    /// A listed deviation.
    Known(Known),
    /// A listed deviation that the run denies.
    Denied(Known),
}

impl Standing {
    /// How a cell of a run stands that denies these.
    pub(crate) fn of(deny: &[Deny], cell: &Cell) -> Self {
        match Known::of(cell) {
            Some(known) if denied(deny, cell) => Self::Denied(known),
            Some(known) => Self::Known(known),
            None => Self::Verdict(cell.verdict),
        }
    }

    /// How a step stands.
    pub(crate) fn of_step(step: &StepRecord) -> Self {
        Known::of_step(step).map_or(Self::Verdict(step.verdict), Self::Known)
    }

    /// One word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Verdict(verdict) => verdict.word(),
            Self::Known(known) => known.word(),
            Self::Denied(_) => "denied",
        }
    }

    /// What it is, in full.
    pub(crate) fn phrase(self) -> String {
        match self {
            Self::Verdict(verdict) => verdict.to_string(),
            Self::Known(known) => known.phrase().to_owned(),
            Self::Denied(known) => format!("denied: {}", known.phrase()),
        }
    }

    /// What the word means, for a legend.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Verdict(Verdict::Pass) => "right",
            Self::Verdict(Verdict::Fail) => "not right, not listed",
            Self::Verdict(Verdict::Fixed) => "listed, did not happen",
            Self::Verdict(Verdict::Flaky) => "not always the same",
            Self::Verdict(Verdict::Untestable) => "cannot be shown there",
            Self::Verdict(Verdict::Error) => "harness or gateway broke",
            Self::Verdict(Verdict::Skipped) => "not reached",
            Self::Verdict(Verdict::Known) => "as listed",
            Self::Known(Known::Security) => "known hole",
            Self::Known(Known::Regression) => "known to be wrong",
            Self::Known(Known::Unreviewed) => "listed, not yet looked at",
            Self::Known(Known::Superseded) => "the contract was another",
            Self::Known(Known::Unsupported) => "the release lacks it",
            Self::Denied(_) => "listed, and not accepted",
        }
    }

    /// Whether somebody has to look at it.
    pub(crate) const fn is_difference(self) -> bool {
        match self {
            Self::Verdict(verdict) => !verdict.is_fine() && !matches!(verdict, Verdict::Untestable),
            Self::Known(_) => false,
            Self::Denied(_) => true,
        }
    }

    /// The place in the order of reports, the worst first.
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Verdict(Verdict::Error) => 0,
            Self::Verdict(Verdict::Fail) => 1,
            Self::Verdict(Verdict::Fixed) => 2,
            Self::Verdict(Verdict::Flaky) => 3,
            Self::Denied(_) => 4,
            Self::Known(known) => 5 + known as usize,
            Self::Verdict(Verdict::Known | Verdict::Untestable) => 10,
            Self::Verdict(Verdict::Pass) => 11,
            Self::Verdict(Verdict::Skipped) => 12,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        let order = [
            Standing::Verdict(Verdict::Error),
            Standing::Verdict(Verdict::Fail),
            Standing::Denied(Known::Unsupported),
            Standing::Known(Known::Security),
            Standing::Known(Known::Regression),
            Standing::Known(Known::Superseded),
            Standing::Known(Known::Unsupported),
            Standing::Verdict(Verdict::Pass),
        ];
        assert!(order.is_sorted_by(|one, next| one.place() < next.place()));
    }
}

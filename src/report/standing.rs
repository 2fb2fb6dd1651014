//! How a report names a cell: by its verdict, or by the kind of its listed deviation.

use crate::run::{Cell, Deny, Known, StepRecord, denied};
use crate::verdict::Verdict;

/// How a report names a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// By its verdict, other than `known`.
    Verdict(Verdict),
    /// By the kind of its listed deviation.
    Known(Known),
    /// By the kind of its listed deviation, which the run denies.
    Denied(Known),
}

impl Standing {
    /// The standing of a cell, in a run that denies these deviations.
    pub(crate) fn of(deny: &[Deny], cell: &Cell) -> Self {
        match Known::of(cell) {
            Some(known) if denied(deny, cell) => Self::Denied(known),
            Some(known) => Self::Known(known),
            None => Self::Verdict(cell.verdict),
        }
    }

    /// The standing of a step.
    pub(crate) fn of_step(step: &StepRecord) -> Self {
        Known::of_step(step).map_or(Self::Verdict(step.verdict), Self::Known)
    }

    /// The standing in one word.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Verdict(verdict) => verdict.word(),
            Self::Known(known) => known.word(),
            Self::Denied(_) => "denied",
        }
    }

    /// The standing in full.
    pub(crate) fn phrase(self) -> String {
        match self {
            Self::Verdict(verdict) => verdict.to_string(),
            Self::Known(known) => known.phrase().to_owned(),
            Self::Denied(known) => format!("denied: {}", known.phrase()),
        }
    }

    /// The meaning of the word, for a legend.
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

    /// Whether a person has to look at it.
    pub(crate) const fn is_difference(self) -> bool {
        match self {
            Self::Verdict(verdict) => !verdict.is_fine() && !matches!(verdict, Verdict::Untestable),
            Self::Known(_) => false,
            Self::Denied(_) => true,
        }
    }

    /// The position in the order of reports, the worst first.
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

//! Verdicts depend on release, expectation and observation alone.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matching::{Mismatch, mismatch, satisfies};
use super::outcome::Outcome;
use crate::scenario::{DeviationClass, Expectation};

/// What is said of a step, or of a scenario on a release.
///
/// The variants stand in the order of weight: a scenario's verdict is the heaviest of its steps'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not run, because an earlier step left nothing to run it on.
    Skipped,
    /// As expected.
    Pass,
    /// A listed deviation, exactly as listed.
    Known,
    /// The target cannot show it. Never counted as a pass.
    Untestable,
    /// Not always the same.
    Flaky,
    /// A listed deviation did not happen: the list is out of date.
    Fixed,
    /// Not as expected, and not listed.
    Fail,
    /// Harness or gateway broke. Never counted as a failed expectation.
    Error,
}

impl Verdict {
    /// Whether a run with this verdict is all right.
    pub const fn is_fine(self) -> bool {
        matches!(self, Self::Pass | Self::Known | Self::Skipped)
    }

    /// The word that reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Pass => "pass",
            Self::Known => "known",
            Self::Untestable => "untestable",
            Self::Flaky => "flaky",
            Self::Fixed => "fixed",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Where the outcome first differs from what this release was expected to do.
    pub mismatch: Option<Mismatch>,
}

/// Judges the outcome of a step.
///
/// `listed` is the outcome that a deviation lists for the release under test, with its class. Where it lists
/// several, one of them may be the right one: the release does not always go wrong.
pub fn judge(
    outcome: &Outcome,
    right: &Expectation,
    listed: Option<(&Expectation, DeviationClass)>,
) -> Judgement {
    let Some((listed, _)) = listed else {
        let mismatch = mismatch(outcome, right);
        let verdict = if mismatch.is_none() { Verdict::Pass } else { Verdict::Fail };
        return Judgement { verdict, mismatch };
    };
    let mismatch = mismatch(outcome, listed);
    let verdict = match mismatch {
        None if matches!(listed, Expectation::AnyOf(_)) && satisfies(outcome, right) => Verdict::Pass,
        None => Verdict::Known,
        Some(_) if satisfies(outcome, right) => Verdict::Fixed,
        Some(_) => Verdict::Fail,
    };
    Judgement { verdict, mismatch }
}

/// The verdict of a whole from those of its parts: the heaviest one.
///
/// A part that was passed over is only all right beside one that explains it: a whole of passes and skipped parts
/// was not looked at in full, and neither was one without parts. Both are errors, never passes.
pub fn overall(parts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let (mut heaviest, mut skipped) = (None, false);
    for part in parts {
        skipped |= part == Verdict::Skipped;
        heaviest = heaviest.max(Some(part));
    }
    match heaviest {
        None | Some(Verdict::Skipped) => Verdict::Error,
        Some(Verdict::Pass) if skipped => Verdict::Error,
        Some(heaviest) => heaviest,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::scenario::Pattern;
    use crate::wire::{Close, WireError};

    fn hello() -> Outcome {
        Outcome::Hello { payload: json!({}) }
    }

    fn refused(reason: &str) -> Outcome {
        let error = WireError { details: json!({"reason": reason}), ..Default::default() };
        Outcome::Closed { close: Close::frame(Some(1008), ""), error: Some(error) }
    }

    #[rstest]
    #[case(hello(), None, Verdict::Pass)]
    #[case(refused("role-upgrade"), None, Verdict::Fail)]
    #[case(refused("role-upgrade"), Some("role-upgrade"), Verdict::Known)]
    #[case(refused("scope-upgrade"), Some("role-upgrade"), Verdict::Fail)]
    #[case(hello(), Some("role-upgrade"), Verdict::Fixed)]
    fn a_listed_deviation_must_happen_exactly(
        #[case] outcome: Outcome,
        #[case] listed: Option<&str>,
        #[case] verdict: Verdict,
    ) {
        let right = Expectation::Hello(Pattern::Any);
        let listed: Option<Expectation> = listed.map(|reason| {
            serde_json::from_value(json!({"closed": 1008, "details": {"reason": reason}})).unwrap()
        });
        let judged = judge(&outcome, &right, listed.as_ref().map(|one| (one, DeviationClass::Regression)));
        assert_eq!(judged.verdict, verdict);
        assert_eq!(judged.mismatch.is_none(), matches!(verdict, Verdict::Pass | Verdict::Known));
    }

    #[rstest]
    #[case(hello(), Verdict::Pass)]
    #[case(refused("role-upgrade"), Verdict::Known)]
    #[case(refused("scope-upgrade"), Verdict::Fail)]
    fn a_release_that_does_not_always_go_wrong_passes_when_it_is_right(
        #[case] outcome: Outcome,
        #[case] verdict: Verdict,
    ) {
        let right = Expectation::Hello(Pattern::Any);
        let listed = json!({"any_of": ["hello", {"closed": 1008, "details": {"reason": "role-upgrade"}}]});
        let listed: Expectation = serde_json::from_value(listed).unwrap();
        let judged = judge(&outcome, &right, Some((&listed, DeviationClass::Regression)));
        assert_eq!(judged.verdict, verdict);
    }

    #[test]
    fn the_heaviest_verdict_counts() {
        assert_eq!(overall([Verdict::Pass, Verdict::Pass]), Verdict::Pass);
        assert_eq!(overall([Verdict::Pass, Verdict::Known, Verdict::Skipped]), Verdict::Known);
        assert_eq!(overall([Verdict::Fail, Verdict::Error, Verdict::Known]), Verdict::Error);
    }

    #[rstest]
    #[case::nothing_at_all(&[])]
    #[case::only_skipped(&[Verdict::Skipped])]
    #[case::passes_around_a_gap(&[Verdict::Pass, Verdict::Skipped, Verdict::Pass])]
    fn what_was_not_looked_at_is_no_pass(#[case] parts: &[Verdict]) {
        assert_eq!(overall(parts.iter().copied()), Verdict::Error);
    }

    proptest! {
        #[test]
        fn the_order_of_steps_does_not_count(mut parts in prop::collection::vec(0usize..8, 0..6)) {
            let all = [
                Verdict::Skipped, Verdict::Pass, Verdict::Known, Verdict::Untestable, Verdict::Flaky,
                Verdict::Fixed, Verdict::Fail, Verdict::Error,
            ];
            let one = overall(parts.iter().map(|at| all[*at]));
            parts.reverse();
            prop_assert_eq!(one, overall(parts.iter().map(|at| all[*at])));
        }
    }
}

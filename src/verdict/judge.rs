//! The verdict on an outcome, which depends on nothing but what was expected and what was observed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::matching::{Mismatch, mismatch, satisfies};
use super::outcome::Outcome;
use crate::scenario::Expectation;

/// The verdict on a step, or on a scenario on one release.
///
/// The variants are ordered by severity: a scenario gets the most severe verdict of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not run, because an earlier step did not leave what it needs.
    Skipped,
    /// The outcome that is right.
    Pass,
    /// The outcome that a deviation lists, exactly as listed.
    Known,
    /// The target cannot run the scenario. Never counts as a pass.
    Untestable,
    /// The repetitions did not all have the same outcome.
    Flaky,
    /// A listed deviation did not happen, so the list is out of date.
    Fixed,
    /// Neither what was expected nor what is listed.
    Fail,
    /// The harness or the gateway broke. Never counts as a failed expectation.
    Error,
}

impl Verdict {
    /// Whether this verdict leaves a run successful.
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
    /// The verdict on the step.
    pub verdict: Verdict,
    /// The first place at which the outcome differs from what was expected of this release.
    pub mismatch: Option<Mismatch>,
}

/// Judges the outcome of a step.
///
/// `listed` is the outcome that a deviation lists for the release under test. Where it lists several outcomes, the
/// right one may be among them: then the release goes wrong only now and again, and the right outcome is a pass.
pub fn judge(outcome: &Outcome, right: &Expectation, listed: Option<&Expectation>) -> Judgement {
    let Some(listed) = listed else {
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

/// The verdict on a whole: the most severe of the verdicts on its parts.
///
/// A skipped part is only acceptable beside a part that explains it. A whole of passes and skipped parts was not tested
/// in full, and a whole without parts was not tested at all: both are errors, never passes.
pub fn overall(parts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let (mut worst, mut skipped) = (None, false);
    for part in parts {
        skipped |= part == Verdict::Skipped;
        worst = worst.max(Some(part));
    }
    match worst {
        None | Some(Verdict::Skipped) => Verdict::Error,
        Some(Verdict::Pass) if skipped => Verdict::Error,
        Some(worst) => worst,
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
    fn a_listed_deviation_must_happen_exactly_as_listed(
        #[case] outcome: Outcome,
        #[case] listed: Option<&str>,
        #[case] verdict: Verdict,
    ) {
        let right = Expectation::Hello(Pattern::Any);
        let listed: Option<Expectation> = listed.map(|reason| {
            serde_json::from_value(json!({"closed": 1008, "details": {"reason": reason}})).unwrap()
        });
        let judged = judge(&outcome, &right, listed.as_ref());
        assert_eq!(judged.verdict, verdict);
        assert_eq!(judged.mismatch.is_none(), matches!(verdict, Verdict::Pass | Verdict::Known));
    }

    #[rstest]
    #[case(hello(), Verdict::Pass)]
    #[case(refused("role-upgrade"), Verdict::Known)]
    #[case(refused("scope-upgrade"), Verdict::Fail)]
    fn a_release_that_goes_wrong_now_and_again_passes_when_it_is_right(
        #[case] outcome: Outcome,
        #[case] verdict: Verdict,
    ) {
        let right = Expectation::Hello(Pattern::Any);
        let listed = json!({"any_of": ["hello", {"closed": 1008, "details": {"reason": "role-upgrade"}}]});
        let listed: Expectation = serde_json::from_value(listed).unwrap();
        let judged = judge(&outcome, &right, Some(&listed));
        assert_eq!(judged.verdict, verdict);
    }

    #[test]
    fn the_most_severe_verdict_counts() {
        assert_eq!(overall([Verdict::Pass, Verdict::Pass]), Verdict::Pass);
        assert_eq!(overall([Verdict::Pass, Verdict::Known, Verdict::Skipped]), Verdict::Known);
        assert_eq!(overall([Verdict::Fail, Verdict::Error, Verdict::Known]), Verdict::Error);
    }

    #[rstest]
    #[case::nothing_at_all(&[])]
    #[case::only_skipped(&[Verdict::Skipped])]
    #[case::passes_around_a_gap(&[Verdict::Pass, Verdict::Skipped, Verdict::Pass])]
    fn a_whole_that_was_not_tested_in_full_does_not_pass(#[case] parts: &[Verdict]) {
        assert_eq!(overall(parts.iter().copied()), Verdict::Error);
    }

    proptest! {
        #[test]
        fn the_order_of_the_steps_does_not_matter(mut parts in prop::collection::vec(0usize..8, 0..6)) {
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

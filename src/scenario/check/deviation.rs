//! Checks of `deviations`, the releases listed as behaving differently.

use super::outcome::check_outcome;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::file::DeviationClass;
use crate::scenario::story::{Action, Scenario, StoryDeviation, StoryStep};
use crate::scenario::suggest::advice;

/// Checks the deviations of a scenario against its steps and against each other.
pub(super) fn check_deviations(scenario: &Scenario, found: &mut Vec<Diagnostic>) {
    let steps = scenario.all_steps();
    for (at, entry) in scenario.deviations.iter().enumerate() {
        let source = &entry.source;
        if entry.class == DeviationClass::Unreviewed {
            let message = "this deviation has not been reviewed";
            let warning = Diagnostic::error("unreviewed", message, source, entry.span).as_warning();
            let help =
                "find out why it happens, then set its class to `regression`, `superseded` or `unsupported`";
            found.push(warning.label("unreviewed").help(help));
        }
        found.extend(check_security(entry, &steps));
        if let Some(required) = &scenario.requires.releases
            && !required.value.overlaps(&entry.releases)
        {
            let message = format!(
                "this deviation covers {}, but the scenario only runs on {}",
                entry.releases, required.value
            );
            let error = Diagnostic::error("outside-requires", message, source, entry.span);
            found.push(error.label("never applies").help("change `requires.releases`, or remove the entry"));
        }
        for (name, expectation) in &entry.steps {
            let Some(step) = steps.iter().find(|step| step.id == name.value) else {
                let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
                let message = format!("there is no step `{}`", name.value);
                let error = Diagnostic::error("unknown-step", message, source, name.span);
                found.push(error.label("unknown step").maybe_help(advice("steps", &name.value, &ids)));
                continue;
            };
            let Action::One(one, right) = &step.action else {
                let message = format!("`{}` groups other steps and has no outcome of its own", name.value);
                let error = Diagnostic::error("impossible-outcome", message, source, name.span);
                found.push(error.label("no outcome").help("list the steps inside it instead"));
                continue;
            };
            found.extend(check_outcome(one, expectation, source));
            if right.as_ref().is_some_and(|right| is_already_expected(&right.value, &expectation.value)) {
                let message = format!("this is the outcome that `{}` expects on every release", name.value);
                let error = Diagnostic::error("no-deviation", message, source, expectation.span);
                found.push(error.label("no difference").help("remove it, or write the outcome that differs"));
            }
            let earlier = scenario.deviations[..at].iter().find(|other| {
                other.releases.overlaps(&entry.releases)
                    && other.steps.iter().any(|(id, _)| id.value == name.value)
            });
            if let Some(earlier) = earlier {
                let message = format!(
                    "two entries list `{}` for the same releases: {} and {}",
                    name.value, earlier.releases, entry.releases
                );
                found.push(
                    Diagnostic::error("overlapping-deviations", message, source, name.span)
                        .label("listed again")
                        .help("change the ranges so that they do not overlap")
                        .related(&earlier.source, earlier.span, "first listed here"),
                );
            }
        }
    }
}

/// Checks that `security` is set where it has to be, and only where it may be.
fn check_security(entry: &StoryDeviation, steps: &[&StoryStep]) -> Option<Diagnostic> {
    let source = &entry.source;
    let has_grounds = matches!(entry.class, DeviationClass::Regression | DeviationClass::Superseded);
    match &entry.security {
        Some(said) if !has_grounds => {
            let message = format!("`security` does not apply to the class `{}`", entry.class.word());
            let error = Diagnostic::error("security-class", message, source, said.span);
            Some(error.label("not for this class").help(
                                "a release that lets in what others refuse either broke a promise (`regression`) or had a different \
                                 contract (`superseded`)",
            ))
        }
        None if has_grounds => {
            let (name, _) = entry.steps.iter().find(|(name, listed)| {
                let step = steps.iter().find(|step| step.id == name.value);
                matches!(step.map(|step| &step.action), Some(Action::One(_, Some(right))) if lets_in(&right.value, &listed.value))
            })?;
            let message = format!("`{}` should be refused, but gets through on these releases", name.value);
            let warning = Diagnostic::error("security-unsaid", message, source, name.span).as_warning();
            Some(warning.label("is this a security hole?").help(
                "set `security: true` if it grants or reveals something that should be refused, otherwise \
                             `security: false`",
            ))
        }
        _ => None,
    }
}

/// Whether the right outcome refuses something that the listed one grants.
fn lets_in(right: &Expectation, listed: &Expectation) -> bool {
    use ExpectationKind::{Arrives, Closed, Error, Hello, Http, Ok, Silence};
    let (right, listed) = (right.kinds(), listed.kinds());
    let refuses = |kind: &ExpectationKind| matches!(kind, Closed | Error | Http);
    let grants = |kind: &ExpectationKind| matches!(kind, Hello | Ok | Arrives);
    // A session that should have been closed but stays open shows as silence.
    let stays_open = right.iter().all(|kind| *kind == Closed) && listed.contains(&Silence);
    right.iter().all(refuses) && listed.iter().any(grants) || stays_open
}

fn is_already_expected(right: &Expectation, listed: &Expectation) -> bool {
    right == listed || matches!(right, Expectation::AnyOf(list) if list.contains(listed))
}

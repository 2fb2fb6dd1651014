//! Rules for the lists of releases that differ.

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
            let message = "nobody has looked at this deviation yet";
            let warning = Diagnostic::error("unreviewed", message, source, entry.span).as_warning();
            let help =
                "find out why it happens, and set the class `regression`, `superseded` or `unsupported`";
            found.push(warning.label("unreviewed").help(help));
        }
        found.extend(check_security(entry, &steps));
        if let Some(required) = &scenario.requires.releases
            && !required.value.overlaps(&entry.releases)
        {
            let message = format!(
                "this deviation is about {}, but the scenario is only for {}",
                entry.releases, required.value
            );
            let error = Diagnostic::error("outside-requires", message, source, entry.span);
            found
                .push(error.label("never looked at").help("change `requires.releases`, or remove the entry"));
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
                let message = format!("`{}` joins other steps and has no outcome of its own", name.value);
                let error = Diagnostic::error("impossible-outcome", message, source, name.span);
                found.push(error.label("no outcome").help("list the steps inside it"));
                continue;
            };
            found.extend(check_outcome(one, expectation, source));
            if right.as_ref().is_some_and(|right| holds_anyway(&right.value, &expectation.value)) {
                let message = format!("this is what `{}` is expected to do on every release", name.value);
                let error = Diagnostic::error("no-deviation", message, source, expectation.span);
                found.push(error.label("no difference").help("remove it, or say what differs"));
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
                        .help("make the ranges exclude each other")
                        .related(&earlier.source, earlier.span, "listed here first"),
                );
            }
        }
    }
}

/// Whether security was looked at: where it may be said, and where it has to be.
fn check_security(entry: &StoryDeviation, steps: &[&StoryStep]) -> Option<Diagnostic> {
    let source = &entry.source;
    let has_grounds = matches!(entry.class, DeviationClass::Regression | DeviationClass::Superseded);
    match &entry.security {
        Some(said) if !has_grounds => {
            let message = format!("`security` says nothing about the class `{}`", entry.class.word());
            let error = Diagnostic::error("security-class", message, source, said.span);
            Some(error.label("not for this class").help(
                "a release that lets in what is refused elsewhere broke a promise (`regression`), or had another \
                 contract (`superseded`)",
            ))
        }
        None if has_grounds => {
            let (name, _) = entry.steps.iter().find(|(name, listed)| {
                let step = steps.iter().find(|step| step.id == name.value);
                matches!(step.map(|step| &step.action), Some(Action::One(_, Some(right))) if lets_in(&right.value, &listed.value))
            })?;
            let message = format!("`{}` is refused where all is right, and gets through here", name.value);
            let warning = Diagnostic::error("security-unsaid", message, source, name.span).as_warning();
            Some(warning.label("is this a hole?").help(
                "set `security: true` where it lets in, keeps in, shows or grants what nobody may have; else \
                 `security: false`",
            ))
        }
        _ => None,
    }
}

/// Whether one outcome refuses what the other one gives.
fn lets_in(right: &Expectation, listed: &Expectation) -> bool {
    use ExpectationKind::{Arrives, Closed, Error, Hello, Http, Ok, Silence};
    let (right, listed) = (right.kinds(), listed.kinds());
    let refuses = |kind: &ExpectationKind| matches!(kind, Closed | Error | Http);
    let gives = |kind: &ExpectationKind| matches!(kind, Hello | Ok | Arrives);
    // A session that should have ended and goes on shows as silence.
    let goes_on = right.iter().all(|kind| *kind == Closed) && listed.contains(&Silence);
    right.iter().all(refuses) && listed.iter().any(gives) || goes_on
}

fn holds_anyway(right: &Expectation, listed: &Expectation) -> bool {
    right == listed || matches!(right, Expectation::AnyOf(list) if list.contains(listed))
}

//! Rules for the lists of releases that differ.

use super::super::diagnostic::Diagnostic;
use super::super::expect::Expectation;
use super::super::file::DeviationClass;
use super::super::story::{Action, Scenario};
use super::super::suggest::advice;
use super::outcome::check_outcome;

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

fn holds_anyway(right: &Expectation, listed: &Expectation) -> bool {
    right == listed || matches!(right, Expectation::AnyOf(list) if list.contains(listed))
}

//! Checks that a connection that is let through behind another one does not wait for ever.

use std::collections::HashSet;

use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::story::{Action, Scenario, StoryStep};

/// Checks every `behind` of a scenario.
pub(super) fn check_behind(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for steps in [&scenario.steps, &scenario.finally] {
        walk(steps, &HashSet::new(), false, &mut found);
    }
    found
}

/// `beside` are the connections that are opened at the same time and wait for no other one.
fn walk(steps: &[StoryStep], beside: &HashSet<&str>, repeated: bool, found: &mut Vec<Diagnostic>) {
    for step in steps {
        match &step.action {
            Action::One(one, _) => {
                let network = one.as_verb().network();
                let Some(behind) = network.and_then(|network| network.behind.as_ref()) else { continue };
                let (label, help) = if repeated {
                    (
                        "in a `repeat`",
                        "let each connection through behind another one only once, outside `repeat`",
                    )
                } else if beside.contains(behind.value.as_str()) {
                    continue;
                } else {
                    (
                        "not opened at the same time",
                        "name a connection that another branch of the same `together` opens, and that is behind no other",
                    )
                };
                let message = format!("this connection would wait for `{}` for ever", behind.value);
                let error = Diagnostic::error("bad-network", message, &step.source, behind.span);
                found.push(error.label(label).help(help));
            }
            Action::Repeat(times, inner) => walk(inner, beside, repeated || *times > 1, found),
            Action::Together(branches) => {
                for (at, branch) in branches.iter().enumerate() {
                    let mut others = beside.clone();
                    for (_, other) in branches.iter().enumerate().filter(|(other, _)| *other != at) {
                        opened(other, &mut others);
                    }
                    walk(std::slice::from_ref(branch), &others, repeated, found);
                }
            }
        }
    }
}

/// The connections that a branch opens and that are behind no other one.
fn opened<'a>(step: &'a StoryStep, into: &mut HashSet<&'a str>) {
    match &step.action {
        Action::One(one, _) => {
            let verb = one.as_verb();
            if verb.network().is_none_or(|network| network.behind.is_none()) {
                into.extend(verb.opens().map(|name| name.value.as_str()));
            }
        }
        Action::Together(inner) | Action::Repeat(_, inner) => inner.iter().for_each(|one| opened(one, into)),
    }
}

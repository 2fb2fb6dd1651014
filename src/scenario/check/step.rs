//! Checks that apply to steps of every verb.

use super::outcome::check_outcome;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::expect::ExpectationKind;
use crate::scenario::story::{Action, StoryStep};
use crate::scenario::verbs::{Earlier, Step, StepSite, check_name};

/// The longest time that a step may wait.
const LONGEST_WAIT: Millis = Millis(3_600_000);

/// The most rounds of a `repeat`.
const MOST_REPEATS: u32 = 10_000;

/// Checks a step on its own and against the steps before it.
pub(super) fn check_step(step: &StoryStep, earlier: &Earlier) -> Vec<Diagnostic> {
    let source = &step.source;
    let mut found = Vec::new();
    match &step.action {
        Action::Together(inner) if inner.len() < 2 => {
            let message = "`together` needs at least two steps";
            let error = Diagnostic::error("lonely-together", message, source, step.span);
            found.push(error.label(format!("has {}", inner.len())).help("write the step without `together`"));
        }
        Action::Repeat(0, _) => {
            let error = Diagnostic::error("empty-repeat", "`times: 0` does nothing", source, step.span);
            found.push(error.label("never runs").help("repeat at least once, or remove the step"));
        }
        Action::Repeat(times, _) if *times > MOST_REPEATS => {
            let message = format!("`times: {times}` is more than {MOST_REPEATS}");
            let error = Diagnostic::error("endless-repeat", message, source, step.span);
            found.push(error.label("too often").help("repeat it less often"));
        }
        Action::Repeat(_, inner) if inner.is_empty() => {
            let error = Diagnostic::error("empty-repeat", "this `repeat` has no steps", source, step.span);
            found.push(error.label("no steps").help("add steps, or remove the `repeat`"));
        }
        Action::Together(_) | Action::Repeat(..) => {}
        Action::One(one, expectation) => {
            let site = StepSite { span: step.span, source, earlier };
            found.extend(one.as_verb().check(&site));
            if one.as_verb().patience().is_some_and(|time| time > LONGEST_WAIT) {
                let message = format!("this step may wait for longer than {LONGEST_WAIT}");
                let error = Diagnostic::error("endless-wait", message, source, step.span);
                found.push(error.label("too long").help("no step may wait for more than an hour"));
            }
            if let Some(expectation) = expectation.as_ref().filter(|_| one.as_verb().expect().is_some()) {
                found.extend(check_outcome(one, expectation, source));
            }
            found.extend(check_saves(step, one, expectation.as_ref().map(|one| one.value.kinds())));
        }
    }
    found
}

fn check_saves(step: &StoryStep, one: &Step, kinds: Option<Vec<ExpectationKind>>) -> Vec<Diagnostic> {
    let source = &step.source;
    let Some(saves) = one.as_verb().saves() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, pointer) in saves.iter() {
        found.extend(check_name(name, "capture", source));
        let written = &pointer.value.pointer;
        let escapes = written.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !written.starts_with('/') || !escapes {
            let message = format!("`{written}` is not a JSON pointer");
            let error = Diagnostic::error("bad-pointer", message, source, pointer.span);
            let help = if escapes {
                format!("a JSON pointer starts with `/`: write `/{}`", written.replace('.', "/"))
            } else {
                "in a JSON pointer, write `~` as `~0`, and `/` within a key as `~1`".to_owned()
            };
            found.push(error.label("not a pointer").help(help));
        }
    }
    let silent = kinds
        .is_some_and(|kinds| !kinds.is_empty() && kinds.iter().all(|kind| *kind == ExpectationKind::Silence));
    if silent && let Some(name) = saves.keys().next() {
        let message = "`save` has nothing to save, because this step expects silence";
        let error = Diagnostic::error("save-from-silence", message, source, name.span);
        found.push(error.label("never gets a value").help("remove `save`, or expect an answer"));
    }
    found
}

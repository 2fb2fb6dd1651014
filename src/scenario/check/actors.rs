//! Rules for the verbs of whole programs.

use std::path::{Component, Path};
use std::sync::Arc;

use super::super::actors::{AgentTurn, AgentVia, Destination, EditState, Model, PatchVerb};
use super::super::diagnostic::Diagnostic;
use super::super::source::Source;
use super::super::span::Span;
use super::super::step::Step;
use super::super::story::Scenario;

/// Checks what an `edit_state` says by itself.
pub(super) fn check_edit(edit: &EditState, source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let file = Path::new(&edit.file.value);
    if edit.file.value.is_empty() || !file.components().all(|part| matches!(part, Component::Normal(_))) {
        let message = format!("`{}` is no file of the state directory", edit.file.value);
        let error = Diagnostic::error("bad-edit", message, source, edit.file.span);
        found
            .push(error.label("leads elsewhere").help("write a relative path such as `devices/paired.json`"));
    }
    for one in &edit.patch.value {
        let (key, missing) = match one.op {
            PatchVerb::Add | PatchVerb::Replace | PatchVerb::Test => ("value", one.value.is_none()),
            PatchVerb::Move | PatchVerb::Copy => ("from", one.from.is_none()),
            PatchVerb::Remove => continue,
        };
        if missing {
            let message = format!("the operation `{}` needs `{key}`", one.op.word());
            let error = Diagnostic::error("bad-edit", message, source, edit.patch.span);
            found.push(error.label(format!("no `{key}`")));
        }
    }
    found
}

/// Checks that every reply of a scripted model is of one kind.
pub(super) fn check_model(model: &Model, span: Span, source: &Arc<Source>) -> Option<Diagnostic> {
    let wrong = model.replies.iter().find(|one| one.call.is_some() == one.say.is_some());
    wrong.map(|_| {
        let message = "a reply needs one of `call` and `say`";
        let error = Diagnostic::error("bad-reply", message, source, span);
        error.label("has none or both").help("`call` names a tool, `say` is a text that ends the turn")
    })
}

/// Checks that a turn over a connection names one, and others do not.
pub(super) fn check_turn(turn: &AgentTurn, span: Span, source: &Arc<Source>) -> Option<Diagnostic> {
    let message = match (turn.via, &turn.on) {
        (AgentVia::Client, None) => "`via: client` needs `on`",
        (AgentVia::Local | AgentVia::Gateway, Some(_)) => "`on` needs `via: client`",
        _ => return None,
    };
    let error = Diagnostic::error("bad-turn", message, source, span);
    Some(error.help("a client asks on a connection of the scenario, the command line makes its own"))
}

/// Checks that a story which begins on another release reaches the target.
pub(super) fn check_start(scenario: &Scenario) -> Option<Diagnostic> {
    let reaches = |step: &Step| match step {
        Step::Upgrade(upgrade) => upgrade.to.value == Destination::Target,
        _ => false,
    };
    if scenario.starts_on.is_none() || scenario.any_step(reaches) {
        return None;
    }
    let message = "this story never reaches the release under test";
    let error = Diagnostic::error("no-upgrade", message, &scenario.source, Span::default());
    Some(error.help("add a step `upgrade: {to: target}`, or remove `starts_on`"))
}

//! Rules for one step by itself.

use std::sync::Arc;

use super::super::address::Address;
use super::super::diagnostic::Diagnostic;
use super::super::expect::ExpectationKind;
use super::super::reference::is_name;
use super::super::source::Source;
use super::super::span::{Span, Spanned};
use super::super::step::{Send, Step};
use super::super::story::{Action, StoryStep};
use super::actors::{check_edit, check_model, check_turn};
use super::file::check_persona;
use super::log::check_log;
use super::outcome::check_outcome;

/// Checks what a step says, without looking at its neighbours.
pub(super) fn check_step(step: &StoryStep) -> Vec<Diagnostic> {
    let source = &step.source;
    let mut found = Vec::new();
    match &step.action {
        Action::Together(inner) if inner.len() < 2 => {
            let message = "`together` needs at least two steps";
            let error = Diagnostic::error("lonely-together", message, source, step.span);
            found.push(error.label(format!("has {}", inner.len())).help("write the step by itself"));
        }
        Action::Repeat(0, _) => {
            let error = Diagnostic::error("empty-repeat", "`times: 0` does nothing", source, step.span);
            found.push(error.label("never done").help("repeat at least once, or remove the step"));
        }
        Action::Repeat(_, inner) if inner.is_empty() => {
            let error = Diagnostic::error("empty-repeat", "this repeats no steps", source, step.span);
            found.push(error.label("no steps").help("add steps, or remove the `repeat`"));
        }
        Action::Together(_) | Action::Repeat(..) => {}
        Action::One(one, expectation) => {
            match one {
                Step::Connect(connect) => {
                    found.extend(connect.persona.as_ref().and_then(|one| check_persona(one, source)));
                    found.extend(check_name(&connect.name, "connection", source));
                    found.extend(check_from(connect.from, connect.address, step.span, source));
                }
                Step::Send(send) => {
                    found.extend(check_send(send, step.span, source));
                    found.extend(check_from(send.from, send.address, step.span, source));
                }
                Step::Http(http) => found.extend(check_from(http.from, http.address, step.span, source)),
                Step::Model(model) => found.extend(check_model(model, step.span, source)),
                Step::AgentTurn(turn) => found.extend(check_turn(turn, step.span, source)),
                Step::EditState(edit) => found.extend(check_edit(edit, source)),
                Step::Log(log) => found.extend(check_log(log, step.span, source)),
                _ => {}
            }
            if let Some(expectation) = expectation.as_ref().filter(|_| one.expect().is_some()) {
                found.extend(check_outcome(one, expectation, source));
            }
            found.extend(check_saves(step, one, expectation.as_ref().map(|one| one.value.kinds())));
        }
    }
    found
}

/// Checks that both ends of a connection are of one family, and that the near one is an address.
fn check_from(
    from: Option<Address>,
    to: Option<Address>,
    span: Span,
    source: &Arc<Source>,
) -> Option<Diagnostic> {
    let from = from?;
    let to = to.unwrap_or_default();
    let fits = match (from.ip(), to.ip()) {
        (None, _) => false,
        (Some(from), Some(to)) => from.is_ipv4() == to.is_ipv4(),
        (Some(from), None) => from.is_ipv4(),
    };
    if fits {
        return None;
    }
    let message = format!("nobody connects from `{from}` to `{to}`");
    let error = Diagnostic::error("bad-address", message, source, span);
    Some(error.label("`from`").help("`from` is an address of the same family, such as `127.0.0.2`"))
}

fn check_name(name: &Spanned<String>, what: &str, source: &Arc<Source>) -> Option<Diagnostic> {
    if is_name(&name.value) {
        return None;
    }
    let message = format!("`{}` cannot be the name of a {what}", name.value);
    let error = Diagnostic::error("bad-name", message, source, name.span);
    Some(error.label("not a name").help("names have letters, digits, `-` and `_`"))
}

fn check_saves(step: &StoryStep, one: &Step, kinds: Option<Vec<ExpectationKind>>) -> Vec<Diagnostic> {
    let source = &step.source;
    let Some(saves) = one.saves() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, pointer) in saves.iter() {
        found.extend(check_name(name, "capture", source));
        let written = &pointer.value.pointer;
        let escapes = written.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !written.starts_with('/') || !escapes {
            let message = format!("`{written}` is not a JSON pointer");
            let error = Diagnostic::error("bad-pointer", message, source, pointer.span);
            let help = if escapes {
                format!("a pointer starts with `/`: write `/{}`", written.replace('.', "/"))
            } else {
                "`~` is written `~0`, and `/` inside a key `~1`".to_owned()
            };
            found.push(error.label("not a pointer").help(help));
        }
    }
    let silent = kinds
        .is_some_and(|kinds| !kinds.is_empty() && kinds.iter().all(|kind| *kind == ExpectationKind::Silence));
    if silent && let Some(name) = saves.keys().next() {
        let message = "nothing can be saved where nothing is expected to come";
        let error = Diagnostic::error("save-from-silence", message, source, name.span);
        found.push(error.label("never gets a value").help("remove `save`, or expect an answer"));
    }
    found
}

fn check_send(send: &Send, span: Span, source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut add = |message: &str, span: Span, label: &str, help: &str| {
        found.push(Diagnostic::error("bad-send", message, source, span).label(label).help(help));
    };
    match (&send.on, &send.name) {
        (None, None) => add(
            "`send` needs a connection",
            span,
            "on what?",
            "write `on:` for an open connection, or `as:` for a fresh socket",
        ),
        (Some(_), Some(name)) => add(
            "`on` and `as` exclude each other",
            name.span,
            "a second connection",
            "`on` sends on an open connection, `as` opens a fresh socket",
        ),
        _ => {}
    }
    let payloads = [send.text.is_some(), send.json.is_some(), send.binary.is_some()];
    match payloads.iter().filter(|there| **there).count() {
        1 => {}
        // A fresh socket may stay silent.
        0 if send.name.is_some() && send.pad_to.is_none() => {}
        0 => add("`send` has nothing to send", span, "no payload", "add `text`, `json` or `binary`"),
        _ => add("`send` sends one frame", span, "several payloads", "keep one of `text`, `json`, `binary`"),
    }
    if let Some(binary) = &send.binary {
        let digits = binary.value.bytes().filter(|byte| !byte.is_ascii_whitespace());
        let whole = digits.clone().count() % 2 == 0 && digits.clone().all(|byte| byte.is_ascii_hexdigit());
        let held_back = binary.value.contains("${");
        if !whole && !held_back {
            add(
                "`binary` is not hexadecimal",
                binary.span,
                "not hexadecimal",
                "write two digits (0-9, a-f) for each byte, such as `00ff`",
            );
        }
        if send.pad_to.is_some() {
            add("`pad_to` pads text frames only", binary.span, "binary", "remove `pad_to`");
        }
    }
    if let Some(on) = &send.on {
        let fresh_only = [
            (send.before_challenge, "before_challenge"),
            (!send.headers.is_empty(), "headers"),
            (send.address.is_some_and(|one| one != Address::default()), "address"),
            (send.from.is_some(), "from"),
        ];
        for (_, key) in fresh_only.iter().filter(|(there, _)| *there) {
            let message = format!("`{key}` is for fresh sockets only");
            add(&message, on.span, "this one is open already", "use `as` instead of `on`");
        }
    }
    if let Some(name) = &send.name {
        found.extend(check_name(name, "connection", source));
    }
    found
}

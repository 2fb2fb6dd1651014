//! Checks shared by the verbs that open connections.

use std::sync::Arc;

use super::verb::StepSite;
use crate::scenario::address::Address;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::reference::is_name;
use crate::scenario::source::Source;
use crate::scenario::span::Spanned;
use crate::scenario::suggest::advice;
use crate::wire::PERSONAS;

/// Checks that both ends of a connection belong to the same address family, and that `from` is not a name.
pub(super) fn check_ends(
    from: Option<Address>,
    to: Option<Address>,
    site: &StepSite<'_>,
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
    let error = site.error("bad-address", format!("cannot connect from `{from}` to `{to}`"), site.span);
    Some(error.label("`from`").help("use an IP address of the same family for `from`, such as `127.0.0.2`"))
}

/// Checks that a text is a valid name for something that a step opens or saves.
pub(in crate::scenario) fn check_name(
    name: &Spanned<String>,
    what: &str,
    source: &Arc<Source>,
) -> Option<Diagnostic> {
    if is_name(&name.value) {
        return None;
    }
    let message = format!("`{}` is not a valid name for a {what}", name.value);
    let error = Diagnostic::error("bad-name", message, source, name.span);
    Some(error.label("not a valid name").help("a name consists of letters, digits, `-` and `_`"))
}

/// Checks that a persona exists.
pub(in crate::scenario) fn check_persona(
    persona: &Spanned<String>,
    source: &Arc<Source>,
) -> Option<Diagnostic> {
    let names: Vec<&str> = PERSONAS.iter().map(|one| one.name).collect();
    if names.contains(&persona.value.as_str()) {
        return None;
    }
    let message = format!("there is no persona `{}`", persona.value);
    let error = Diagnostic::error("unknown-persona", message, source, persona.span).label("unknown persona");
    Some(error.maybe_help(advice("personas", &persona.value, &names)))
}

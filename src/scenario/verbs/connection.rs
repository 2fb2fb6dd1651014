//! Checks that the verbs of connections share.

use std::sync::Arc;

use super::verb::Site;
use crate::scenario::address::Address;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::reference::is_name;
use crate::scenario::source::Source;
use crate::scenario::span::Spanned;
use crate::scenario::suggest::advice;
use crate::wire::PERSONAS;

/// Checks that both ends of a connection are of one family, and that the near one is an address.
pub(super) fn check_ends(from: Option<Address>, to: Option<Address>, site: &Site<'_>) -> Option<Diagnostic> {
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
    let error = site.error("bad-address", format!("nobody connects from `{from}` to `{to}`"), site.span);
    Some(error.label("`from`").help("`from` is an address of the same family, such as `127.0.0.2`"))
}

/// Checks that a text can be the name of what a step opens or saves.
pub(in crate::scenario) fn check_name(
    name: &Spanned<String>,
    what: &str,
    source: &Arc<Source>,
) -> Option<Diagnostic> {
    if is_name(&name.value) {
        return None;
    }
    let message = format!("`{}` cannot be the name of a {what}", name.value);
    let error = Diagnostic::error("bad-name", message, source, name.span);
    Some(error.label("not a name").help("names have letters, digits, `-` and `_`"))
}

/// Whether a persona is known.
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

//! Checks shared by the verbs that open connections.

use std::sync::Arc;

use super::verb::StepSite;
use crate::scenario::address::Address;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::duration::Millis;
use crate::scenario::network::{Network, NetworkPoint};
use crate::scenario::reference::is_name;
use crate::scenario::source::Source;
use crate::scenario::span::Spanned;
use crate::scenario::suggest::advice;
use crate::wire::PERSONAS;

/// The longest latency.
const LONGEST_LATENCY: Millis = Millis(600_000);

/// The largest slices, in bytes.
const LARGEST_SLICE: usize = 16 << 10;

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

/// Checks the network of a connection in a step that waits `within` this time, if the scenario says so.
pub(super) fn check_network(
    network: &Network,
    within: Option<Millis>,
    site: &StepSite<'_>,
) -> Option<Diagnostic> {
    let wrong = |message: String, label: &str, help: &str| {
        Some(site.error("bad-network", message, site.span).label(label).help(help))
    };
    if *network == Network::default() {
        return wrong(
            "`network` does nothing".to_owned(),
            "empty",
            "add `latency`, `slices`, `behind`, `reset` or `half_open`, or remove it",
        );
    }
    if let Some(latency) = network.latency {
        if latency.0 <= 0 || latency > LONGEST_LATENCY {
            let help = "write a duration of up to ten minutes, such as `latency: 50ms`";
            return wrong(format!("a latency of {latency} is not possible"), "this latency", help);
        }
        if let Some(within) = within.filter(|within| within.0 <= latency.0.saturating_mul(2)) {
            let message = format!(
                "no answer can come: with a latency of {latency} it takes at least {}, and the step waits {within}",
                Millis(latency.0 * 2)
            );
            return wrong(
                message,
                "never answered",
                "wait longer with `within`, or make the latency shorter",
            );
        }
    }
    if network.slices.is_some_and(|bytes| bytes == 0 || bytes > LARGEST_SLICE) {
        let message = format!("slices have 1 to {LARGEST_SLICE} bytes");
        return wrong(message, "these slices", "`slices: 1` delivers byte by byte");
    }
    if network.reset.is_some() && network.half_open.is_some() {
        let message = "a connection cannot be both reset and half-open".to_owned();
        return wrong(message, "two failures", "keep only one of `reset` and `half_open`");
    }
    let points =
        [network.reset.as_ref().map(|one| one.after), network.half_open.as_ref().map(|one| one.after)];
    if let Some((message, help)) = points.into_iter().flatten().find_map(NetworkPoint::fault) {
        return wrong(message.to_owned(), "this point", help);
    }
    None
}

//! Which methods there are, and what they need.

use crate::release::Release;

use super::mutants::Fault;
use super::rulebook::Rule;
use super::rules::Rules;
use super::scopes::{self, ADMIN, APPROVALS, PAIRING, READ, WRITE};

/// Methods that nodes call.
const OF_NODES: &[&str] = &[
    "node.invoke.result",
    "node.event",
    "node.pending.drain",
    "node.canvas.capability.refresh",
    "node.pending.pull",
    "node.pending.ack",
    "skills.bins",
];

/// Methods that operators call, by the scope that they need, as of 2026.3.31.
const OF_OPERATORS: &[(&str, &[&str])] = &[
    (
        APPROVALS,
        &[
            "exec.approval.request",
            "exec.approval.waitDecision",
            "exec.approval.resolve",
            "plugin.approval.resolve",
        ],
    ),
    (
        PAIRING,
        &[
            "node.pair.request",
            "node.pair.list",
            "node.pair.reject",
            "node.pair.verify",
            "device.pair.list",
            "device.pair.approve",
            "device.pair.reject",
            "device.pair.remove",
            "device.token.rotate",
            "device.token.revoke",
            "node.rename",
            "node.pair.remove",
        ],
    ),
    (
        READ,
        &[
            "logs.tail",
            "channels.status",
            "status",
            "usage.status",
            "usage.cost",
            "tts.status",
            "tts.providers",
            "models.list",
            "tools.catalog",
            "tools.effective",
            "agents.list",
            "agent.identity.get",
            "skills.status",
            "voicewake.get",
            "sessions.list",
            "sessions.preview",
            "sessions.resolve",
            "sessions.subscribe",
            "cron.list",
            "cron.status",
            "cron.runs",
            "gateway.identity.get",
            "system-presence",
            "last-heartbeat",
            "node.list",
            "node.describe",
            "chat.history",
            "config.get",
            "talk.config",
            "agents.files.list",
            "agents.files.get",
        ],
    ),
    (
        WRITE,
        &[
            "send",
            "poll",
            "agent",
            "agent.wait",
            "wake",
            "talk.mode",
            "tts.enable",
            "tts.disable",
            "tts.convert",
            "voicewake.set",
            "node.invoke",
            "chat.send",
            "chat.abort",
            "sessions.create",
            "sessions.send",
            "sessions.abort",
        ],
    ),
    (
        ADMIN,
        &[
            "channels.logout",
            "agents.create",
            "agents.update",
            "agents.delete",
            "skills.install",
            "skills.update",
            "cron.add",
            "cron.update",
            "cron.remove",
            "cron.run",
            "sessions.patch",
            "sessions.reset",
            "sessions.delete",
            "sessions.compact",
            "chat.inject",
            "system-event",
            "config.set",
            "config.patch",
            "config.apply",
            "config.schema",
            "exec.approvals.get",
            "exec.approvals.set",
            "wizard.start",
            "update.run",
            "set-heartbeats",
        ],
    ),
];

/// Methods that came later than the others, with the rule that brought them.
const LATER: &[(&str, Rule)] = &[
    ("node.pending.drain", Rule::NodeQueues),
    ("sessions.send", Rule::SessionMessages),
    ("sessions.abort", Rule::SessionMessages),
    ("plugin.approval.resolve", Rule::PluginApprovals),
    ("node.pair.remove", Rule::NodeRemoval),
];

/// Methods whose scope was read in the code of [`READ_IN`] and measured nowhere: of other releases nothing is known.
const ONLY_READ: &[&str] = &[
    "exec.approval.waitDecision",
    "node.rename",
    "channels.status",
    "usage.status",
    "usage.cost",
    "tts.status",
    "tts.providers",
    "tools.catalog",
    "tools.effective",
    "agent.identity.get",
    "skills.status",
    "sessions.preview",
    "sessions.subscribe",
    "cron.status",
    "cron.runs",
    "gateway.identity.get",
    "last-heartbeat",
    "node.describe",
    "talk.config",
    "agents.files.list",
    "agents.files.get",
    "poll",
    "agent.wait",
    "talk.mode",
    "tts.enable",
    "tts.disable",
    "tts.convert",
    "sessions.create",
    "channels.logout",
    "agents.update",
    "agents.delete",
    "skills.install",
    "skills.update",
    "cron.update",
    "cron.remove",
    "cron.run",
    "sessions.reset",
    "sessions.compact",
    "chat.inject",
    "config.schema",
];

/// The release whose table of methods was read.
const READ_IN: Release = Release::new(2026, 3, 31);

/// Methods that a later release moved to another scope or took away, with that release.
const UNTIL: &[(&str, Release)] =
    &[("sessions.patch", Release::new(2026, 7, 1)), ("node.pair.request", Release::new(2026, 8, 1))];

/// Names that no release knows as a method for later frames: they need administration, as everything that nobody
/// has classified.
const OF_NONE: &[&str] = &["connect", "no.such.method"];

/// Whether it is known who may call the method in the release, and whether there is one.
pub(super) fn is_known(rules: &Rules, method: &str) -> bool {
    let release = rules.profile.release();
    let in_table = matches!(method, "health" | "node.pair.approve")
        || OF_NODES.contains(&method)
        || OF_OPERATORS.iter().any(|(_, names)| names.contains(&method));
    let read = !ONLY_READ.contains(&method) || release == READ_IN;
    let still = !UNTIL.iter().any(|(name, until)| *name == method && release >= *until);
    OF_NONE.contains(&method) || in_table && read && still
}

/// Whether the release is old enough to lack the method.
fn is_too_new(rules: &Rules, method: &str) -> bool {
    LATER.iter().any(|(name, rule)| *name == method && !rules.has(*rule))
}

/// The names of the methods that hello tells.
pub(super) fn names(rules: &Rules) -> Vec<&'static str> {
    let rest = OF_OPERATORS.iter().flat_map(|(_, names)| names.iter().copied());
    ["health", "node.pair.approve"]
        .into_iter()
        .chain(rest)
        .chain(OF_NODES.iter().copied())
        .filter(|name| !is_too_new(rules, name))
        .collect()
}

/// Whether nodes call the method, not operators.
pub(super) fn is_for_nodes(method: &str) -> bool {
    OF_NODES.contains(&method)
}

/// Whether the method exists.
pub(super) fn exists(rules: &Rules, method: &str) -> bool {
    names(rules).contains(&method)
}

/// The scope that an operator needs for the method.
fn scope_of(rules: &Rules, method: &str) -> &'static str {
    match method {
        "node.pair.approve" => rules.profile.node_approval_scope,
        _ if is_too_new(rules, method) => ADMIN,
        _ => {
            OF_OPERATORS.iter().find(|(_, names)| names.contains(&method)).map_or(ADMIN, |(scope, _)| *scope)
        }
    }
}

/// Why a role and its scopes may not call the method, if so.
pub(super) fn refusal(rules: &Rules, role: &str, held: &[String], method: &str) -> Option<String> {
    if method == "health" && !rules.broken(Fault::HealthNeedsRead) {
        return None;
    }
    let of_nodes = is_for_nodes(method) && !is_too_new(rules, method);
    let mixed = role == "node" && rules.broken(Fault::NodeCallsOperatorMethods)
        || role == "operator" && rules.broken(Fault::OperatorCallsNodeMethods);
    if of_nodes != (role == "node") && !mixed {
        return Some(format!("unauthorized role: {role}"));
    }
    if role == "node" || of_nodes {
        return None;
    }
    let needed = if method == "health" { READ } else { scope_of(rules, method) };
    let free = needed == READ && rules.broken(Fault::ReadIsFree)
        || needed == PAIRING && rules.broken(Fault::PairingIsFree);
    if free || is_held(rules, needed, held) { None } else { Some(format!("missing scope: {needed}")) }
}

/// Whether the scope is among those held, or implied by them.
pub(super) fn is_held(rules: &Rules, needed: &str, held: &[String]) -> bool {
    let admin = scopes::has(held, ADMIN) && !rules.broken(Fault::AdminImpliesNothing);
    let by_write = needed == READ && scopes::has(held, WRITE) && !rules.broken(Fault::WriteImpliesNothing);
    admin || by_write || scopes::has(held, needed)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::profile::Profile;

    fn ask(release: &str, role: &str, held: &[&str], method: &str) -> Option<String> {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        let held: Vec<String> = held.iter().map(|scope| (*scope).to_owned()).collect();
        refusal(&rules, role, &held, method)
    }

    #[rstest]
    #[case("operator", &[], "health", None)]
    #[case("operator", &[], "status", Some("missing scope: operator.read"))]
    #[case("operator", &["operator.write"], "status", None)]
    #[case("operator", &["operator.read"], "device.pair.list", Some("missing scope: operator.pairing"))]
    #[case("operator", &["operator.read"], "no.such.method", Some("missing scope: operator.admin"))]
    #[case("operator", &["operator.admin"], "node.event", Some("unauthorized role: operator"))]
    #[case("node", &[], "status", Some("unauthorized role: node"))]
    #[case("node", &[], "node.event", None)]
    fn methods_need_a_role_and_a_scope(
        #[case] role: &str,
        #[case] held: &[&str],
        #[case] method: &str,
        #[case] refused: Option<&str>,
    ) {
        assert_eq!(ask("2026.3.31", role, held, method).as_deref(), refused);
    }

    #[rstest]
    #[case("2026.3.13", "sessions.send", "missing scope: operator.admin")]
    #[case("2026.3.24", "sessions.send", "missing scope: operator.write")]
    #[case("2026.3.24", "plugin.approval.resolve", "missing scope: operator.admin")]
    #[case("2026.3.28", "plugin.approval.resolve", "missing scope: operator.approvals")]
    fn what_a_release_does_not_know_needs_administration(
        #[case] release: &str,
        #[case] method: &str,
        #[case] refused: &str,
    ) {
        assert_eq!(ask(release, "operator", &[], method).as_deref(), Some(refused));
    }

    #[rstest]
    #[case("2026.3.31", "tts.enable", true)]
    #[case("2026.9.6", "tts.enable", false)]
    #[case("2026.9.6", "chat.send", true)]
    #[case("2026.9.6", "tools.invoke", false)]
    #[case("2026.3.31", "tools.invoke", false)]
    #[case("2026.3.31", "", false)]
    #[case("2026.9.6", "no.such.method", true)]
    #[case("2026.9.6", "connect", true)]
    #[case("2026.3.13", "sessions.send", true)]
    #[case("2026.6.11", "sessions.patch", true)]
    #[case("2026.7.1", "sessions.patch", false)]
    #[case("2026.8.1", "node.pair.request", false)]
    fn a_method_is_known_in_the_releases_that_tell_it(
        #[case] release: &str,
        #[case] method: &str,
        #[case] known: bool,
    ) {
        assert_eq!(is_known(&Rules::plain(Profile::of(release.parse().unwrap())), method), known);
    }

    #[test]
    fn what_was_only_read_is_in_the_table() {
        let all: Vec<&str> = OF_OPERATORS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert!(ONLY_READ.iter().all(|name| all.contains(name)));
    }

    #[rstest]
    #[case("2026.3.24", None)]
    #[case("2026.3.31", Some("missing scope: operator.write"))]
    #[case("2026.4.5", None)]
    fn approving_nodes_needed_writing_for_a_while(#[case] release: &str, #[case] refused: Option<&str>) {
        let held = ["operator.pairing"];
        assert_eq!(ask(release, "operator", &held, "node.pair.approve").as_deref(), refused);
    }
}

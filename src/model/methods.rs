//! Which methods a release has, and which role and scope they need.

use crate::release::Release;

use super::mutants::Fault;
use super::rulebook::Rule;
use super::rules::Rules;
use super::scopes::{self, ADMIN, APPROVALS, PAIRING, READ, WRITE};

/// The methods that nodes call.
const OF_NODES: &[&str] = &[
    "node.invoke.result",
    "node.event",
    "node.pending.drain",
    "node.canvas.capability.refresh",
    "node.pending.pull",
    "node.pending.ack",
    "skills.bins",
];

/// The methods that operators call, by the scope that they need, as of 2026.3.31.
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

/// Methods that not all releases have, with the rule that tells which do.
const LATER: &[(&str, Rule)] = &[
    ("node.pending.drain", Rule::NodeQueues),
    ("sessions.send", Rule::SessionMessages),
    ("sessions.abort", Rule::SessionMessages),
    ("plugin.approval.resolve", Rule::PluginApprovals),
    ("node.pair.remove", Rule::NodeRemoval),
];

/// Methods whose scope was read in the code of [`READ_IN`] but measured on no release. Their scopes in other releases are
/// not known.
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

/// Methods that a later release moved to another scope or removed, with that release.
const UNTIL: &[(&str, Release)] =
    &[("sessions.patch", Release::new(2026, 7, 1)), ("node.pair.request", Release::new(2026, 8, 1))];

/// Names that are not methods after the handshake in any release. Like every unclassified method, they need the scope for
/// administration.
const OF_NONE: &[&str] = &["connect", "no.such.method"];

/// Whether the model knows if the release has the method, and who may call it.
pub(super) fn is_known(rules: &Rules, method: &str) -> bool {
    let release = rules.profile.release();
    let in_table = matches!(method, "health" | "node.pair.approve")
        || OF_NODES.contains(&method)
        || OF_OPERATORS.iter().any(|(_, names)| names.contains(&method));
    let read = !ONLY_READ.contains(&method) || release == READ_IN;
    let still = !UNTIL.iter().any(|(name, until)| *name == method && release >= *until);
    OF_NONE.contains(&method) || in_table && read && still
}

/// Whether the method is newer than the release.
fn is_too_new(rules: &Rules, method: &str) -> bool {
    LATER.iter().any(|(name, rule)| *name == method && !rules.has(*rule))
}

/// The methods that `hello-ok` lists.
pub(super) fn names(rules: &Rules) -> Vec<&'static str> {
    let rest = OF_OPERATORS.iter().flat_map(|(_, names)| names.iter().copied());
    ["health", "node.pair.approve"]
        .into_iter()
        .chain(rest)
        .chain(OF_NODES.iter().copied())
        .filter(|name| !is_too_new(rules, name))
        .collect()
}

/// Whether the method is one that nodes call.
pub(super) fn is_for_nodes(method: &str) -> bool {
    OF_NODES.contains(&method)
}

/// Whether the release has the method.
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

/// The message with which a call is refused for its role or scopes; `None` if it is allowed.
pub(super) fn refusal(rules: &Rules, role: &str, held: &[String], method: &str) -> Option<String> {
    if method == "health" && !rules.has_fault(Fault::HealthNeedsRead) {
        return None;
    }
    let of_nodes = is_for_nodes(method) && !is_too_new(rules, method);
    let mixed = role == "node" && rules.has_fault(Fault::NodeCallsOperatorMethods)
        || role == "operator" && rules.has_fault(Fault::OperatorCallsNodeMethods);
    if of_nodes != (role == "node") && !mixed {
        return Some(format!("unauthorized role: {role}"));
    }
    if role == "node" || of_nodes {
        return None;
    }
    let needed = if method == "health" { READ } else { scope_of(rules, method) };
    let free = needed == READ && rules.has_fault(Fault::ReadIsFree)
        || needed == PAIRING && rules.has_fault(Fault::PairingIsFree);
    if free || is_held(rules, needed, held) { None } else { Some(format!("missing scope: {needed}")) }
}

/// Whether a scope is held or implied by one that is held.
pub(super) fn is_held(rules: &Rules, needed: &str, held: &[String]) -> bool {
    let admin = scopes::has(held, ADMIN) && !rules.has_fault(Fault::AdminImpliesNothing);
    let by_write = needed == READ && scopes::has(held, WRITE) && !rules.has_fault(Fault::WriteImpliesNothing);
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
    fn a_method_that_a_release_lacks_needs_the_admin_scope(
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
    fn a_method_is_known_only_in_releases_whose_table_is_known(
        #[case] release: &str,
        #[case] method: &str,
        #[case] known: bool,
    ) {
        assert_eq!(is_known(&Rules::plain(Profile::of(release.parse().unwrap())), method), known);
    }

    #[test]
    fn every_method_that_was_only_read_is_in_the_table() {
        let all: Vec<&str> = OF_OPERATORS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert!(ONLY_READ.iter().all(|name| all.contains(name)));
    }

    #[rstest]
    #[case("2026.3.24", None)]
    #[case("2026.3.31", Some("missing scope: operator.write"))]
    #[case("2026.4.5", None)]
    fn approving_nodes_needed_the_write_scope_from_3_28_to_4_2(
        #[case] release: &str,
        #[case] refused: Option<&str>,
    ) {
        let held = ["operator.pairing"];
        assert_eq!(ask(release, "operator", &held, "node.pair.approve").as_deref(), refused);
    }
}

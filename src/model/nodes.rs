//! Nodes: which commands their platform allows, and which commands were approved.

use super::config::HandshakeConfig;
use super::connect::ConnectRequest;
use super::id_generator::IdGenerator;
use super::mutants::Fault;
use super::rulebook::{NodeCommands, NodeRequest, Rule};
use super::rules::Rules;
use super::scopes::{self, ADMIN, PAIRING, WRITE};
use super::state::{GatewayState, PairedNode, PendingNode};

const CANVAS: &[&str] = &[
    "canvas.present",
    "canvas.hide",
    "canvas.navigate",
    "canvas.eval",
    "canvas.snapshot",
    "canvas.a2ui.push",
    "canvas.a2ui.pushJSONL",
    "canvas.a2ui.reset",
];
const SENSORS: &[&str] = &["camera.list", "location.get"];
const DEVICE: &[&str] = &["device.info", "device.status"];
const ORGANISER: &[&str] = &["contacts.search", "calendar.events", "reminders.list", "photos.latest"];
const MOTION: &[&str] = &["motion.activity", "motion.pedometer"];
const NOTIFY: &[&str] = &["system.notify"];
const ANDROID: &[&str] =
    &["notifications.list", "notifications.actions", "device.permissions", "device.health", "callLog.search"];
/// Commands that run programs. Approving them takes an administrator.
const RUN: &[&str] = &["system.run.prepare", "system.run", "system.which"];
const BROWSER: &[&str] = &["browser.proxy"];

const IOS: &[&[&str]] = &[CANVAS, SENSORS, DEVICE, ORGANISER, MOTION, NOTIFY];
const PHONE: &[&[&str]] = &[CANVAS, SENSORS, DEVICE, ORGANISER, MOTION, NOTIFY, ANDROID];
const MAC: &[&[&str]] = &[CANVAS, SENSORS, DEVICE, ORGANISER, MOTION, NOTIFY, RUN, BROWSER];
const DESKTOP: &[&[&str]] = &[RUN, NOTIFY, BROWSER];
const UNKNOWN: &[&[&str]] = &[CANVAS, SENSORS, NOTIFY];

/// The commands that a platform allows, as of 2026.3.31.
fn platform_commands(
    rules: &Rules,
    platform: &str,
    family: Option<&str>,
) -> &'static [&'static [&'static str]] {
    let platform = platform.trim().to_lowercase();
    let family = family.unwrap_or_default().trim().to_lowercase();
    if rules.has(Rule::PlatformNeedsFamily) {
        let name = platform.split(' ').next().unwrap_or_default();
        let phone = matches!(family.as_str(), "iphone" | "ipad" | "ios");
        return match (name, family.as_str()) {
            ("ios" | "ipados", "") if platform == "ios" => IOS,
            ("ios" | "ipados", _) if phone => IOS,
            ("android", "android") => PHONE,
            ("android", "") if platform == "android" => PHONE,
            ("macos", "mac") => MAC,
            ("windows", "windows") | ("linux", "linux") if platform == name => DESKTOP,
            _ => UNKNOWN,
        };
    }
    let begins = |word: &str| platform.starts_with(word);
    let names = |word: &str| family.contains(word);
    if begins("ios") {
        IOS
    } else if begins("android") {
        PHONE
    } else if begins("mac") || begins("darwin") {
        MAC
    } else if begins("win") || begins("linux") {
        DESKTOP
    } else if names("iphone") || names("ipad") || names("ios") {
        IOS
    } else if names("android") {
        PHONE
    } else if names("mac") {
        MAC
    } else if names("windows") || names("linux") {
        DESKTOP
    } else {
        UNKNOWN
    }
}

/// The declared commands that platform and configuration allow.
fn allowed(rules: &Rules, settings: &HandshakeConfig, connect: &ConnectRequest) -> Vec<String> {
    let base = platform_commands(rules, &connect.client.platform, connect.client.family.as_deref());
    let listed = |list: &[String], command: &str| list.iter().any(|one| one.trim() == command);
    let declared = scopes::merged(connect.commands.iter().map(String::as_str));
    declared
        .into_iter()
        .filter(|command| {
            let known = base.iter().any(|group| group.contains(&command.as_str()));
            (known || listed(&settings.allow_commands, command)) && !listed(&settings.deny_commands, command)
        })
        .collect()
}

/// What a node that connects may do, and which events its connect causes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reconciled {
    /// The commands that operators may run on it.
    pub(super) commands: Vec<String>,
    /// A new request for approval, if one was made.
    pub(super) requested: Option<PendingNode>,
    /// The ids of earlier requests that it replaces.
    pub(super) superseded: Vec<String>,
}

/// Decides which commands a connecting node offers, and makes a request for approval where one is needed.
pub(super) fn reconcile(
    state: &mut GatewayState,
    rules: &Rules,
    settings: &HandshakeConfig,
    ids: &mut IdGenerator,
    now: i64,
    connect: &ConnectRequest,
    remote_ip: Option<String>,
) -> Reconciled {
    let declared = allowed(rules, settings, connect);
    let mode = rules.profile.node_commands;
    let node_id =
        connect.device.as_ref().map_or(connect.client.id.as_str(), |device| device.id.as_str()).to_owned();
    let approved = state.nodes.get(&node_id).map(|node| {
        let commands: Vec<String> = node.commands.clone().unwrap_or_default();
        (commands, node.caps.clone().unwrap_or_default())
    });
    let within = |approved: &[String]| -> Vec<String> {
        declared.iter().filter(|command| approved.contains(command)).cloned().collect()
    };
    let goes_beyond = |approved: &[String]| declared.iter().any(|command| !approved.contains(command));
    let (commands, asks) = match (mode, &approved) {
        (NodeCommands::OfRecord | NodeCommands::AskedAndHidden, Some((known, _))) => (within(known), false),
        (NodeCommands::AskedAndShown | NodeCommands::AskedAgain, None) => (declared.clone(), true),
        (NodeCommands::AskedAndHidden | NodeCommands::AskedAgainAndHidden, None) => (Vec::new(), true),
        (NodeCommands::AskedAgain, Some((known, _))) if goes_beyond(known) => (known.clone(), true),
        (NodeCommands::AskedAgainAndHidden, Some((known, caps)))
            if goes_beyond(known) || !same(caps, &connect.caps) =>
        {
            (within(known), true)
        }
        _ => (declared.clone(), false),
    };
    let mut reconciled = Reconciled { commands, ..Default::default() };
    if !asks {
        return reconciled;
    }
    let incoming = asked(rules, connect, &node_id, declared, remote_ip, approved.is_some(), now);
    let waiting: Vec<PendingNode> =
        state.pending_nodes.values().filter(|one| one.node_id == node_id).cloned().collect();
    let replaces = mode == NodeCommands::AskedAgainAndHidden;
    let unchanged = |old: &PendingNode| {
        same(old.commands.as_deref().unwrap_or_default(), incoming.commands.as_deref().unwrap_or_default())
            && same(old.caps.as_deref().unwrap_or_default(), incoming.caps.as_deref().unwrap_or_default())
    };
    if let [only] = waiting.as_slice()
        && (!replaces || unchanged(only))
    {
        if mode != NodeCommands::AskedAndHidden {
            let refreshed = PendingNode { request_id: only.request_id.clone(), ..incoming };
            state.pending_nodes.insert(refreshed.request_id.clone(), refreshed);
        }
        return reconciled;
    }
    for old in waiting {
        state.pending_nodes.remove(&old.request_id);
        reconciled.superseded.push(old.request_id);
    }
    let request = PendingNode { request_id: ids.uuid(), ..incoming };
    state.pending_nodes.insert(request.request_id.clone(), request.clone());
    reconciled.requested = Some(request);
    reconciled
}

/// A request for the approval of these commands.
fn asked(
    rules: &Rules,
    connect: &ConnectRequest,
    node_id: &str,
    commands: Vec<String>,
    remote_ip: Option<String>,
    known: bool,
    now: i64,
) -> PendingNode {
    let tells = rules.profile.node_request;
    let client = tells == NodeRequest::Client;
    PendingNode {
        request_id: String::new(),
        node_id: node_id.to_owned(),
        display_name: connect.client.display_name.clone(),
        platform: Some(connect.client.platform.clone()),
        version: Some(connect.client.version.clone()),
        caps: Some(connect.caps.clone()),
        commands: Some(commands),
        device_family: connect.client.family.clone(),
        client_id: client.then(|| connect.client.id.clone()),
        client_mode: client.then(|| connect.client.mode.clone()),
        is_repair: (tells == NodeRequest::Repair).then_some(known),
        silent: (tells != NodeRequest::Repair).then(|| client && remote_ip.is_none()),
        remote_ip,
        ts: now,
    }
}

fn same(left: &[String], right: &[String]) -> bool {
    left.iter().all(|one| right.contains(one)) && right.iter().all(|one| left.contains(one))
}

/// The scopes that an approver needs for the request of a node.
pub(super) fn approval_scopes(rules: &Rules, request: &PendingNode) -> Vec<String> {
    if !rules.has(Rule::NodeApprovalNeedsCommandScope) || rules.has_fault(Fault::NodeApprovalFree) {
        return Vec::new();
    }
    let commands = request.commands.as_deref().unwrap_or_default();
    let own = if commands.iter().any(|command| RUN.contains(&command.as_str())) {
        Some(ADMIN)
    } else {
        (!commands.is_empty()).then_some(WRITE)
    };
    let pairing = rules.has(Rule::NodeApprovalScopesShown).then_some(PAIRING);
    pairing.into_iter().chain(own).map(str::to_owned).collect()
}

/// Approves the request of a node. `caller` is the list of scopes of the approver. Returns `None` if there is no such
/// request.
///
/// # Errors
/// Fails with the first scope that the approver lacks.
pub(super) fn approve(
    state: &mut GatewayState,
    rules: &Rules,
    ids: &mut IdGenerator,
    now: i64,
    request_id: &str,
    caller: &[String],
) -> Result<Option<PairedNode>, String> {
    let Some(request) = state.pending_nodes.get(request_id).cloned() else { return Ok(None) };
    let needed = approval_scopes(rules, &request);
    if let Some(scope) = scopes::missing(rules, "operator", &needed, caller) {
        return Err(scope.to_owned());
    }
    let created = state.nodes.get(&request.node_id).map_or(now, |node| node.created_at_ms);
    let node = PairedNode {
        node_id: request.node_id.clone(),
        token: ids.token(),
        display_name: request.display_name,
        platform: request.platform,
        caps: request.caps,
        commands: request.commands,
        created_at_ms: created,
        approved_at_ms: now,
    };
    state.pending_nodes.remove(request_id);
    state.nodes.insert(node.node_id.clone(), node.clone());
    Ok(Some(node))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::model::profile::Profile;

    fn connect(commands: &[&str]) -> ConnectRequest {
        ConnectRequest::read(&json!({
            "client": {"id": "node-host", "mode": "node", "platform": "linux", "version": "1"},
            "role": "node", "commands": commands, "device": {"id": "d"}
        }))
    }

    #[rstest]
    #[case("2026.3.24", "system.run system.notify", false)]
    #[case("2026.3.28", "system.run system.notify", false)]
    #[case("2026.3.31", "", true)]
    #[case("2026.4.2", "system.run system.notify", true)]
    #[case("2026.5.18", "", true)]
    fn a_node_without_an_approval_offers_what_the_release_allows(
        #[case] release: &str,
        #[case] offered: &str,
        #[case] asks: bool,
    ) {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        let settings = HandshakeConfig::read(&json!({}));
        let (mut state, mut ids) = (GatewayState::default(), IdGenerator::new(1));
        let connect = connect(&["system.run", "system.notify", "camera.snap"]);
        let reconciled = reconcile(&mut state, &rules, &settings, &mut ids, 1, &connect, None);
        assert_eq!(reconciled.commands.join(" "), offered);
        assert_eq!(reconciled.requested.is_some(), asks);
    }

    #[rstest]
    #[case("2026.3.24", &[], true)]
    #[case("2026.3.28", &["operator.write"], false)]
    #[case("2026.3.28", &["operator.admin"], true)]
    fn approving_system_run_needs_an_administrator(
        #[case] release: &str,
        #[case] caller: &[&str],
        #[case] fine: bool,
    ) {
        let rules = Rules::plain(Profile::of(release.parse().unwrap()));
        let (mut state, mut ids) = (GatewayState::default(), IdGenerator::new(1));
        let request = PendingNode {
            request_id: "r".into(),
            node_id: "n".into(),
            commands: Some(vec!["system.run".into()]),
            ..Default::default()
        };
        state.pending_nodes.insert("r".into(), request);
        let caller: Vec<String> = caller.iter().map(|scope| (*scope).to_owned()).collect();
        assert_eq!(approve(&mut state, &rules, &mut ids, 1, "r", &caller).is_ok(), fine);
    }
}

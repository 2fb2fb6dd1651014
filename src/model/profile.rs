//! The rules of one release, computed from the history.

use crate::release::Release;

use super::history::HISTORY;
use super::rule_change::Setting;
use super::rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};

/// The rules of one release: the result of all changes of the [history](super::HISTORY) up to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    release: Release,
    rules: u128,
    /// The milliseconds after which a connection that has not finished its handshake is closed.
    pub handshake_ms: i64,
    /// The version of the protocol that the gateway speaks.
    pub protocol: u32,
    /// Which forwarding headers make a peer remote.
    pub forwarding: Forwarding,
    /// Where the roles of a paired device come from.
    pub roles: Roles,
    /// What happens when a local device asks for more scopes.
    pub scope_upgrade: ScopeUpgrade,
    /// Which local backends skip pairing.
    pub backend_pairing: BackendPairing,
    /// Which clients without a device keep their scopes.
    pub deviceless: Deviceless,
    /// What happens to earlier pending requests.
    pub pending_merge: PendingMerge,
    /// Which commands a node offers before they are approved.
    pub node_commands: NodeCommands,
    /// What a node's request for approval says.
    pub node_request: NodeRequest,
    /// The scope that `node.pair.approve` needs.
    pub node_approval_scope: &'static str,
}

/// The newest release whose rules are known.
pub const NEWEST: Release = Release::new(2026, 9, 6);

impl Profile {
    /// The rules of a release. Releases before the first one in the history get the rules of that one.
    pub fn of(release: Release) -> Self {
        let mut profile = Self {
            release,
            rules: 0,
            handshake_ms: 0,
            protocol: 0,
            forwarding: Forwarding::ForgivesTrustedProxies,
            roles: Roles::Recorded,
            scope_upgrade: ScopeUpgrade::Silent,
            backend_pairing: BackendPairing::SkippedWithSecret,
            deviceless: Deviceless::KeepsWithSecret,
            pending_merge: PendingMerge::Widened,
            node_commands: NodeCommands::Shown,
            node_request: NodeRequest::Repair,
            node_approval_scope: "operator.pairing",
        };
        let first = HISTORY.first().map_or(release, |change| change.since);
        for change in HISTORY.iter().filter(|change| change.since <= release.max(first)) {
            profile.apply(change.set);
        }
        profile
    }

    /// The rules of the newest known release.
    pub fn newest() -> Self {
        Self::of(NEWEST)
    }

    /// The release whose rules these are.
    pub const fn release(&self) -> Release {
        self.release
    }

    /// Whether the rule holds.
    pub const fn has(&self, rule: Rule) -> bool {
        self.rules & (1 << rule as u32) != 0
    }

    fn apply(&mut self, set: Setting) {
        match set {
            Setting::On(rule) => self.rules |= 1 << rule as u32,
            Setting::Off(rule) => self.rules &= !(1 << rule as u32),
            Setting::HandshakeSeconds(seconds) => self.handshake_ms = i64::from(seconds) * 1000,
            Setting::Protocol(protocol) => self.protocol = protocol,
            Setting::Forwarding(forwarding) => self.forwarding = forwarding,
            Setting::Roles(roles) => self.roles = roles,
            Setting::ScopeUpgrade(upgrade) => self.scope_upgrade = upgrade,
            Setting::BackendPairing(pairing) => self.backend_pairing = pairing,
            Setting::Deviceless(deviceless) => self.deviceless = deviceless,
            Setting::PendingMerge(merge) => self.pending_merge = merge,
            Setting::NodeCommands(commands) => self.node_commands = commands,
            Setting::NodeRequest(request) => self.node_request = request,
            Setting::NodeApprovalScope(scope) => self.node_approval_scope = scope,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;

    use super::*;

    fn of(release: &str) -> Profile {
        Profile::of(release.parse().unwrap())
    }

    #[test]
    fn the_history_is_in_the_order_of_releases() {
        assert!(HISTORY.is_sorted_by_key(|change| change.since));
    }

    #[test]
    fn every_change_sets_a_new_value() {
        let mut before: Vec<(String, Setting)> = Vec::new();
        for change in HISTORY {
            let name = change.set.name();
            let last = before.iter().rev().find(|(other, _)| *other == name);
            assert_ne!(last.map(|(_, set)| *set), Some(change.set), "{name} {}", change.since);
            before.push((name, change.set));
        }
    }

    #[test]
    fn every_change_has_a_sentence_and_its_evidence() {
        for change in HISTORY {
            assert!(change.about.ends_with('.'), "{}", change.about);
            assert!(change.evidence.starts_with("measured") || change.evidence.starts_with("read"));
        }
    }

    #[test]
    fn no_rule_changes_twice_in_one_release() {
        let mut seen = BTreeSet::new();
        for change in HISTORY {
            assert!(seen.insert((change.since, change.set.name())), "{:?}", change.set);
        }
    }

    #[rstest]
    #[case("2026.3.2", 10_000)]
    #[case("2026.3.13", 3_000)]
    #[case("2026.3.31", 10_000)]
    #[case("2026.9.6", 15_000)]
    fn the_handshake_timer_changed_three_times(#[case] release: &str, #[case] ms: i64) {
        assert_eq!(of(release).handshake_ms, ms);
    }

    #[rstest]
    #[case("2026.1.29", "2026.3.2")]
    #[case("2026.3.23-2", "2026.3.23")]
    #[case("2027.1.1", "2026.9.6")]
    fn other_releases_have_the_rules_of_the_one_before(#[case] release: &str, #[case] same: &str) {
        let (mut one, other) = (of(release), of(same));
        one.release = other.release;
        assert_eq!(one, other);
    }
}

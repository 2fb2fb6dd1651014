//! The rules of one release.

use crate::release::Release;

use super::change::Setting;
use super::history::HISTORY;
use super::rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};

/// The rules of one release, folded from the [history](super::HISTORY).
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    release: Release,
    rules: u128,
    /// Milliseconds until a silent connection is closed.
    pub handshake_ms: i64,
    /// The protocol that is spoken.
    pub protocol: u32,
    /// How forwarding headers count.
    pub forwarding: Forwarding,
    /// Which roles a paired device has.
    pub roles: Roles,
    /// What happens when more scopes are asked for.
    pub scope_upgrade: ScopeUpgrade,
    /// Which backends need no pairing.
    pub backend_pairing: BackendPairing,
    /// What a client without a device keeps.
    pub deviceless: Deviceless,
    /// What becomes of earlier requests.
    pub pending_merge: PendingMerge,
    /// What a fresh node gets.
    pub node_commands: NodeCommands,
    /// What a node's request tells.
    pub node_request: NodeRequest,
    /// The scope that `node.pair.approve` needs.
    pub node_approval_scope: &'static str,
}

/// The newest release whose rules are known.
pub const NEWEST: Release = Release::new(2026, 9, 6);

impl Profile {
    /// The rules of a release. Releases before 2026.3.2 have the rules of 2026.3.2.
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

    /// The newest profile.
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
    fn the_history_runs_forward() {
        assert!(HISTORY.is_sorted_by_key(|change| change.since));
    }

    #[test]
    fn a_change_always_changes_something() {
        let mut before: Vec<(String, Setting)> = Vec::new();
        for change in HISTORY {
            let name = change.set.name();
            let last = before.iter().rev().find(|(other, _)| *other == name);
            assert_ne!(last.map(|(_, set)| *set), Some(change.set), "{name} {}", change.since);
            before.push((name, change.set));
        }
    }

    #[test]
    fn every_change_says_what_and_how_it_is_known() {
        for change in HISTORY {
            assert!(change.about.ends_with('.'), "{}", change.about);
            assert!(change.evidence.starts_with("measured") || change.evidence.starts_with("read"));
        }
    }

    #[test]
    fn no_rule_is_set_and_unset_in_one_release() {
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
    fn releases_between_and_outside_have_the_rules_before(#[case] release: &str, #[case] same: &str) {
        let (mut one, other) = (of(release), of(same));
        one.release = other.release;
        assert_eq!(one, other);
    }
}

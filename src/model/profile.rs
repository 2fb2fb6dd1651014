//! The rules of one release.

use crate::release::Release;

use super::history::HISTORY;

/// A rule that a release has or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A `Host` header that is not local makes a loopback socket remote.
    HostMustBeLocal,
    /// A forwarding header without a trusted proxy is answered with HTTP 403 instead of an upgrade.
    ProxyAttribution,
    /// Every forwarding header takes part in locality, not just `X-Forwarded-For` and `X-Real-IP`.
    EveryProxyHeaderCounts,
    /// A command line client that shows the shared secret from a local host counts as local.
    CliSecretIsLocal,
    /// Any client that shows the shared secret from a local host counts as local.
    SecretIsLocal,
    /// Probes and nodes may still speak the protocol before the current one.
    OlderProbesAndNodes,
    /// A protocol refusal tells a code and the window that was offered.
    ProtocolRefusalDetails,
    /// A first frame above 64 KiB is refused before it is read.
    FirstFrameLimit,
    /// `client.buildId` and the newer ids and modes are in the schema.
    NewerClients,
    /// The terminal interface has an id of its own and counts as an operator interface.
    TerminalUi,
    /// `auth.bootstrapToken` is in the schema.
    BootstrapTokens,
    /// `auth.approvalRuntimeToken` is in the schema.
    ApprovalRuntimeTokens,
    /// `auth.agentRuntimeIdentityToken` is in the schema.
    AgentRuntimeTokens,
    /// A refusal of credentials says what to do next.
    RefusalAdvice,
    /// A refusal of an origin has details.
    OriginDetails,
    /// The origin of any client is checked, also behind a proxy.
    OriginBehindProxy,
    /// A page served by the gateway's own private host is allowed.
    SameHostOrigin,
    /// Origins of schemes such as `tauri:` are compared.
    OpaqueOrigins,
    /// A Control UI of another build is told to reload.
    ControlUiBuildGate,
    /// `controlUi.allowInsecureAuth` and `dangerouslyDisableDeviceAuth` have an effect.
    ControlUiBypassFlags,
    /// The bypass of device auth counts without a shared secret.
    BypassWithoutSecret,
    /// The Control UI needs no pairing where the gateway has no authentication.
    NoAuthControlUi,
    /// A trusted proxy's user needs no pairing.
    ProxyUserSkipsPairing,
    /// A trusted proxy may stand on the same host.
    LoopbackProxy,
    /// `trustedProxy.allowLoopback` is known.
    LoopbackProxyOptIn,
    /// The shared password works beside a trusted proxy.
    ProxyPasswordFallback,
    /// A local backend without a device keeps its scopes.
    BackendKeepsScopes,
    /// A local backend may connect without a device where there is no authentication.
    BackendWithoutDevice,
    /// A local command line client without a device keeps its scopes.
    CliKeepsScopes,
    /// Skipping the pairing skips only the first one; what a paired device asks for is still compared.
    SkipOnlyFirstPairing,
    /// Approved scopes are what a request is compared with, not the recorded ones.
    ApprovedScopesDecide,
    /// A local peer gets another role silently.
    SilentRoleUpgrade,
    /// A paired device gets nothing silently but as operator.
    OnlyOperatorSilently,
    /// A browser's first visit is paired silently.
    SilentBrowserPairing,
    /// A native application's changed metadata is refreshed silently.
    SilentMetadata,
    /// Names of desktop platforms are made canonical for node hosts.
    CanonicalNodeHost,
    /// Two names of one desktop platform are the same pin for node hosts.
    NodeHostPlatformAliases,
    /// A new version of a mobile platform is no change.
    MobilePlatformVersions,
    /// A new version of macOS is no change for its application.
    MacPlatformVersions,
    /// The alias of a desktop platform is the same pin for every client.
    RuntimePlatformAliases,
    /// A connect writes its role and scopes into the record.
    ConnectWidensRecord,
    /// A connect writes the client id and mode into the record.
    ConnectUpdatesClient,
    /// A list of scopes that is empty stays a list.
    EmptyScopesStay,
    /// Tokens stay within the approved scopes.
    TokenBaseline,
    /// A token is only made for a device that was approved.
    TokenNeedsApproval,
    /// Tokens of browsers live as long as the shared secret they were issued under.
    BrowserTokensBound,
    /// Asking for more than the token has is named so.
    ScopeMismatchNamed,
    /// The approver needs the scopes that it approves.
    ApproverNeedsScopes,
    /// The same holds when the gateway approves silently.
    SilentApprovalNeedsScopes,
    /// What the record has already counts when the gateway approves silently.
    SilentApprovalCountsRecord,
    /// An approval makes a token for each requested role, with the scopes of that role.
    TokenPerRole,
    /// Scopes must belong to one of the requested roles.
    ScopesFitRoles,
    /// Operator scopes need the operator role among the requested ones.
    OperatorScopesNeedRole,
    /// The approver is checked against the scopes that the token will have.
    ApproverChecksToken,
    /// An approval adds to the token what is new.
    TokenDelta,
    /// A refused role change does not let another role's token in.
    RolesMustBeApproved,
    /// A scope outside its role's family is never granted.
    ScopeFamilies,
    /// Stored lists of scopes hold what they imply, too.
    StoredImplications,
    /// Writing implies talking.
    TalkScope,
    /// The gateway does not know its own version.
    VersionUnknown,
    /// The `auth` block of hello is always there.
    HelloAlwaysTellsAuth,
    /// Hello tells the scopes of the connection, not of the token.
    HelloTellsConnectionScopes,
    /// Paths are shown to administrators only.
    PathsForAdmins,
    /// The shared secret may stand in the field of the other kind.
    EitherSecretField,
    /// Hello tells by what the client was let in.
    HelloTellsMethod,
    /// Hello tells capabilities.
    HelloCapabilities,
    /// A refusal for pairing tells its reason in text and its details in full.
    PairingRefusalDetails,
    /// A credential refusal of a local command line client names this gateway's own setting.
    LocalCliHints,
    /// A refused setup code is explained at length.
    SetupCodeText,
    /// A Control UI whose request is pending is told to wait.
    ControlUiWaits,
    /// Removing a device drops its connections.
    RemovalDisconnects,
    /// Rotating a token drops its connections.
    RotationDisconnects,
    /// Removing a device drops its pending requests.
    RemovalDropsPending,
    /// Other devices are managed by administrators only.
    OwnDeviceOnly,
    /// Only a connection by device token counts as that device.
    DeviceTokenIsDevice,
    /// Roles but operator are managed by administrators only.
    NonOperatorNeedsAdmin,
    /// The same holds for approvals by any connection.
    NonOperatorApprovalNeedsAdmin,
    /// A rotated token is shown to its own device only.
    RotatedTokenHidden,
    /// A rotation tells how the token is delivered.
    TokenDelivery,
    /// A refused rotation does not tell why.
    RotationDenied,
    /// A refused rotation names the missing scope.
    RotationNamesScope,
    /// A refused revocation does not tell why.
    RevocationDenied,
    /// Events are counted for each connection.
    SequencePerConnection,
    /// A pending request keeps the time of its first attempt.
    PendingKeepsTime,
    /// `node.pair.remove` exists.
    NodeRemoval,
    /// A node can fetch what is queued for it.
    NodeQueues,
    /// Sessions can be written to and stopped by name.
    SessionMessages,
    /// Plugins can ask for approvals.
    PluginApprovals,
    /// A proxy's header counts even where it is empty.
    EmptyHeadersCount,
    /// A pending node request tells the scopes that its approval needs.
    NodeApprovalScopesShown,
    /// A request for pairing without commands needs no more than the method's scope.
    NodeApprovalNeedsCommandScope,
    /// A superseded request is announced as rejected.
    SupersededAnnounced,
    /// A text outside a closed set is told in one sentence.
    ClosedSetsToldAsOne,
    /// Of missing and of unknown keys, the first is told.
    FirstKeyTold,
    /// A missing scope has an error code and details of its own.
    ForbiddenNamed,
    /// Empty lists are left out of the details of a refusal for pairing.
    EmptyDetailsDropped,
    /// Records tell when a device was seen last.
    LastSeenRecorded,
    /// Records tell how a device was approved.
    ApprovalWayRecorded,
    /// A header that the trusted proxy leaves out has a code of its own.
    IdentityHeaderNamed,
    /// A node's platform counts only with the family that belongs to it.
    PlatformNeedsFamily,
    /// Hello carries a scope for the recovery of sessions.
    RecoveryScope,
}

/// Whether a peer is local when a forwarding header comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// `X-Forwarded-For`, `X-Real-IP` and `X-Forwarded-Host` make remote, unless a trusted proxy sent them.
    ForgivesTrustedProxies,
    /// `Forwarded`, `X-Real-IP` and the usual `X-Forwarded-` headers make remote.
    KnownHeaders,
    /// `Forwarded`, `X-Real-IP` and anything that begins with `X-Forwarded-` make remote.
    AnyForwardedHeader,
}

/// Which roles a paired device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// Those of the record.
    Recorded,
    /// Those with a token that is not revoked; the record counts where it knows no tokens at all.
    OfTokens,
    /// As before, and an empty token map is as good as none.
    OfTokensElseRecorded,
    /// As before, and only those that the record has, too.
    OfTokensWithinRecordElseRecorded,
    /// Those with a token, within the record.
    OfTokensWithinRecord,
}

/// What happens when a local device asks for more scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeUpgrade {
    /// It gets them.
    Silent,
    /// Somebody has to approve.
    Asked,
    /// It gets them when it shows the shared secret, or none is needed.
    SilentWithSecret,
}

/// Which local backends need no pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendPairing {
    /// Those with the shared secret.
    SkippedWithSecret,
    /// Those with the shared secret or a device token.
    SkippedWithToken,
    /// None.
    Needed,
    /// Those with the shared secret or a device token, or where there is no authentication.
    SkippedWithTokenOrNone,
}

/// What scopes a client without a device keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviceless {
    /// All, with the shared secret.
    KeepsWithSecret,
    /// None, but for the Control UI.
    OnlyControlUiKeeps,
    /// None, but for a Control UI that was let in by a bypass flag.
    OnlyBypassKeeps,
}

/// What becomes of a device's earlier pending requests when it asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingMerge {
    /// The earlier one is widened and keeps its id.
    Widened,
    /// The same request is refreshed; another one takes over under a new id.
    Superseded,
    /// As before, and a request that the earlier one covers keeps its id, too.
    Covered,
}

/// What a node that connects gets before somebody approved its commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCommands {
    /// All allowed ones.
    Shown,
    /// Those in its node record, if it has one.
    OfRecord,
    /// None; a request is made.
    AskedAndHidden,
    /// All allowed ones; a request is made.
    AskedAndShown,
    /// All allowed ones at first; later ones have to be asked for.
    AskedAgain,
    /// None until approved; later ones have to be asked for.
    AskedAgainAndHidden,
}

/// What a [`Change`] sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Setting {
    /// The rule holds.
    On(Rule),
    /// The rule does not hold.
    Off(Rule),
    /// Seconds until a silent connection is closed.
    HandshakeSeconds(u16),
    /// The protocol that is spoken.
    Protocol(u32),
    /// How forwarding headers count.
    Forwarding(Forwarding),
    /// Which roles a paired device has.
    Roles(Roles),
    /// What happens when more scopes are asked for.
    ScopeUpgrade(ScopeUpgrade),
    /// Which backends need no pairing.
    BackendPairing(BackendPairing),
    /// What a client without a device keeps.
    Deviceless(Deviceless),
    /// What becomes of earlier requests.
    PendingMerge(PendingMerge),
    /// What a fresh node gets.
    NodeCommands(NodeCommands),
    /// The scope that `node.pair.approve` needs.
    NodeApprovalScope(&'static str),
}

impl Setting {
    /// The rule's name: changes with the same name replace one another.
    pub fn name(&self) -> String {
        match self {
            Self::On(rule) | Self::Off(rule) => format!("{rule:?}"),
            Self::HandshakeSeconds(_) => "HandshakeSeconds".to_owned(),
            Self::Protocol(_) => "Protocol".to_owned(),
            Self::Forwarding(_) => "Forwarding".to_owned(),
            Self::Roles(_) => "Roles".to_owned(),
            Self::ScopeUpgrade(_) => "ScopeUpgrade".to_owned(),
            Self::BackendPairing(_) => "BackendPairing".to_owned(),
            Self::Deviceless(_) => "Deviceless".to_owned(),
            Self::PendingMerge(_) => "PendingMerge".to_owned(),
            Self::NodeCommands(_) => "NodeCommands".to_owned(),
            Self::NodeApprovalScope(_) => "NodeApprovalScope".to_owned(),
        }
    }
}

/// A step in the history of the handshake: from this release on, this holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// First release that has it.
    pub since: Release,
    /// What is set.
    pub set: Setting,
    /// What that means, in one line.
    pub about: &'static str,
    /// How it is known: measured or read on which release, and the report or change behind it.
    pub evidence: &'static str,
}

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
    #[case("2026.3.23-2", "2026.3.22")]
    #[case("2027.1.1", "2026.9.6")]
    fn releases_between_and_outside_have_the_rules_before(#[case] release: &str, #[case] same: &str) {
        let (mut one, other) = (of(release), of(same));
        one.release = other.release;
        assert_eq!(one, other);
    }
}

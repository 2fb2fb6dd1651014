//! The history of the handshake rules from 2026.3.2 to 2026.9.6, change by change.

use super::rule_change::{RuleChange, Setting};
use super::rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};
use crate::release::Release;

use Setting::{Off, On};

const fn change(
    month: u8,
    day: u16,
    set: Setting,
    about: &'static str,
    evidence: &'static str,
) -> RuleChange {
    RuleChange { since: Release::new(2026, month, day), set, about, evidence }
}

/// Every change of a rule, in the order of releases. A change holds until a later one of the same rule replaces it.
#[rustfmt::skip]
pub const HISTORY: &[RuleChange] = &[
    // 2026.3.2: the first known release.
    change(3, 2, Setting::HandshakeSeconds(10), "A silent connection is closed after ten seconds.", "read in 3.2"),
    change(3, 2, Setting::Protocol(3), "The protocol version is 3.", "measured 3.2"),
    change(3, 2, Setting::Forwarding(Forwarding::ForgivesTrustedProxies), "Forwarding headers make a peer remote, unless a trusted proxy sent them.", "measured 3.2 to 3.28"),
    change(3, 2, On(Rule::HostMustBeLocal), "A loopback peer with a foreign Host header is remote.", "measured 3.2 to 3.28"),
    change(3, 2, Setting::Roles(Roles::Recorded), "A device has the roles of its record, whether or not it has tokens for them.", "measured 3.24, 3.28"),
    change(3, 2, Setting::ScopeUpgrade(ScopeUpgrade::Silent), "A local device gets more scopes silently.", "measured 3.24; openclaw#23708"),
    change(3, 2, Setting::BackendPairing(BackendPairing::SkippedWithSecret), "A local backend with the shared secret needs no pairing.", "read in 3.2"),
    change(3, 2, Setting::Deviceless(Deviceless::KeepsWithSecret), "A client without a device keeps its scopes when it shows the shared secret.", "read in 3.2; openclaw#27498"),
    change(3, 2, Setting::PendingMerge(PendingMerge::Widened), "A second request of a device widens the pending one.", "read in 3.13"),
    change(3, 2, Setting::NodeRequest(NodeRequest::Repair), "A node's request says whether the node was approved before.", "measured 3.31"),
    change(3, 2, Setting::NodeCommands(NodeCommands::Shown), "A node offers all commands that its platform allows.", "read in 3.24"),
    change(3, 2, Setting::NodeApprovalScope("operator.pairing"), "Approving a node's commands needs the pairing scope.", "read in 3.24"),
    change(3, 2, On(Rule::SilentBrowserPairing), "A browser on this host is paired silently on its first visit.", "read in 3.2"),
    change(3, 2, On(Rule::ControlUiBypassFlags), "Two flags let a Control UI in without a device.", "read in 3.2"),
    change(3, 2, On(Rule::ProxyUserSkipsPairing), "A user that a trusted proxy vouches for needs no pairing.", "read in 3.2; openclaw#25428"),
    change(3, 2, On(Rule::LoopbackProxy), "A trusted proxy may be on the gateway's host.", "read in 3.28"),
    change(3, 2, On(Rule::ConnectWidensRecord), "A connect writes its role and scopes into the record.", "read in 3.2 to 4.5"),
    change(3, 2, On(Rule::ConnectUpdatesClient), "A connect writes its client id into the record.", "read in 3.2 to 5.12"),
    change(3, 2, On(Rule::VersionUnknown), "The gateway reports `dev` as its version.", "measured 3.2"),

    // 2026.3.11
    change(3, 11, On(Rule::RefusalAdvice), "A refusal of credentials says what to do next.", "measured 3.8, 3.11"),
    change(3, 11, On(Rule::NodeQueues), "A node can fetch what is queued for it.", "measured 3.8, 3.11"),
    change(3, 11, On(Rule::RotationNamesScope), "A rotation needs the scopes that it grants.", "measured 3.8, 3.11; read in 3.13"),

    // 2026.3.13: tokens have to stay within the approved scopes, which invalidates the tokens of fresh nodes.
    change(3, 13, Setting::HandshakeSeconds(3), "A silent connection is closed after three seconds.", "read in 3.13; openclaw#46892"),
    change(3, 13, Off(Rule::VersionUnknown), "The gateway reports its version.", "measured 3.13"),
    change(3, 13, On(Rule::FirstFrameLimit), "A first frame above 64 KiB is refused with 1009.", "measured 3.2, 3.13; openclaw#44089"),
    change(3, 13, On(Rule::BootstrapTokens), "A client can present a setup code.", "read in 3.13"),
    change(3, 13, On(Rule::OriginDetails), "A refusal of an origin has a code.", "read in 3.2, 3.13"),
    change(3, 13, On(Rule::OriginBehindProxy), "An origin is checked behind a proxy as well.", "read in 3.2, 3.13"),
    change(3, 13, On(Rule::BypassWithoutSecret), "The Control UI's bypass works without the shared secret, for operators.", "read in 3.13; openclaw#45512"),
    change(3, 13, Setting::Deviceless(Deviceless::OnlyControlUiKeeps), "A client without a device loses its scopes.", "measured 3.13; openclaw#44306"),
    change(3, 13, On(Rule::TokenBaseline), "A token has to stay within the approved scopes; a record without any, such as that of a fresh node, has no valid token.", "measured 3.13 to 3.28; openclaw#58382"),

    // 2026.3.22
    change(3, 22, Setting::HandshakeSeconds(10), "A silent connection is closed after ten seconds again.", "read in 3.22; openclaw#49262"),
    change(3, 22, On(Rule::NoAuthControlUi), "Without authentication, the Control UI needs no pairing.", "read in 3.22"),
    change(3, 22, Setting::Deviceless(Deviceless::OnlyInsecureKeeps), "Of the Control UIs without a device, only those on the same host with allowInsecureAuth keep their scopes.", "measured 3.22; openclaw#53077"),
    change(3, 22, Setting::BackendPairing(BackendPairing::SkippedWithToken), "A local backend with its device token needs no pairing either.", "read in 3.22"),
    change(3, 22, Setting::PendingMerge(PendingMerge::Superseded), "A different request replaces the pending one under a new id.", "read in 3.22; openclaw#69024"),
    change(3, 22, On(Rule::ApproverNeedsScopes), "An approver needs the scopes that it approves.", "read in 3.22"),
    change(3, 22, On(Rule::RotationDenied), "A refused rotation does not say why.", "read in 3.22"),
    change(3, 22, On(Rule::SessionMessages), "The methods `sessions.send` and `sessions.abort` exist.", "measured 3.13, 3.22"),

    change(3, 23, Setting::Deviceless(Deviceless::OnlyBypassKeeps), "A Control UI also keeps its scopes if device authentication is disabled.", "measured 3.22, 3.23; openclaw#53077"),
    change(3, 24, On(Rule::StoredImplications), "A token with the scope for administration or writing also lists the scopes that it implies.", "read in 3.22, 3.24"),

    // 2026.3.28: more scopes have to be approved, even on this host.
    change(3, 28, Setting::ScopeUpgrade(ScopeUpgrade::Asked), "More scopes have to be approved, even for a local device.", "measured 3.24, 3.28; openclaw#54694"),
    change(3, 28, Setting::BackendPairing(BackendPairing::Needed), "A local backend is paired like any other client.", "read in 3.24, 3.28"),
    change(3, 28, On(Rule::PluginApprovals), "The method `plugin.approval.resolve` exists.", "measured 3.24, 3.28"),
    change(3, 28, On(Rule::TerminalUi), "The terminal interface has its own client id.", "read in 3.24, 3.28"),
    change(3, 28, On(Rule::SilentApprovalNeedsScopes), "A silent approval grants what the connect asked for, not what an earlier request did.", "read in 3.24, 3.28"),
    change(3, 28, Setting::NodeApprovalScope("operator.write"), "Approving a node's commands needs the write scope.", "read in 3.24, 3.28"),
    change(3, 28, On(Rule::NodeApprovalNeedsCommandScope), "Approving a node needs a scope for its commands: the admin scope for `system.run`.", "read in 3.28"),
    change(3, 28, Setting::NodeCommands(NodeCommands::OfRecord), "A node with a node record offers only the commands in it.", "read in 3.28"),
    change(3, 28, On(Rule::RemovalDisconnects), "Removing a device or revoking its token closes its connections.", "read in 3.24, 3.28"),

    // 2026.3.31: roles come from tokens, so that records without tokens lose theirs.
    change(3, 31, Setting::Roles(Roles::OfTokens), "A device has the roles that it has tokens for; with an empty token map it has none.", "measured 3.31; openclaw#59045"),
    change(3, 31, On(Rule::EmptyScopesStay), "An empty list of scopes is kept, so that a fresh node gets a valid token.", "measured 3.28, 3.31; openclaw#58382"),
    change(3, 31, Setting::Forwarding(Forwarding::KnownHeaders), "Every usual forwarding header makes a peer remote, even from a trusted proxy.", "measured 3.31"),
    change(3, 31, Off(Rule::HostMustBeLocal), "The Host header no longer matters.", "measured 3.28, 3.31"),
    change(3, 31, Off(Rule::LoopbackProxy), "A trusted proxy on the gateway's host is refused.", "read in 3.31; openclaw#59167"),
    change(3, 31, Setting::NodeCommands(NodeCommands::AskedAndHidden), "A fresh node offers nothing until it is approved.", "read in 3.31; openclaw#57777"),
    change(3, 31, On(Rule::RotationDisconnects), "A rotation closes the connections of that device and role.", "read in 3.28, 3.31"),

    // 2026.4.1 and 2026.4.2: fixes of 2026.3.31.
    change(4, 1, Setting::NodeRequest(NodeRequest::Silent), "A node's request says that it is not silent.", "measured 3.31, 4.1"),
    change(4, 1, Setting::NodeCommands(NodeCommands::AskedAndShown), "A fresh node offers all commands that its platform allows, and asks for approval.", "read in 4.1"),
    change(4, 2, Setting::Roles(Roles::OfTokensElseRecorded), "An empty token map counts as none, so that the record's roles hold.", "measured 4.2; openclaw#59092"),
    change(4, 2, On(Rule::SilentRoleUpgrade), "A local device gets another role silently, even one whose token was revoked.", "measured 4.2 to 5.12; openclaw#59092"),
    change(4, 2, On(Rule::PathsForAdmins), "Hello shows paths to administrators only.", "read in 4.1, 4.2"),

    // 2026.4.5: a token for each role, and devices manage themselves.
    change(4, 5, Setting::Roles(Roles::OfTokensWithinRecordElseRecorded), "A token of a role that was never approved does not count.", "read in 4.5"),
    change(4, 5, On(Rule::RolesMustBeApproved), "No token is made for a role that was never approved.", "measured 4.2, 4.5; openclaw#60462"),
    change(4, 5, On(Rule::ApprovedScopesDecide), "Approved scopes decide, not those that a connect wrote into the record.", "read in 4.2, 4.5"),
    change(4, 5, On(Rule::TokenPerRole), "An approval makes a token for each role, with the scopes of that role.", "read in 4.5"),
    change(4, 5, On(Rule::OperatorScopesNeedRole), "Operator scopes can only be approved together with the operator role.", "read in 4.5"),
    change(4, 5, On(Rule::ScopeFamilies), "Scopes of another role's family are never granted.", "read in 4.5"),
    change(4, 5, Setting::BackendPairing(BackendPairing::SkippedWithToken), "A local backend skips its first pairing again.", "read in 4.5"),
    change(4, 5, On(Rule::SkipOnlyFirstPairing), "A client that skips its first pairing is still compared with its record.", "read in 4.5"),
    change(4, 5, On(Rule::CliSecretIsLocal), "A command line client with the shared secret is local in spite of a Forwarded header.", "measured 4.5 to 4.15"),
    change(4, 5, On(Rule::OwnDeviceOnly), "A device may manage only itself; other devices need an administrator.", "read in 4.5"),
    change(4, 5, Setting::NodeApprovalScope("operator.pairing"), "Approving a node needs the pairing scope again, plus a scope for its commands.", "read in 4.5"),
    change(4, 5, On(Rule::NodeApprovalScopesShown), "A pending node request lists the scopes that its approval needs.", "read in 4.5"),

    // 2026.4.7 to 2026.4.20
    change(4, 7, Setting::NodeCommands(NodeCommands::AskedAgain), "A node that declares more commands has to ask for approval.", "read in 4.10; openclaw#62658"),
    change(4, 10, Setting::Roles(Roles::OfTokensWithinRecord), "A record without tokens has no roles.", "read in 4.10"),
    change(4, 10, On(Rule::ScopesFitRoles), "Requested scopes must belong to a requested role.", "read in 4.10"),
    change(4, 10, Off(Rule::ConnectWidensRecord), "A connect no longer widens the record.", "read in 4.5, 4.10"),
    change(4, 10, On(Rule::PendingKeepsTime), "A repeated request keeps the time of the first one.", "read in 4.10"),
    change(4, 20, On(Rule::PairingRefusalDetails), "A pairing refusal states its reason, and what is approved already.", "measured 4.15, 4.20"),
    change(4, 20, On(Rule::HelloAlwaysTellsAuth), "`hello-ok` always has role and scopes.", "read in 4.15, 4.20; openclaw#67810"),
    change(4, 20, On(Rule::SecretIsLocal), "Any client with the shared secret is local in spite of a Forwarded header.", "read in 4.20; openclaw#69431"),
    change(4, 20, On(Rule::BackendKeepsScopes), "A local backend without a device keeps its scopes.", "read in 4.15, 4.20"),
    change(4, 20, On(Rule::DeviceTokenIsDevice), "Only a client that authenticated by device token is limited to its own device.", "read in 4.20"),
    change(4, 20, On(Rule::SequencePerConnection), "Events are numbered separately on each connection.", "read in 4.20"),

    // 2026.4.22 to 2026.5.7
    change(4, 22, On(Rule::EveryProxyHeaderCounts), "A Forwarded header makes a client remote again.", "measured 4.15, 5.2; read in 4.29"),
    change(4, 22, On(Rule::RemovalDropsPending), "Removing a device also drops its pending requests.", "read in 4.29; openclaw#70239"),
    change(4, 25, On(Rule::SilentMetadata), "Changed metadata of a native application is recorded silently.", "measured 4.24, 4.25; read in 4.29; openclaw#70224"),
    change(4, 26, On(Rule::RotatedTokenHidden), "A rotated token is returned only to its own device.", "read in 4.29; openclaw#66773"),
    change(4, 26, On(Rule::RevocationDenied), "A refused revocation does not say why.", "read in 4.29"),
    change(4, 26, On(Rule::ApproverChecksToken), "An approver needs the scopes of the token that is issued.", "read in 4.29"),
    change(4, 26, On(Rule::NodeRemoval), "A node can be removed.", "read in 4.29"),
    change(4, 27, On(Rule::LoopbackProxyOptIn), "A trusted proxy on the gateway's host can be allowed.", "read in 4.29; openclaw#73266"),
    change(4, 27, On(Rule::ProxyPasswordFallback), "In trusted-proxy mode, local clients can use the shared password instead.", "read in 4.29; openclaw#17761"),
    change(4, 29, Setting::HandshakeSeconds(15), "A silent connection is closed after fifteen seconds.", "read in 4.29"),
    change(4, 29, On(Rule::ClosedSetsToldAsOne), "A value outside a closed set is reported in one sentence.", "measured 5.2; read in 4.20, 4.29"),

    // 2026.5.12: protocol 4.
    change(5, 12, Setting::Protocol(4), "The protocol version is exactly 4.", "read in 5.7, 5.12; openclaw#82882"),
    change(5, 12, On(Rule::ScopeMismatchNamed), "A device token with too few scopes is refused with a code of its own.", "read in 5.12; openclaw#79292"),
    change(5, 12, Setting::BackendPairing(BackendPairing::SkippedWithTokenOrNone), "Without authentication, a local backend needs no pairing.", "read in 5.12; openclaw#75780"),
    change(5, 12, On(Rule::BackendWithoutDevice), "Without authentication, a local backend needs no device.", "read in 5.12; openclaw#75780"),
    change(5, 12, On(Rule::TokenNeedsApproval), "Only an approved device gets a token.", "read in 5.12"),
    change(5, 12, On(Rule::TokenDelta), "An approval adds only the new scopes to the token.", "read in 5.12"),
    change(5, 12, Off(Rule::ProxyPasswordFallback), "In trusted-proxy mode, the shared password no longer works.", "read in 5.12; openclaw#78684"),

    // 2026.5.18: the release with the most changes.
    change(5, 18, On(Rule::OnlyOperatorSilently), "A paired device needs approval for whatever it asks for in another role than operator.", "measured 5.28; read in 5.18"),
    change(5, 18, Off(Rule::SilentBrowserPairing), "A browser's first visit needs approval.", "measured 5.12, 5.18; read in 5.18, 5.20; openclaw#81289"),
    change(5, 18, Off(Rule::ProxyUserSkipsPairing), "A user that a trusted proxy vouches for needs pairing again.", "read in 5.18; openclaw#81288"),
    change(5, 18, On(Rule::ProxyPasswordFallback), "In trusted-proxy mode, local clients can use the shared password again.", "read in 5.18; openclaw#82953"),
    change(5, 18, Setting::Forwarding(Forwarding::AnyForwardedHeader), "Every header that begins with X-Forwarded- makes a client remote.", "read in 5.18"),
    change(5, 18, On(Rule::EmptyHeadersCount), "An empty forwarding header makes a client remote as well.", "measured 5.12, 5.18"),
    change(5, 18, On(Rule::ProtocolRefusalDetails), "A refusal of the protocol has a code.", "read in 5.18"),
    change(5, 18, On(Rule::ApprovalRuntimeTokens), "A client can present an approval runtime token.", "read in 5.18"),
    change(5, 18, On(Rule::NodeHostPlatformAliases), "darwin and macos are one platform for node hosts.", "read in 5.18"),
    change(5, 18, Off(Rule::ConnectUpdatesClient), "A connect no longer changes the recorded client id.", "read in 5.18"),
    change(5, 18, On(Rule::PlatformNeedsFamily), "A desktop node without its device family may not run programs.", "measured 5.28; read in 5.18"),
    change(5, 18, On(Rule::NonOperatorNeedsAdmin), "Only administrators manage devices of other roles than operator.", "read in 5.18"),
    change(5, 18, Setting::NodeCommands(NodeCommands::AskedAgainAndHidden), "A fresh node again offers nothing until it is approved.", "read in 5.18"),

    // 2026.5.19 to 2026.7.35
    change(5, 19, On(Rule::MobilePlatformVersions), "A new version of a mobile platform is not a change of platform.", "measured 5.18, 5.19; read in 5.20"),
    change(5, 22, On(Rule::SilentBrowserPairing), "A browser's first visit is paired silently again.", "measured 5.20, 5.22; openclaw#85459"),
    change(5, 27, On(Rule::NonOperatorApprovalNeedsAdmin), "Approving a node's device needs an administrator.", "read in 5.28; openclaw#87146"),
    change(5, 28, On(Rule::BrowserTokensBound), "A browser's token is valid only as long as the shared secret under which it was issued.", "read in 5.28"),
    change(5, 28, On(Rule::SameHostOrigin), "A page that the gateway's own private host serves is allowed.", "read in 6.11"),
    change(5, 28, On(Rule::FirstKeyTold), "Only the first missing and the first unknown key are reported.", "measured 8.1; read in 5.22, 5.28"),
    change(5, 28, On(Rule::EmptyDetailsDropped), "The details of a pairing refusal leave out empty lists.", "measured 5.28; read in 5.18"),
    change(6, 11, On(Rule::LastSeenRecorded), "Records say when a device was last seen.", "measured 8.1; read in 5.28, 6.11"),
    change(7, 1, On(Rule::OlderProbesAndNodes), "Probes and nodes may still use protocol 3.", "read in 6.11, 7.1"),
    change(7, 1, On(Rule::CliKeepsScopes), "A local command line client without a device keeps its scopes.", "measured 6.11, 7.1; openclaw#96002"),
    change(7, 1, Setting::PendingMerge(PendingMerge::Covered), "A request that the pending one covers keeps its id.", "read in 7.1; openclaw#98145"),
    change(7, 1, On(Rule::SupersededAnnounced), "A superseded request is announced as rejected.", "read in 7.1"),
    change(7, 1, On(Rule::AgentRuntimeTokens), "A client can present an agent runtime token.", "read in 7.1"),
    change(7, 1, On(Rule::HelloCapabilities), "`hello-ok` lists capabilities.", "read in 7.1"),

    // 2026.8.1: proxies have to be trusted, and local devices get scopes silently again.
    change(8, 1, On(Rule::ProxyAttribution), "A forwarding header from an untrusted proxy gets HTTP 403.", "measured 7.1, 8.1"),
    change(8, 1, Setting::ScopeUpgrade(ScopeUpgrade::SilentWithSecret), "A local device with the shared secret gets more scopes silently.", "measured 7.1, 8.1; openclaw#124589"),
    change(8, 1, On(Rule::SilentApprovalCountsRecord), "A silent approval may also grant the scopes that the record already has.", "read in 8.1"),
    change(8, 1, Off(Rule::SkipOnlyFirstPairing), "A client that skips pairing is not compared with its record.", "read in 8.1"),
    change(8, 1, Off(Rule::ControlUiBypassFlags), "The flags that let a Control UI in without a device have no effect.", "read in 8.1"),
    change(8, 1, On(Rule::ControlUiBuildGate), "A Control UI of another build is told to reload.", "measured 7.1, 8.1"),
    change(8, 1, On(Rule::NewerClients), "More client ids and keys are in the schema.", "read in 8.1"),
    change(8, 1, On(Rule::NodeNeedsToken), "A node that cannot get a device token is refused.", "measured 7.35, 8.1"),
    change(8, 1, On(Rule::CanonicalNodeHost), "The record of a node host gets a device family by its platform, so that a later change of family is noticed.", "measured 8.1, 9.6"),
    change(8, 1, On(Rule::MacPlatformVersions), "A new version of macOS is not a change of platform for the macOS application.", "read in 8.1"),
    change(8, 1, On(Rule::OpaqueOrigins), "Origins of applications are compared.", "read in 8.1; openclaw#38290"),
    change(8, 1, On(Rule::TalkScope), "The scope for writing implies the one for talking.", "read in 8.1"),
    change(8, 1, On(Rule::HelloTellsConnectionScopes), "`hello-ok` has the scopes of the connection.", "read in 8.1"),
    change(8, 1, On(Rule::RecoveryScope), "`hello-ok` has a scope for the recovery of sessions.", "measured 8.1"),
    change(8, 1, On(Rule::ForbiddenNamed), "A missing scope is refused with the code FORBIDDEN and details.", "measured 8.1; read in 7.35"),
    change(8, 1, On(Rule::IdentityHeaderNamed), "A missing header of a trusted proxy is refused with a code of its own.", "measured 7.1, 8.1"),
    change(8, 1, On(Rule::ApprovalWayRecorded), "Records say how a device was approved.", "measured 8.1; read in 7.35"),
    change(8, 1, On(Rule::TokenDelivery), "A rotation says how its token is delivered.", "read in 8.1"),
    change(8, 1, On(Rule::LocalCliHints), "A refusal of credentials tells a local command line client which setting of this gateway to use.", "read in 8.1"),
    change(8, 1, Setting::NodeRequest(NodeRequest::Client), "A node's request names its client, and is silent if the node is local.", "measured 7.1, 8.1"),
    change(9, 3, On(Rule::EitherSecretField), "The shared secret is accepted in both the token and the password field.", "measured 9.2, 9.3; read in 8.1"),
    change(9, 6, On(Rule::NodeRequestScopesAnnounced), "The event for a new node request lists the scopes that its approval needs.", "measured 8.1, 9.6"),
    change(9, 6, On(Rule::HelloTellsMethod), "`hello-ok` says how the client authenticated.", "measured 9.6; read in 8.1"),
    change(9, 6, On(Rule::SetupCodeText), "The refusal of a setup code has a long explanation.", "read in 9.6"),
    change(9, 6, On(Rule::ControlUiWaits), "A Control UI with a pending request is told to wait and try again.", "read in 9.6"),
    change(9, 6, On(Rule::RuntimePlatformAliases), "For every client, an alias of a desktop platform is the same platform.", "read in 9.6"),
];

/// Something that the model leaves out. Scenarios that need it cannot be tested on the embedded target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotModelled {
    /// What is left out.
    pub what: &'static str,
    /// Why it is left out.
    pub why: &'static str,
    /// JSON pointers to the settings that ask for it.
    pub config: &'static [&'static str],
}

const fn left_out(what: &'static str, why: &'static str) -> NotModelled {
    NotModelled { what, why, config: &[] }
}

impl NotModelled {
    const fn asked_by(self, config: &'static [&'static str]) -> Self {
        Self { config, ..self }
    }
}

/// The error code with which the model answers a request for something that it leaves out. No real gateway sends it.
pub const NOT_MODELLED_CODE: &str = "NOT_MODELLED";

/// Everything that the model leaves out, with the reasons.
pub const NOT_MODELLED: &[NotModelled] = &[
    left_out("setup codes", "Only their refusal is modelled; the handoff of tokens changed in six releases."),
    left_out("rate limits", "They depend on addresses and on time, not on the pairing rules.")
        .asked_by(&["/gateway/auth/rateLimit"]),
    left_out("tailscale", "It needs a daemon next to the gateway.")
        .asked_by(&["/gateway/tailscale", "/gateway/auth/allowTailscale"]),
    left_out("TLS", "It does not change the frames.").asked_by(&["/gateway/tls"]),
    left_out(
        "config.patch",
        "Changing the configuration is not part of the handshake, nor is the close with 4001 after a secret has changed.",
    ),
    left_out("damaged stores", "The model gets records as values, not as files."),
    left_out("the store's file format", "The records have the form of the JSON store in every release."),
    left_out(
        "node surfaces in records",
        "Since 2026.9.6, the record of a device holds what its node asks for.",
    ),
    left_out("start-up", "The model is ready at once, so it never answers 1013 or UNAVAILABLE."),
    left_out("plain HTTP", "Hand-written requests test the parser of a server, not the handshake."),
    left_out("node.invoke", "Running commands on nodes is not part of the handshake."),
    left_out("presence and health events", "Their timing depends on channels and probes."),
    left_out("payloads beyond pairing", "`status`, `health` and `config.get` answer with a few keys only."),
    left_out(
        "methods beyond pairing",
        "Of some other methods only the scope is known, and of some only for 2026.3.31.",
    ),
    left_out(
        "other configuration",
        "Only settings that affect the handshake are known; any other key is reported.",
    ),
    left_out(
        "environment",
        "Any variable that a scenario sets is reported, unless it undoes a setting of the harness.",
    ),
    left_out("other headers", "Other headers than those of proxies and browsers may matter in some release."),
    left_out("operator roles and identity scopes", "They need verified users."),
    left_out("browser copilots and workers", "They came with 2026.8.1 and have their own admission rules."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_left_out_has_a_reason() {
        assert!(NOT_MODELLED.iter().all(|one| one.why.ends_with('.') && !one.what.is_empty()));
    }
}

//! The history of the handshake from 2026.3.2 to 2026.9.6, change by change.

use super::change::{Change, Setting};
use super::rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};
use crate::release::Release;

use Setting::{Off, On};

const fn change(month: u8, day: u16, set: Setting, about: &'static str, evidence: &'static str) -> Change {
    Change { since: Release::new(2026, month, day), set, about, evidence }
}

/// Every rule that differs between releases, in the order of time. Read it from top to bottom: each
/// line holds until a later line with the same rule replaces it.
#[rustfmt::skip]
pub const HISTORY: &[Change] = &[
    // 2026.3.2: where the table begins.
    change(3, 2, Setting::HandshakeSeconds(10), "A silent connection is closed after ten seconds.", "read in 3.2"),
    change(3, 2, Setting::Protocol(3), "The protocol is 3.", "measured 3.2"),
    change(3, 2, Setting::Forwarding(Forwarding::ForgivesTrustedProxies), "Forwarding headers make a peer remote, unless a trusted proxy sent them.", "measured 3.2 to 3.28"),
    change(3, 2, On(Rule::HostMustBeLocal), "A loopback peer with a foreign Host header is remote.", "measured 3.2 to 3.28"),
    change(3, 2, Setting::Roles(Roles::Recorded), "A device has the roles of its record, whatever became of its tokens.", "measured 3.24, 3.28"),
    change(3, 2, Setting::ScopeUpgrade(ScopeUpgrade::Silent), "A local device gets more scopes silently.", "measured 3.24; openclaw#23708"),
    change(3, 2, Setting::BackendPairing(BackendPairing::SkippedWithSecret), "A local backend with the shared secret is not paired.", "read in 3.2"),
    change(3, 2, Setting::Deviceless(Deviceless::KeepsWithSecret), "A client without a device keeps its scopes when it shows the shared secret.", "read in 3.2; openclaw#27498"),
    change(3, 2, Setting::PendingMerge(PendingMerge::Widened), "A second request of a device widens the pending one.", "read in 3.13"),
    change(3, 2, Setting::NodeRequest(NodeRequest::Repair), "A node's request tells whether it is a repair.", "measured 3.31"),
    change(3, 2, Setting::NodeCommands(NodeCommands::Shown), "A node offers what the platform allows.", "read in 3.24"),
    change(3, 2, Setting::NodeApprovalScope("operator.pairing"), "Approving a node's commands is pairing.", "read in 3.24"),
    change(3, 2, On(Rule::SilentBrowserPairing), "A browser on this host is paired at its first visit.", "read in 3.2"),
    change(3, 2, On(Rule::ControlUiBypassFlags), "Two flags let a Control UI in without a device.", "read in 3.2"),
    change(3, 2, On(Rule::ProxyUserSkipsPairing), "A user that a trusted proxy vouches for needs no pairing.", "read in 3.2; openclaw#25428"),
    change(3, 2, On(Rule::LoopbackProxy), "The trusted proxy may stand on the same host.", "read in 3.28"),
    change(3, 2, On(Rule::ConnectWidensRecord), "A connect writes its role and scopes into the record.", "read in 3.2 to 4.5"),
    change(3, 2, On(Rule::ConnectUpdatesClient), "A connect writes its client id into the record.", "read in 3.2 to 5.12"),
    change(3, 2, On(Rule::VersionUnknown), "The gateway says that its version is `dev`.", "measured 3.2"),

    // 2026.3.11
    change(3, 11, On(Rule::RefusalAdvice), "A refusal of credentials says what to do next.", "measured 3.8, 3.11"),
    change(3, 11, On(Rule::NodeQueues), "A node can fetch what is queued for it.", "measured 3.8, 3.11"),
    change(3, 11, On(Rule::RotationNamesScope), "A rotation needs the scopes that it hands out.", "measured 3.8, 3.11; read in 3.13"),

    // 2026.3.13: tokens stay within what was approved, and fresh nodes lose theirs by it.
    change(3, 13, Setting::HandshakeSeconds(3), "A silent connection is closed after three seconds.", "read in 3.13; openclaw#46892"),
    change(3, 13, Off(Rule::VersionUnknown), "The gateway tells its version.", "measured 3.13"),
    change(3, 13, On(Rule::FirstFrameLimit), "A first frame above 64 KiB is refused with 1009.", "measured 3.2, 3.13; openclaw#44089"),
    change(3, 13, On(Rule::BootstrapTokens), "A setup code can be shown.", "read in 3.13"),
    change(3, 13, On(Rule::OriginDetails), "A refusal of an origin has a code.", "read in 3.2, 3.13"),
    change(3, 13, On(Rule::OriginBehindProxy), "An origin is checked behind a proxy, too.", "read in 3.2, 3.13"),
    change(3, 13, On(Rule::BypassWithoutSecret), "The Control UI's bypass works without the shared secret, for operators.", "read in 3.13; openclaw#45512"),
    change(3, 13, Setting::Deviceless(Deviceless::OnlyControlUiKeeps), "A client without a device loses its scopes.", "measured 3.13; openclaw#44306"),
    change(3, 13, On(Rule::TokenBaseline), "A token stays within the approved scopes; a record without any, such as a fresh node's, gets none.", "measured 3.13 to 3.28; openclaw#58382"),

    // 2026.3.22
    change(3, 22, Setting::HandshakeSeconds(10), "A silent connection is closed after ten seconds again.", "read in 3.22; openclaw#49262"),
    change(3, 22, On(Rule::NoAuthControlUi), "Without authentication, the Control UI needs no pairing.", "read in 3.22"),
    change(3, 22, Setting::Deviceless(Deviceless::OnlyInsecureKeeps), "Of the Control UIs without a device, only those on the same host with allowInsecureAuth keep their scopes.", "measured 3.22; openclaw#53077"),
    change(3, 22, Setting::BackendPairing(BackendPairing::SkippedWithToken), "A local backend with its device token is not paired either.", "read in 3.22"),
    change(3, 22, Setting::PendingMerge(PendingMerge::Superseded), "Another request takes over under a new id.", "read in 3.22; openclaw#69024"),
    change(3, 22, On(Rule::ApproverNeedsScopes), "Who approves needs the scopes that are approved.", "read in 3.22"),
    change(3, 22, On(Rule::RotationDenied), "A refused rotation does not tell why.", "read in 3.22"),
    change(3, 22, On(Rule::SessionMessages), "Sessions can be written to and stopped by name.", "measured 3.13, 3.22"),

    change(3, 23, Setting::Deviceless(Deviceless::OnlyBypassKeeps), "A Control UI keeps its scopes where device auth is disabled, too.", "measured 3.22, 3.23; openclaw#53077"),
    change(3, 24, On(Rule::StoredImplications), "A token that may administer or write lists what that implies.", "read in 3.22, 3.24"),

    // 2026.3.28: more scopes have to be approved, also on this host.
    change(3, 28, Setting::ScopeUpgrade(ScopeUpgrade::Asked), "More scopes have to be approved by somebody, also on this host.", "measured 3.24, 3.28; openclaw#54694"),
    change(3, 28, Setting::BackendPairing(BackendPairing::Needed), "A local backend is paired like any client.", "read in 3.24, 3.28"),
    change(3, 28, On(Rule::PluginApprovals), "Plugins can ask for approvals.", "measured 3.24, 3.28"),
    change(3, 28, On(Rule::TerminalUi), "The terminal interface has an id.", "read in 3.24, 3.28"),
    change(3, 28, On(Rule::SilentApprovalNeedsScopes), "Silent approvals grant what the connect asked for, not what an earlier request did.", "read in 3.24, 3.28"),
    change(3, 28, Setting::NodeApprovalScope("operator.write"), "Approving a node's commands is writing.", "read in 3.24, 3.28"),
    change(3, 28, On(Rule::NodeApprovalNeedsCommandScope), "Approving system.run needs an administrator.", "read in 3.28"),
    change(3, 28, Setting::NodeCommands(NodeCommands::OfRecord), "A node with a record offers what the record has.", "read in 3.28"),
    change(3, 28, On(Rule::RemovalDisconnects), "Removal and revocation drop the device's connections.", "read in 3.24, 3.28"),

    // 2026.3.31: roles follow tokens, and records from before tokens lose theirs.
    change(3, 31, Setting::Roles(Roles::OfTokens), "A device has the roles that it has tokens for; an empty token map means none.", "measured 3.31; openclaw#59045"),
    change(3, 31, On(Rule::EmptyScopesStay), "An empty list of scopes is kept, so a fresh node gets a token that works.", "measured 3.28, 3.31; openclaw#58382"),
    change(3, 31, Setting::Forwarding(Forwarding::KnownHeaders), "Every usual forwarding header makes a peer remote, trusted proxy or not.", "measured 3.31"),
    change(3, 31, Off(Rule::HostMustBeLocal), "The Host header does not matter any more.", "measured 3.28, 3.31"),
    change(3, 31, Off(Rule::LoopbackProxy), "A trusted proxy on the same host is refused.", "read in 3.31; openclaw#59167"),
    change(3, 31, Setting::NodeCommands(NodeCommands::AskedAndHidden), "A fresh node offers nothing until it is approved.", "read in 3.31; openclaw#57777"),
    change(3, 31, On(Rule::RotationDisconnects), "A rotation drops the connections of that token.", "read in 3.28, 3.31"),

    // 2026.4.1 and 2026.4.2: the way back.
    change(4, 1, Setting::NodeRequest(NodeRequest::Silent), "A node's request tells that it is not silent.", "measured 3.31, 4.1"),
    change(4, 1, Setting::NodeCommands(NodeCommands::AskedAndShown), "A fresh node offers what the platform allows, and asks.", "read in 4.1"),
    change(4, 2, Setting::Roles(Roles::OfTokensElseRecorded), "An empty token map counts as none, so the record's roles hold.", "measured 4.2; openclaw#59092"),
    change(4, 2, On(Rule::SilentRoleUpgrade), "A local device gets another role silently, even one whose token was revoked.", "measured 4.2 to 5.12; openclaw#59092"),
    change(4, 2, On(Rule::PathsForAdmins), "Hello shows paths to administrators only.", "read in 4.1, 4.2"),

    // 2026.4.5: a token for each role, and devices manage themselves.
    change(4, 5, Setting::Roles(Roles::OfTokensWithinRecordElseRecorded), "A token of a role that was never approved does not count.", "read in 4.5"),
    change(4, 5, On(Rule::RolesMustBeApproved), "No token is made for a role that was never approved.", "measured 4.2, 4.5; openclaw#60462"),
    change(4, 5, On(Rule::ApprovedScopesDecide), "Approved scopes decide, not those that a connect wrote into the record.", "read in 4.2, 4.5"),
    change(4, 5, On(Rule::TokenPerRole), "An approval makes a token for each role, with the scopes of that role.", "read in 4.5"),
    change(4, 5, On(Rule::OperatorScopesNeedRole), "Operator scopes need the operator role.", "read in 4.5"),
    change(4, 5, On(Rule::ScopeFamilies), "Scopes of another role's family are never granted.", "read in 4.5"),
    change(4, 5, Setting::BackendPairing(BackendPairing::SkippedWithToken), "A local backend skips its first pairing again.", "read in 4.5"),
    change(4, 5, On(Rule::SkipOnlyFirstPairing), "Who skips the first pairing is still held to its record.", "read in 4.5"),
    change(4, 5, On(Rule::CliSecretIsLocal), "A command line client with the shared secret is local in spite of a Forwarded header.", "measured 4.5 to 4.15"),
    change(4, 5, On(Rule::OwnDeviceOnly), "A device manages itself; others need an administrator.", "read in 4.5"),
    change(4, 5, Setting::NodeApprovalScope("operator.pairing"), "Approving a node is pairing again, plus what its commands need.", "read in 4.5"),
    change(4, 5, On(Rule::NodeApprovalScopesShown), "A pending node request tells what its approval needs.", "read in 4.5"),

    // 2026.4.7 to 2026.4.20
    change(4, 7, Setting::NodeCommands(NodeCommands::AskedAgain), "A node that offers more commands has to ask for them.", "read in 4.10; openclaw#62658"),
    change(4, 10, Setting::Roles(Roles::OfTokensWithinRecord), "A record without tokens has no roles.", "read in 4.10"),
    change(4, 10, On(Rule::ScopesFitRoles), "Scopes must belong to a requested role.", "read in 4.10"),
    change(4, 10, Off(Rule::ConnectWidensRecord), "A connect does not widen the record any more.", "read in 4.5, 4.10"),
    change(4, 10, On(Rule::PendingKeepsTime), "A repeated request keeps its first time.", "read in 4.10"),
    change(4, 20, On(Rule::PairingRefusalDetails), "A refusal for pairing says which kind, and what is approved.", "measured 4.15, 4.20"),
    change(4, 20, On(Rule::HelloAlwaysTellsAuth), "Hello always tells role and scopes.", "read in 4.15, 4.20; openclaw#67810"),
    change(4, 20, On(Rule::SecretIsLocal), "Any client with the shared secret is local in spite of a Forwarded header.", "read in 4.20; openclaw#69431"),
    change(4, 20, On(Rule::BackendKeepsScopes), "A local backend without a device keeps its scopes.", "read in 4.15, 4.20"),
    change(4, 20, On(Rule::DeviceTokenIsDevice), "Only a connection by device token is held to its own device.", "read in 4.20"),
    change(4, 20, On(Rule::SequencePerConnection), "Events are counted for each connection.", "read in 4.20"),

    // 2026.4.22 to 2026.5.7
    change(4, 22, On(Rule::EveryProxyHeaderCounts), "A Forwarded header makes remote again.", "measured 4.15, 5.2; read in 4.29"),
    change(4, 22, On(Rule::RemovalDropsPending), "Removal drops pending requests, too.", "read in 4.29; openclaw#70239"),
    change(4, 25, On(Rule::SilentMetadata), "A native application's new metadata is taken silently.", "measured 4.24, 4.25; read in 4.29; openclaw#70224"),
    change(4, 26, On(Rule::RotatedTokenHidden), "A rotated token is shown to its own device only.", "read in 4.29; openclaw#66773"),
    change(4, 26, On(Rule::RevocationDenied), "A refused revocation does not tell why.", "read in 4.29"),
    change(4, 26, On(Rule::ApproverChecksToken), "The approver is held to the scopes of the token that is made.", "read in 4.29"),
    change(4, 26, On(Rule::NodeRemoval), "A node can be removed.", "read in 4.29"),
    change(4, 27, On(Rule::LoopbackProxyOptIn), "A trusted proxy on the same host can be allowed.", "read in 4.29; openclaw#73266"),
    change(4, 27, On(Rule::ProxyPasswordFallback), "The shared password works beside a trusted proxy.", "read in 4.29; openclaw#17761"),
    change(4, 29, Setting::HandshakeSeconds(15), "A silent connection is closed after fifteen seconds.", "read in 4.29"),
    change(4, 29, On(Rule::ClosedSetsToldAsOne), "A text outside a closed set is told in one sentence.", "measured 5.2; read in 4.20, 4.29"),

    // 2026.5.12: protocol 4.
    change(5, 12, Setting::Protocol(4), "The protocol is exactly 4.", "read in 5.7, 5.12; openclaw#82882"),
    change(5, 12, On(Rule::ScopeMismatchNamed), "A device token with too few scopes is told so.", "read in 5.12; openclaw#79292"),
    change(5, 12, Setting::BackendPairing(BackendPairing::SkippedWithTokenOrNone), "Without authentication, a local backend needs no pairing.", "read in 5.12; openclaw#75780"),
    change(5, 12, On(Rule::BackendWithoutDevice), "Without authentication, a local backend needs no device.", "read in 5.12; openclaw#75780"),
    change(5, 12, On(Rule::TokenNeedsApproval), "Only an approved device gets a token.", "read in 5.12"),
    change(5, 12, On(Rule::TokenDelta), "An approval adds what is new to the token.", "read in 5.12"),
    change(5, 12, Off(Rule::ProxyPasswordFallback), "The shared password does not work beside a trusted proxy.", "read in 5.12; openclaw#78684"),

    // 2026.5.18: the densest release.
    change(5, 18, On(Rule::OnlyOperatorSilently), "A paired device gets no role but operator silently.", "measured 5.28; read in 5.18"),
    change(5, 18, Off(Rule::SilentBrowserPairing), "A browser's first visit needs an approval.", "measured 5.12, 5.18; read in 5.18, 5.20; openclaw#81289"),
    change(5, 18, Off(Rule::ProxyUserSkipsPairing), "A trusted proxy's user needs pairing again.", "read in 5.18; openclaw#81288"),
    change(5, 18, On(Rule::ProxyPasswordFallback), "The shared password works beside a trusted proxy again.", "read in 5.18; openclaw#82953"),
    change(5, 18, Setting::Forwarding(Forwarding::AnyForwardedHeader), "Anything named X-Forwarded- makes remote.", "read in 5.18"),
    change(5, 18, On(Rule::EmptyHeadersCount), "An empty header of a proxy makes remote, too.", "measured 5.12, 5.18"),
    change(5, 18, On(Rule::ProtocolRefusalDetails), "A protocol refusal has a code.", "read in 5.18"),
    change(5, 18, On(Rule::ApprovalRuntimeTokens), "An approval runtime can show its token.", "read in 5.18"),
    change(5, 18, On(Rule::NodeHostPlatformAliases), "darwin and macos are one platform for node hosts.", "read in 5.18"),
    change(5, 18, Off(Rule::ConnectUpdatesClient), "A connect does not change the recorded client id.", "read in 5.18"),
    change(5, 18, On(Rule::PlatformNeedsFamily), "A desktop node without its family may run no programs.", "measured 5.28; read in 5.18"),
    change(5, 18, On(Rule::NonOperatorNeedsAdmin), "Roles but operator are managed by administrators.", "read in 5.18"),
    change(5, 18, Setting::NodeCommands(NodeCommands::AskedAgainAndHidden), "A fresh node offers nothing until it is approved, again.", "read in 5.18"),

    // 2026.5.19 to 2026.7.35
    change(5, 19, On(Rule::MobilePlatformVersions), "A new version of a mobile platform is no change.", "measured 5.18, 5.19; read in 5.20"),
    change(5, 22, On(Rule::SilentBrowserPairing), "A browser's first visit is paired silently again.", "measured 5.20, 5.22; openclaw#85459"),
    change(5, 27, On(Rule::NonOperatorApprovalNeedsAdmin), "Approving a node's device needs an administrator.", "read in 5.28; openclaw#87146"),
    change(5, 28, On(Rule::BrowserTokensBound), "A browser's token ends with the shared secret that it was issued under.", "read in 5.28"),
    change(5, 28, On(Rule::SameHostOrigin), "A page of the gateway's own private host is allowed.", "read in 6.11"),
    change(5, 28, On(Rule::FirstKeyTold), "Of several missing or unknown keys, the first is told.", "measured 8.1; read in 5.22, 5.28"),
    change(5, 28, On(Rule::EmptyDetailsDropped), "Empty lists are left out of a refusal's details.", "measured 5.28; read in 5.18"),
    change(6, 11, On(Rule::LastSeenRecorded), "Records tell when a device was seen.", "measured 8.1; read in 5.28, 6.11"),
    change(7, 1, On(Rule::OlderProbesAndNodes), "Probes and nodes may still speak protocol 3.", "read in 6.11, 7.1"),
    change(7, 1, On(Rule::CliKeepsScopes), "A local command line client without a device keeps its scopes.", "measured 6.11, 7.1; openclaw#96002"),
    change(7, 1, Setting::PendingMerge(PendingMerge::Covered), "A request that the pending one covers keeps its id.", "read in 7.1; openclaw#98145"),
    change(7, 1, On(Rule::SupersededAnnounced), "A superseded request is announced as rejected.", "read in 7.1"),
    change(7, 1, On(Rule::AgentRuntimeTokens), "An agent runtime can show its token.", "read in 7.1"),
    change(7, 1, On(Rule::HelloCapabilities), "Hello tells capabilities.", "read in 7.1"),

    // 2026.8.1: proxies have to be attributed, and scopes are silent again.
    change(8, 1, On(Rule::ProxyAttribution), "A forwarding header without a trusted proxy gets HTTP 403.", "measured 7.1, 8.1"),
    change(8, 1, Setting::ScopeUpgrade(ScopeUpgrade::SilentWithSecret), "A local device with the shared secret gets more scopes silently.", "measured 7.1, 8.1; openclaw#124589"),
    change(8, 1, On(Rule::SilentApprovalCountsRecord), "A silent approval may grant what the record has already.", "read in 8.1"),
    change(8, 1, Off(Rule::SkipOnlyFirstPairing), "Who skips pairing is not held to its record.", "read in 8.1"),
    change(8, 1, Off(Rule::ControlUiBypassFlags), "The Control UI's bypass flags are gone.", "read in 8.1"),
    change(8, 1, On(Rule::ControlUiBuildGate), "A Control UI of another build is told to reload.", "measured 7.1, 8.1"),
    change(8, 1, On(Rule::NewerClients), "More client ids and keys are known.", "read in 8.1"),
    change(8, 1, On(Rule::NodeNeedsToken), "A node that can be given no token is refused.", "measured 7.35, 8.1"),
    change(8, 1, On(Rule::CanonicalNodeHost), "A node host's platform gets a family, which pins the device.", "measured 8.1, 9.6"),
    change(8, 1, On(Rule::MacPlatformVersions), "A new version of macOS is no change for its application.", "read in 8.1"),
    change(8, 1, On(Rule::OpaqueOrigins), "Origins of applications are compared.", "read in 8.1; openclaw#38290"),
    change(8, 1, On(Rule::TalkScope), "Writing implies talking.", "read in 8.1"),
    change(8, 1, On(Rule::HelloTellsConnectionScopes), "Hello tells the connection's scopes.", "read in 8.1"),
    change(8, 1, On(Rule::RecoveryScope), "Hello carries a scope for the recovery of sessions.", "measured 8.1"),
    change(8, 1, On(Rule::ForbiddenNamed), "A missing scope is FORBIDDEN, with details.", "measured 8.1; read in 7.35"),
    change(8, 1, On(Rule::IdentityHeaderNamed), "A header that the trusted proxy leaves out has a code of its own.", "measured 7.1, 8.1"),
    change(8, 1, On(Rule::ApprovalWayRecorded), "Records tell how a device was approved.", "measured 8.1; read in 7.35"),
    change(8, 1, On(Rule::TokenDelivery), "A rotation tells how its token is delivered.", "read in 8.1"),
    change(8, 1, On(Rule::LocalCliHints), "A local command line client is told of this gateway's own setting.", "read in 8.1"),
    change(8, 1, Setting::NodeRequest(NodeRequest::Client), "A node's request tells its client, and is silent where the node is local.", "measured 7.1, 8.1"),
    change(9, 3, On(Rule::EitherSecretField), "The shared secret may stand in the field of the other kind.", "measured 9.2, 9.3; read in 8.1"),
    change(9, 6, On(Rule::NodeRequestScopesAnnounced), "The announcement of a node's request tells what its approval needs.", "measured 8.1, 9.6"),
    change(9, 6, On(Rule::HelloTellsMethod), "Hello tells by what the client was let in.", "measured 9.6; read in 8.1"),
    change(9, 6, On(Rule::SetupCodeText), "A refused setup code is explained at length.", "read in 9.6"),
    change(9, 6, On(Rule::ControlUiWaits), "A Control UI whose request is pending is told to wait.", "read in 9.6"),
    change(9, 6, On(Rule::RuntimePlatformAliases), "The alias of a desktop platform is the same pin for every client.", "read in 9.6"),
];

/// Something that the model does not do: scenarios that need it cannot be tested on the embedded target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotModelled {
    /// What is left out.
    pub what: &'static str,
    /// Why.
    pub why: &'static str,
    /// JSON pointers into the configuration: one of them set means that it is asked for.
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

/// Code of the answer to a request for something that the model leaves out. No gateway sends it.
pub const NOT_MODELLED_CODE: &str = "NOT_MODELLED";

/// What the model leaves out.
pub const NOT_MODELLED: &[NotModelled] = &[
    left_out("setup codes", "Only their refusal is modelled; the handoff of tokens changed in six releases."),
    left_out("rate limits", "They depend on addresses and minutes, not on the rules of pairing.")
        .asked_by(&["/gateway/auth/rateLimit"]),
    left_out("tailscale", "It needs a daemon beside the gateway.")
        .asked_by(&["/gateway/tailscale", "/gateway/auth/allowTailscale"]),
    left_out("TLS", "Frames are the same behind it.").asked_by(&["/gateway/tls"]),
    left_out(
        "config.patch",
        "Changing the configuration is not part of the handshake; 4001 after a secret's change neither.",
    ),
    left_out("damaged stores", "Records come to the model as values, not as files."),
    left_out("the store's file format", "The records have the shape of the JSON store on every release."),
    left_out("node surfaces in records", "Since 2026.9.6 a device's record holds what its node asks for."),
    left_out("start-up", "The model is ready at once: no 1013 and no UNAVAILABLE."),
    left_out(
        "plain HTTP",
        "Requests that are written out by hand test a server's parser, not the handshake.",
    ),
    left_out("node.invoke", "Commands run on nodes, not in the handshake."),
    left_out("presence and health events", "Their time depends on channels and probes."),
    left_out("payloads beyond pairing", "status, health and config.get answer with a few keys only."),
    left_out(
        "methods beyond pairing",
        "Of other methods only the scope is known, of some of them only on 2026.3.31, and of all others nothing.",
    ),
    left_out(
        "other configuration",
        "Only what bears on the handshake is known, and every other key is named.",
    ),
    left_out(
        "environment",
        "A variable that a scenario sets is named, unless it undoes a setting of the harness.",
    ),
    left_out(
        "other headers",
        "Headers that are not those of proxies and browsers may be another release's rule.",
    ),
    left_out("operator roles and identity scopes", "They need verified users."),
    left_out("browser copilots and workers", "Their admission came with 2026.8.1 and has rules of its own."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_has_a_reason() {
        assert!(NOT_MODELLED.iter().all(|one| one.why.ends_with('.') && !one.what.is_empty()));
    }
}

//! What releases differ in: rules that a release has or lacks, and choices among several behaviours.

/// A rule that a release has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A peer on a loopback socket is remote if its `Host` header is not local.
    HostMustBeLocal,
    /// A forwarding header from an untrusted proxy is answered with HTTP 403 instead of an upgrade.
    ProxyAttribution,
    /// Every forwarding header makes a client remote, not just `X-Forwarded-For` and `X-Real-IP`.
    EveryProxyHeaderCounts,
    /// A command line client with the shared secret counts as local if it connects from the gateway's host.
    CliSecretIsLocal,
    /// Any client with the shared secret counts as local if it connects from the gateway's host.
    SecretIsLocal,
    /// Probes and nodes may still use the previous protocol.
    OlderProbesAndNodes,
    /// A refusal of the protocol has a code and names the range that the client offered.
    ProtocolRefusalDetails,
    /// A first frame above 64 KiB is refused unread.
    FirstFrameLimit,
    /// `client.buildId` and the newer ids and modes are in the schema.
    NewerClients,
    /// The terminal interface has its own client id and counts as an operator interface.
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
    /// The origin of every client is checked, even behind a proxy.
    OriginBehindProxy,
    /// A page served by the gateway's own private host is allowed.
    SameHostOrigin,
    /// Origins of schemes such as `tauri:` are compared.
    OpaqueOrigins,
    /// A Control UI of another build than the gateway is told to reload.
    ControlUiBuildGate,
    /// `controlUi.allowInsecureAuth` and `dangerouslyDisableDeviceAuth` have an effect.
    ControlUiBypassFlags,
    /// The bypass of device authentication works without the shared secret.
    BypassWithoutSecret,
    /// The Control UI needs no pairing if the gateway has no authentication.
    NoAuthControlUi,
    /// A user that a trusted proxy vouches for needs no pairing.
    ProxyUserSkipsPairing,
    /// A trusted proxy may be on the gateway's host.
    LoopbackProxy,
    /// `trustedProxy.allowLoopback` lets a trusted proxy be on the gateway's host.
    LoopbackProxyOptIn,
    /// In trusted-proxy mode, local clients can use the shared password instead.
    ProxyPasswordFallback,
    /// A local backend without a device keeps its scopes.
    BackendKeepsScopes,
    /// A local backend may connect without a device if the gateway has no authentication.
    BackendWithoutDevice,
    /// A local command line client without a device keeps its scopes.
    CliKeepsScopes,
    /// Clients that skip pairing skip only the first one: once paired, what they ask for is compared with the record.
    SkipOnlyFirstPairing,
    /// A request is compared with the approved scopes of the record, not with its other scopes.
    ApprovedScopesDecide,
    /// A local device gets another role without an operator's approval.
    SilentRoleUpgrade,
    /// A paired device needs approval for whatever it asks for in another role than operator.
    OnlyOperatorSilently,
    /// A browser on this host is paired without approval on its first visit.
    SilentBrowserPairing,
    /// Changed metadata of a native application is recorded without approval.
    SilentMetadata,
    /// A node that cannot get a device token is refused.
    NodeNeedsToken,
    /// The platforms of node hosts are replaced by their canonical names.
    CanonicalNodeHost,
    /// For node hosts, two names of one desktop platform are the same platform.
    NodeHostPlatformAliases,
    /// A new version of a mobile platform is not a change of platform.
    MobilePlatformVersions,
    /// A new version of macOS is not a change of platform for the macOS application.
    MacPlatformVersions,
    /// For every client, an alias of a desktop platform is the same platform.
    RuntimePlatformAliases,
    /// A connect writes its role and scopes into the record.
    ConnectWidensRecord,
    /// A connect writes the client id and mode into the record.
    ConnectUpdatesClient,
    /// A record keeps an empty list of scopes instead of dropping it.
    EmptyScopesStay,
    /// Tokens stay within the approved scopes.
    TokenBaseline,
    /// Only an approved device gets a token.
    TokenNeedsApproval,
    /// A browser's token is valid only as long as the shared secret under which it was issued.
    BrowserTokensBound,
    /// A device token with too few scopes is refused with a code of its own.
    ScopeMismatchNamed,
    /// An approver needs the scopes that it approves.
    ApproverNeedsScopes,
    /// A silent approval grants no more scopes than the connect asked for.
    SilentApprovalNeedsScopes,
    /// A silent approval may also grant the scopes that the record already has.
    SilentApprovalCountsRecord,
    /// An approval makes a token for each requested role, with the scopes of that role.
    TokenPerRole,
    /// Scopes must belong to one of the requested roles.
    ScopesFitRoles,
    /// Operator scopes need the operator role among the requested ones.
    OperatorScopesNeedRole,
    /// An approver needs the scopes that the token will have.
    ApproverChecksToken,
    /// An approval adds only the new scopes to an existing token.
    TokenDelta,
    /// A token is only issued or rotated for a role that was approved.
    RolesMustBeApproved,
    /// Scopes of another role's family are never granted.
    ScopeFamilies,
    /// Stored lists of scopes include the scopes that they imply.
    StoredImplications,
    /// The scope for writing implies the one for talking.
    TalkScope,
    /// The gateway does not know its own version.
    VersionUnknown,
    /// `hello-ok` always has an `auth` block.
    HelloAlwaysTellsAuth,
    /// `hello-ok` has the scopes of the connection, not those of the token.
    HelloTellsConnectionScopes,
    /// Only administrators see paths of the gateway's files.
    PathsForAdmins,
    /// The shared secret is accepted in both the token and the password field.
    EitherSecretField,
    /// `hello-ok` says how the client authenticated.
    HelloTellsMethod,
    /// `hello-ok` lists capabilities.
    HelloCapabilities,
    /// A pairing refusal states its reason in the text and has complete details.
    PairingRefusalDetails,
    /// A refusal of credentials tells a local command line client which setting of this gateway to use.
    LocalCliHints,
    /// The refusal of a setup code has a long explanation.
    SetupCodeText,
    /// A Control UI with a pending request is told to wait and try again.
    ControlUiWaits,
    /// Removing a device closes its connections.
    RemovalDisconnects,
    /// Rotating a token closes the connections of its device and role.
    RotationDisconnects,
    /// Removing a device drops its pending requests.
    RemovalDropsPending,
    /// Only administrators manage other devices than their own.
    OwnDeviceOnly,
    /// Only a client that authenticated by device token is limited to its own device.
    DeviceTokenIsDevice,
    /// Only administrators manage devices and tokens of other roles than operator.
    NonOperatorNeedsAdmin,
    /// Only administrators approve devices of other roles than operator, however they authenticated.
    NonOperatorApprovalNeedsAdmin,
    /// A rotated token is returned only to its own device.
    RotatedTokenHidden,
    /// A rotation says how the token is delivered.
    TokenDelivery,
    /// A refused rotation does not say why.
    RotationDenied,
    /// A refused rotation names the missing scope.
    RotationNamesScope,
    /// A refused revocation does not say why.
    RevocationDenied,
    /// Events are numbered separately on each connection.
    SequencePerConnection,
    /// A pending request keeps the time of its first attempt.
    PendingKeepsTime,
    /// `node.pair.remove` exists.
    NodeRemoval,
    /// The method `node.pending.drain` exists.
    NodeQueues,
    /// The methods `sessions.send` and `sessions.abort` exist.
    SessionMessages,
    /// The method `plugin.approval.resolve` exists.
    PluginApprovals,
    /// A forwarding header counts even if it is empty.
    EmptyHeadersCount,
    /// A pending node request lists the scopes that its approval needs.
    NodeApprovalScopesShown,
    /// The event for a new node request lists the scopes that its approval needs.
    NodeRequestScopesAnnounced,
    /// Approving a node needs a scope for its commands, unless it has none.
    NodeApprovalNeedsCommandScope,
    /// A superseded request is announced as rejected.
    SupersededAnnounced,
    /// A value outside a closed set is reported in one sentence.
    ClosedSetsToldAsOne,
    /// Only the first missing and the first unknown key are reported.
    FirstKeyTold,
    /// A missing scope is refused with the code FORBIDDEN and details.
    ForbiddenNamed,
    /// The details of a pairing refusal leave out empty lists.
    EmptyDetailsDropped,
    /// Records say when a device was last seen.
    LastSeenRecorded,
    /// Records say how a device was approved.
    ApprovalWayRecorded,
    /// A missing header of a trusted proxy is refused with a code of its own.
    IdentityHeaderNamed,
    /// The platform of a node counts only together with its matching device family.
    PlatformNeedsFamily,
    /// `hello-ok` has a scope for the recovery of sessions.
    RecoveryScope,
}

/// Which forwarding headers make a peer remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// `X-Forwarded-For`, `X-Real-IP` and `X-Forwarded-Host`, unless a trusted proxy sent them.
    ForgivesTrustedProxies,
    /// `Forwarded`, `X-Real-IP`, and `X-Forwarded-For`, `-Proto` and `-Host`.
    KnownHeaders,
    /// `Forwarded`, `X-Real-IP`, and every header that begins with `X-Forwarded-`.
    AnyForwardedHeader,
}

/// Where the roles of a paired device come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// From the record, whatever tokens it has.
    Recorded,
    /// From the tokens that are not revoked; from the record if it has no token map.
    OfTokens,
    /// As [`OfTokens`](Self::OfTokens), and an empty token map counts as none.
    OfTokensElseRecorded,
    /// As [`OfTokensElseRecorded`](Self::OfTokensElseRecorded), but only roles that are in the record as well.
    OfTokensWithinRecordElseRecorded,
    /// From the tokens that are not revoked, but only roles that are in the record as well.
    OfTokensWithinRecord,
}

/// What happens when a local device asks for more scopes than were approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeUpgrade {
    /// It gets them without approval.
    Silent,
    /// They have to be approved.
    Asked,
    /// It gets them without approval if it shows the shared secret, or if none is needed.
    SilentWithSecret,
}

/// Which local backends skip pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendPairing {
    /// Those with the shared secret.
    SkippedWithSecret,
    /// Those with the shared secret or a device token.
    SkippedWithToken,
    /// No backend skips it.
    Needed,
    /// Those with the shared secret or a device token, and all if the gateway has no authentication.
    SkippedWithTokenOrNone,
}

/// Which clients without a device keep the scopes that they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviceless {
    /// Those with the shared secret.
    KeepsWithSecret,
    /// Only the Control UI.
    OnlyControlUiKeeps,
    /// Only a Control UI on the gateway's host that `allowInsecureAuth` lets in without a device.
    OnlyInsecureKeeps,
    /// As before, and every Control UI if device authentication is disabled.
    OnlyBypassKeeps,
}

/// What happens to the earlier pending requests of a device that asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingMerge {
    /// The earlier request is widened and keeps its id.
    Widened,
    /// An equal request is refreshed; a different one replaces it under a new id.
    Superseded,
    /// As before, but a request that the earlier one covers keeps its id as well.
    Covered,
}

/// Which commands a node offers before they are approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCommands {
    /// All commands that its platform and the configuration allow.
    Shown,
    /// The allowed commands that are in its node record; all of them if it has no record.
    OfRecord,
    /// None, and a request for approval is made.
    AskedAndHidden,
    /// All allowed commands, and a request for approval is made.
    AskedAndShown,
    /// All allowed commands at first; commands that are added later need approval.
    AskedAgain,
    /// None until they are approved; commands that are added later need approval again.
    AskedAgainAndHidden,
}

/// What a node's request for approval says besides the node and its commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRequest {
    /// Whether the node was approved before.
    Repair,
    /// That it is not approved without an operator.
    Silent,
    /// The client, and whether the node is local, as `silent`.
    Client,
}

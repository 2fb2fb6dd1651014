//! What releases differ in: rules that hold or do not, and choices among a few ways.

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
    /// A node that can be given no token is refused.
    NodeNeedsToken,
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
    /// The announcement of a node's request names them, too.
    NodeRequestScopesAnnounced,
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
    /// None, but for a Control UI on the same host where that needs no device.
    OnlyInsecureKeeps,
    /// As before, and for any Control UI where device auth is disabled.
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

/// What a node's request for approval tells beside the node and its commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRequest {
    /// Whether the node was approved before.
    Repair,
    /// That nobody approves it silently.
    Silent,
    /// Its client; the request is marked silent where the node is local.
    Client,
}

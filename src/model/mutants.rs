//! Faults that can be planted into the model, to measure how many of them a suite of scenarios notices.

use serde::Serialize;

/// A rule of the gateway that the model breaks on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A revoked device token still lets its device in.
    RevokedTokenWorks,
    /// Any text is accepted as the device's token.
    DeviceTokenNotCompared,
    /// Any shared token is accepted.
    SharedTokenNotCompared,
    /// A client without credentials is let in.
    MissingTokenAccepted,
    /// Any password is accepted.
    PasswordNotCompared,
    /// Any setup code lets a device in.
    BootstrapTokenAccepted,
    /// A wrong token is reported as a missing one.
    WrongSecretAdvice,
    /// A proof for another challenge is accepted.
    NonceNotChecked,
    /// A blank nonce is reported as a wrong one.
    BlankNonceIsMismatch,
    /// A signature may be a day old.
    SkewOfADay,
    /// A signature from the future is accepted.
    FutureAccepted,
    /// The signature is not checked.
    SignatureNotChecked,
    /// The signature is checked over a text without scopes.
    ScopesNotSigned,
    /// A signature over an empty token is accepted.
    TokenNotSigned,
    /// The older layout of the signed text is refused.
    OlderSignatureRefused,
    /// The device id is compared without regard to case.
    DeviceIdCaseFolded,
    /// The device id does not have to belong to the key.
    DeviceIdNotDerived,
    /// The platform is signed without being normalised to lower case.
    PlatformCaseMatters,
    /// X-Forwarded-For does not make a client remote.
    ForwardedForIgnored,
    /// X-Real-IP does not make a client remote.
    RealIpIgnored,
    /// A request through an untrusted proxy is accepted.
    ProxyNotAttributed,
    /// A remote device is paired without approval.
    RemotePairedSilently,
    /// A remote device gets another role without approval.
    RemoteUpgradedSilently,
    /// A local device needs approval for its first pairing.
    LocalNeedsApproval,
    /// A page of any origin may connect.
    OriginNotChecked,
    /// A Control UI may connect without an Origin header.
    MissingOriginAccepted,
    /// A paired device may take any role.
    RoleNotCompared,
    /// An unknown role counts as operator.
    UnknownRoleAccepted,
    /// A record without tokens keeps its roles.
    RecordCountsWithoutTokens,
    /// A role whose token was revoked is taken from the record.
    RevocationForgetsRecord,
    /// A paired device may ask for any scope.
    ScopesNotCompared,
    /// A pairing without an operator grants every operator scope.
    ScopesWidened,
    /// The scope for writing does not imply the one for reading.
    WriteImpliesNothing,
    /// The scope for administration implies no other.
    AdminImpliesNothing,
    /// Methods for reading need no scope.
    ReadIsFree,
    /// Methods for pairing need no scope.
    PairingIsFree,
    /// health needs operator.read.
    HealthNeedsRead,
    /// A client without a device keeps the scopes that it asked for.
    DevicelessKeepsScopes,
    /// A node needs no device.
    DevicelessNode,
    /// A device token is valid for any scope.
    TokenScopesNotCompared,
    /// A device token is valid for any role.
    TokenOfAnyRole,
    /// Every connect issues a new device token.
    TokenNotReused,
    /// A rotation does not replace the token.
    RotationKeepsOld,
    /// A rotation grants scopes that were not approved.
    RotationWidens,
    /// A revocation is confirmed but not stored.
    RevocationNotStored,
    /// A removal is confirmed but not stored.
    RemovalNotStored,
    /// A removed device stays connected.
    RemovalKeepsConnections,
    /// The list of devices shows their tokens.
    TokensShown,
    /// `hello-ok` has no device token.
    HelloWithoutToken,
    /// `hello-ok` names another protocol.
    HelloWrongProtocol,
    /// `hello-ok` lists scopes that a client without a device does not have.
    HelloTellsAskedScopes,
    /// A paired device may connect from another platform.
    PlatformChangeUnnoticed,
    /// A paired device may connect with another device family.
    FamilyChangeUnnoticed,
    /// A pairing refusal closes with 1000.
    WrongPairingClose,
    /// A refusal of the protocol closes with 1008.
    WrongProtocolClose,
    /// A refusal of credentials closes with 4001.
    WrongAuthClose,
    /// A refused connection stays open.
    NeverCloses,
    /// A refusal has no details.
    RefusalWithoutDetails,
    /// A pairing refusal does not name its request.
    RefusalWithoutRequest,
    /// Every pairing refusal has the reason not-paired.
    ReasonAlwaysNotPaired,
    /// Paired devices are lost on a restart.
    PairingLostOnRestart,
    /// Pending requests are lost on a restart.
    PendingLostOnRestart,
    /// Every attempt makes a new pending request.
    PendingNeverMerged,
    /// Pending requests never expire.
    PendingNeverExpires,
    /// A request that was replaced can still be approved.
    PendingKeepsSuperseded,
    /// A new request is not announced.
    PendingNotAnnounced,
    /// The resolution of a request is not announced.
    ResolvedNotAnnounced,
    /// Pairing events go to clients without the scope.
    EventsForEveryone,
    /// A rejected request can still be approved.
    RejectionNotStored,
    /// An approval is confirmed but not stored.
    ApprovalNotStored,
    /// An approver may grant scopes that it does not have.
    ApproverNotChecked,
    /// Approving a node's commands needs no scope for them.
    NodeApprovalFree,
    /// A device may manage other devices.
    OthersManaged,
    /// A node may call an operator's methods.
    NodeCallsOperatorMethods,
    /// An operator may call a node's methods.
    OperatorCallsNodeMethods,
    /// An unknown method succeeds.
    UnknownMethodAnswered,
    /// Unknown keys are ignored.
    UnknownKeysAccepted,
    /// Any client id is accepted.
    AnyClientId,
    /// A first request that is not connect is ignored.
    AnyFirstFrame,
    /// A first frame that is not JSON is ignored.
    NoiseKeptOpen,
    /// A silent connection stays open.
    TimerNeverFires,
    /// A first frame may have any size.
    FirstFrameUnlimited,
    /// Every client may use the previous protocol.
    OldProtocolAccepted,
    /// A future protocol is accepted.
    NewProtocolAccepted,
}

/// A fault with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Mutant {
    /// The name in commands and reports.
    pub name: &'static str,
    /// The family of rules that is broken.
    pub rule: &'static str,
    /// What is wrong, in one sentence.
    pub about: &'static str,
    /// The fault that the mutant plants.
    #[serde(skip)]
    pub fault: Fault,
    /// Why nobody can notice it on the wire; `None` if somebody can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<&'static str>,
}

const fn mutant(name: &'static str, rule: &'static str, about: &'static str, fault: Fault) -> Mutant {
    Mutant { name, rule, about, fault, unseen: None }
}

/// All faults, with their names.
#[rustfmt::skip]
pub const MUTANTS: &[Mutant] = &[
    mutant("revoked-token-works", "token", "A revoked device token still lets its device in.", Fault::RevokedTokenWorks),
    mutant("device-token-not-compared", "token", "Any text is accepted as the device's token.", Fault::DeviceTokenNotCompared),
    mutant("shared-token-not-compared", "secret", "Any shared token is accepted.", Fault::SharedTokenNotCompared),
    mutant("missing-token-accepted", "secret", "A client without credentials is let in.", Fault::MissingTokenAccepted),
    mutant("password-not-compared", "secret", "Any password is accepted.", Fault::PasswordNotCompared),
    mutant("bootstrap-token-accepted", "secret", "Any setup code lets a device in.", Fault::BootstrapTokenAccepted),
    mutant("wrong-secret-advice", "secret", "A wrong token is reported as a missing one.", Fault::WrongSecretAdvice),
    mutant("nonce-not-checked", "proof", "A proof for another challenge is accepted.", Fault::NonceNotChecked),
    mutant("blank-nonce-is-mismatch", "proof", "A blank nonce is reported as a wrong one.", Fault::BlankNonceIsMismatch),
    mutant("skew-of-a-day", "proof", "A signature may be a day old.", Fault::SkewOfADay),
    mutant("future-accepted", "proof", "A signature from the future is accepted.", Fault::FutureAccepted),
    mutant("signature-not-checked", "proof", "The signature is not checked.", Fault::SignatureNotChecked),
    mutant("scopes-not-signed", "proof", "The signature is checked over a text without scopes.", Fault::ScopesNotSigned),
    mutant("token-not-signed", "proof", "A signature over an empty token is accepted.", Fault::TokenNotSigned),
    mutant("older-signature-refused", "proof", "The older layout of the signed text is refused.", Fault::OlderSignatureRefused),
    mutant("device-id-case-folded", "proof", "The device id is compared without regard to case.", Fault::DeviceIdCaseFolded),
    mutant("device-id-not-derived", "proof", "The device id does not have to belong to the key.", Fault::DeviceIdNotDerived),
    mutant("platform-case-matters", "proof", "The platform is signed without being normalised to lower case.", Fault::PlatformCaseMatters),
    mutant("forwarded-for-ignored", "locality", "X-Forwarded-For does not make a client remote.", Fault::ForwardedForIgnored),
    mutant("real-ip-ignored", "locality", "X-Real-IP does not make a client remote.", Fault::RealIpIgnored),
    mutant("proxy-not-attributed", "locality", "A request through an untrusted proxy is accepted.", Fault::ProxyNotAttributed),
    mutant("remote-paired-silently", "pairing", "A remote device is paired without approval.", Fault::RemotePairedSilently),
    mutant("remote-upgraded-silently", "pairing", "A remote device gets another role without approval.", Fault::RemoteUpgradedSilently),
    mutant("local-needs-approval", "pairing", "A local device needs approval for its first pairing.", Fault::LocalNeedsApproval),
    mutant("origin-not-checked", "origin", "A page of any origin may connect.", Fault::OriginNotChecked),
    mutant("missing-origin-accepted", "origin", "A Control UI may connect without an Origin header.", Fault::MissingOriginAccepted),
    mutant("role-not-compared", "role", "A paired device may take any role.", Fault::RoleNotCompared),
    mutant("unknown-role-accepted", "role", "An unknown role counts as operator.", Fault::UnknownRoleAccepted),
    mutant("record-counts-without-tokens", "role", "A record without tokens keeps its roles.", Fault::RecordCountsWithoutTokens),
    mutant("revocation-forgets-record", "role", "A role whose token was revoked is taken from the record.", Fault::RevocationForgetsRecord),
    mutant("scopes-not-compared", "scope", "A paired device may ask for any scope.", Fault::ScopesNotCompared),
    mutant("scopes-widened", "scope", "A pairing without an operator grants every operator scope.", Fault::ScopesWidened),
    mutant("write-implies-nothing", "scope", "The scope for writing does not imply the one for reading.", Fault::WriteImpliesNothing),
    mutant("admin-implies-nothing", "scope", "The scope for administration implies no other.", Fault::AdminImpliesNothing),
    mutant("read-is-free", "scope", "Methods for reading need no scope.", Fault::ReadIsFree),
    mutant("pairing-is-free", "scope", "Methods for pairing need no scope.", Fault::PairingIsFree),
    mutant("health-needs-read", "scope", "health needs operator.read.", Fault::HealthNeedsRead),
    mutant("deviceless-keeps-scopes", "scope", "A client without a device keeps the scopes that it asked for.", Fault::DevicelessKeepsScopes),
    mutant("deviceless-node", "role", "A node needs no device.", Fault::DevicelessNode),
    mutant("token-scopes-not-compared", "token", "A device token is valid for any scope.", Fault::TokenScopesNotCompared),
    mutant("token-of-any-role", "token", "A device token is valid for any role.", Fault::TokenOfAnyRole),
    mutant("token-not-reused", "token", "Every connect issues a new device token.", Fault::TokenNotReused),
    mutant("rotation-keeps-old", "token", "A rotation does not replace the token.", Fault::RotationKeepsOld),
    mutant("rotation-widens", "token", "A rotation grants scopes that were not approved.", Fault::RotationWidens),
    mutant("revocation-not-stored", "token", "A revocation is confirmed but not stored.", Fault::RevocationNotStored),
    mutant("removal-not-stored", "token", "A removal is confirmed but not stored.", Fault::RemovalNotStored),
    mutant("removal-keeps-connections", "token", "A removed device stays connected.", Fault::RemovalKeepsConnections),
    mutant("tokens-shown", "token", "The list of devices shows their tokens.", Fault::TokensShown),
    mutant("hello-without-token", "hello", "`hello-ok` has no device token.", Fault::HelloWithoutToken),
    mutant("hello-wrong-protocol", "hello", "`hello-ok` names another protocol.", Fault::HelloWrongProtocol),
    mutant("hello-tells-asked-scopes", "hello", "`hello-ok` lists scopes that a client without a device does not have.", Fault::HelloTellsAskedScopes),
    mutant("platform-change-unnoticed", "metadata", "A paired device may connect from another platform.", Fault::PlatformChangeUnnoticed),
    mutant("family-change-unnoticed", "metadata", "A paired device may connect with another device family.", Fault::FamilyChangeUnnoticed),
    mutant("wrong-pairing-close", "close", "A pairing refusal closes with 1000.", Fault::WrongPairingClose),
    mutant("wrong-protocol-close", "close", "A refusal of the protocol closes with 1008.", Fault::WrongProtocolClose),
    mutant("wrong-auth-close", "close", "A refusal of credentials closes with 4001.", Fault::WrongAuthClose),
    mutant("never-closes", "close", "A refused connection stays open.", Fault::NeverCloses),
    mutant("refusal-without-details", "refusal", "A refusal has no details.", Fault::RefusalWithoutDetails),
    mutant("refusal-without-request", "refusal", "A pairing refusal does not name its request.", Fault::RefusalWithoutRequest),
    mutant("reason-always-not-paired", "refusal", "Every pairing refusal has the reason not-paired.", Fault::ReasonAlwaysNotPaired),
    mutant("pairing-lost-on-restart", "store", "Paired devices are lost on a restart.", Fault::PairingLostOnRestart),
    mutant("pending-lost-on-restart", "store", "Pending requests are lost on a restart.", Fault::PendingLostOnRestart),
    mutant("pending-never-merged", "pending", "Every attempt makes a new pending request.", Fault::PendingNeverMerged),
    mutant("pending-never-expires", "pending", "Pending requests never expire.", Fault::PendingNeverExpires),
    mutant("pending-keeps-superseded", "pending", "A request that was replaced can still be approved.", Fault::PendingKeepsSuperseded),
    mutant("pending-not-announced", "event", "A new request is not announced.", Fault::PendingNotAnnounced),
    mutant("resolved-not-announced", "event", "The resolution of a request is not announced.", Fault::ResolvedNotAnnounced),
    mutant("events-for-everyone", "event", "Pairing events go to clients without the scope.", Fault::EventsForEveryone),
    mutant("rejection-not-stored", "pending", "A rejected request can still be approved.", Fault::RejectionNotStored),
    mutant("approval-not-stored", "pending", "An approval is confirmed but not stored.", Fault::ApprovalNotStored),
    mutant("approver-not-checked", "pending", "An approver may grant scopes that it does not have.", Fault::ApproverNotChecked),
    mutant("node-approval-free", "pending", "Approving a node's commands needs no scope for them.", Fault::NodeApprovalFree),
    mutant("others-managed", "pending", "A device may manage other devices.", Fault::OthersManaged),
    mutant("node-calls-operator-methods", "method", "A node may call an operator's methods.", Fault::NodeCallsOperatorMethods),
    mutant("operator-calls-node-methods", "method", "An operator may call a node's methods.", Fault::OperatorCallsNodeMethods),
    mutant("unknown-method-answered", "method", "An unknown method succeeds.", Fault::UnknownMethodAnswered),
    mutant("unknown-keys-accepted", "schema", "Unknown keys are ignored.", Fault::UnknownKeysAccepted),
    mutant("any-client-id", "schema", "Any client id is accepted.", Fault::AnyClientId),
    mutant("any-first-frame", "frame", "A first request that is not connect is ignored.", Fault::AnyFirstFrame),
    mutant("noise-kept-open", "frame", "A first frame that is not JSON is ignored.", Fault::NoiseKeptOpen),
    mutant("timer-never-fires", "frame", "A silent connection stays open.", Fault::TimerNeverFires),
    mutant("first-frame-unlimited", "frame", "A first frame may have any size.", Fault::FirstFrameUnlimited),
    mutant("old-protocol-accepted", "protocol", "Every client may use the previous protocol.", Fault::OldProtocolAccepted),
    mutant("new-protocol-accepted", "protocol", "A future protocol is accepted.", Fault::NewProtocolAccepted),
];

/// Finds a mutant by its name.
pub fn mutant_named(name: &str) -> Option<&'static Mutant> {
    MUTANTS.iter().find(|mutant| mutant.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_faults_are_unique_and_can_be_found() {
        let faults: HashSet<Fault> = MUTANTS.iter().map(|mutant| mutant.fault).collect();
        assert_eq!(faults.len(), MUTANTS.len());
        assert!(MUTANTS.iter().all(|mutant| mutant_named(mutant.name) == Some(mutant)));
    }
}

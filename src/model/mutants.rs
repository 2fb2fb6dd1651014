//! Faults that can be planted into the model, to measure how strong a suite of scenarios is.

use serde::Serialize;

/// A single rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A revoked device token still lets its device in.
    RevokedTokenWorks,
    /// Any text is taken as the device's token.
    DeviceTokenNotCompared,
    /// Any shared token is taken.
    SharedTokenNotCompared,
    /// No credentials are as good as the right ones.
    MissingTokenAccepted,
    /// Any password is taken.
    PasswordNotCompared,
    /// Any setup code lets a device in.
    BootstrapTokenAccepted,
    /// A wrong token is reported as a missing one.
    WrongSecretAdvice,
    /// A proof made for another challenge is taken.
    NonceNotChecked,
    /// A blank nonce is reported as a wrong one.
    BlankNonceIsMismatch,
    /// A signature may be a day old.
    SkewOfADay,
    /// A signature from the future is taken.
    FutureAccepted,
    /// Nobody looks at the signature.
    SignatureNotChecked,
    /// The signature is checked over a text without scopes.
    ScopesNotSigned,
    /// A signature with an empty token slot is taken.
    TokenNotSigned,
    /// The older layout of the signed text is refused.
    OlderSignatureRefused,
    /// The device id is compared without regard to case.
    DeviceIdCaseFolded,
    /// The device id need not belong to the key.
    DeviceIdNotDerived,
    /// The platform is signed as it is written.
    PlatformCaseMatters,
    /// X-Forwarded-For does not make remote.
    ForwardedForIgnored,
    /// X-Real-IP does not make remote.
    RealIpIgnored,
    /// A proxy that nobody trusts is let through.
    ProxyNotAttributed,
    /// A remote device is paired silently.
    RemotePairedSilently,
    /// A remote device gets another role silently.
    RemoteUpgradedSilently,
    /// A local device is not paired silently.
    LocalNeedsApproval,
    /// A browser may come from any page.
    OriginNotChecked,
    /// A Control UI needs no Origin.
    MissingOriginAccepted,
    /// A paired device may take any role.
    RoleNotCompared,
    /// A role that does not exist counts as operator.
    UnknownRoleAccepted,
    /// A record without tokens keeps its roles.
    RecordCountsWithoutTokens,
    /// A revoked role counts as the record's.
    RevocationForgetsRecord,
    /// A paired device may ask for any scope.
    ScopesNotCompared,
    /// A silent pairing approves every operator scope.
    ScopesWidened,
    /// Writing does not imply reading.
    WriteImpliesNothing,
    /// An administrator has no other scope.
    AdminImpliesNothing,
    /// Reading needs no scope.
    ReadIsFree,
    /// Managing devices needs no scope.
    PairingIsFree,
    /// health needs operator.read.
    HealthNeedsRead,
    /// A client without a device keeps what it asked for.
    DevicelessKeepsScopes,
    /// A node needs no device.
    DevicelessNode,
    /// A device token is good for any scope.
    TokenScopesNotCompared,
    /// A device token is good for any role.
    TokenOfAnyRole,
    /// Each connect makes a new device token.
    TokenNotReused,
    /// Rotation does not replace the token.
    RotationKeepsOld,
    /// Rotation hands out scopes that nobody approved.
    RotationWidens,
    /// Revocation is answered, not done.
    RevocationNotStored,
    /// Removal is answered, not done.
    RemovalNotStored,
    /// A removed device stays connected.
    RemovalKeepsConnections,
    /// The list of devices shows their tokens.
    TokensShown,
    /// Hello carries no device token.
    HelloWithoutToken,
    /// Hello tells another protocol.
    HelloWrongProtocol,
    /// Hello tells scopes that a client without a device does not have.
    HelloTellsAskedScopes,
    /// A device may come back from another platform.
    PlatformChangeUnnoticed,
    /// A device may come back from another family.
    FamilyChangeUnnoticed,
    /// A refusal for pairing closes with 1000.
    WrongPairingClose,
    /// A refusal of the protocol closes with 1008.
    WrongProtocolClose,
    /// A refusal of credentials closes with 4001.
    WrongAuthClose,
    /// A refused connection stays open.
    NeverCloses,
    /// A refusal has no details.
    RefusalWithoutDetails,
    /// A refusal for pairing does not name its request.
    RefusalWithoutRequest,
    /// Every refusal for pairing says not-paired.
    ReasonAlwaysNotPaired,
    /// Paired devices are forgotten at a restart.
    PairingLostOnRestart,
    /// Pending requests are forgotten at a restart.
    PendingLostOnRestart,
    /// Each attempt makes a request of its own.
    PendingNeverMerged,
    /// A request waits for ever.
    PendingNeverExpires,
    /// A request that was taken over can still be approved.
    PendingKeepsSuperseded,
    /// A new request is not announced.
    PendingNotAnnounced,
    /// A resolved request is not announced.
    ResolvedNotAnnounced,
    /// Events go to connections without the scope.
    EventsForEveryone,
    /// A rejected request can still be approved.
    RejectionNotStored,
    /// Approval is answered, not done.
    ApprovalNotStored,
    /// Who approves may grant more than it has.
    ApproverNotChecked,
    /// Approving a node's commands needs no scope for them.
    NodeApprovalFree,
    /// A device may manage other devices.
    OthersManaged,
    /// A node may call an operator's methods.
    NodeCallsOperatorMethods,
    /// An operator may call a node's methods.
    OperatorCallsNodeMethods,
    /// A method that does not exist is answered.
    UnknownMethodAnswered,
    /// Unknown keys are ignored.
    UnknownKeysAccepted,
    /// Any client id is taken.
    AnyClientId,
    /// A first request that is not connect is ignored.
    AnyFirstFrame,
    /// A first frame that is not JSON is ignored.
    NoiseKeptOpen,
    /// A silent connection stays open.
    TimerNeverFires,
    /// A first frame may be of any size.
    FirstFrameUnlimited,
    /// The protocol before is taken from everyone.
    OldProtocolAccepted,
    /// A protocol that does not exist yet is taken.
    NewProtocolAccepted,
}

/// A fault with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Mutant {
    /// Name in commands and reports.
    pub name: &'static str,
    /// The family of rules that is broken.
    pub rule: &'static str,
    /// What is wrong, in one line.
    pub about: &'static str,
    /// The fault.
    #[serde(skip)]
    pub fault: Fault,
    /// Why nobody can see it on the wire, where that is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<&'static str>,
}

const fn mutant(name: &'static str, rule: &'static str, about: &'static str, fault: Fault) -> Mutant {
    Mutant { name, rule, about, fault, unseen: None }
}

/// All mutants.
#[rustfmt::skip]
pub const MUTANTS: &[Mutant] = &[
    mutant("revoked-token-works", "token", "A revoked device token still lets its device in.", Fault::RevokedTokenWorks),
    mutant("device-token-not-compared", "token", "Any text is taken as the device's token.", Fault::DeviceTokenNotCompared),
    mutant("shared-token-not-compared", "secret", "Any shared token is taken.", Fault::SharedTokenNotCompared),
    mutant("missing-token-accepted", "secret", "No credentials are as good as the right ones.", Fault::MissingTokenAccepted),
    mutant("password-not-compared", "secret", "Any password is taken.", Fault::PasswordNotCompared),
    mutant("bootstrap-token-accepted", "secret", "Any setup code lets a device in.", Fault::BootstrapTokenAccepted),
    mutant("wrong-secret-advice", "secret", "A wrong token is reported as a missing one.", Fault::WrongSecretAdvice),
    mutant("nonce-not-checked", "proof", "A proof made for another challenge is taken.", Fault::NonceNotChecked),
    mutant("blank-nonce-is-mismatch", "proof", "A blank nonce is reported as a wrong one.", Fault::BlankNonceIsMismatch),
    mutant("skew-of-a-day", "proof", "A signature may be a day old.", Fault::SkewOfADay),
    mutant("future-accepted", "proof", "A signature from the future is taken.", Fault::FutureAccepted),
    mutant("signature-not-checked", "proof", "Nobody looks at the signature.", Fault::SignatureNotChecked),
    mutant("scopes-not-signed", "proof", "The signature is checked over a text without scopes.", Fault::ScopesNotSigned),
    mutant("token-not-signed", "proof", "A signature with an empty token slot is taken.", Fault::TokenNotSigned),
    mutant("older-signature-refused", "proof", "The older layout of the signed text is refused.", Fault::OlderSignatureRefused),
    mutant("device-id-case-folded", "proof", "The device id is compared without regard to case.", Fault::DeviceIdCaseFolded),
    mutant("device-id-not-derived", "proof", "The device id need not belong to the key.", Fault::DeviceIdNotDerived),
    mutant("platform-case-matters", "proof", "The platform is signed as it is written.", Fault::PlatformCaseMatters),
    mutant("forwarded-for-ignored", "locality", "X-Forwarded-For does not make remote.", Fault::ForwardedForIgnored),
    mutant("real-ip-ignored", "locality", "X-Real-IP does not make remote.", Fault::RealIpIgnored),
    mutant("proxy-not-attributed", "locality", "A proxy that nobody trusts is let through.", Fault::ProxyNotAttributed),
    mutant("remote-paired-silently", "pairing", "A remote device is paired silently.", Fault::RemotePairedSilently),
    mutant("remote-upgraded-silently", "pairing", "A remote device gets another role silently.", Fault::RemoteUpgradedSilently),
    mutant("local-needs-approval", "pairing", "A local device is not paired silently.", Fault::LocalNeedsApproval),
    mutant("origin-not-checked", "origin", "A browser may come from any page.", Fault::OriginNotChecked),
    mutant("missing-origin-accepted", "origin", "A Control UI needs no Origin.", Fault::MissingOriginAccepted),
    mutant("role-not-compared", "role", "A paired device may take any role.", Fault::RoleNotCompared),
    mutant("unknown-role-accepted", "role", "A role that does not exist counts as operator.", Fault::UnknownRoleAccepted),
    mutant("record-counts-without-tokens", "role", "A record without tokens keeps its roles.", Fault::RecordCountsWithoutTokens),
    mutant("revocation-forgets-record", "role", "A revoked role counts as the record's.", Fault::RevocationForgetsRecord),
    mutant("scopes-not-compared", "scope", "A paired device may ask for any scope.", Fault::ScopesNotCompared),
    mutant("scopes-widened", "scope", "A silent pairing approves every operator scope.", Fault::ScopesWidened),
    mutant("write-implies-nothing", "scope", "Writing does not imply reading.", Fault::WriteImpliesNothing),
    mutant("admin-implies-nothing", "scope", "An administrator has no other scope.", Fault::AdminImpliesNothing),
    mutant("read-is-free", "scope", "Reading needs no scope.", Fault::ReadIsFree),
    mutant("pairing-is-free", "scope", "Managing devices needs no scope.", Fault::PairingIsFree),
    mutant("health-needs-read", "scope", "health needs operator.read.", Fault::HealthNeedsRead),
    mutant("deviceless-keeps-scopes", "scope", "A client without a device keeps what it asked for.", Fault::DevicelessKeepsScopes),
    mutant("deviceless-node", "role", "A node needs no device.", Fault::DevicelessNode),
    mutant("token-scopes-not-compared", "token", "A device token is good for any scope.", Fault::TokenScopesNotCompared),
    mutant("token-of-any-role", "token", "A device token is good for any role.", Fault::TokenOfAnyRole),
    mutant("token-not-reused", "token", "Each connect makes a new device token.", Fault::TokenNotReused),
    mutant("rotation-keeps-old", "token", "Rotation does not replace the token.", Fault::RotationKeepsOld),
    mutant("rotation-widens", "token", "Rotation hands out scopes that nobody approved.", Fault::RotationWidens),
    mutant("revocation-not-stored", "token", "Revocation is answered, not done.", Fault::RevocationNotStored),
    mutant("removal-not-stored", "token", "Removal is answered, not done.", Fault::RemovalNotStored),
    mutant("removal-keeps-connections", "token", "A removed device stays connected.", Fault::RemovalKeepsConnections),
    mutant("tokens-shown", "token", "The list of devices shows their tokens.", Fault::TokensShown),
    mutant("hello-without-token", "hello", "Hello carries no device token.", Fault::HelloWithoutToken),
    mutant("hello-wrong-protocol", "hello", "Hello tells another protocol.", Fault::HelloWrongProtocol),
    mutant("hello-tells-asked-scopes", "hello", "Hello tells scopes that a client without a device does not have.", Fault::HelloTellsAskedScopes),
    mutant("platform-change-unnoticed", "metadata", "A device may come back from another platform.", Fault::PlatformChangeUnnoticed),
    mutant("family-change-unnoticed", "metadata", "A device may come back from another family.", Fault::FamilyChangeUnnoticed),
    mutant("wrong-pairing-close", "close", "A refusal for pairing closes with 1000.", Fault::WrongPairingClose),
    mutant("wrong-protocol-close", "close", "A refusal of the protocol closes with 1008.", Fault::WrongProtocolClose),
    mutant("wrong-auth-close", "close", "A refusal of credentials closes with 4001.", Fault::WrongAuthClose),
    mutant("never-closes", "close", "A refused connection stays open.", Fault::NeverCloses),
    mutant("refusal-without-details", "refusal", "A refusal has no details.", Fault::RefusalWithoutDetails),
    mutant("refusal-without-request", "refusal", "A refusal for pairing does not name its request.", Fault::RefusalWithoutRequest),
    mutant("reason-always-not-paired", "refusal", "Every refusal for pairing says not-paired.", Fault::ReasonAlwaysNotPaired),
    mutant("pairing-lost-on-restart", "store", "Paired devices are forgotten at a restart.", Fault::PairingLostOnRestart),
    mutant("pending-lost-on-restart", "store", "Pending requests are forgotten at a restart.", Fault::PendingLostOnRestart),
    mutant("pending-never-merged", "pending", "Each attempt makes a request of its own.", Fault::PendingNeverMerged),
    mutant("pending-never-expires", "pending", "A request waits for ever.", Fault::PendingNeverExpires),
    mutant("pending-keeps-superseded", "pending", "A request that was taken over can still be approved.", Fault::PendingKeepsSuperseded),
    mutant("pending-not-announced", "event", "A new request is not announced.", Fault::PendingNotAnnounced),
    mutant("resolved-not-announced", "event", "A resolved request is not announced.", Fault::ResolvedNotAnnounced),
    mutant("events-for-everyone", "event", "Events go to connections without the scope.", Fault::EventsForEveryone),
    mutant("rejection-not-stored", "pending", "A rejected request can still be approved.", Fault::RejectionNotStored),
    mutant("approval-not-stored", "pending", "Approval is answered, not done.", Fault::ApprovalNotStored),
    mutant("approver-not-checked", "pending", "Who approves may grant more than it has.", Fault::ApproverNotChecked),
    mutant("node-approval-free", "pending", "Approving a node's commands needs no scope for them.", Fault::NodeApprovalFree),
    mutant("others-managed", "pending", "A device may manage other devices.", Fault::OthersManaged),
    mutant("node-calls-operator-methods", "method", "A node may call an operator's methods.", Fault::NodeCallsOperatorMethods),
    mutant("operator-calls-node-methods", "method", "An operator may call a node's methods.", Fault::OperatorCallsNodeMethods),
    mutant("unknown-method-answered", "method", "A method that does not exist is answered.", Fault::UnknownMethodAnswered),
    mutant("unknown-keys-accepted", "schema", "Unknown keys are ignored.", Fault::UnknownKeysAccepted),
    mutant("any-client-id", "schema", "Any client id is taken.", Fault::AnyClientId),
    mutant("any-first-frame", "frame", "A first request that is not connect is ignored.", Fault::AnyFirstFrame),
    mutant("noise-kept-open", "frame", "A first frame that is not JSON is ignored.", Fault::NoiseKeptOpen),
    mutant("timer-never-fires", "frame", "A silent connection stays open.", Fault::TimerNeverFires),
    mutant("first-frame-unlimited", "frame", "A first frame may be of any size.", Fault::FirstFrameUnlimited),
    mutant("old-protocol-accepted", "protocol", "The protocol before is taken from everyone.", Fault::OldProtocolAccepted),
    mutant("new-protocol-accepted", "protocol", "A protocol that does not exist yet is taken.", Fault::NewProtocolAccepted),
];

/// The mutant of a name.
pub fn mutant_named(name: &str) -> Option<&'static Mutant> {
    MUTANTS.iter().find(|mutant| mutant.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_faults_are_unique_and_found() {
        let faults: HashSet<Fault> = MUTANTS.iter().map(|mutant| mutant.fault).collect();
        assert_eq!(faults.len(), MUTANTS.len());
        assert!(MUTANTS.iter().all(|mutant| mutant_named(mutant.name) == Some(mutant)));
    }
}

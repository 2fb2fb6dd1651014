//! The words that gateways send and store: codes of refusals, reasons for pairing, and scopes.
//!
//! Collected from the released builds: `ErrorCodes` and `ConnectErrorDetailCodes` of 2026.3.28 to 2026.9.6, and the codes
//! that the suite has met on the wire.

/// A kind of word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// `error.code` of a response.
    ErrorCode,
    /// `details.code` of a response.
    DetailCode,
    /// `details.reason` of a response.
    Reason,
    /// A scope of an operator.
    Scope,
}

impl WordKind {
    /// The kind in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ErrorCode => "error code",
            Self::DetailCode => "detail code",
            Self::Reason => "reason",
            Self::Scope => "scope",
        }
    }

    /// All known words of the kind.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::ErrorCode => ERROR_CODES,
            Self::DetailCode => DETAIL_CODES,
            Self::Reason => REASONS,
            Self::Scope => SCOPES,
        }
    }
}

/// Values of `error.code`.
pub const ERROR_CODES: &[&str] = &[
    "AGENT_TIMEOUT",
    "APPROVAL_NOT_FOUND",
    "EXITED",
    "FORBIDDEN",
    "INVALID_REQUEST",
    "NOT_FOUND",
    "NOT_LINKED",
    "NOT_PAIRED",
    "UNAVAILABLE",
    "not_found",
    "rate_limited",
];

/// Values of `error.details.code`.
pub const DETAIL_CODES: &[&str] = &[
    "APPROVAL_CLIENT_MISMATCH",
    "APPROVAL_DEVICE_MISMATCH",
    "APPROVAL_ENV_BINDING_MISSING",
    "APPROVAL_ENV_MISMATCH",
    "APPROVAL_EXPIRED",
    "APPROVAL_NODE_BINDING_MISSING",
    "APPROVAL_NODE_MISMATCH",
    "APPROVAL_REQUEST_MISMATCH",
    "APPROVAL_REQUIRED",
    "APPROVAL_SOURCE_MISMATCH",
    "AUTH_BOOTSTRAP_TOKEN_INVALID",
    "AUTH_DEVICE_TOKEN_MISMATCH",
    "AUTH_IDENTITY_HEADER_REQUIRED",
    "AUTH_PASSWORD_MISMATCH",
    "AUTH_PASSWORD_MISSING",
    "AUTH_PASSWORD_NOT_CONFIGURED",
    "AUTH_RATE_LIMITED",
    "AUTH_REQUIRED",
    "AUTH_SCOPE_MISMATCH",
    "AUTH_TAILSCALE_IDENTITY_MISMATCH",
    "AUTH_TAILSCALE_IDENTITY_MISSING",
    "AUTH_TAILSCALE_PROXY_MISSING",
    "AUTH_TAILSCALE_WHOIS_FAILED",
    "AUTH_TOKEN_MISMATCH",
    "AUTH_TOKEN_MISSING",
    "AUTH_TOKEN_NOT_CONFIGURED",
    "AUTH_UNAUTHORIZED",
    "AUTH_VERIFIED_USER_REQUIRED",
    "CLIENT_VERSION_MISMATCH",
    "CONTROL_UI_BUILD_MISMATCH",
    "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
    "CONTROL_UI_ORIGIN_NOT_ALLOWED",
    "DEVICE_AUTH_DEVICE_ID_MISMATCH",
    "DEVICE_AUTH_INVALID",
    "DEVICE_AUTH_NONCE_MISMATCH",
    "DEVICE_AUTH_NONCE_REQUIRED",
    "DEVICE_AUTH_PUBLIC_KEY_INVALID",
    "DEVICE_AUTH_SIGNATURE_EXPIRED",
    "DEVICE_AUTH_SIGNATURE_INVALID",
    "DEVICE_IDENTITY_REQUIRED",
    "INVALID_APPROVAL_SOURCE",
    "MISSING_COMMAND",
    "MISSING_RUN_ID",
    "MISSING_SCOPE",
    "NODE_BACKGROUND_UNAVAILABLE",
    "NODE_NOT_READY",
    "NOT_CONNECTED",
    "NOT_FOUND",
    "PAIRING_CHANGED",
    "PAIRING_REQUIRED",
    "PROTOCOL_MISMATCH",
    "QUEUED_UNTIL_FOREGROUND",
    "RAW_COMMAND_MISMATCH",
    "TIMEOUT",
    "UNAVAILABLE",
    "UNKNOWN_APPROVAL_ID",
];

/// Values of `error.details.reason`.
pub const REASONS: &[&str] = &["metadata-upgrade", "not-paired", "role-upgrade", "scope-upgrade"];

/// Scopes that a gateway checks. It stores and grants others as well, but they open nothing.
pub const SCOPES: &[&str] = &[
    "operator.admin",
    "operator.approvals",
    "operator.pairing",
    "operator.questions",
    "operator.read",
    "operator.talk.secrets",
    "operator.write",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_kind_are_sorted_and_unique() {
        for kind in [WordKind::ErrorCode, WordKind::DetailCode, WordKind::Reason, WordKind::Scope] {
            assert!(kind.words().is_sorted_by(|one, next| one < next), "{}", kind.name());
        }
    }
}

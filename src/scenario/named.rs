//! Named outcomes: short names for refusals that many scenarios expect.

use serde_json::Value;

use super::expect::Expectation;

/// A name for an outcome.
#[derive(Clone, Copy, Debug)]
pub struct NamedOutcome {
    /// The name, as scenarios write it.
    pub name: &'static str,
    /// What the outcome means.
    pub about: &'static str,
    /// The keys it stands for, as JSON.
    pub(super) keys: &'static str,
}

impl NamedOutcome {
    /// The expectation it stands for, as a scenario would write it.
    pub fn written(&self) -> String {
        let outcome = keys_of(self.name).and_then(|keys| serde_json::from_value::<Expectation>(keys).ok());
        outcome.map_or_else(|| self.keys.to_owned(), |outcome| outcome.to_string())
    }
}

const fn closed(name: &'static str, about: &'static str, keys: &'static str) -> NamedOutcome {
    NamedOutcome { name, about, keys }
}

/// The named outcomes: refusals of a connect, each identified by its details.
pub const NAMED_OUTCOMES: &[NamedOutcome] = &[
    closed(
        "not-paired",
        "The device was never approved; a request for approval is now pending.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "not-paired"}}"#,
    ),
    closed(
        "role-upgrade",
        "The device is not approved for this role.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "role-upgrade"}}"#,
    ),
    closed(
        "scope-upgrade",
        "The device is not approved for these scopes.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "scope-upgrade"}}"#,
    ),
    closed(
        "metadata-upgrade",
        "The device describes itself differently than when it was approved.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "metadata-upgrade"}}"#,
    ),
    closed(
        "token-missing",
        "No shared token was sent.",
        r#"{"closed": 1008, "details": {"code": "AUTH_TOKEN_MISSING"}}"#,
    ),
    closed(
        "token-mismatch",
        "The shared token is wrong.",
        r#"{"closed": 1008, "details": {"code": "AUTH_TOKEN_MISMATCH"}}"#,
    ),
    closed(
        "password-missing",
        "No password was sent.",
        r#"{"closed": 1008, "details": {"code": "AUTH_PASSWORD_MISSING"}}"#,
    ),
    closed(
        "password-mismatch",
        "The password is wrong.",
        r#"{"closed": 1008, "details": {"code": "AUTH_PASSWORD_MISMATCH"}}"#,
    ),
    closed(
        "device-token-mismatch",
        "The device token is wrong or revoked.",
        r#"{"closed": 1008, "details": {"code": "AUTH_DEVICE_TOKEN_MISMATCH"}}"#,
    ),
    closed(
        "setup-code-invalid",
        "The setup code is wrong, used, expired, or for something else.",
        r#"{"closed": 1008, "details": {"code": "AUTH_BOOTSTRAP_TOKEN_INVALID"}}"#,
    ),
    closed(
        "rate-limited",
        "Too many failed attempts came from this address.",
        r#"{"closed": 1008, "details": {"code": "AUTH_RATE_LIMITED"}}"#,
    ),
    closed(
        "origin-not-allowed",
        "The page's origin may not connect to this gateway.",
        r#"{"closed": 1008, "details": {"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED"}}"#,
    ),
    closed(
        "device-required",
        "This client must identify itself with a device key.",
        r#"{"closed": 1008, "details": {"code": "DEVICE_IDENTITY_REQUIRED"}}"#,
    ),
    closed(
        "signature-invalid",
        "The device did not prove that it holds its key.",
        r#"{"closed": 1008, "details": {"code": "DEVICE_AUTH_SIGNATURE_INVALID"}}"#,
    ),
];

/// The keys a name stands for.
pub(super) fn keys_of(name: &str) -> Option<Value> {
    let named = NAMED_OUTCOMES.iter().find(|one| one.name == name)?;
    serde_json::from_str(named.keys).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::expect_written::EXPECTATION_WORDS;

    #[test]
    fn every_name_stands_for_a_different_outcome() {
        let mut seen = Vec::new();
        for one in NAMED_OUTCOMES {
            let by_name: Expectation = serde_json::from_value(json!(one.name)).unwrap();
            let by_keys: Expectation = serde_json::from_value(keys_of(one.name).unwrap()).unwrap();
            assert_eq!(by_name, by_keys, "{}", one.name);
            assert!(!seen.contains(&by_name.to_string()) && !EXPECTATION_WORDS.contains(&one.name));
            seen.push(by_name.to_string());
        }
    }

    #[test]
    fn missing_scope_expects_the_message_for_that_scope() {
        let one: Expectation = serde_json::from_value(json!({"missing-scope": "operator.read"})).unwrap();
        assert_eq!(one.to_string(), r#"{message: {$matches: "missing scope: operator\\.read"}}"#);
    }
}

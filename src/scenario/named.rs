//! Outcomes that have a name, because many scenarios expect them.

use serde_json::Value;

use super::expect::Expectation;

/// An outcome that has a name.
#[derive(Clone, Copy, Debug)]
pub struct NamedOutcome {
    /// The name, as a scenario writes it.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// The keys that it stands for, as JSON.
    pub(super) keys: &'static str,
}

impl NamedOutcome {
    /// What it stands for, as a scenario would write it.
    pub fn written(&self) -> String {
        let outcome = keys_of(self.name).and_then(|keys| serde_json::from_value::<Expectation>(keys).ok());
        outcome.map_or_else(|| self.keys.to_owned(), |outcome| outcome.to_string())
    }
}

const fn closed(name: &'static str, about: &'static str, keys: &'static str) -> NamedOutcome {
    NamedOutcome { name, about, keys }
}

/// The named outcomes: refusals of a connect, each by the details that tell it from the others.
pub const NAMED_OUTCOMES: &[NamedOutcome] = &[
    closed(
        "not-paired",
        "The device was never approved; a request waits now.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "not-paired"}}"#,
    ),
    closed(
        "role-upgrade",
        "The device was not approved for this role.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "role-upgrade"}}"#,
    ),
    closed(
        "scope-upgrade",
        "The device was not approved for these scopes.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "scope-upgrade"}}"#,
    ),
    closed(
        "metadata-upgrade",
        "The device says that it is another one than was approved.",
        r#"{"closed": 1008, "error": "NOT_PAIRED", "details": {"code": "PAIRING_REQUIRED", "reason": "metadata-upgrade"}}"#,
    ),
    closed(
        "token-missing",
        "No shared token was shown.",
        r#"{"closed": 1008, "details": {"code": "AUTH_TOKEN_MISSING"}}"#,
    ),
    closed(
        "token-mismatch",
        "The shared token is wrong.",
        r#"{"closed": 1008, "details": {"code": "AUTH_TOKEN_MISMATCH"}}"#,
    ),
    closed(
        "password-missing",
        "No password was shown.",
        r#"{"closed": 1008, "details": {"code": "AUTH_PASSWORD_MISSING"}}"#,
    ),
    closed(
        "password-mismatch",
        "The password is wrong.",
        r#"{"closed": 1008, "details": {"code": "AUTH_PASSWORD_MISMATCH"}}"#,
    ),
    closed(
        "device-token-mismatch",
        "The device token is wrong, or was revoked.",
        r#"{"closed": 1008, "details": {"code": "AUTH_DEVICE_TOKEN_MISMATCH"}}"#,
    ),
    closed(
        "setup-code-invalid",
        "The set-up code is wrong, spent, too old, or for something else.",
        r#"{"closed": 1008, "details": {"code": "AUTH_BOOTSTRAP_TOKEN_INVALID"}}"#,
    ),
    closed(
        "rate-limited",
        "Too many wrong secrets came from this address.",
        r#"{"closed": 1008, "details": {"code": "AUTH_RATE_LIMITED"}}"#,
    ),
    closed(
        "origin-not-allowed",
        "The page may not talk to this gateway.",
        r#"{"closed": 1008, "details": {"code": "CONTROL_UI_ORIGIN_NOT_ALLOWED"}}"#,
    ),
    closed(
        "device-required",
        "This client needs a device with a key.",
        r#"{"closed": 1008, "details": {"code": "DEVICE_IDENTITY_REQUIRED"}}"#,
    ),
    closed(
        "signature-invalid",
        "The device does not prove that it holds its key.",
        r#"{"closed": 1008, "details": {"code": "DEVICE_AUTH_SIGNATURE_INVALID"}}"#,
    ),
];

/// The keys that a name stands for.
pub(super) fn keys_of(name: &str) -> Option<Value> {
    let named = NAMED_OUTCOMES.iter().find(|one| one.name == name)?;
    serde_json::from_str(named.keys).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::expect_written::EXPECTATION_WORDS;
    use super::*;

    #[test]
    fn every_name_stands_for_an_outcome_of_its_own() {
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
    fn a_missing_scope_is_named_with_the_scope() {
        let one: Expectation = serde_json::from_value(json!({"missing-scope": "operator.read"})).unwrap();
        assert_eq!(one.to_string(), r#"{message: {$matches: "missing scope: operator\\.read"}}"#);
    }
}

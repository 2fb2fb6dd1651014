//! The devices that would reconnect: each paired device in each of its roles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gateway::StoredPairing;
use crate::wire::persona;

/// A paired device in one of its roles, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceRole {
    /// Id of the device.
    pub device: String,
    /// Display name, or else client id.
    pub name: Option<String>,
    /// Platform it runs on.
    pub platform: Option<String>,
    /// The role it reconnects in.
    pub role: String,
    /// Whether the record lists the role as approved; otherwise only a token for it is left.
    pub approved: bool,
    /// State of its token for the role.
    pub token: TokenState,
}

/// The token that a record holds for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenState {
    /// A valid token.
    Active,
    /// A revoked token.
    Revoked,
    /// There is no token.
    None,
}

/// What a device presents when it reconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// The token that the gateway issued to it.
    DeviceToken,
    /// The gateway's shared token, as programs on the same machine use it.
    SharedToken,
}

impl Credential {
    /// How texts call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DeviceToken => "its device token",
            Self::SharedToken => "the shared token",
        }
    }
}

impl DeviceRole {
    /// The credentials it may reconnect with.
    pub fn credentials(&self) -> Vec<Credential> {
        match self.token {
            TokenState::None => vec![Credential::SharedToken],
            TokenState::Active | TokenState::Revoked => {
                vec![Credential::DeviceToken, Credential::SharedToken]
            }
        }
    }

    /// A short name for display.
    pub fn short_name(&self) -> String {
        let id: String = self.device.chars().take(8).collect();
        match &self.name {
            Some(name) => format!("{name} ({id}…)"),
            None => format!("{id}…"),
        }
    }
}

/// Every stored device in every role it has or had.
pub(super) fn device_roles(stored: &StoredPairing) -> Vec<DeviceRole> {
    let mut all = Vec::new();
    for (id, record) in &stored.paired {
        let text = |key: &str| record.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let mut approved: Vec<&str> = text("role").into_iter().collect();
        let listed = record.get("roles").and_then(Value::as_array);
        approved.extend(listed.into_iter().flatten().filter_map(Value::as_str));
        let tokens = record.get("tokens").and_then(Value::as_object);
        let mut roles = approved.clone();
        roles.extend(tokens.into_iter().flat_map(|tokens| tokens.keys()).map(String::as_str));
        roles.sort_unstable_by_key(|role| (*role != "operator", *role));
        roles.dedup();
        all.extend(roles.into_iter().map(|role| DeviceRole {
            device: id.clone(),
            name: text("displayName").or_else(|| text("clientId")).map(str::to_owned),
            platform: text("platform").map(str::to_owned),
            role: role.to_owned(),
            approved: approved.contains(&role),
            token: match tokens.and_then(|tokens| tokens.get(role)) {
                None => TokenState::None,
                Some(token) if token.get("revokedAtMs").is_some_and(Value::is_number) => TokenState::Revoked,
                Some(_) => TokenState::Active,
            },
        }));
    }
    all
}

/// The client id, mode and scopes with which a device reconnects in a role.
pub(super) fn client(record: &Value, role: &str) -> (String, String, Vec<String>) {
    let usual = persona(if role == "node" { "node-host" } else { "cli" });
    let text = |key: &str| record.get(key).and_then(Value::as_str);
    let own =
        text("clientId").zip(text("clientMode")).filter(|(_, mode)| (*mode == "node") == (role == "node"));
    let (id, mode) = own.or(usual.map(|one| (one.client_id, one.mode))).unwrap_or(("cli", "cli"));
    let scopes = |at: Option<&Value>| -> Option<Vec<String>> {
        Some(at?.as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    };
    let scopes = if role == "node" {
        Vec::new()
    } else {
        scopes(record.pointer(&format!("/tokens/{role}/scopes")))
            .or_else(|| scopes(record.get("approvedScopes")))
            .or_else(|| scopes(record.get("scopes")))
            .unwrap_or_default()
    };
    (id.to_owned(), mode.to_owned(), scopes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_current_and_former_role_of_a_device_is_listed() {
        let record = json!({"deviceId": "d1", "displayName": "laptop", "role": "operator",
            "roles": ["operator", "node"], "tokens": {"operator": {"token": "t"}, "old": {"revokedAtMs": 5}}});
        let stored = StoredPairing {
            paired: json!({"d1": record}).as_object().cloned().unwrap(),
            ..StoredPairing::default()
        };
        let found: Vec<(String, bool, TokenState)> =
            device_roles(&stored).into_iter().map(|one| (one.role, one.approved, one.token)).collect();
        assert_eq!(
            found,
            [
                ("operator".to_owned(), true, TokenState::Active),
                ("node".to_owned(), true, TokenState::None),
                ("old".to_owned(), false, TokenState::Revoked),
            ]
        );
    }

    #[test]
    fn a_device_reconnects_with_the_client_of_its_role() {
        let record = json!({"clientId": "openclaw-macos", "clientMode": "ui", "approvedScopes": ["a"],
            "tokens": {"operator": {"scopes": ["operator.read"]}}});
        assert_eq!(
            client(&record, "operator"),
            ("openclaw-macos".into(), "ui".into(), vec!["operator.read".to_owned()])
        );
        assert_eq!(client(&record, "node"), ("node-host".into(), "node".into(), vec![]));
    }
}

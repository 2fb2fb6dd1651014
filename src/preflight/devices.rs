//! Who would reconnect: each paired device in each of its roles.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gateway::StoredPairing;
use crate::wire::persona;

/// A device in one of its roles, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceRole {
    /// Device id.
    pub device: String,
    /// Name that it gave itself.
    pub name: Option<String>,
    /// Platform that it runs on.
    pub platform: Option<String>,
    /// Role.
    pub role: String,
    /// Whether the record holds the role as approved; else only a token of it is left.
    pub approved: bool,
    /// Its token for the role.
    pub token: Token,
}

/// What the record has of a token for a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Token {
    /// A token that was not revoked.
    Active,
    /// A token that was revoked.
    Revoked,
    /// None.
    None,
}

/// What a device shows when it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// The token that the gateway gave to it.
    DeviceToken,
    /// The gateway's shared token, as programs on the gateway's machine do.
    SharedToken,
}

impl Credential {
    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DeviceToken => "its device token",
            Self::SharedToken => "the shared token",
        }
    }
}

impl DeviceRole {
    /// The ways in which it may come back.
    pub fn ways(&self) -> Vec<Credential> {
        match self.token {
            Token::None => vec![Credential::SharedToken],
            Token::Active | Token::Revoked => vec![Credential::DeviceToken, Credential::SharedToken],
        }
    }

    /// A short name for people.
    pub fn shown(&self) -> String {
        let id: String = self.device.chars().take(8).collect();
        match &self.name {
            Some(name) => format!("{name} ({id}…)"),
            None => format!("{id}…"),
        }
    }
}

/// Every stored device in every role that it has or had.
pub fn device_roles(stored: &StoredPairing) -> Vec<DeviceRole> {
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
                None => Token::None,
                Some(token) if token.get("revokedAtMs").is_some_and(Value::is_number) => Token::Revoked,
                Some(_) => Token::Active,
            },
        }));
    }
    all
}

/// The client tuple with which a device comes back in a role: id, mode, scopes.
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
    fn every_role_of_every_device_is_asked_about() {
        let record = json!({"deviceId": "d1", "displayName": "laptop", "role": "operator",
            "roles": ["operator", "node"], "tokens": {"operator": {"token": "t"}, "old": {"revokedAtMs": 5}}});
        let stored = StoredPairing {
            paired: json!({"d1": record}).as_object().cloned().unwrap(),
            ..StoredPairing::default()
        };
        let seen: Vec<(String, bool, Token)> =
            device_roles(&stored).into_iter().map(|one| (one.role, one.approved, one.token)).collect();
        assert_eq!(
            seen,
            [
                ("operator".to_owned(), true, Token::Active),
                ("node".to_owned(), true, Token::None),
                ("old".to_owned(), false, Token::Revoked),
            ]
        );
    }

    #[test]
    fn a_device_comes_back_as_what_it_was_in_that_role() {
        let record = json!({"clientId": "openclaw-macos", "clientMode": "ui", "approvedScopes": ["a"],
            "tokens": {"operator": {"scopes": ["operator.read"]}}});
        assert_eq!(
            client(&record, "operator"),
            ("openclaw-macos".into(), "ui".into(), vec!["operator.read".to_owned()])
        );
        assert_eq!(client(&record, "node"), ("node-host".into(), "node".into(), vec![]));
    }
}

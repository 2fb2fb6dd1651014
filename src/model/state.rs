//! The records that a gateway keeps: devices, nodes and their pending requests, in the form of its JSON store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a request stays pending, in milliseconds.
const PENDING_MS: i64 = 300_000;

/// A device token as the record of its device holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceToken {
    /// The secret that clients present.
    pub token: String,
    /// The role that it is valid for.
    pub role: String,
    /// The scopes that it is valid for.
    pub scopes: Vec<String>,
    /// When it was first issued.
    pub created_at_ms: i64,
    /// When its secret was last replaced, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated_at_ms: Option<i64>,
    /// When it was revoked, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<i64>,
    /// When it was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at_ms: Option<i64>,
    /// The shared secret under which it was issued; for browsers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
}

/// The shared secret under which a browser's token was issued.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Issuer {
    /// Always `shared-gateway-auth`.
    pub kind: String,
    /// The digest of the secret.
    pub generation: String,
}

impl DeviceToken {
    /// Whether it was not revoked.
    pub const fn is_active(&self) -> bool {
        self.revoked_at_ms.is_none()
    }

    /// When its current secret was issued.
    pub fn issued_at_ms(&self) -> i64 {
        self.rotated_at_ms.unwrap_or(self.created_at_ms)
    }
}

/// The record of an approved device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PairedDevice {
    /// The digest of its public key.
    pub device_id: String,
    /// Its public key in base64url.
    pub public_key: String,
    /// `client.displayName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `client.platform` when it was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// `client.deviceFamily` when it was approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// `client.id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `client.mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    /// The role that was approved most recently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// All roles that were approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// The approved scopes; in older releases also those that later connects asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The scopes that were approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_scopes: Option<Vec<String>>,
    /// Its address, unless it is local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Its tokens by role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<BTreeMap<String, DeviceToken>>,
    /// When it was first approved.
    pub created_at_ms: i64,
    /// When it was last approved.
    pub approved_at_ms: i64,
    /// How it was approved: `silent` by the gateway itself, or `owner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_via: Option<String>,
    /// When it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// What it did when it was last seen: `connect` or `device-token-auth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
}

impl PairedDevice {
    /// The roles in the record, whether or not it has tokens for them.
    pub fn recorded_roles(&self) -> Vec<String> {
        super::scopes::merged(self.roles.iter().flatten().chain(&self.role).map(String::as_str))
    }

    /// The approved scopes; of older records, which lack them, the recorded scopes.
    pub fn baseline(&self) -> Option<&Vec<String>> {
        self.approved_scopes.as_ref().or(self.scopes.as_ref())
    }
}

/// A pairing request that waits for an operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PendingDevice {
    /// The id of the request.
    pub request_id: String,
    /// The id of the device that asks.
    pub device_id: String,
    /// The public key of the device.
    pub public_key: String,
    /// `client.displayName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `client.platform`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// `client.deviceFamily`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// `client.id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `client.mode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    /// The role that the latest connect asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// All roles that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// All scopes that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Its address, unless it is local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Whether the gateway approves it without an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// Whether the device was paired already.
    pub is_repair: bool,
    /// When it was made or refreshed.
    pub ts: i64,
}

impl PendingDevice {
    /// All roles that were asked for.
    pub fn requested_roles(&self) -> Vec<String> {
        super::scopes::merged(self.roles.iter().flatten().chain(&self.role).map(String::as_str))
    }
}

/// The record of a node whose commands were approved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PairedNode {
    /// The node's device id.
    pub node_id: String,
    /// The secret of the node.
    pub token: String,
    /// `client.displayName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `client.platform`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The capabilities that it declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<Vec<String>>,
    /// The commands that it declared and that its platform allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// When it was first approved.
    pub created_at_ms: i64,
    /// When it was last approved.
    pub approved_at_ms: i64,
}

/// The request of a node to have its commands approved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PendingNode {
    /// The id of the request.
    pub request_id: String,
    /// The node's device id.
    pub node_id: String,
    /// `client.displayName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `client.platform`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// `client.version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The capabilities that it declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<Vec<String>>,
    /// The commands that it declared and that its platform allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// `client.deviceFamily`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// `client.id`, in releases that record it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `client.mode`, in releases that record it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    /// Its address, unless it is local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Whether the node was approved before, in releases that record it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_repair: Option<bool>,
    /// Whether the gateway approves it without an operator, in releases that record it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// When it was made or refreshed.
    pub ts: i64,
}

/// All records that a gateway keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayState {
    /// Paired devices by id: `devices/paired.json`.
    pub paired: BTreeMap<String, PairedDevice>,
    /// Pending requests by id: `devices/pending.json`.
    pub pending: BTreeMap<String, PendingDevice>,
    /// Approved nodes by id: `nodes/paired.json`.
    pub nodes: BTreeMap<String, PairedNode>,
    /// Pending node requests by id: `nodes/pending.json`.
    pub pending_nodes: BTreeMap<String, PendingNode>,
}

impl GatewayState {
    /// Reads the stored maps, each under its path in the state directory. A map or record of another form is left out.
    pub fn from_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        let mut state = Self::default();
        for (path, value) in files {
            match path {
                "devices/paired.json" => state.paired = records(value),
                "devices/pending.json" => state.pending = records(value),
                "nodes/paired.json" => state.nodes = records(value),
                "nodes/pending.json" => state.pending_nodes = records(value),
                _ => {}
            }
        }
        state
    }

    /// The maps to store, with their paths in the state directory.
    pub fn files(&self) -> [(&'static str, Value); 4] {
        [
            ("devices/paired.json", json!(self.paired)),
            ("devices/pending.json", json!(self.pending)),
            ("nodes/paired.json", json!(self.nodes)),
            ("nodes/pending.json", json!(self.pending_nodes)),
        ]
    }

    /// Drops pending requests that have expired. Returns whether there were any.
    pub fn expire(&mut self, now: i64) -> bool {
        let before = self.pending.len() + self.pending_nodes.len();
        self.pending.retain(|_, request| now - request.ts <= PENDING_MS);
        self.pending_nodes.retain(|_, request| now - request.ts <= PENDING_MS);
        before != self.pending.len() + self.pending_nodes.len()
    }
}

fn records<T: serde::de::DeserializeOwned>(value: &Value) -> BTreeMap<String, T> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(key, record)| Some((key.clone(), T::deserialize(record).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_records_are_read_back() {
        let record = json!({
            "deviceId": "d", "publicKey": "k", "roles": ["operator"], "scopes": [], "tokens": {},
            "createdAtMs": 1, "approvedAtMs": 2
        });
        let state = GatewayState::from_files([("devices/paired.json", &json!({"d": record}))]);
        assert_eq!(state.paired["d"].tokens, Some(BTreeMap::new()));
        assert_eq!(state.files()[0], ("devices/paired.json", json!({"d": record})));
    }

    #[test]
    fn records_of_another_form_are_left_out() {
        let files = json!({"good": {"deviceId": "good"}, "bad": {"deviceId": 7}, "worse": 3});
        let state =
            GatewayState::from_files([("devices/paired.json", &files), ("devices/pending.json", &json!([]))]);
        assert_eq!(state.paired.keys().collect::<Vec<_>>(), ["good"]);
        assert!(state.pending.is_empty());
    }

    #[test]
    fn requests_expire_after_five_minutes() {
        let pending = PendingDevice { ts: 1000, ..Default::default() };
        let mut state = GatewayState { pending: [("r".to_owned(), pending)].into(), ..Default::default() };
        assert!(!state.expire(1000 + PENDING_MS));
        assert!(state.expire(1001 + PENDING_MS));
        assert!(state.pending.is_empty());
    }
}

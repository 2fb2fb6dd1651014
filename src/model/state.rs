//! What a gateway remembers: devices, nodes and their pending requests, in the shape of the JSON store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How long a pending request waits, in milliseconds.
const PENDING_MS: i64 = 300_000;

/// A device token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Token {
    /// The secret.
    pub token: String,
    /// Role that it is good for.
    pub role: String,
    /// Scopes that it is good for.
    pub scopes: Vec<String>,
    /// When its first version was made.
    pub created_at_ms: i64,
    /// When this version was made, unless it is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated_at_ms: Option<i64>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at_ms: Option<i64>,
    /// When it was shown last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at_ms: Option<i64>,
    /// Under which shared secret it was issued; browsers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
}

/// The shared secret under which a browser's token was issued.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Issuer {
    /// Always `shared-gateway-auth`.
    pub kind: String,
    /// Digest of the secret.
    pub generation: String,
}

impl Token {
    /// Whether it is still good.
    pub const fn is_active(&self) -> bool {
        self.revoked_at_ms.is_none()
    }

    /// When this version was made.
    pub fn issued_at_ms(&self) -> i64 {
        self.rotated_at_ms.unwrap_or(self.created_at_ms)
    }
}

/// A device that somebody approved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PairedDevice {
    /// Digest of its key.
    pub device_id: String,
    /// Its key in base64url.
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
    /// The role that was approved last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// All roles that were approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Scopes; on older releases also those that connects asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Scopes that were approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_scopes: Option<Vec<String>>,
    /// Address, where it is not local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Tokens by role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<BTreeMap<String, Token>>,
    /// When it was approved first.
    pub created_at_ms: i64,
    /// When it was approved last.
    pub approved_at_ms: i64,
    /// How it was approved, where nobody was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_via: Option<String>,
    /// When it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_at_ms: Option<i64>,
    /// By what it was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_reason: Option<String>,
}

impl PairedDevice {
    /// The roles of the record, whatever became of their tokens.
    pub fn recorded_roles(&self) -> Vec<String> {
        super::scopes::merged(self.roles.iter().flatten().chain(&self.role).map(String::as_str))
    }

    /// The approved scopes, or what older records have instead.
    pub fn baseline(&self) -> Option<&Vec<String>> {
        self.approved_scopes.as_ref().or(self.scopes.as_ref())
    }
}

/// A request for pairing that waits for somebody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PendingDevice {
    /// Its id.
    pub request_id: String,
    /// Who asks.
    pub device_id: String,
    /// With which key.
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
    /// Role asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// All roles asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// Scopes asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Address, where it is not local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Whether nobody need be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// Whether the device is paired already.
    pub is_repair: bool,
    /// When it was made, or refreshed.
    pub ts: i64,
}

impl PendingDevice {
    /// All roles asked for.
    pub fn requested_roles(&self) -> Vec<String> {
        super::scopes::merged(self.roles.iter().flatten().chain(&self.role).map(String::as_str))
    }
}

/// A node whose commands somebody approved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PairedNode {
    /// The node's device id.
    pub node_id: String,
    /// A secret of its own.
    pub token: String,
    /// `client.displayName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `client.platform`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Capabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<Vec<String>>,
    /// Commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// When it was approved first.
    pub created_at_ms: i64,
    /// When it was approved last.
    pub approved_at_ms: i64,
}

/// A node's request for its commands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PendingNode {
    /// Its id.
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
    /// Capabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caps: Option<Vec<String>>,
    /// Commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
    /// `client.deviceFamily`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// `client.id`, on releases that tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `client.mode`, on releases that tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_mode: Option<String>,
    /// Address, where it is not local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<String>,
    /// Whether the node was approved before, on releases that tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_repair: Option<bool>,
    /// Whether nobody needs to be asked, on releases that tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<bool>,
    /// When it was made, or refreshed.
    pub ts: i64,
}

/// Everything that a gateway remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// Paired devices by id: `devices/paired.json`.
    pub paired: BTreeMap<String, PairedDevice>,
    /// Pending requests by id: `devices/pending.json`.
    pub pending: BTreeMap<String, PendingDevice>,
    /// Approved nodes by id: `nodes/paired.json`.
    pub nodes: BTreeMap<String, PairedNode>,
    /// Pending node requests by id: `nodes/pending.json`.
    pub pending_nodes: BTreeMap<String, PendingNode>,
}

impl State {
    /// Reads the stored maps, each of them under its path in the state directory; a map or record that
    /// has another shape is left out.
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

    /// The stored maps with their paths in the state directory.
    pub fn files(&self) -> [(&'static str, Value); 4] {
        [
            ("devices/paired.json", json!(self.paired)),
            ("devices/pending.json", json!(self.pending)),
            ("nodes/paired.json", json!(self.nodes)),
            ("nodes/pending.json", json!(self.pending_nodes)),
        ]
    }

    /// Drops pending requests that waited too long. Returns whether there were any.
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
    fn records_survive_the_way_through_files() {
        let record = json!({
            "deviceId": "d", "publicKey": "k", "roles": ["operator"], "scopes": [], "tokens": {},
            "createdAtMs": 1, "approvedAtMs": 2
        });
        let state = State::from_files([("devices/paired.json", &json!({"d": record}))]);
        assert_eq!(state.paired["d"].tokens, Some(BTreeMap::new()));
        assert_eq!(state.files()[0], ("devices/paired.json", json!({"d": record})));
    }

    #[test]
    fn what_has_another_shape_is_left_out() {
        let files = json!({"good": {"deviceId": "good"}, "bad": {"deviceId": 7}, "worse": 3});
        let state =
            State::from_files([("devices/paired.json", &files), ("devices/pending.json", &json!([]))]);
        assert_eq!(state.paired.keys().collect::<Vec<_>>(), ["good"]);
        assert!(state.pending.is_empty());
    }

    #[test]
    fn requests_wait_five_minutes() {
        let pending = PendingDevice { ts: 1000, ..Default::default() };
        let mut state = State { pending: [("r".to_owned(), pending)].into(), ..Default::default() };
        assert!(!state.expire(1000 + PENDING_MS));
        assert!(state.expire(1001 + PENDING_MS));
        assert!(state.pending.is_empty());
    }
}

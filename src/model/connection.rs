//! One connection, from its upgrade on.

use serde_json::{Value, json};

use super::connect::Admitted;
use super::peer::Peer;

/// A connection. Times are in milliseconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) id: String,
    pub(super) nonce: String,
    pub(super) opened: i64,
    /// Who it is, from its `hello-ok` on.
    pub(super) client: Option<Admitted>,
    /// How many events it was sent.
    pub(super) sequence: u64,
    /// How many calls of another role's methods it made, one after the other.
    pub(super) role_errors: u32,
}

impl Connection {
    pub(super) fn new(peer: Peer, id: String, nonce: String, opened: i64) -> Self {
        Self { peer, id, nonce, opened, client: None, sequence: 0, role_errors: 0 }
    }

    /// Its entry in the list of who is connected; command line clients have none.
    pub(super) fn presence(&self) -> Option<Value> {
        let client = self.client.as_ref().filter(|client| client.ask.client.mode != "cli")?;
        let (ask, device) = (&client.ask, client.ask.device.as_ref().map(|device| &device.id));
        let mut entry = json!({
            "host": ask.client.display_name.as_ref().unwrap_or(&ask.client.id),
            "version": ask.client.version,
            "platform": ask.client.platform,
            "mode": ask.client.mode,
            "roles": [ask.role],
            "scopes": ask.scopes,
            "reason": "connect",
            "ts": self.opened,
        });
        for (key, value) in [
            ("deviceFamily", ask.client.family.as_ref()),
            ("modelIdentifier", ask.client.model.as_ref()),
            ("deviceId", device),
            ("instanceId", device.or(ask.client.instance.as_ref())),
            ("ip", client.remote_ip.as_ref()),
        ] {
            if let Some(value) = value {
                entry[key] = json!(value);
            }
        }
        Some(entry)
    }
}

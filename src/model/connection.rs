//! One connection, from its upgrade on.

use serde_json::{Value, json};

use super::connect::Admitted;
use super::peer::Peer;

/// A connection of the model. Times are in milliseconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct ModelConnection {
    pub(super) peer: Peer,
    pub(super) id: String,
    pub(super) nonce: String,
    pub(super) opened: i64,
    /// The client, once it was let in.
    pub(super) client: Option<Admitted>,
    /// The number of events that were sent on it.
    pub(super) sequence: u64,
    /// How many calls in a row were refused because of the client's role.
    pub(super) role_errors: u32,
}

impl ModelConnection {
    pub(super) fn new(peer: Peer, id: String, nonce: String, opened: i64) -> Self {
        Self { peer, id, nonce, opened, client: None, sequence: 0, role_errors: 0 }
    }

    /// The entry of its client in the presence list; command line clients have none.
    pub(super) fn presence(&self) -> Option<Value> {
        let client = self.client.as_ref().filter(|client| client.request.client.mode != "cli")?;
        let (request, device) = (&client.request, client.request.device.as_ref().map(|device| &device.id));
        let mut entry = json!({
            "host": request.client.display_name.as_ref().unwrap_or(&request.client.id),
            "version": request.client.version,
            "platform": request.client.platform,
            "mode": request.client.mode,
            "roles": [request.role],
            "scopes": request.scopes,
            "reason": "connect",
            "ts": self.opened,
        });
        for (key, value) in [
            ("deviceFamily", request.client.family.as_ref()),
            ("modelIdentifier", request.client.model.as_ref()),
            ("deviceId", device),
            ("instanceId", device.or(request.client.instance.as_ref())),
            ("ip", client.remote_ip.as_ref()),
        ] {
            if let Some(value) = value {
                entry[key] = json!(value);
            }
        }
        Some(entry)
    }
}

//! What a successful handshake leads to: an admitted client, and events for others.

use serde_json::Value;

use super::auth::AuthMethod;
use super::request::ConnectRequest;
use crate::model::state::DeviceToken;

/// An event for every connection that may see it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct Announcement {
    /// The event's name, such as `device.pair.requested`.
    pub(in crate::model) event: &'static str,
    pub(in crate::model) payload: Value,
}

/// A client that was let in.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::model) struct Admitted {
    /// Its request, with the scopes and commands that it was granted.
    pub(in crate::model) request: ConnectRequest,
    pub(in crate::model) method: AuthMethod,
    /// The device token that it is given, if any.
    pub(in crate::model) token: Option<DeviceToken>,
    /// Its address, unless it is local.
    pub(in crate::model) remote_ip: Option<String>,
}

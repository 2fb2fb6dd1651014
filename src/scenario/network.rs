//! What the network between a client and its gateway does to a connection.

use schemars::JsonSchema;
use serde::Deserialize;

use super::duration::Millis;
use super::span::Spanned;

/// What the network between client and gateway does to a connection. The gateway sees the same addresses and ports as
/// without it. Behind TLS it leaves the TLS handshake alone.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// How long everything is under way, in each direction. The step does not wait longer because of it.
    pub latency: Option<Millis>,
    /// How many bytes arrive at a time, in each direction. Only the first 16 KiB of each direction are sliced.
    pub slices: Option<usize>,
    /// Another connection that is let through first, which another branch of the same `together` opens.
    pub behind: Option<Spanned<String>>,
    /// When the connection is reset. The gateway gets an RST; the client finds the connection closed: `{closed: none}`.
    pub reset: Option<NetworkReset>,
    /// When nothing arrives any more, although both sockets stay open.
    pub half_open: Option<HalfOpen>,
}

/// A reset of a connection.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkReset {
    /// The point after which the connection is reset.
    pub after: NetworkPoint,
}

/// A connection on which something does not arrive any more.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HalfOpen {
    /// What does not arrive.
    pub lost: LostTraffic,
    /// The point after which it does not arrive.
    pub after: NetworkPoint,
}

/// What does not arrive on a half-open connection; the end of a side does not either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LostTraffic {
    /// What the client sends.
    Sent,
    /// What the gateway sends.
    Received,
    /// Both.
    Both,
}

/// A point in the life of a connection: exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct NetworkPoint {
    /// So many bytes have gone to the gateway, beginning with those of the HTTP upgrade.
    pub bytes_sent: Option<u32>,
    /// So many bytes have come from the gateway, beginning with those of the answer to the HTTP upgrade.
    pub bytes_received: Option<u32>,
    /// So many WebSocket frames have gone to the gateway; the connect request is the first.
    pub frames_sent: Option<u32>,
    /// So many WebSocket frames have come from the gateway; the challenge is the first, the answer to the connect request
    /// the second.
    pub frames_received: Option<u32>,
}

impl NetworkPoint {
    /// Why it is no point of a connection; `None` if it is one.
    pub(super) fn fault(self) -> Option<(&'static str, &'static str)> {
        let all = [self.bytes_sent, self.bytes_received, self.frames_sent, self.frames_received];
        match all.into_iter().flatten().count() {
            1 if self.frames_sent == Some(0) || self.frames_received == Some(0) => Some((
                "the first frame has the number 1",
                "`bytes_sent: 0` is the very beginning of the connection",
            )),
            1 => None,
            0 => Some((
                "`after` names no point",
                "write one of `bytes_sent`, `bytes_received`, `frames_sent` and `frames_received`",
            )),
            _ => Some(("`after` names several points", "keep only one of them")),
        }
    }
}

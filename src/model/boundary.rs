//! What the model takes and returns: how it starts, the frames that it reads, and the effects that it asks for.

use serde_json::Value;

use super::mutants::Fault;
use super::profile::Profile;
use super::state::GatewayState;

/// A connection's number, chosen by whoever drives the model.
pub type ConnectionId = u64;

/// Something that the driver of the model has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a text frame.
    Send {
        /// The connection to send it on.
        conn: ConnectionId,
        /// The text of the frame.
        text: String,
    },
    /// Close a connection from this side.
    Close {
        /// The connection to close.
        conn: ConnectionId,
        /// The code of the close frame.
        code: u16,
        /// The reason in the close frame; may be empty.
        reason: String,
    },
}

/// An HTTP response instead of a WebSocket upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRefusal {
    /// The HTTP status of the response.
    pub status: u16,
    /// The body, which is JSON.
    pub body: String,
}

/// A frame that a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncomingFrame<'a> {
    /// The text of a frame. Binary frames are read as text as well.
    Text(&'a str),
    /// A frame that is too long to be read, with its size in bytes.
    TooLong(usize),
}

/// What a model starts with.
#[derive(Clone, Debug)]
pub struct Boot<'a> {
    /// The rules of the release.
    pub profile: Profile,
    /// The content of the gateway's configuration file.
    pub config: &'a Value,
    /// The records that it starts with.
    pub state: GatewayState,
    /// The seed of ids, nonces and tokens.
    pub seed: u64,
    /// The planted fault, if any.
    pub fault: Option<Fault>,
    /// The time of the start, in milliseconds since 1970.
    pub now: i64,
    /// The state directory that it reports to clients.
    pub state_dir: &'a str,
}

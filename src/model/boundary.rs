//! What the model takes in and gives out: frames and effects.

use serde_json::Value;

use super::mutants::Fault;
use super::profile::Profile;
use super::state::State;

/// A connection's number, chosen by whoever drives the model.
pub type ConnectionId = u64;

/// What the model wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a text.
    Send {
        /// To whom.
        conn: ConnectionId,
        /// What.
        text: String,
    },
    /// Close a connection.
    Close {
        /// Which.
        conn: ConnectionId,
        /// Close code.
        code: u16,
        /// Close reason; may be empty.
        reason: String,
    },
}

/// An answer instead of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRefusal {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: String,
}

/// A frame that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Its text; binary frames are read as text, too.
    Text(&'a str),
    /// A frame of this many bytes that nobody read, because it is too long.
    TooLong(usize),
}

/// What a model starts with.
#[derive(Clone, Debug)]
pub struct Boot<'a> {
    /// The rules.
    pub profile: Profile,
    /// The gateway's configuration, as its file has it.
    pub config: &'a Value,
    /// What it remembers.
    pub state: State,
    /// Seed of ids, nonces and tokens.
    pub seed: u64,
    /// A planted fault.
    pub fault: Option<Fault>,
    /// The time of the start, in milliseconds since 1970.
    pub now: i64,
    /// The directory that it says it keeps its state in.
    pub state_dir: &'a str,
}

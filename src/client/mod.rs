//! One WebSocket connection: where to, opening, frames, calls, events, transcript.

mod connection;
mod endpoint;
mod inbox;
mod open;
mod plain;
mod relay;
mod tap;
mod tls;
mod transcript;

pub use connection::{Answer, Connection};
pub use endpoint::{ConnectError, Endpoint, Tls};
pub use inbox::Received;
pub use open::{OpenError, Opened, open};
pub use plain::{PlainAnswer, PlainRequest};
pub use relay::{Heard, Relay};
pub(crate) use tls::{Stream, secure};
pub use transcript::{Checked, Direction, Entry, Transcript};

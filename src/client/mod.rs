//! A WebSocket client: endpoints, opening connections, frames, calls, events, and the transcript; plain HTTP; the relay.

mod budget;
mod connection;
mod endpoint;
mod http_answer;
mod inbox;
mod open;
mod plain;
mod relay;
mod tap;
mod tls;
mod transcript;

pub use connection::{CallOutcome, Connection};
pub use endpoint::{ConnectError, Endpoint, EndpointTls};
pub use inbox::Received;
pub use open::{OpenError, Opened, open, open_on};
pub use plain::{PlainAnswer, PlainRequest};
pub use relay::{Heard, Relay};
pub(crate) use tls::{Stream, secure};
pub use transcript::{Checked, Direction, Transcript, TranscriptEntry};

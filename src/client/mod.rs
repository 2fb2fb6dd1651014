//! A WebSocket client: endpoints, opening connections, frames, calls, events, and the transcript; plain HTTP; the relay;
//! faults between client and gateway.

mod budget;
mod connection;
mod endpoint;
mod http_answer;
mod inbox;
mod network;
mod open;
mod plain;
mod relay;
mod tap;
mod tls;
mod transcript;
mod whole_head;
mod writes_through;

pub use connection::{CallOutcome, Connection};
pub use endpoint::{ConnectError, Endpoint, EndpointTls};
pub use inbox::Received;
pub use network::{Amount, Cut, CutKind, Drawn, Faults, Injection, Lost, OnCut, Point, Way, draw};
pub use open::{OpenError, Opened, open, open_on};
pub use plain::{PlainAnswer, PlainRequest};
pub use relay::{Heard, Relay};
pub(crate) use tap::READ_AT_ONCE;
pub(crate) use tls::{Stream, secure};
pub use transcript::{Checked, Direction, Transcript, TranscriptEntry};
pub(crate) use whole_head::WholeHead;

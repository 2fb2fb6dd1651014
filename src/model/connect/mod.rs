//! The decision about a `connect` request: who asks, how it authenticates, and whether its device is paired for what
//! it asks.

mod admission;
mod auth;
mod facts;
mod handshake;
mod pairing_check;
mod proof;
mod request;

pub(super) use admission::{Admitted, Announcement};
pub(super) use auth::AuthMethod;
pub(super) use handshake::Handshake;
pub(super) use request::{ClientInfo, ConnectRequest};

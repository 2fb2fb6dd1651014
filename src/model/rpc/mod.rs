//! The calls that the model answers: those about devices, tokens and nodes, and a few others.

mod call;
mod devices;
mod dispatch;
mod nodes;
mod response;
mod tokens;

pub(super) use call::Caller;
pub(super) use dispatch::call;
pub(super) use response::RpcResponse;

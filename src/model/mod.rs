//! An executable model of the gateway's rules, release by release, and a server for it.

mod ask;
mod auth;
mod boundary;
mod change;
mod config;
mod connect;
mod connect_pairing;
mod connection;
mod conversation;
mod dice;
mod gateway;
mod hello;
mod history;
mod methods;
mod mutants;
mod nodes;
mod pairing;
mod peer;
mod platform;
mod profile;
mod proof;
mod record;
mod refusal;
mod rpc;
mod rpc_answer;
mod rpc_devices;
mod rpc_nodes;
mod rulebook;
mod rules;
mod schema;
mod scopes;
mod server;
mod service;
mod shapes;
mod state;
mod tokens;
mod unmodelled;

#[cfg(test)]
mod driver;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use boundary::{Boot, ConnectionId, Effect, Frame, HttpRefusal};
pub use change::{Change, Setting};
pub use gateway::ModelGateway;
pub use history::{HISTORY, NOT_MODELLED, NOT_MODELLED_CODE, NotModelled};
pub use mutants::{Fault, MUTANTS, Mutant, mutant_named};
pub use peer::Peer;
pub use profile::{NEWEST, Profile};
pub use rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};
pub use server::{ServeError, ServeOptions, Served, serve, serve_on};
pub use service::Clock;
pub use state::{Issuer, PairedDevice, PairedNode, PendingDevice, PendingNode, State, Token};
pub use unmodelled::{Unmodelled, unmodelled_config, unmodelled_environment};

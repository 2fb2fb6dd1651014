//! An executable model of the gateway's handshake rules in each release, and a server that speaks its protocol.

mod boundary;
mod config;
mod connect;
mod connection;
mod frame_schemas;
mod gateway;
mod hello;
mod history;
mod id_generator;
mod json_texts;
mod methods;
mod mutants;
mod nodes;
mod pairing;
mod peer;
mod platform;
mod profile;
mod record;
mod refusal;
mod rpc;
mod rule_change;
mod rulebook;
mod rules;
mod schema;
mod scopes;
mod server;
mod service;
mod socket;
mod state;
mod tokens;
mod unmodelled;

#[cfg(test)]
mod driver;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

pub use boundary::{Boot, ConnectionId, Effect, HttpRefusal, IncomingFrame};
pub use gateway::ModelGateway;
pub use history::{HISTORY, NOT_MODELLED, NOT_MODELLED_CODE, NotModelled};
pub use mutants::{Fault, MUTANTS, Mutant, mutant_named};
pub use peer::Peer;
pub use profile::{NEWEST, Profile};
pub use rule_change::{RuleChange, Setting};
pub use rulebook::{
    BackendPairing, Deviceless, Forwarding, NodeCommands, NodeRequest, PendingMerge, Roles, Rule,
    ScopeUpgrade,
};
pub use rules::RuleSet;
pub use server::{ServeError, ServeOptions, Served, serve, serve_on};
pub use service::Clock;
pub use state::{DeviceToken, GatewayState, Issuer, PairedDevice, PairedNode, PendingDevice, PendingNode};
pub use unmodelled::{Unmodelled, unmodelled_config, unmodelled_environment};

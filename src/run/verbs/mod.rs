//! How each verb is performed: one file for each verb, plus what several of them share.

mod agent_turn;
mod approve;
mod call;
mod cli;
mod command;
mod connect;
mod disconnect;
mod edit_state;
mod ending;
mod event;
mod groups;
mod http;
mod log;
mod model;
mod node_host;
mod pause;
mod perform;
mod program;
mod restart;
mod revoke;
mod send;
mod start;
mod state;
mod stop;
mod upgrade;
mod wait;

pub(super) use perform::Perform;

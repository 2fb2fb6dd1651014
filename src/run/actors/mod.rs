//! Steps for whole programs.

mod agent;
mod cli;
mod devices;
mod node_host;
mod program;
mod upgrade;

//! gatecrash reproduces regressions of the `OpenClaw` gateway's handshake against real releases.

pub mod bisect;
pub mod cli;
pub mod client;
pub mod coverage;
pub mod curate;
pub mod diff;
mod error_chain;
pub mod gateway;
pub mod model;
pub mod mutation;
pub mod preflight;
pub mod release;
pub mod report;
pub mod run;
pub mod scenario;
pub mod verdict;
pub mod wire;

// The sample run of the tests names this crate as the tests of the binary do.
#[cfg(test)]
extern crate self as gatecrash;

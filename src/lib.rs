//! gatecrash reproduces regressions of the `OpenClaw` gateway's handshake against real releases.

pub mod client;
pub mod release;
pub mod run;
pub mod scenario;
pub mod verdict;
pub mod wire;

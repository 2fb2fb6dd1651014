//! gatecrash reproduces regressions of the `OpenClaw` gateway's handshake against real releases.

pub mod release;
pub mod scenario;
pub mod verdict;
pub mod wire;

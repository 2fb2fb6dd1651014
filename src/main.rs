//! The `gatecrash` binary.
fn main() {}

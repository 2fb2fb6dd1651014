//! `gatecrash coverage`: what the suite covers, by known cases or by the gateway's own code.

mod cases;
mod code;
mod command;
mod format;
mod surface;

pub(super) use command::{Args, run};

//! `gatecrash coverage`: what the suite covers.

mod cases;
mod code;
mod command;
mod format;
mod surface;

pub(super) use command::{Args, run};

//! `gatecrash releases`: what is installed, what could be.

mod command;
mod size;
mod table;

pub(super) use command::{Args, run};

//! `gatecrash releases`: what is installed, what could be.

mod command;
mod display;
mod size;
mod table;

pub(super) use command::{Args, run};

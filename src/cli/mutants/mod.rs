//! `gatecrash mutants`: how strong the suite is, against the model or against a release's own code.

mod chosen;
mod code;
mod command;
mod model;

pub(super) use command::{Args, run};

//! `gatecrash mutants`: how strong the suite is, against the model or against a release's own code.

mod code;
mod command;
mod model;
mod options;

pub(super) use command::{Args, run};

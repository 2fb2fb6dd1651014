//! `gatecrash bisect`: finds where behaviour changed, over releases and commits.

mod args;
mod command;
mod failure;
mod report;
mod scenarios;

pub(super) use command::{Args, run};

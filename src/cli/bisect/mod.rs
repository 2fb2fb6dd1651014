//! `gatecrash bisect`: where behaviour changed, over releases and commits.

mod args;
mod command;
mod commits;
mod log_writer;
mod range;
mod report;
mod scenarios;
mod session;

pub(super) use command::{Args, run};

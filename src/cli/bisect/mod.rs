//! `gatecrash bisect`: where behaviour changed, over releases and commits.

mod command;
mod commits;
mod range;
mod report;
mod scenarios;
mod session;
mod teller;
mod wish;

pub(super) use command::{Args, run};

//! `gatecrash bisect`: where behaviour changed, over releases and commits.

mod command;
mod commits;
mod range;
mod report;
mod wish;

pub(super) use command::{Args, run};

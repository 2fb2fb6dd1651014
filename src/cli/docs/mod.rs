//! The reference documents of the repository, made of what the program itself knows.

mod command;
mod commands_reference;
mod format_reference;

pub(super) use command::{Args, run};

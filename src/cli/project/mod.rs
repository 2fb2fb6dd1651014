//! The project file `gatecrash.toml`: what it may contain, where it is found, and how it fills in options.

mod apply;
mod command;
mod find;
mod init;
mod key;
mod settings;
mod templates;

pub(super) use apply::{with_environment, with_file};
pub(super) use command::{Args as ConfigArgs, run as config};
pub(super) use find::find;
pub(super) use init::{Args as InitArgs, run as init};

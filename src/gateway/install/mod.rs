//! Installing, caching, verifying and pruning real releases.
//!
//! Everything comes through the machine's own `npm`, which knows its registry; this code speaks no HTTP.

mod available;
mod build;
mod cache;
mod command;
mod digest;
mod error;
mod event;
mod layout;
mod lock;
mod manifest;
mod npm;
mod protocol;
mod prune;
mod quirk_table;
mod quirks;
mod runtime;
mod scratch;
mod steps;
mod tools;

#[cfg(test)]
mod tests;

pub use available::{AvailableRelease, Refresh};
pub use build::Build;
pub use cache::{Cache, Installed};
pub use command::Cancel;
pub use error::InstallError;
pub use event::{InstallEvent, Part, Progress};
pub use manifest::Damage;
pub use prune::{Pruned, Removal};
pub use quirk_table::{QUIRKS, Quirk, Store, Workaround};
pub use quirks::Quirks;
pub use tools::Tools;

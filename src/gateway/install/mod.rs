//! Installing, caching, verifying and pruning real releases.
//!
//! Everything is fetched by the machine's own `npm`, which knows its registry; this code does not speak HTTP.

mod available;
mod build;
mod cache;
mod command;
mod digest;
mod error;
mod event;
mod growth;
mod layout;
mod lock;
mod manifest;
mod npm;
mod package_json;
mod protocol;
mod prune;
mod quirks;
mod release_install;
mod scratch;
mod site;
mod tarball;
mod tools;

#[cfg(test)]
mod tests;

pub use available::{AvailableRelease, Refresh};
pub use build::Build;
pub use cache::{Cache, Installed, Removal};
pub use command::{Cancel, CommandError};
pub use error::InstallError;
pub use event::{CachePart, InstallAmount, InstallEvent, InstallProgress};
pub use manifest::Damage;
pub use prune::{Pruned, prune};
pub use quirks::{QUIRKS, Quirk, Quirks, Workaround};
pub use tools::Tools;

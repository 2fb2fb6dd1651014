//! Commits as candidates: read from a repository, built in trees of our own.

mod git;
mod oracle;
mod recipe;
mod shell;
mod trees;

pub use git::{GitError, Repository};
pub use oracle::{Commits, CommitsError};
pub use recipe::{Install, Recipe};
pub use trees::{BuildError, Trees, Variant};

//! Commits as candidates: read from a repository, built in separate working trees.

mod checks;
mod git;
mod oracle;
mod recipe;
mod search;
mod shell;
mod trees;

pub use git::GitError;
pub use oracle::CommitOracleError;
pub(super) use search::{brought_in_by_answer, commits_of_releases, search_commits};
pub use shell::ShellError;
pub use trees::BuildError;

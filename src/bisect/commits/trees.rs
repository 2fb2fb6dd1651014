//! Working trees below the cache directory, and the builds in them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::git::{Git, GitError, Repository};
use super::recipe::BuildRecipe;
use super::shell::{self, ShellError};
use crate::bisect::evidence::hex;
use crate::gateway::ParseTargetError;

/// A commit, unchanged or with another one applied or reverted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommitVariant {
    /// The commit that is checked out.
    pub base: String,
    /// The other commit.
    pub change: Option<CommitChange>,
}

/// What is done with another commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CommitChange {
    /// It is applied.
    Applied(String),
    /// It is reverted.
    Reverted(String),
}

/// Most builds that are kept.
const KEPT: usize = 40;

/// Why there is no build of a commit.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file or folder of the cache cannot be used.
    #[error("the build cache cannot be used")]
    Io(#[from] io::Error),
    /// Another bisect is using the working trees of this repository.
    #[error("another bisect is at work on this repository")]
    Busy,
    /// The other commit conflicts.
    #[error("the change cannot be applied there")]
    Conflict(#[source] GitError),
    /// The target of the recipe is not a target.
    #[error(transparent)]
    Target(#[from] ParseTargetError),
    /// A command failed or timed out.
    #[error("the {what} failed{}", line.as_ref().map_or_else(String::new, |line| format!(": {line}")))]
    Command {
        /// `installation` or `build`.
        what: &'static str,
        /// The line of its log that explains the failure.
        line: Option<String>,
        /// How it ended.
        source: ShellError,
        /// Its last lines.
        log: Vec<String>,
    },
    /// The same build failed before.
    #[error("the build failed, as it did before")]
    FailedBefore {
        /// Its last lines.
        log: Vec<String>,
    },
}

impl BuildError {
    /// The last log lines of the command that failed.
    pub fn log(&self) -> &[String] {
        match self {
            Self::Command { log, .. } | Self::FailedBefore { log } => log,
            _ => &[],
        }
    }
}

/// The error of a command with the line of its log that explains it: the last one that mentions an error, else the last.
fn failure(what: &'static str, source: ShellError, log: &Path) -> BuildError {
    let log = shell::tail(log);
    let lines = log.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let names_error = |line: &&str| line.contains("ERR") || line.to_lowercase().contains("error");
    let line = lines.clone().rev().find(names_error).or_else(|| lines.clone().next_back()).map(str::to_owned);
    BuildError::Command { what, line, source, log }
}

/// Working trees of one repository. They share its objects and have a git directory of their own.
pub(super) struct WorkTrees {
    repository: Repository,
    recipe: BuildRecipe,
    git: Git,
    folder: PathBuf,
    fresh: bool,
    /// Numbers of unused working trees, for recipes that reuse them.
    free: Mutex<Vec<usize>>,
    /// Git writes its list of working trees without a lock.
    adding: tokio::sync::Mutex<()>,
    _lock: File,
}

/// A working tree in use, with a build in it.
pub(super) struct BuiltTree<'a> {
    pub(super) dir: PathBuf,
    trees: &'a WorkTrees,
    number: Option<usize>,
}

impl Drop for BuiltTree<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.trees.free.lock().push(number);
        }
    }
}

impl WorkTrees {
    /// Opens the working trees below the cache directory. With `fresh`, earlier builds are not used.
    ///
    /// # Errors
    ///
    /// When git or the cache directory fails, or another bisect uses the same repository.
    pub(super) async fn open(
        repository: Repository,
        recipe: BuildRecipe,
        cache_dir: &Path,
        env: &[(OsString, OsString)],
        fresh: bool,
    ) -> Result<Self, BuildError> {
        let objects = repository.objects().await?;
        let name = hex(&Sha256::digest(objects.as_os_str().as_encoded_bytes()));
        let folder = cache_dir.join("sources").join(&name[..16]);
        fs::create_dir_all(folder.join("trees"))?;
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|_| BuildError::Busy)?;
        let own = folder.join("git");
        if !own.join("HEAD").exists() {
            let git = Git::new(&folder, env);
            git.run(&["init", "--quiet", "--bare", "--template=", "git"]).await?;
        }
        fs::create_dir_all(own.join("objects/info"))?;
        fs::write(own.join("objects/info/alternates"), format!("{}\n", objects.display()))?;
        let git = Git::new(&own, env);
        // Forgets working trees that were removed by hand.
        git.run(&["worktree", "prune"]).await?;
        let free = Mutex::new(vec![3, 2, 1, 0]);
        let adding = tokio::sync::Mutex::new(());
        Ok(Self { repository, recipe, git, folder, fresh, free, adding, _lock: lock })
    }

    /// The build names of unchanged commits.
    pub(super) async fn build_names(&self, commits: &[String]) -> Result<Vec<String>, GitError> {
        let trees = self.repository.trees(commits).await?;
        Ok(trees.iter().map(|tree| self.name_of(tree, "")).collect())
    }

    fn name_of(&self, tree: &str, change: &str) -> String {
        format!("tree:{tree}{change}:{}", self.recipe.digest())
    }

    /// The build name of a variant, as stored evidence has it.
    pub(super) async fn build_name(&self, variant: &CommitVariant) -> Result<String, GitError> {
        let tree = self.repository.tree(&variant.base).await?;
        let change = match &variant.change {
            None => String::new(),
            Some(CommitChange::Applied(commit)) => format!("+{commit}"),
            Some(CommitChange::Reverted(commit)) => format!("-{commit}"),
        };
        Ok(self.name_of(&tree, &change))
    }

    /// Builds a variant, unless a build of it exists.
    pub(super) async fn build(&self, variant: &CommitVariant) -> Result<BuiltTree<'_>, BuildError> {
        let name = self.build_name(variant).await?;
        let key = hex(&Sha256::digest(name.as_bytes()));
        let number = if self.recipe.reuse { self.free.lock().pop() } else { None };
        let place = number.map_or_else(|| key.clone(), |number| format!("worker-{number}"));
        let dir = self.folder.join("trees").join(place);
        let built = BuiltTree { dir: dir.clone(), trees: self, number };
        let (stamp, failed, log) =
            (dir.with_extension("built"), dir.with_extension("failed"), dir.with_extension("log"));
        if !self.fresh && dir.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == key) {
            return Ok(built);
        }
        if !self.fresh && fs::read_to_string(&failed).is_ok_and(|text| text == key) {
            return Err(BuildError::FailedBefore { log: shell::tail(&log) });
        }
        let _ = fs::remove_file(&stamp);
        let _ = fs::remove_file(&log);
        self.check_out(&dir, variant).await?;
        self.install(&dir, variant, &log).await?;
        let BuildRecipe { build, env, within, .. } = &self.recipe;
        if let Err(error) = shell::run(build, &dir, env, &log, *within).await {
            if matches!(error, ShellError::Failed(_)) {
                // A build that timed out may succeed on a quieter machine; a failed one would fail again.
                fs::write(&failed, &key)?;
            }
            return Err(failure("build", error, &log));
        }
        fs::write(&stamp, &key)?;
        if number.is_none() {
            self.prune(&dir).await;
        }
        Ok(built)
    }

    async fn check_out(&self, dir: &Path, variant: &CommitVariant) -> Result<(), BuildError> {
        let there = dir.to_string_lossy().into_owned();
        if !dir.join(".git").exists() {
            let _adding = self.adding.lock().await;
            let add = ["worktree", "add", "--quiet", "--force", "--detach", "--no-checkout"];
            self.git.run(&[&add[..], &[&there, &variant.base]].concat()).await?;
        }
        let git = Git { dir: dir.to_owned(), env: self.git.env.clone() };
        if !self.recipe.leave_out.is_empty() {
            let left_out: Vec<String> =
                self.recipe.leave_out.iter().map(|path| format!("!/{path}")).collect();
            let mut args = vec!["sparse-checkout", "set", "--no-cone", "/*"];
            args.extend(left_out.iter().map(String::as_str));
            git.run(&args).await?;
        }
        git.run(&["checkout", "--quiet", "--force", "--detach", &variant.base]).await?;
        git.run(&["reset", "--quiet", "--hard", &variant.base]).await?;
        // Ignored files stay: the installation is among them.
        git.run(&["clean", "-fdq"]).await?;
        if let Some(change) = &variant.change {
            let (verb, commit) = match change {
                CommitChange::Applied(commit) => ("cherry-pick", commit),
                CommitChange::Reverted(commit) => ("revert", commit),
            };
            if let Err(error) = git.run(&[verb, "--no-commit", commit]).await
                && !restore_unbuilt_files(&git).await?
            {
                git.run(&["reset", "--quiet", "--hard", &variant.base]).await?;
                return Err(BuildError::Conflict(error));
            }
        }
        Ok(())
    }

    async fn install(&self, dir: &Path, variant: &CommitVariant, log: &Path) -> Result<(), BuildError> {
        let Some(install) = &self.recipe.install else { return Ok(()) };
        let mut key = String::new();
        for path in &install.key {
            // The absence of a file counts, too.
            let found = self.repository.git.run(&["rev-parse", &format!("{}:{path}", variant.base)]).await;
            key.push_str(&found.unwrap_or_else(|_| "none".to_owned()));
            key.push('\n');
        }
        let stamp = dir.with_extension("installed");
        if fs::read_to_string(&stamp).is_ok_and(|text| text == key) {
            return Ok(());
        }
        let _ = fs::remove_file(&stamp);
        let BuildRecipe { env, within, .. } = &self.recipe;
        let ran = shell::run(&install.command, dir, env, log, *within).await;
        ran.map_err(|error| failure("installation", error, log))?;
        fs::write(&stamp, key)?;
        Ok(())
    }

    /// Removes the oldest builds if there are too many; `newest` always stays.
    async fn prune(&self, newest: &Path) {
        let Ok(found) = fs::read_dir(self.folder.join("trees")) else { return };
        let mut trees: Vec<(std::time::SystemTime, PathBuf)> = found
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_dir() && path != newest)
            .filter_map(|path| {
                Some((fs::metadata(path.with_extension("built")).ok()?.modified().ok()?, path))
            })
            .collect();
        trees.sort();
        let surplus = (trees.len() + 1).saturating_sub(KEPT);
        for (_, path) in trees.into_iter().take(surplus) {
            let there = path.to_string_lossy().into_owned();
            // If this fails, the next build tries again.
            let _ = self.git.run(&["worktree", "remove", "--force", &there]).await;
        }
    }

    /// How commits are built and started.
    pub(super) fn recipe(&self) -> &BuildRecipe {
        &self.recipe
    }
}

/// Restores documents and tests in which a change conflicts; whether nothing else conflicts.
async fn restore_unbuilt_files(git: &Git) -> Result<bool, GitError> {
    let listed = git.run(&["diff", "--name-only", "--diff-filter=U", "-z"]).await?;
    let files: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    if files.is_empty() || !files.iter().copied().all(is_not_built) {
        return Ok(false);
    }
    for file in files {
        let kept = git.run(&["checkout", "--quiet", "HEAD", "--", file]).await;
        if kept.is_err() {
            git.run(&["rm", "--quiet", "--force", "--", file]).await?;
        }
    }
    Ok(true)
}

/// Whether the name of a file marks it as a document or a test, so that builds do not depend on it.
fn is_not_built(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let prose = [".md", ".mdx", ".rst", ".txt"].iter().any(|end| name.to_lowercase().ends_with(end));
    let test = [".test.", ".spec.", "_test."].iter().any(|part| name.contains(part));
    prose || test || path.split('/').rev().skip(1).any(|folder| matches!(folder, "docs" | "test" | "tests"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("CHANGELOG.md", true)]
    #[case("docs/gateway/index.ts", true)]
    #[case("src/infra/device-pairing.test.ts", true)]
    #[case("src/infra/device-pairing.ts", false)]
    #[case("src/testing.rs", false)]
    #[case("tests", false)]
    fn documents_and_tests_are_not_built(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_not_built(path), expected);
    }
}

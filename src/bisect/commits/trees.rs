//! Working trees below the cache, and what was built in them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::git::{Git, GitError, Repository};
use super::recipe::Recipe;
use super::shell;
use crate::bisect::evidence::hex;

/// A commit, as it is or with a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The commit.
    pub base: String,
    /// A commit that is put on it, or taken out of it where the second part is true.
    pub change: Option<(String, bool)>,
}

/// Built trees that are kept.
const KEPT: usize = 40;

/// Why there is no build of a commit.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Git did not give the tree.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file or folder of the cache cannot be used.
    #[error("the build cache cannot be used: {0}")]
    Io(#[from] io::Error),
    /// Another bisect is at work on the same repository.
    #[error("another bisect is at work on this repository")]
    Busy,
    /// The commit cannot be put on, or taken out of, another one.
    #[error("the change cannot be applied there: {0}")]
    Conflict(String),
    /// The command failed, or took too long.
    #[error("the {what} failed: {why}")]
    Command {
        /// Install or build.
        what: &'static str,
        /// How it ended.
        why: String,
        /// Its last lines.
        log: Vec<String>,
    },
}

/// What a command's end and its log say: the last line that speaks of an error, else the last line.
fn failure(what: &'static str, error: &shell::ShellError, log: &Path) -> BuildError {
    let log = shell::tail(log);
    let told = log.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let speaks = |line: &&str| line.contains("ERR") || line.to_lowercase().contains("error");
    let line = told.clone().rev().find(speaks).or_else(|| told.clone().next_back());
    let why = line.map_or_else(|| error.to_string(), |line| format!("{error}: {line}"));
    BuildError::Command { what, why, log }
}

/// Working trees for one repository. They share its objects and have a git directory of their own.
pub struct Trees {
    repository: Repository,
    recipe: Recipe,
    git: Git,
    folder: PathBuf,
    fresh: bool,
    /// Numbers of trees that nobody uses, for recipes that use one tree for many commits.
    free: Mutex<Vec<usize>>,
    /// Git writes its list of trees without a lock.
    adding: tokio::sync::Mutex<()>,
    _lock: File,
}

/// A tree in use, with a build in it.
pub(super) struct Built<'a> {
    pub(super) dir: PathBuf,
    trees: &'a Trees,
    number: Option<usize>,
}

impl Drop for Built<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.trees.free.lock().push(number);
        }
    }
}

impl Trees {
    /// Trees below the cache. With `fresh`, nothing that was built before is used.
    pub async fn open(
        repository: Repository,
        recipe: Recipe,
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
        // Trees that somebody has removed by hand.
        git.run(&["worktree", "prune"]).await?;
        let free = Mutex::new(vec![3, 2, 1, 0]);
        let adding = tokio::sync::Mutex::new(());
        Ok(Self { repository, recipe, git, folder, fresh, free, adding, _lock: lock })
    }

    /// The names of the builds of commits as they are.
    pub(super) async fn build_names(&self, commits: &[String]) -> Result<Vec<String>, GitError> {
        let trees = self.repository.trees(commits).await?;
        Ok(trees.iter().map(|tree| self.name_of(tree, "")).collect())
    }

    fn name_of(&self, tree: &str, change: &str) -> String {
        format!("tree:{tree}{change}:{}", self.recipe.digest())
    }

    /// The name of a variant's build, as evidence has it.
    pub(super) async fn build_name(&self, variant: &Variant) -> Result<String, GitError> {
        let tree = self.repository.tree(&variant.base).await?;
        let change = variant.change.as_ref().map_or_else(String::new, |(commit, undone)| {
            format!("{}{commit}", if *undone { '-' } else { '+' })
        });
        Ok(self.name_of(&tree, &change))
    }

    /// Builds a variant, unless it is built already.
    pub(super) async fn build(&self, variant: &Variant) -> Result<Built<'_>, BuildError> {
        let name = self.build_name(variant).await?;
        let key = hex(&Sha256::digest(name.as_bytes()));
        let number = if self.recipe.reuse { self.free.lock().pop() } else { None };
        let place = number.map_or_else(|| key.clone(), |number| format!("worker-{number}"));
        let dir = self.folder.join("trees").join(place);
        let built = Built { dir: dir.clone(), trees: self, number };
        let (stamp, failed, log) =
            (dir.with_extension("built"), dir.with_extension("failed"), dir.with_extension("log"));
        if !self.fresh && dir.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == key) {
            return Ok(built);
        }
        if !self.fresh && fs::read_to_string(&failed).is_ok_and(|text| text == key) {
            let why = "as it did before".to_owned();
            return Err(BuildError::Command { what: "build", why, log: shell::tail(&log) });
        }
        let _ = fs::remove_file(&stamp);
        let _ = fs::remove_file(&log);
        self.check_out(&dir, variant).await?;
        self.install(&dir, variant, &log).await?;
        let Recipe { build, env, within, .. } = &self.recipe;
        if let Err(error) = shell::run(build, &dir, env, &log, *within).await {
            if matches!(error, shell::ShellError::Failed(_)) {
                // What took too long may do better on a quieter machine; a failure stays one.
                fs::write(&failed, &key)?;
            }
            return Err(failure("build", &error, &log));
        }
        fs::write(&stamp, &key)?;
        if number.is_none() {
            self.prune(&dir).await;
        }
        Ok(built)
    }

    async fn check_out(&self, dir: &Path, variant: &Variant) -> Result<(), BuildError> {
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
        // Ignored files stay: what was installed is among them.
        git.run(&["clean", "-fdq"]).await?;
        if let Some((commit, undone)) = &variant.change {
            let verb = if *undone { "revert" } else { "cherry-pick" };
            if let Err(error) = git.run(&[verb, "--no-commit", commit]).await
                && !without_texts(&git).await?
            {
                git.run(&["reset", "--quiet", "--hard", &variant.base]).await?;
                return Err(BuildError::Conflict(error.to_string()));
            }
        }
        Ok(())
    }

    async fn install(&self, dir: &Path, variant: &Variant, log: &Path) -> Result<(), BuildError> {
        let Some(install) = &self.recipe.install else { return Ok(()) };
        let mut key = String::new();
        for path in &install.key {
            // A file that is not there is a key, too.
            let found = self.repository.git.run(&["rev-parse", &format!("{}:{path}", variant.base)]).await;
            key.push_str(&found.unwrap_or_else(|_| "none".to_owned()));
            key.push('\n');
        }
        let stamp = dir.with_extension("installed");
        if fs::read_to_string(&stamp).is_ok_and(|text| text == key) {
            return Ok(());
        }
        let _ = fs::remove_file(&stamp);
        let Recipe { env, within, .. } = &self.recipe;
        let ran = shell::run(&install.command, dir, env, log, *within).await;
        ran.map_err(|error| failure("installation", &error, log))?;
        fs::write(&stamp, key)?;
        Ok(())
    }

    /// Removes the oldest builds, as far as there are too many. `newest` stays in any case.
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
            // What cannot be removed now is tried again after the next build.
            let _ = self.git.run(&["worktree", "remove", "--force", &there]).await;
        }
    }

    /// The recipe.
    pub(super) fn recipe(&self) -> &Recipe {
        &self.recipe
    }
}

/// Leaves texts and tests as they were where a change to them conflicts; whether nothing else does.
async fn without_texts(git: &Git) -> Result<bool, GitError> {
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

/// Whether a file is a text or a test by its name, so that no build depends on it.
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
    fn texts_and_tests_shape_no_build(#[case] path: &str, #[case] expected: bool) {
        assert_eq!(is_not_built(path), expected);
    }
}

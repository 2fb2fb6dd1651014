//! Reads a repository with git. Nothing of the user is changed: no working tree, index or ref.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::bisect::entry::{Candidate, Commit};

/// Why git failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// Git cannot be started.
    #[error("git cannot be started")]
    Start(#[from] std::io::Error),
    /// Git ended with an error.
    #[error("git {command}: {stderr}")]
    Failed {
        /// The arguments.
        command: String,
        /// What it wrote to standard error.
        stderr: String,
    },
    /// The later end does not come after the earlier one.
    #[error("{later} does not come after {earlier}")]
    NotAfter {
        /// The end that should be earlier.
        earlier: String,
        /// The end that should be later.
        later: String,
    },
}

/// Git in a directory, without the user's `GIT_` variables.
#[derive(Clone, Debug)]
pub(super) struct Git {
    pub(super) dir: PathBuf,
    pub(super) env: Vec<(OsString, OsString)>,
}

impl Git {
    pub(super) fn new(dir: &Path, env: &[(OsString, OsString)]) -> Self {
        let mut env: Vec<_> =
            env.iter().filter(|(name, _)| !name.to_string_lossy().starts_with("GIT_")).cloned().collect();
        let fixed = [("GIT_OPTIONAL_LOCKS", "0"), ("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C")];
        env.extend(fixed.map(|(name, value)| (name.into(), value.into())));
        Self { dir: dir.to_owned(), env }
    }

    /// What git prints, without the final line break. Warnings on standard error are ignored.
    pub(super) async fn run(&self, args: &[&str]) -> Result<String, GitError> {
        self.run_with(args, String::new()).await
    }

    /// Like [`Self::run`], with standard input.
    pub(super) async fn run_with(&self, args: &[&str], input: String) -> Result<String, GitError> {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(&self.dir)
            .args(args)
            .env_clear()
            .envs(self.env.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take();
        let feeding = async move {
            if let Some(mut stdin) = stdin {
                // If git stops reading, its own error message says why.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), feeding);
        let output = output?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(GitError::Failed { command: args.join(" "), stderr })
    }
}

/// A repository of the user; it is only read.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) git: Git,
}

impl Repository {
    /// Opens the repository at a directory, bare or not.
    ///
    /// # Errors
    ///
    /// When git cannot be started, or there is no repository.
    pub(super) async fn open(dir: &Path, env: &[(OsString, OsString)]) -> Result<Self, GitError> {
        let git = Git::new(dir, env);
        git.run(&["rev-parse", "--git-dir"]).await?;
        Ok(Self { git })
    }

    /// The folder of its objects.
    pub(super) async fn objects(&self) -> Result<PathBuf, GitError> {
        let path = self.git.run(&["rev-parse", "--git-path", "objects"]).await?;
        let path = self.git.dir.join(path);
        Ok(path.canonicalize()?)
    }

    /// The id of the commit that a revision names.
    ///
    /// # Errors
    ///
    /// When there is no such revision.
    pub(super) async fn resolve(&self, revision: &str) -> Result<String, GitError> {
        self.git.run(&["rev-parse", "--verify", "--end-of-options", &format!("{revision}^{{commit}}")]).await
    }

    /// The tree of a commit.
    pub(super) async fn tree(&self, commit: &str) -> Result<String, GitError> {
        self.git.run(&["rev-parse", &format!("{commit}^{{tree}}")]).await
    }

    /// The trees of commits, in the same order.
    pub(super) async fn trees(&self, commits: &[String]) -> Result<Vec<String>, GitError> {
        let names = commits.iter().fold(String::new(), |names, commit| names + commit + "^{tree}\n");
        let listed = self.git.run_with(&["cat-file", "--batch-check=%(objectname)"], names).await?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// The commits that a merge brought in: where the merged branch began, and its last commit. None if the commit is not
    /// a merge.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub(super) async fn brought_in(&self, commit: &str) -> Result<Option<(String, String)>, GitError> {
        let line = self.git.run(&["rev-list", "--parents", "-n", "1", commit]).await?;
        let mut ids = line.split_whitespace().skip(1);
        let (Some(first), Some(second)) = (ids.next(), ids.next()) else { return Ok(None) };
        let base = self.git.run(&["merge-base", first, second]).await?;
        Ok(Some((base, second.to_owned())))
    }

    /// The commits from one to another along first parents, both ends included. If the earlier one is on another branch,
    /// the range begins where the branches part, and a note says so.
    ///
    /// Dates do not give the order: rebased commits keep their author dates.
    ///
    /// # Errors
    ///
    /// When the later end does not come after the earlier one.
    pub(super) async fn range(
        &self,
        earlier: &str,
        later: &str,
    ) -> Result<(Vec<Candidate>, Vec<String>), GitError> {
        let mut notes = Vec::new();
        let not_after = || GitError::NotAfter { earlier: earlier.to_owned(), later: later.to_owned() };
        let base = self.git.run(&["merge-base", earlier, later]).await?;
        if base == later {
            return Err(not_after());
        }
        if base != earlier {
            notes
                .push(format!("{earlier} is on another branch; the range begins at {base}, where they part"));
        }
        let format = "--format=%H%x00%as%x00%s";
        let span = format!("{base}..{later}");
        let first = self.git.run(&["log", "-1", format, &base]).await?;
        let rest = self.git.run(&["log", "--first-parent", "--reverse", format, &span]).await?;
        let candidate = |line: &str| {
            let mut parts = line.split('\0');
            Some(Candidate {
                name: parts.next()?.to_owned(),
                release: None,
                date: parts.next().map(str::to_owned),
                subject: parts.next().map(str::to_owned),
                gap_before: false,
            })
        };
        let candidates: Vec<Candidate> = first.lines().chain(rest.lines()).filter_map(candidate).collect();
        if candidates.len() < 2 {
            return Err(not_after());
        }
        Ok((candidates, notes))
    }

    /// The author, date, subject and changed files of a commit.
    ///
    /// # Errors
    ///
    /// When git fails.
    pub(super) async fn commit(&self, id: &str) -> Result<Commit, GitError> {
        let shown = self.git.run(&["log", "-1", "--format=%an%x00%aI%x00%s", id]).await?;
        let files = self
            .git
            .run(&[
                "diff-tree",
                "--no-commit-id",
                "--name-status",
                "-r",
                "-m",
                "--first-parent",
                "--root",
                id,
            ])
            .await?;
        let mut parts = shown.split('\0').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Ok(Commit {
            id: id.to_owned(),
            author: next(),
            date: next(),
            subject: next(),
            files: files.lines().map(|line| line.replace('\t', " ")).collect(),
        })
    }
}

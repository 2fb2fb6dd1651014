//! Build commands: a shell in a process group of its own, with a log and a timeout.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

/// Lines of a log that are kept.
const TAIL: usize = 20;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// It cannot be started, or its log cannot be written.
    #[error("it cannot be started")]
    Start(#[from] std::io::Error),
    /// It exited with an error.
    #[error("it ended with {0}")]
    Failed(std::process::ExitStatus),
    /// It took too long.
    #[error("it was not done after {0:?}")]
    TimedOut(Duration),
}

/// Kills a process group when dropped, so that an interrupt leaves no build behind.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // The group may have ended already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a shell command; its output is appended to the log.
pub(super) async fn run(
    command: &str,
    dir: &Path,
    env: &[(OsString, OsString)],
    log: &Path,
    within: Duration,
) -> Result<(), ShellError> {
    let out = OpenOptions::new().create(true).append(true).open(log)?;
    let errors = out.try_clone()?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .current_dir(dir)
        .env_clear()
        .envs(env.iter().filter(|(name, _)| !name.to_string_lossy().starts_with("GIT_")).cloned())
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let _group = Group(pid);
    match tokio::time::timeout(within, child.wait()).await {
        Err(_) => Err(ShellError::TimedOut(within)),
        Ok(status) => {
            let status = status?;
            if status.success() { Ok(()) } else { Err(ShellError::Failed(status)) }
        }
    }
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> Vec<String> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| (*line).to_owned()).collect()
}

//! Running a package manager: its own process group, its last words, an end when asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often a running child is looked at.
const LOOK: Duration = Duration::from_millis(15);

/// Lines of output that an error shows.
const LAST_LINES: usize = 15;

/// Asks everything that holds a clone to stop; children are killed with their process group.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a command gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start { program: String, source: std::io::Error },
    /// It ended with an error.
    #[error("`{program}` ended with {status}:\n{words}")]
    Failed { program: String, status: std::process::ExitStatus, words: String },
    /// It took longer than it may.
    #[error("`{program}` did not end within {} s and was stopped:\n{words}", limit.as_secs())]
    TooSlow { program: String, limit: Duration, words: String },
    /// The installation was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Runs `command` to its end and gives its standard output; `on_line` sees each line of it.
pub(super) fn run(
    command: &mut Command,
    cancel: &Cancel,
    limit: Duration,
    mut on_line: impl FnMut(&str) + Send,
) -> Result<String, CommandError> {
    let program = describe(command);
    let mut child = command
        // LockGuard open as long as this process lives: the watch script ends the child when it closes.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|source| CommandError::Start { program: program.clone(), source })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (ended, said, complaint) = std::thread::scope(|scope| {
        let said = scope.spawn(move || read_lines(stdout, &mut on_line));
        let complaint = scope.spawn(move || read_lines(stderr, &mut |_| {}));
        let ended = wait(&mut child, cancel, limit);
        // Whatever the child left running would hold its pipes open.
        kill_group(&child);
        (ended, said.join().unwrap_or_default(), complaint.join().unwrap_or_default())
    });
    let words = last_lines(&said, &complaint);
    match ended {
        Ended::Exit(Ok(status)) if status.success() => Ok(said),
        Ended::Exit(Ok(status)) => Err(CommandError::Failed { program, status, words }),
        Ended::Exit(Err(source)) => Err(CommandError::Start { program, source }),
        Ended::TooSlow => Err(CommandError::TooSlow { program, limit, words }),
        Ended::Cancelled => Err(CommandError::Cancelled),
    }
}

enum Ended {
    Exit(std::io::Result<std::process::ExitStatus>),
    TooSlow,
    Cancelled,
}

fn wait(child: &mut Child, cancel: &Cancel, limit: Duration) -> Ended {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::Exit(Ok(status)),
            Err(error) => return Ended::Exit(Err(error)),
            Ok(None) => {}
        }
        let cancelled = cancel.is_set();
        if cancelled || started.elapsed() > limit {
            kill_group(child);
            let _ = child.wait();
            return if cancelled { Ended::Cancelled } else { Ended::TooSlow };
        }
        std::thread::sleep(LOOK);
    }
}

fn kill_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Nobody left in the group is the usual case.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn read_lines(stream: Option<impl Read>, on_line: &mut dyn FnMut(&str)) -> String {
    let mut text = String::new();
    let Some(stream) = stream else { return text };
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
        let read = String::from_utf8_lossy(&line);
        on_line(read.trim_end());
        text.push_str(&read);
        line.clear();
    }
    text
}

fn last_lines(said: &str, complaint: &str) -> String {
    let mut last: VecDeque<&str> = VecDeque::new();
    for line in said.lines().chain(complaint.lines()).filter(|line| !line.trim().is_empty()) {
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    last.make_contiguous().join("\n")
}

/// The program and its first argument, such as `npm view`.
fn describe(command: &Command) -> String {
    let name = |text: &std::ffi::OsStr| {
        let text = text.to_string_lossy();
        text.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let mut words = vec![name(command.get_program())];
    words.extend(command.get_args().map(name).take_while(|word| !word.starts_with('-')).take(2));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn output_is_given_and_seen_line_by_line() {
        let mut seen = Vec::new();
        let said = run(&mut shell("echo one; echo two"), &Cancel::default(), LONG, |line| {
            seen.push(line.to_owned());
        });
        assert_eq!(said.unwrap(), "one\ntwo\n");
        assert_eq!(seen, ["one", "two"]);
    }

    #[test]
    fn a_failure_shows_the_last_words() {
        let error = run(&mut shell("echo gone wrong >&2; exit 3"), &Cancel::default(), LONG, |_| {});
        let text = error.unwrap_err().to_string();
        assert!(text.contains("gone wrong") && text.contains('3'), "{text}");
    }

    #[test]
    fn cancelling_ends_the_whole_group_at_once() {
        let cancel = Cancel::default();
        let asked = cancel.clone();
        let started = Instant::now();
        // The grandchild holds the pipe: without a kill of the group this would take 20 s.
        let ended = run(&mut shell("echo up; sleep 20 & sleep 20"), &cancel, LONG, |_| asked.set());
        assert!(matches!(ended, Err(CommandError::Cancelled)));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_command_that_takes_too_long_is_stopped() {
        let ended = run(&mut shell("sleep 20"), &Cancel::default(), Duration::from_millis(100), |_| {});
        assert!(matches!(ended, Err(CommandError::TooSlow { .. })));
    }
}

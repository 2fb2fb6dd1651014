//! Runs a package manager in a process group of its own: cancellable, within a time limit, with its last words in errors.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tracing::debug;

/// How often a running child is polled.
const LOOK: Duration = Duration::from_millis(15);

/// Lines of output that an error shows.
const LAST_LINES: usize = 15;

/// Cancels everything that holds a clone of it; child processes are killed with their process group.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Cancels whatever holds a clone.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a package manager or a runtime did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program could not be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program and its first arguments.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("`{program}` ended with {status}:\n{words}")]
    Failed {
        /// The program and its first arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its output.
        words: String,
    },
    /// It took longer than it may.
    #[error("`{program}` did not end within {} s and was stopped:\n{words}", limit.as_secs())]
    TooSlow {
        /// The program and its first arguments.
        program: String,
        /// How long it may take.
        limit: Duration,
        /// The last lines of its output.
        words: String,
    },
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Runs `command` to its end and returns its standard output; `on_line` is called with each line of it.
pub(super) fn run(
    command: &mut Command,
    cancel: &Cancel,
    limit: Duration,
    mut on_line: impl FnMut(&str) + Send,
) -> Result<String, CommandError> {
    let program = describe(command);
    // Not the command as a whole: its environment is the user's.
    debug!(program, arguments = ?command.get_args().collect::<Vec<_>>(), "running a program");
    let begun = Instant::now();
    let mut child = command
        // Stays open as long as this process lives: the watch script ends the child when it closes.
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
    debug!(program, ms = begun.elapsed().as_millis(), "the program has ended");
    let words = last_lines(&said, &complaint);
    match ended {
        CommandEnd::Exit(Ok(status)) if status.success() => Ok(said),
        CommandEnd::Exit(Ok(status)) => Err(CommandError::Failed { program, status, words }),
        CommandEnd::Exit(Err(source)) => Err(CommandError::Start { program, source }),
        CommandEnd::TooSlow => Err(CommandError::TooSlow { program, limit, words }),
        CommandEnd::Cancelled => Err(CommandError::Cancelled),
    }
}

enum CommandEnd {
    Exit(io::Result<ExitStatus>),
    TooSlow,
    Cancelled,
}

fn wait(child: &mut Child, cancel: &Cancel, limit: Duration) -> CommandEnd {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return CommandEnd::Exit(Ok(status)),
            Err(error) => return CommandEnd::Exit(Err(error)),
            Ok(None) => {}
        }
        let cancelled = cancel.is_set();
        if cancelled || started.elapsed() > limit {
            kill_group(child);
            let _ = child.wait();
            return if cancelled { CommandEnd::Cancelled } else { CommandEnd::TooSlow };
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

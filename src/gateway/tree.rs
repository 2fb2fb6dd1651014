//! The processes of this machine, as `/proc` shows them. Without a `/proc` nothing is found, and the harness has only process
//! groups to go by.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process that a gateway left behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// The process id that it had.
    pub pid: u32,
    /// Its command line, cut to 200 characters.
    pub command: String,
}

/// The running descendants of `ancestor`; zombies do not count.
pub(super) fn descendants(ancestor: u32) -> Vec<u32> {
    let all: Vec<(u32, u32, bool)> = pids().filter_map(parent).collect();
    let mut family = HashSet::from([ancestor]);
    // Parents may come after their children in the listing, so one pass is not enough.
    loop {
        let before = family.len();
        family.extend(
            all.iter().filter(|(_, parent, _)| family.contains(parent)).map(|one| one.0).collect::<Vec<_>>(),
        );
        if family.len() == before {
            break;
        }
    }
    all.into_iter()
        .filter(|(pid, _, alive)| *alive && *pid != ancestor && family.contains(pid))
        .map(|one| one.0)
        .collect()
}

/// The processes whose environment has exactly this `NAME=value`.
pub(super) fn marked(entry: &str) -> Vec<u32> {
    let carries = |pid: &u32| {
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|one| one == entry.as_bytes()))
    };
    pids().filter(carries).collect()
}

/// Describes a process for a report.
pub(super) fn stray(pid: u32) -> Stray {
    let raw = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&raw).replace('\0', " ");
    Stray { pid, command: text.trim().chars().take(200).collect() }
}

/// Sends SIGKILL; it is no error if the process is gone already.
pub(super) fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = handle(pid) {
        let _ = kill_process(pid, signal);
    }
}

pub(super) fn handle(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// The open files of a process: descriptor number and what it points to.
pub(super) fn open_files(pid: u32) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, fs::read_link(entry.path()).ok()?)))
        .collect()
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The id of a process, that of its parent, and whether it is running.
fn parent(pid: u32) -> Option<(u32, u32, bool)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may itself hold spaces and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let alive = !matches!(fields.next()?, "Z" | "X");
    Some((pid, fields.next()?.parse().ok()?, alive))
}

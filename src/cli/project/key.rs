//! The keys of the project file: one for each option that a project may fix.

use std::str::FromStr;

use crate::cli::memory::Memory;
use crate::gateway::{Remote, Target};
use crate::report::ReportRequest;
use crate::run::Deny;
use crate::scenario::Millis;

/// A key of the project file, with the option that it fills in.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name in the file.
    pub(super) name: &'static str,
    /// The id of the option.
    pub(super) option: &'static str,
    /// The commands whose option it fills in; none for every command that has the option.
    pub(super) commands: &'static [&'static str],
    /// The environment variable that has precedence over the file.
    pub(super) variable: &'static str,
    /// Whether it is a list.
    pub(super) list: bool,
    /// What holds without it.
    pub(super) default: &'static str,
    /// Says what is wrong with a value.
    pub(super) check: fn(&str) -> Result<(), String>,
}

/// A check that a value can be read.
fn is<T>(text: &str) -> Result<(), String>
where
    T: FromStr<Err: ToString>,
{
    text.parse::<T>().map(drop).map_err(|error| error.to_string())
}

fn is_target(text: &str) -> Result<(), String> {
    Target::parse(text, Remote::Allowed).map(drop).map_err(|error| error.to_string())
}

fn is_text(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(()) }
}

/// The commands that run scenarios.
const RUNS: &[&str] = &["run", "matrix"];

/// All keys, in the order in which they are shown.
#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    Key { name: "gateway", option: "gateway", commands: &["run"], variable: "GATECRASH_GATEWAY", list: false, default: "embedded", check: is_target },
    Key { name: "gateways", option: "gateways", commands: &["matrix"], variable: "GATECRASH_GATEWAYS", list: true, default: "none", check: is_target },
    Key { name: "folder", option: "folder", commands: &[], variable: "GATECRASH_FOLDER", list: false, default: "`scenarios`, or the built-in suite", check: is_text },
    Key { name: "exclude", option: "exclude", commands: RUNS, variable: "GATECRASH_EXCLUDE", list: true, default: "none", check: is_text },
    Key { name: "seed", option: "seed", commands: RUNS, variable: "GATECRASH_SEED", list: false, default: "another one each run", check: is::<u64> },
    Key { name: "timeout", option: "timeout", commands: RUNS, variable: "GATECRASH_TIMEOUT", list: false, default: "30s", check: is::<Millis> },
    Key { name: "boot-timeout", option: "boot_timeout", commands: RUNS, variable: "GATECRASH_BOOT_TIMEOUT", list: false, default: "what the release needs", check: is::<Millis> },
    Key { name: "jobs", option: "jobs", commands: RUNS, variable: "GATECRASH_JOBS", list: false, default: "one per processor", check: is::<usize> },
    Key { name: "memory", option: "memory", commands: RUNS, variable: "GATECRASH_MEMORY", list: false, default: "half of the machine's", check: is::<Memory> },
    Key { name: "deny", option: "deny", commands: RUNS, variable: "GATECRASH_DENY", list: true, default: "none", check: is::<Deny> },
    Key { name: "reports", option: "reports", commands: RUNS, variable: "GATECRASH_REPORTS", list: true, default: "none", check: is::<ReportRequest> },
    Key { name: "cache-dir", option: "cache_dir", commands: &[], variable: "GATECRASH_CACHE_DIR", list: false, default: "gatecrash in the user's cache directory", check: is_text },
    Key { name: "keep-runs", option: "", commands: &[], variable: "GATECRASH_KEEP_RUNS", list: false, default: "50", check: is::<usize> },
];

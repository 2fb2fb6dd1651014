//! The files that `gatecrash init` writes.

/// `gatecrash.toml`. Keys in comments are the defaults.
pub(super) const PROJECT: &str = r#"# What gatecrash does in this folder. A flag comes first, then an environment variable, then this file.
# `gatecrash config` shows what holds, and where it comes from.

# What `gatecrash run` runs on: a release, a dist-tag, path:DIR, tgz:FILE, npm:SPEC, or the model of a release.
gateway = "embedded"

# What `gatecrash matrix` compares.
gateways = ["2026.3.28", "latest"]

# Where the scenarios are.
folder = "scenarios"

# Deviations that fail a run although they are listed: regression, security, superseded, unsupported, unreviewed.
# deny = ["security"]

# Reports of each run.
# reports = ["junit=gatecrash-report.xml", "html=gatecrash-report.html"]

# How long a step waits for an answer, unless the scenario says otherwise.
# timeout = "30s"

# The same seed sends the same frames.
# seed = 1

# How many runs are kept for `gatecrash show`.
# keep-runs = 50
"#;

/// The first scenario.
pub(super) const SCENARIO: &str = r"# yaml-language-server: $schema=../scenario.schema.json
title: A paired device comes back
why: An upgrade must not lock out a device that was approved.
tags: [pairing]

devices:
  laptop:
    paired: {roles: [operator], scopes: [operator.read]}

steps:
  - connect: {as: laptop, device: laptop}
  - call: {on: laptop, method: status}
";

/// Lines for `.gitignore`.
pub(super) const IGNORED: &[&str] = &["/gatecrash-report.*", "/gatecrash-state/"];

/// The workflow for GitHub.
pub(super) const WORKFLOW: &str = r#"# Runs the scenarios of this project on every push, and on the newest release each night.
name: gatecrash

on:
  push:
  schedule:
    - cron: "17 4 * * *"

permissions:
  contents: read

jobs:
  scenarios:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: openclaw/gatecrash@v0
        with:
          targets: latest
"#;

/// The bridge to `cargo test` and cargo-nextest.
pub(super) const TESTS: &str = r#"//! Every scenario of this project as a test of its own. In Cargo.toml:
//!
//!     [[test]]
//!     name = "gatecrash"
//!     harness = false
//!
//! GATECRASH names the program if it is not in PATH.

use std::process::{Command, ExitCode, Stdio};

fn gatecrash(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var("GATECRASH").unwrap_or_else(|_| "gatecrash".into()));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// The ids of all scenarios: the lines of `gatecrash run --list` before the last one.
fn scenarios() -> Vec<String> {
    let output = gatecrash(&["run", "--list"]).stderr(Stdio::inherit()).output().expect("gatecrash starts");
    assert!(output.status.success(), "gatecrash cannot list the scenarios");
    let text = String::from_utf8(output.stdout).expect("ids are UTF-8");
    text.lines().filter(|line| !line.contains(' ')).map(str::to_owned).collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|one| one == flag);
    if has("--list") {
        // No scenario is ignored.
        let listed = if has("--ignored") { Vec::new() } else { scenarios() };
        listed.iter().for_each(|id| println!("{id}: test"));
        return ExitCode::SUCCESS;
    }
    // cargo-nextest names one test at a time; `cargo test NAME` takes a part of an id, `cargo test` all of them.
    let name = arguments.iter().find(|one| !one.starts_with('-'));
    let chosen = match name {
        Some(name) if has("--exact") => vec![name.clone()],
        Some(name) => scenarios().into_iter().filter(|id| id.contains(name.as_str())).collect(),
        None => Vec::new(),
    };
    if name.is_some() && chosen.is_empty() {
        return ExitCode::SUCCESS;
    }
    let status = gatecrash(&["run", "--quiet"]).args(chosen).status().expect("gatecrash starts");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
"#;

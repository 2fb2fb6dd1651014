//! `gatecrash expect update` from measured runs to a suite that is as listed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

const TWICE: &str = "title: A device that was paired for both roles comes back as node, and again
why: An upgrade does not lock out a device that was approved for a role.
devices:
  laptop:
    paired: {roles: [operator, node], scopes: [operator.read], tokens: {operator: {}}}
steps:
  # A comment that stays.
  - connect: {as: first, device: laptop, persona: node-host}
  - connect: {as: second, device: laptop, persona: node-host}
";

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        for folder in ["scenarios", "tmp"] {
            fs::create_dir(bench.0.path().join(folder)).unwrap();
        }
        fs::write(bench.scenario(), TWICE).unwrap();
        bench
    }

    fn scenario(&self) -> PathBuf {
        self.0.path().join("scenarios/twice.yaml")
    }

    fn gatecrash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env("TMPDIR", self.0.path().join("tmp"))
            .env("GATECRASH_CACHE_DIR", self.0.path().join("cache"))
            .env_remove("NO_COLOR")
            .args(arguments);
        command
    }

    fn matrix(&self) -> Command {
        let targets = "embedded:2026.3.28,embedded:2026.3.31,embedded:2026.4.1,embedded:2026.4.2";
        self.gatecrash(&["matrix", "--gateways", targets, "--report", "json=run.json"])
    }

    fn update(&self) -> Command {
        self.gatecrash(&["expect", "update", "--from", "run.json"])
    }
}

#[test]
fn what_a_matrix_shows_is_listed_step_by_step_until_all_is_as_listed() {
    let bench = Bench::new();
    bench.matrix().assert().code(1);
    let early = contains("twice on 2026.3.31: ended early").and(contains("twice on 2026.4.1: ended early"));
    bench.update().assert().code(0).stdout(contains("1 added").and(early));
    let text = fs::read_to_string(bench.scenario()).unwrap();
    assert!(text.starts_with(TWICE), "{text}");
    assert!(text.contains("releases: \">=2026.3.31, <2026.4.2\"") && !text.contains("second:"), "{text}");

    bench.matrix().assert().code(1);
    bench.update().assert().code(0).stdout(contains("1 file changed").and(contains("early").not()));
    bench.matrix().assert().code(0);
    bench.update().assert().code(0).stdout(contains("0 files changed").and(contains("early").not()));
    bench.gatecrash(&["check"]).assert().code(0);
    bench.gatecrash(&["check", "--strict"]).assert().code(2).stdout(contains("unreviewed"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = Bench::new();
    bench.matrix().assert().code(1);
    bench.update().arg("--dry-run").assert().code(0).stdout(contains("1 file would change"));
    assert_eq!(fs::read_to_string(bench.scenario()).unwrap(), TWICE);
}

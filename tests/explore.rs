//! `gatecrash explore` on models.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

fn gatecrash(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gatecrash").unwrap();
    command
        .current_dir(place)
        .env("GATECRASH_CACHE_DIR", place.join("cache"))
        .env_remove("GATECRASH_GATEWAY")
        .args(arguments);
    command
}

#[test]
fn what_two_releases_do_differently_comes_back_as_scenarios() {
    let place = TempDir::new().unwrap();
    let explore = ["explore", "embedded:2026.3.28", "embedded:2026.3.31", "--stories", "40", "--seed", "1"];
    gatecrash(place.path(), &explore)
        .args(["--out", "found", "--report", "json=found.json"])
        .assert()
        .code(1)
        .stdout(contains("role-upgrade").and(contains("40 stories")));
    let report: Value = serde_json::from_slice(&fs::read(place.path().join("found.json")).unwrap()).unwrap();
    assert_eq!(report["stories"], 40);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.len() >= 3, "{findings:#?}");
    for finding in findings {
        let file = finding["file"].as_str().unwrap();
        assert!(place.path().join(file).is_file(), "{file}");
    }
    gatecrash(place.path(), &["check", "found"]).assert().code(0);
    gatecrash(place.path(), &["check", "found", "--strict"]).assert().code(2);
}

#[test]
fn a_release_does_not_differ_from_itself() {
    let place = TempDir::new().unwrap();
    let explore = ["explore", "embedded:2026.3.31", "embedded:2026.3.31", "--stories", "60", "--seed", "3"];
    gatecrash(place.path(), &explore).assert().code(0);
}

#[rstest]
#[case::no_target(&["explore", "embedded:2026.3.31"], "TARGET_B")]
#[case::unknown_target(&["explore", "embedded:2026.3.31", "2026.33.1"], "2026.33.1")]
#[case::cannot_be_seeded(&["explore", "ws://127.0.0.1:1", "embedded:2026.3.31"], "it has no way to place records")]
#[case::no_time(&["explore", "embedded:2026.3.31", "embedded:2026.4.2", "--time", "0s"], "longer than 0")]
#[case::no_stories(&["explore", "embedded:2026.3.31", "embedded:2026.4.2", "--stories", "0"], "--stories")]
fn bad_usage_is_explained(#[case] arguments: &[&str], #[case] told: &str) {
    let place = TempDir::new().unwrap();
    gatecrash(place.path(), arguments).assert().code(2).stderr(contains(told));
}

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
#[case::laws_and_two_targets(&["explore", "embedded:2026.3.31", "embedded:2026.4.2", "--laws"], "--laws")]
#[case::unknown_target(&["explore", "embedded:2026.3.31", "2026.33.1"], "2026.33.1")]
#[case::cannot_be_seeded(&["explore", "ws://127.0.0.1:1", "embedded:2026.3.31"], "it has no way to place records")]
#[case::no_time(&["explore", "embedded:2026.3.31", "embedded:2026.4.2", "--time", "0s"], "longer than 0")]
#[case::no_stories(&["explore", "embedded:2026.3.31", "embedded:2026.4.2", "--stories", "0"], "--stories")]
fn bad_usage_is_explained(#[case] arguments: &[&str], #[case] told: &str) {
    let place = TempDir::new().unwrap();
    gatecrash(place.path(), arguments).assert().code(2).stderr(contains(told));
}

#[test]
fn a_release_is_held_to_the_laws() {
    let place = TempDir::new().unwrap();
    gatecrash(place.path(), &["explore", "embedded:2026.3.28", "--laws", "--stories", "80", "--seed", "1"])
        .args(["--out", "found", "--report", "json=found.json"])
        .assert()
        .code(1)
        .stdout(contains("BROKEN LAW revoked-role-stays-out").and(contains("known as tokens/revoked-")));
    let report: Value = serde_json::from_slice(&fs::read(place.path().join("found.json")).unwrap()).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|one| one["law"].is_string()), "{findings:#?}");
    gatecrash(place.path(), &["check", "found"]).assert().code(0);
}

/// A fault that breaks a law of one story, and one that breaks a law of two.
#[rstest]
#[case("shared-token-not-compared", "wrong-credential-stays-out", &[])]
#[case("pairing-lost-on-restart", "restart-changes-nothing", &["--focus", "tokens", "restart"])]
fn a_planted_fault_breaks_a_law(#[case] fault: &str, #[case] law: &str, #[case] focus: &[&str]) {
    let place = TempDir::new().unwrap();
    let target = format!("embedded:2026.9.6+{fault}");
    gatecrash(place.path(), &["explore", &target, "--laws", "--stories", "120", "--first-only"])
        .args(focus)
        .assert()
        .code(1)
        .stdout(contains(format!("BROKEN LAW {law}")));
}

#[test]
fn every_scenario_that_the_laws_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("suite-data/laws.yaml")).unwrap();
    let named = text.split("scenario: ").skip(1).filter_map(|rest| rest.split(['}', '\n']).next());
    for name in named {
        let parts: Vec<&str> = name.split('/').collect();
        let file = root.join("scenarios").join(parts[0]).join(format!("{}.yaml", parts[1]));
        assert!(file.is_file(), "{name}");
    }
}

#[test]
fn an_exploration_goes_on_where_it_stopped() {
    let place = TempDir::new().unwrap();
    let pair = ["explore", "embedded:2026.3.28", "embedded:2026.3.31", "--out", "found", "--stories", "30"];
    gatecrash(place.path(), &pair).assert().code(1).stdout(contains("30 stories"));
    gatecrash(place.path(), &pair).arg("--resume").assert().code(1).stdout(contains("60 stories"));
    let others = ["explore", "embedded:2026.3.28", "embedded:2026.4.2", "--out", "found", "--resume"];
    gatecrash(place.path(), &others).assert().code(2).stderr(contains("is of an exploration of"));
}

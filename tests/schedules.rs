//! Verdicts do not depend on the schedule: in order, shuffled, one by one, or each scenario on its own gateway.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use assert_cmd::Command;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

/// Every schedule except the default one.
const SCHEDULES: &[&[&str]] = &[&["--shuffle", "1"], &["--shuffle", "2", "--at-once", "1"], &["--isolate"]];

/// Verdict and signature of each scenario.
type Verdicts = BTreeMap<String, (String, Value)>;

fn verdicts(gateway: &str, selection: &[&str], schedule: &[&str]) -> Verdicts {
    let temp = TempDir::new().unwrap();
    let report = temp.path().join("run.json");
    let mut command = Command::cargo_bin("gatecrash").unwrap();
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("GATECRASH_GATEWAY")
        .args(["run", "--gateway", gateway, "--seed", "7", "--jobs", "1", "--timeout", "60s"])
        .args(["--report", &format!("json={}", report.display())])
        .args(selection)
        .args(schedule);
    if gateway.starts_with("embedded") {
        command.env("GATECRASH_CACHE_DIR", temp.path());
    }
    let output = command.output().unwrap();
    read(&report).unwrap_or_else(|| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)))
}

fn read(report: &Path) -> Option<Verdicts> {
    let report: Value = serde_json::from_slice(&std::fs::read(report).ok()?).ok()?;
    let cells = report["cells"].as_array()?.iter();
    let of = |cell: &Value| {
        let verdict = cell["verdict"].as_str().unwrap_or_default().to_owned();
        (cell["scenario"].as_str().unwrap_or_default().to_owned(), (verdict, cell["signature"].clone()))
    };
    Some(cells.map(of).collect())
}

#[rstest]
#[case("embedded:2026.3.31")]
#[case("embedded:2026.9.6")]
fn verdicts_on_the_model_do_not_depend_on_the_schedule(#[case] gateway: &str) {
    // Run one by one, the waits for silence in the whole suite would add up to minutes.
    let quick: &[&[&str]] = &[&["--shuffle", "1"], &["--shuffle", "2", "--at-once", "4"], &["--isolate"]];
    let default = verdicts(gateway, &[], &[]);
    assert!(default.len() > 500, "{} scenarios", default.len());
    for schedule in quick {
        assert_eq!(default, verdicts(gateway, &[], schedule), "{schedule:?}");
    }
}

#[rstest]
#[case("2026.3.31")]
#[case("2026.4.2")]
fn verdicts_on_a_release_do_not_depend_on_the_schedule(#[case] gateway: &str) {
    // Scenarios that depend on shared state: roles, tokens, pending requests, restarts.
    let selection = [
        "roles/legacy-empty-token-map",
        "tokens/rotated-token",
        "tokens/revoked-over-the-wire",
        "pairing/removed-device",
        "tokens/restart-keeps-tokens",
    ];
    let default = verdicts(gateway, &selection, &[]);
    assert!(default.len() >= 6, "{default:?}");
    for schedule in SCHEDULES {
        assert_eq!(default, verdicts(gateway, &selection, schedule), "{schedule:?}");
    }
}

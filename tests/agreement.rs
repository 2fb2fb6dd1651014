//! The model against the real thing: on the releases around openclaw#59045 both do the same in every scenario.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod installed;

use std::path::Path;

use assert_cmd::Command;
use installed::is_available;
use rstest::rstest;
use serde_json::Value;

/// The scenarios that a model can show; the others would only be run on the release.
fn shown_by(model: &str) -> Vec<String> {
    let place = tempfile::TempDir::new().unwrap();
    let report = place.path().join("run.json");
    Command::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env("GATECRASH_CACHE_DIR", place.path())
        .args(["run", "--gateway", model, "--report", &format!("json={}", report.display())])
        .output()
        .unwrap();
    let run: Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let cells = run["cells"].as_array().unwrap().iter();
    let shown = cells.filter(|cell| cell["verdict"] != "untestable");
    let ids: Vec<String> = shown.map(|cell| cell["scenario"].as_str().unwrap().to_owned()).collect();
    assert!(ids.len() > 500, "the model shows {} scenarios", ids.len());
    ids
}

#[rstest]
#[case("2026.3.28")]
#[case("2026.3.31")]
#[case("2026.4.2")]
fn the_model_does_what_the_release_does(#[case] release: &str) {
    if !is_available(release) {
        eprintln!("left out: {release} is not installed");
        return;
    }
    let model = format!("embedded:{release}");
    let shown = shown_by(&model);
    let output = Command::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["diff", &model, release, "--jobs", "2", "--timeout", "60s", "--cold", "--format", "json"])
        .args(shown)
        .output()
        .unwrap();
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert!(found["alike"].as_u64().unwrap() > 20, "{found:#}");
    for nothing in ["different", "broken"] {
        assert_eq!(found[nothing], Value::Array(Vec::new()), "{:#}", found[nothing]);
    }
}

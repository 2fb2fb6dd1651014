//! The model's frames beside the schema that upstream publishes. It is fetched if it is not in the cache; with
//! `GATECRASH_OFFLINE=1` the test is left out then.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn the_model_sends_what_upstream_describes() {
    let place = TempDir::new().unwrap();
    let report = place.path().join("run.json");
    let output = Command::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env("TMPDIR", place.path())
        .env_remove("GATECRASH_GATEWAY")
        .args(["run", "--gateway", "embedded:2026.9.1", "--check-frames", "--report"])
        .arg(format!("json={}", report.display()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    if told.contains("is not installed, and this run is offline") {
        eprintln!("left out: {told}");
        return;
    }
    assert!(report.is_file(), "{told}");
    let run: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let cells = run["cells"].as_array().unwrap();
    let checked = cells.iter().filter(|cell| cell["frames"]["schema"] == "2026.9.1").count();
    assert!(checked > 100, "only {checked} cells were checked");
    let findings: BTreeSet<String> = cells
        .iter()
        .filter_map(|cell| cell["frames"]["findings"].as_array())
        .flatten()
        .map(ToString::to_string)
        .collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

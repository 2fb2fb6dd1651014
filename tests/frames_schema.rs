//! The model's frames beside the schema that upstream publishes, where it is in the cache (`gatecrash run
//! --check-frames` fetches it, as a run on a release from 2026.8.1 on does).

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
        .env("GATECRASH_OFFLINE", "1")
        .env_remove("GATECRASH_GATEWAY")
        .args(["run", "--gateway", "embedded:2026.9.1", "--check-frames", "--report"])
        .arg(format!("json={}", report.display()))
        .output()
        .unwrap();
    if !report.is_file() {
        eprintln!("the schema is not here: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
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

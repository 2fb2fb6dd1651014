//! Lanes that take over a gateway that is up, on a scripted gateway run by the machine's Node.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

/// Starts the fake gateway in a mode.
fn entry(mode: &str) -> String {
    format!(
        r#"const port = process.argv[process.argv.indexOf("--port") + 1];
process.argv = [process.argv[0], process.argv[1], "--port", port, "--mode", "{mode}"];
await import("../fake-gateway.mjs");
"#
    )
}

fn scenario(label: &str) -> String {
    let config = match label {
        "none" => String::new(),
        label => format!("config: {{gateway: {{label: {label}}}}}\n"),
    };
    format!(
        "title: T\nwhy: W.\n{config}steps: [connect: {{as: a, expect: {{hello: {{snapshot: {{label: {label}}}}}}}}}]\n"
    )
}

/// Runs three scenarios with different configurations. Returns the record of the run.
fn run(mode: &str, options: &[&str]) -> Value {
    let bench = TempDir::new().unwrap();
    let write = |below: &str, text: &str| {
        let path = bench.path().join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("package/openclaw.mjs", &entry(mode));
    write("package/package.json", r#"{"name":"openclaw","version":"2026.5.18","type":"module"}"#);
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs");
    fs::copy(gateway, bench.path().join("fake-gateway.mjs")).unwrap();
    for label in ["none", "one", "two"] {
        write(&format!("scenarios/label/{label}.yaml"), &scenario(label));
    }
    fs::create_dir(bench.path().join("tmp")).unwrap();
    let output = Command::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(bench.path())
        .env("TMPDIR", bench.path().join("tmp"))
        .env("GATECRASH_CACHE_DIR", bench.path().join("cache"))
        .env_remove("GATECRASH_GATEWAY")
        .args(["run", "--gateway", "path:package", "--jobs", "1", "--report", "json=-"])
        .args(options)
        .assert()
        .code(0)
        .get_output()
        .stdout
        .clone();
    serde_json::from_slice(&output).unwrap()
}

fn boots(record: &Value) -> Vec<u64> {
    record["gateways"].as_array().unwrap().iter().map(|one| one["boots"].as_u64().unwrap()).collect()
}

#[rstest]
#[case::warm(&["--warm"], &[1, 0, 0])]
#[case::cold(&["--cold"], &[1, 1, 1])]
#[case::not_measured_for_this_release(&[], &[1, 1, 1])]
#[case::to_itself(&["--warm", "--isolate"], &[1, 1, 1])]
fn lanes_that_differ_in_their_configuration_share_a_process(
    #[case] options: &[&str],
    #[case] wanted: &[u64],
) {
    let record = run("reload", options);
    assert_eq!(boots(&record), wanted);
    assert!(record["cells"].as_array().unwrap().iter().all(|cell| cell["retried"].is_null()));
}

#[test]
fn what_is_not_fine_on_a_gateway_that_was_taken_over_runs_again_on_a_fresh_one() {
    let record = run("reload-stale", &["--warm"]);
    let cells = record["cells"].as_array().unwrap();
    let retried: Vec<&str> = cells.iter().filter_map(|cell| cell["retried"].as_str()).collect();
    assert_eq!(retried.len(), 2, "{retried:?}");
    assert!(retried.iter().all(|why| why.contains("taken over") && why.contains("the first try was fail")));
}

//! Cells that were measured with another client, release by release: what each step is known to end in, written down
//! here and not taken from what the scenarios expect. Neither the suite nor the model can move without this file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::env;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

/// The releases of the columns.
const RELEASES: [&str; 8] =
    ["2026.3.24", "2026.3.28", "2026.3.31", "2026.4.1", "2026.4.2", "2026.5.2", "2026.5.28", "2026.9.6"];

/// A step of a scenario, and one word for each release: `ok`, `HTTP 403`, or what the refusal's details say.
type Row = (&'static str, &'static str, [&'static str; 8]);

/// A step of a scenario with some releases and their words.
type Told = (&'static str, &'static str, [(&'static str, &'static str); 3]);

const OK: &str = "ok";
const ROLE: &str = "role-upgrade";
const TOKEN: &str = "AUTH_DEVICE_TOKEN_MISMATCH";

/// The founding case, openclaw#59045: direct loopback, shared token, valid proof of the device.
#[rustfmt::skip]
const CELLS: &[Row] = &[
    ("pairing/fresh-device-on-loopback", "operator", [OK, OK, OK, OK, OK, OK, OK, OK]),
    ("roles/second-role-on-one-device", "operator", [OK, OK, OK, OK, OK, OK, OK, OK]),
    ("roles/second-role-on-one-device", "node", [ROLE, ROLE, ROLE, ROLE, OK, OK, ROLE, ROLE]),
    ("roles/legacy-empty-token-map/operator", "back", [OK, OK, ROLE, ROLE, OK, OK, OK, OK]),
    ("roles/legacy-empty-token-map/node", "back", [OK, OK, ROLE, ROLE, OK, OK, ROLE, ROLE]),
    ("roles/role-without-a-token", "node", [OK, OK, ROLE, ROLE, OK, OK, ROLE, ROLE]),
    ("tokens/revoked-node-returns-with-the-shared-token", "node", [OK, OK, ROLE, ROLE, OK, OK, ROLE, ROLE]),
    ("tokens/revoked-node-returns-with-its-old-token", "node", [TOKEN, TOKEN, TOKEN, TOKEN, TOKEN, TOKEN, TOKEN, TOKEN]),
    ("roles/second-role-behind-a-proxy", "node", [ROLE, ROLE, ROLE, ROLE, ROLE, ROLE, ROLE, "HTTP 403"]),
];

/// The same case with the release's own programs: a node host beside the command line's identity. The model runs no
/// programs.
#[rustfmt::skip]
const PROGRAMS: &[Told] = &[
    ("exec/node-after-cli", "node", [("2026.3.28", ROLE), ("2026.3.31", ROLE), ("2026.4.2", OK)]),
];

/// A step's outcome in a report as one word.
fn word(outcome: &Value) -> String {
    match outcome["kind"].as_str().unwrap_or("no outcome") {
        "hello" => OK.to_owned(),
        "http" => format!("HTTP {}", outcome["status"]),
        "closed" => {
            assert_eq!(outcome["close"]["code"], 1008, "{outcome}");
            let details = &outcome["details"];
            let told = details["reason"].as_str().filter(|_| details["code"] == "PAIRING_REQUIRED");
            told.or(details["code"].as_str()).unwrap_or("closed without details").to_owned()
        }
        other => other.to_owned(),
    }
}

/// Runs the scenarios on a target and compares each cell with what it is known to be.
fn compare(target: &str, cache: Option<&Path>, known: &[(&str, &str, &str)]) {
    let place = TempDir::new().unwrap();
    let report = place.path().join("run.json");
    let scenarios: BTreeSet<&str> = known.iter().map(|(scenario, ..)| *scenario).collect();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatecrash"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("run")
        .args(&scenarios)
        .args(["--gateway", target, "--jobs", "1", "--report"])
        .arg(format!("json={}", report.display()));
    if let Some(cache) = cache {
        command.env("GATECRASH_CACHE_DIR", cache);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let text = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("no report ({error}): {said}"));
    let run: Value = serde_json::from_str(&text).unwrap();
    let cells = run["cells"].as_array().unwrap();
    let differing: Vec<String> = known
        .iter()
        .filter_map(|(scenario, step, expected)| {
            let steps = cells.iter().find(|cell| cell["scenario"] == *scenario).map(|cell| &cell["steps"]);
            let steps = steps.and_then(Value::as_array).into_iter().flatten();
            let found = steps.filter(|one| one["id"] == *step).map(|one| word(&one["outcome"])).next();
            let found = found.unwrap_or_else(|| "did not run".to_owned());
            (found != *expected).then(|| format!("{scenario}#{step}: {found}, was measured as {expected}"))
        })
        .collect();
    assert!(differing.is_empty(), "{target}\n{}", differing.join("\n"));
}

fn column(release: &str) -> Vec<(&'static str, &'static str, &'static str)> {
    let at = RELEASES.iter().position(|one| *one == release).unwrap();
    CELLS.iter().map(|(scenario, step, words)| (*scenario, *step, words[at])).collect()
}

#[rstest]
fn the_model_does_what_was_measured(
    #[values(
        "2026.3.24",
        "2026.3.28",
        "2026.3.31",
        "2026.4.1",
        "2026.4.2",
        "2026.5.2",
        "2026.5.28",
        "2026.9.6"
    )]
    release: &str,
) {
    let cache = TempDir::new().unwrap();
    compare(&format!("embedded:{release}"), Some(cache.path()), &column(release));
}

/// With `GATECRASH_OFFLINE=1`, a release that is not installed is left out and named.
fn is_left_out(release: &str) -> bool {
    if env::var("GATECRASH_OFFLINE").map_or(true, |value| value.is_empty() || value == "0") {
        return false;
    }
    let mut list = Command::new(env!("CARGO_BIN_EXE_gatecrash"));
    let output = list.args(["releases", "list", "--installed", "--format", "json"]).output().unwrap();
    let missing = !String::from_utf8_lossy(&output.stdout).contains(&format!("\"{release}\""));
    if missing {
        eprintln!("offline: {release} is not installed, its cells are left out");
    }
    missing
}

#[rstest]
fn real_releases_do_what_was_measured(#[values("2026.3.28", "2026.3.31", "2026.4.2")] release: &str) {
    if is_left_out(release) {
        return;
    }
    let programs = PROGRAMS.iter().map(|(scenario, step, words)| {
        let (_, word) = words.iter().find(|(name, _)| *name == release).unwrap();
        (*scenario, *step, *word)
    });
    let known: Vec<_> = column(release).into_iter().chain(programs).collect();
    compare(release, None, &known);
}

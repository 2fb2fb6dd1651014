//! Stores as releases really wrote them are read into one form, and damage is told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use gatecrash::gateway::read_pairing;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

fn fixture(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/state").join(below)
}

/// What a store says of each device, without what differs between two runs.
fn comparable(paired: &Map<String, Value>) -> Vec<(String, Value, Value, Vec<String>)> {
    let mut devices: Vec<_> = paired
        .iter()
        .map(|(id, record)| {
            let roles = record["tokens"].as_object().unwrap().keys().cloned().collect();
            (id.clone(), record["roles"].clone(), record["scopes"].clone(), roles)
        })
        .collect();
    devices.sort_by(|a, b| a.0.cmp(&b.0));
    devices
}

#[test]
fn both_stores_hold_the_same_devices_after_the_same_scenario() {
    let json = read_pairing(&fixture("2026.3.31")).unwrap();

    let state = tempfile::tempdir().unwrap();
    fs::create_dir(state.path().join("state")).unwrap();
    let database = Connection::open(state.path().join("state/openclaw.sqlite")).unwrap();
    database.execute_batch(&fs::read_to_string(fixture("2026.8.1/pairing.sql")).unwrap()).unwrap();
    drop(database);
    let sqlite = read_pairing(state.path()).unwrap();

    assert_eq!(json.paired.len(), 2);
    assert_eq!(comparable(&json.paired), comparable(&sqlite.paired));
    assert_eq!((json.pending.len(), sqlite.pending.len()), (0, 0));
}

#[rstest]
#[case::cut_off("truncated.json")]
#[case::a_list("list.json")]
#[case::empty("empty.json")]
fn a_damaged_store_is_an_error_and_not_an_empty_one(#[case] damage: &str) {
    let state = tempfile::tempdir().unwrap();
    fs::create_dir(state.path().join("devices")).unwrap();
    fs::copy(fixture("damaged").join(damage), state.path().join("devices/paired.json")).unwrap();
    assert!(read_pairing(state.path()).is_err());
}

/// Releases around everything that changed for devices that come back.
const RELEASES: [&str; 12] = [
    "2026.3.2",
    "2026.3.24",
    "2026.3.28",
    "2026.3.31",
    "2026.4.2",
    "2026.4.10",
    "2026.4.15",
    "2026.5.12",
    "2026.5.18",
    "2026.7.1",
    "2026.8.1",
    "2026.9.6",
];

/// Scenarios of the suite that leave devices of many kinds behind.
const LEAVING: [&str; 4] = [
    "roles/legacy-*",
    "roles/record-without-roles*",
    "roles/role-without-a-token",
    "tokens/revoked-*-returns-*",
];

/// What comes of a device in a role: `ok`, or why it is refused.
type Answers = BTreeMap<(String, String), String>;

struct Fleet(tempfile::TempDir);

impl Fleet {
    fn gatecrash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("TMPDIR", self.0.path());
        command.env("GATECRASH_CACHE_DIR", self.0.path().join("cache")).args(arguments);
        command
    }

    /// The state directory that a release leaves behind after scenarios of the suite.
    fn state(&self, release: &str) -> PathBuf {
        let (gateway, keep) = (format!("embedded:{release}"), format!("kept-{release}"));
        let run = ["run", "-q", "--seed", "5", "--gateway", &gateway, "--keep-state", &keep];
        let run = self.gatecrash(&[&run[..], &LEAVING].concat()).output().unwrap();
        assert!(run.status.code() < Some(2), "{}", String::from_utf8_lossy(&run.stderr));
        let kept = fs::read_dir(self.0.path().join(keep)).unwrap().map(|one| one.unwrap().path());
        let devices = |state: &PathBuf| read_pairing(state).unwrap().paired.len();
        kept.max_by_key(devices).unwrap()
    }

    /// What the matrix says of the devices of a state directory: a scenario for each of them in each of its roles.
    fn matrix(&self, state: &Path, targets: &str) -> BTreeMap<String, Answers> {
        let folder = self.0.path().join("own");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let mut asked = BTreeMap::new();
        for (number, (device, record)) in read_pairing(state).unwrap().paired.into_iter().enumerate() {
            for role in roles_of(&record) {
                let name = format!("d{number}-{role}");
                fs::write(folder.join(format!("{name}.yaml")), scenario(&record, &role)).unwrap();
                asked.insert(name, (device.clone(), role));
            }
        }
        let arguments = ["matrix", "-q", "./own", "--gateways", targets, "--report", "json=own.json"];
        self.gatecrash(&arguments).output().unwrap();
        let run: Value = serde_json::from_slice(&fs::read(self.0.path().join("own.json")).unwrap()).unwrap();
        let mut found: BTreeMap<String, Answers> = BTreeMap::new();
        for cell in run["cells"].as_array().unwrap() {
            let scenario = cell["scenario"].as_str().unwrap();
            let asked = &asked[scenario.rsplit('/').next().unwrap()];
            let target = cell["target"].as_str().unwrap().to_owned();
            found.entry(target).or_default().insert(asked.clone(), answer_of_cell(cell));
        }
        found
    }

    /// What a preflight says of the same devices with the shared token.
    fn preflight(&self, state: &Path, targets: &str) -> BTreeMap<String, Answers> {
        let state = state.display().to_string();
        let arguments = ["preflight", "--state", &state, "--to", targets, "--format", "json"];
        let output = self.gatecrash(&arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"));
        let of_rows = |one: &Value| {
            let rows = one["rows"].as_array().unwrap().iter();
            let rows = rows.filter(|row| row["way"] == "shared-token");
            rows.map(|row| ((text(&row["device"]), text(&row["role"])), answer_of_row(&row["after"])))
                .collect()
        };
        found.as_array().unwrap().iter().map(|one| (text(&one["to"]["target"]), of_rows(one))).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn roles_of(record: &Value) -> Vec<String> {
    let listed = record["roles"].as_array().into_iter().flatten().chain([&record["role"]]);
    let mut roles: Vec<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
    roles.extend(record["tokens"].as_object().into_iter().flat_map(|tokens| tokens.keys().cloned()));
    roles.sort();
    roles.dedup();
    roles
}

/// A device with exactly this record comes back in a role, as the device of a preflight does.
fn scenario(record: &Value, role: &str) -> String {
    let mut set = record.clone();
    for own in ["deviceId", "publicKey"] {
        set.as_object_mut().unwrap().remove(own);
    }
    let absent: Vec<&str> = [
        "clientId",
        "clientMode",
        "displayName",
        "platform",
        "role",
        "roles",
        "scopes",
        "approvedScopes",
        "tokens",
        "deviceFamily",
    ]
    .into_iter()
    .filter(|key| record.get(*key).is_none())
    .collect();
    let own = (record["clientMode"] == "node") == (role == "node") && record["clientId"].is_string();
    let usual = if role == "node" { ["node-host", "node"] } else { ["cli", "cli"] };
    let client =
        if own { [text(&record["clientId"]), text(&record["clientMode"])] } else { usual.map(str::to_owned) };
    let given = [
        record.pointer(&format!("/tokens/{role}/scopes")),
        record.get("approvedScopes"),
        record.get("scopes"),
    ];
    let scopes = given.into_iter().flatten().next().filter(|_| role != "node").cloned();
    let mut device = json!({"paired": {"omit": absent, "set": set}});
    for (key, from) in [("platform", "platform"), ("family", "deviceFamily")] {
        if let Some(value) = record.get(from) {
            device[key] = value.clone();
        }
    }
    let persona = if role == "node" { "node-host" } else { "cli" };
    let connect = json!({
        "as": "back", "device": "d", "persona": persona, "role": role, "scopes": scopes.unwrap_or_else(|| json!([])),
        "client": {"id": client[0], "displayName": null, "mode": client[1]},
    });
    json!({"title": "a device comes back", "why": "a test", "devices": {"d": device}, "steps": [{"connect": connect}]})
        .to_string()
}

fn answer_of_cell(cell: &Value) -> String {
    let step = &cell["steps"][0];
    let details = &step["outcome"]["details"];
    match (step["outcome"]["kind"].as_str(), details["reason"].as_str()) {
        (Some("hello"), _) => "ok".to_owned(),
        (Some(_), Some(reason)) => reason.to_owned(),
        _ => text(&details["code"]),
    }
}

fn answer_of_row(answer: &Value) -> String {
    match answer["outcome"].as_str().unwrap() {
        "ok" => "ok".to_owned(),
        "pairing-required" => text(&answer["reason"]),
        _ => text(&answer["code"]),
    }
}

#[rstest]
#[case("2026.3.2")]
#[case("2026.3.24")]
#[case("2026.3.28")]
#[case("2026.3.31")]
#[case("2026.4.2")]
#[case("2026.4.10")]
#[case("2026.4.15")]
#[case("2026.5.12")]
#[case("2026.5.18")]
#[case("2026.7.1")]
#[case("2026.8.1")]
#[case("2026.9.6")]
fn the_state_of_a_release_is_answered_as_the_matrix_says(#[case] release: &str) {
    let fleet = Fleet(tempfile::tempdir().unwrap());
    let targets = RELEASES.map(|release| format!("embedded:{release}")).join(",");
    let state = fleet.state(release);
    let (said, is) = (fleet.preflight(&state, &targets), fleet.matrix(&state, &targets));
    assert_eq!((said.len(), is.len()), (RELEASES.len(), RELEASES.len()));
    let mut refused = 0;
    for (target, answers) in &is {
        assert!(answers.len() > 8, "{release}: {answers:?}");
        assert_eq!(&said[target], answers, "devices of {release} on {target}");
        refused += answers.values().filter(|answer| *answer != "ok").count();
    }
    assert!(refused > 0, "the releases differ about these devices");
}

#[test]
fn a_preflight_of_models_says_what_it_does_and_asks_the_model_of_the_present_release() {
    let fleet = Fleet(tempfile::tempdir().unwrap());
    let state = fleet.state("2026.3.28");
    let state = state.display().to_string();
    fleet
        .gatecrash(&[
            "preflight",
            "--state",
            &state,
            "--to",
            "embedded:2026.3.31,embedded:2026.4.2",
            "--stepwise",
        ])
        .assert()
        .code(1)
        .stdout(contains("from embedded:2026.3.28 to embedded:2026.3.31").and(contains("role-upgrade")));
}

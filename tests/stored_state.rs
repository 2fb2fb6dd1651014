//! Stores as releases really wrote them are read into one form, and damage is told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use gatecrash::gateway::read_pairing;
use rstest::rstest;
use rusqlite::Connection;
use serde_json::{Map, Value};

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

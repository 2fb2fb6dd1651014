//! The log of the engine: there only if it is asked for, and without secrets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use walkdir::WalkDir;

/// A device whose token was seeded, one that gets a token, and a client with the password.
const PAIRING: &str = r#"title: A paired device and a new one connect
why: Both are on this machine.
devices:
  known: {paired: {roles: [operator], scopes: [operator.read]}}
  fresh: {}
steps:
  - connect: {as: known, device: known, auth: {device_token: "${device.known.token.operator}"}}
  - connect: {as: fresh, device: fresh, save: {issued: /auth/deviceToken}}
  - connect: {as: again, device: fresh, auth: {device_token: "${issued}"}}
"#;

const PASSWORD: &str = r#"title: A client with the password connects
why: It is the secret of this gateway.
config: {gateway: {auth: {mode: password, password: "${gateway.password}"}}}
devices: {laptop: {}}
steps:
  - connect: {as: laptop, device: laptop, auth: password}
"#;

fn place() -> TempDir {
    let place = TempDir::new().unwrap();
    fs::create_dir(place.path().join("scenarios")).unwrap();
    fs::write(place.path().join("scenarios/pairing.yaml"), PAIRING).unwrap();
    fs::write(place.path().join("scenarios/password.yaml"), PASSWORD).unwrap();
    place
}

fn gatecrash(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gatecrash").unwrap();
    command
        .current_dir(place)
        .env_clear()
        .env("HOME", place)
        .env("TMPDIR", place)
        .env("PATH", "/usr/bin:/bin")
        .env("GATECRASH_CACHE_DIR", place.join("cache"))
        .args(arguments);
    command
}

/// A secret of a run, as it is derived from the seed.
fn derived(words: &[&str]) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word);
        hash.update([0]);
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

fn forms(secret: &str) -> [String; 5] {
    [
        secret.to_owned(),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex::encode(secret),
        format!("{secret:?}"),
    ]
}

fn assert_hidden(log: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(secret.len() > 20, "{secret}");
        for form in forms(secret) {
            assert!(!log.contains(&form), "the log shows {form}");
        }
    }
}

#[test]
fn a_log_of_every_frame_shows_no_secret() {
    let place = place();
    let run = ["run", "--gateway", "embedded", "--seed", "7", "-vv"];
    let output = gatecrash(place.path(), &run).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let words =
        ["planned", "the model is served", "direction=Sent", "direction=Received", "connect.challenge"];
    for word in words.into_iter().chain(["‹masked›", r#""method":"connect""#, "gatecrash::client"]) {
        assert!(log.contains(word), "{word} is missing:\n{log}");
    }
    let seeded = derived(&["7", "pairing", "1", "device token", "known", "operator"]);
    let secrets = [derived(&["gateway", "7", "token"]), derived(&["gateway", "7", "password"]), seeded];
    assert_hidden(&log, &secrets);
}

#[test]
fn a_log_shows_no_token_that_a_gateway_has_issued() {
    let place = place();
    let model = format!("cmd:'{}' __model --port {{port}} --model embedded", env!("CARGO_BIN_EXE_gatecrash"));
    let run = ["run", "pairing", "--gateway", &model, "--seed", "7", "-vv", "--keep-state", "kept"];
    let output = gatecrash(place.path(), &run).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    for word in ["booting a gateway", "the gateway is ready", "the gateway is stopped", "starting a process"]
    {
        assert!(log.contains(word), "{word} is missing:\n{log}");
    }
    let mut issued = Vec::new();
    let kept = WalkDir::new(place.path().join("kept")).into_iter().map(Result::unwrap);
    for file in kept.filter(|entry| entry.file_name() == "paired.json") {
        tokens(&serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap(), &mut issued);
    }
    assert!(issued.len() >= 2, "{issued:?}");
    assert_hidden(&log, &issued);
}

fn tokens(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            into.extend(entries.get("token").and_then(Value::as_str).map(str::to_owned));
            entries.values().for_each(|inner| tokens(inner, into));
        }
        Value::Array(items) => items.iter().for_each(|inner| tokens(inner, into)),
        _ => {}
    }
}

#[test]
fn nothing_is_logged_unless_it_is_asked_for() {
    let place = place();
    let quiet = contains("gatecrash::").not().and(contains("TRACE").not()).and(contains("DEBUG").not());
    gatecrash(place.path(), &["run", "--gateway", "embedded"]).assert().success().stderr(quiet);
}

#[test]
fn the_filter_of_the_environment_counts_more_than_the_flag() {
    let place = place();
    let run = ["run", "pairing", "--gateway", "embedded", "-vv"];
    gatecrash(place.path(), &run)
        .env("GATECRASH_LOG", "gatecrash::run=info")
        .assert()
        .success()
        .stderr(contains("planned").and(contains("gatecrash::client").not()));
    gatecrash(place.path(), &run)
        .env("GATECRASH_LOG", "gatecrash=loud")
        .assert()
        .code(2)
        .stderr(contains("GATECRASH_LOG"));
}

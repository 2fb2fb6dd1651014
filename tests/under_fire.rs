//! `gatecrash run` against hostile gateways: it ends in time and takes bounded memory, whatever a gateway does.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

/// What gatecrash may take, in kibibytes.
const MEMORY: u64 = 300 << 10;

/// Connects, calls, waits, and is told on the way what each attack is about.
const SCENARIO: &str = "title: T
why: W.
alone: true
steps:
  - connect: {as: client, may_close: it is hostile}
  - call: {on: client, method: status, within: 2s, expect: {any_of: [ok, silence, closed, {protocol_error: $any}]}}
  - send: {on: client, json: {type: req, id: big, method: status}, pad_to: 20000000, within: 2s, expect: {any_of: [ok, silence, closed, {protocol_error: $any}]}}
  - http: {target: /health, within: 2s, expect: {any_of: [{http: 404}, silence]}}
  - connect: {as: other, may_close: it is hostile, within: 2s, expect: {any_of: [hello, silence, closed]}}
finally:
  - disconnect: {on: client}
";

/// A run that has ended.
struct Ended {
    code: Option<i32>,
    took: Duration,
    /// The most memory that it held, in kibibytes.
    memory: u64,
    stdout: String,
    report: Value,
}

fn fake(mode: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs");
    format!("cmd:exec node '{}' --port {{port}} --mode {mode}", script.display())
}

fn run(folder: &TempDir, mode: &str, more: &[&str]) -> Ended {
    let path = |below: &str| -> PathBuf { folder.path().join(below) };
    fs::create_dir_all(path("tmp")).unwrap();
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatecrash"))
        .args(["run", "--gateway", &fake(mode), "--seed", "7", "--report", "json=run.json"])
        .args(["--color", "never"])
        .args(more)
        .current_dir(folder.path())
        .env("TMPDIR", path("tmp"))
        .env("GATECRASH_CACHE_DIR", path("cache"))
        .env_remove("GATECRASH_GATEWAY")
        .stdout(fs::File::create(path("stdout")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut memory = 0;
    let status = loop {
        let about = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = about.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        memory = memory.max(line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_mins(3) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Ended {
        code: status.code(),
        took: begun.elapsed(),
        memory,
        stdout: fs::read_to_string(path("stdout")).unwrap(),
        report: serde_json::from_slice(&fs::read(path("run.json")).unwrap_or_default()).unwrap_or_default(),
    }
}

fn bench(scenario: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("scenarios")).unwrap();
    fs::write(folder.path().join("scenarios/fire.yaml"), scenario).unwrap();
    folder
}

#[rstest]
#[case::pings("pings")]
#[case::events("events")]
#[case::values("numbers")]
#[case::binary("binary")]
#[case::large_frames("large")]
#[case::endless_message("endless")]
#[case::slow_frame("slow")]
#[case::reads_nothing("deaf")]
#[case::stopped("frozen")]
#[case::keeps_connections_open("no-close")]
#[case::floods_its_log("log-flood")]
#[case::ignores_the_first_connection("first-hang")]
#[case::traps_in_its_store("traps")]
fn every_attack_is_survived_in_bounded_time_and_memory(#[case] mode: &str) {
    let folder = bench(SCENARIO);
    let ended = run(&folder, mode, &["--timeout", "5s", "--boot-timeout", "20s"]);
    let Ended { code, took, memory, stdout, .. } = &ended;
    println!("{mode}: exit {code:?} after {:.1} s with {} MiB", took.as_secs_f64(), memory >> 10);
    assert!(code.is_some_and(|code| code < 5), "{mode}: {code:?}\n{stdout}");
    assert!(*took < Duration::from_secs(80), "{mode} took {took:?}\n{stdout}");
    assert!(*memory < MEMORY, "{mode} took {} MiB", memory >> 10);
    assert_ne!(ended.report["cells"][0]["verdict"], Value::Null, "{mode}: {stdout}");
}

#[rstest]
#[case::nothing_listens("port-never", "nobody listens on its port")]
#[case::http("http-200", "answers the WebSocket upgrade with HTTP 200")]
#[case::tls("tls", "speaks TLS")]
#[case::reset("reset", "resets every connection")]
#[case::silence("silent", "takes connections and says nothing")]
fn a_gateway_that_is_not_ready_is_told_by_what_the_probe_saw(#[case] mode: &str, #[case] told: &str) {
    let folder = bench(SCENARIO);
    let ended = run(&folder, mode, &["--boot-timeout", "2500ms"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
}

#[test]
fn a_case_ends_at_its_limit_and_tells_what_it_waited_for() {
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n  - wait: 50s\n");
    let ended = run(&folder, "answer", &["--case-timeout", "2s"]);
    let reason = ended.report["cells"][0]["reason"].as_str().unwrap_or_default();
    assert_eq!(ended.code, Some(4), "{}", ended.stdout);
    assert!(ended.took < Duration::from_secs(40));
    for part in ["step `wait`", "gatecrash's own limit of 2.0 s", "the end of its time"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn one_bad_file_is_one_diagnostic() {
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n");
    let at = |name: &str| folder.path().join("scenarios").join(name);
    fs::write(at("latin.yaml"), b"title: caf\xe9\n").unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe.yaml")).status().unwrap().success());
    symlink("/dev/zero", at("zeros.yaml")).unwrap();
    symlink("nowhere", at("dangling.yaml")).unwrap();
    symlink("..", at("up")).unwrap();
    symlink("../scenarios", at("again")).unwrap();
    let gatecrash = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_gatecrash"));
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("GATECRASH_CACHE_DIR", folder.path().join("cache"));
        command.env_remove("GATECRASH_GATEWAY").timeout(Duration::from_mins(1)).assert()
    };
    let checked = gatecrash(&["check", "--format", "json"]).code(2);
    let checked: Value = serde_json::from_slice(&checked.get_output().stdout).unwrap();
    let found: Vec<(&str, &str)> = checked["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["code"].as_str().unwrap(), one["path"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(found.len(), 4, "{checked:#}");
    assert!(found.iter().all(|(code, _)| *code == "unreadable"), "{checked:#}");
    assert_eq!(checked["summary"]["scenarios"], 1, "{checked:#}");
    gatecrash(&["run", "fire", "--gateway", "embedded:2026.3.31"]).code(0);
}

#[test]
fn an_embedded_run_needs_no_cache() {
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n");
    let run = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_gatecrash"));
        command.args(arguments).current_dir(folder.path()).env("GATECRASH_CACHE_DIR", "/proc/nowhere/cache");
        command.env_remove("GATECRASH_GATEWAY").env("GATECRASH_OFFLINE", "1").assert()
    };
    run(&["run", "--gateway", "embedded:2026.3.31"]).code(0);
    run(&["run", "--gateway", "2026.3.31"]).code(4).stdout(predicates::str::contains("cannot use"));
}

#[test]
fn a_home_that_cannot_be_removed_blocks_no_start() {
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n");
    let temp = folder.path().join("tmp");
    fs::create_dir_all(&temp).unwrap();
    let ended = run(&folder, "answer", &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let homes = fs::read_dir(&temp).unwrap().flatten().next().unwrap().path();
    let closed = homes.join("home-dead/state");
    fs::create_dir_all(closed.join("deep")).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0)).unwrap();
    assert_eq!(run(&folder, "answer", &[]).code, Some(0));
    assert!(!homes.join("home-dead").exists());
}

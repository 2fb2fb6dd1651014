//! Programs, upgrades and preflights, with scripted gateways.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        for dir in ["scenarios", "tmp"] {
            fs::create_dir_all(bench.path(dir)).unwrap();
        }
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn gatecrash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env("TMPDIR", self.path("tmp"))
            .env("GATECRASH_CACHE_DIR", self.path("cache"))
            .env_remove("GATECRASH_GATEWAY")
            .args(arguments);
        command
    }

    fn run(&self, steps: &str, gateway: &str) -> Command {
        fs::write(self.path("scenarios/s.yaml"), format!("title: t\nwhy: w\n{steps}")).unwrap();
        self.gatecrash(&["run", "--gateway", gateway, "--report", "json=run.json"])
    }

    fn report(&self) -> String {
        fs::read_to_string(self.path("run.json")).unwrap()
    }

    /// A state directory like that of 2026.3.28, with a device that has two roles but only one token.
    fn state(&self) -> PathBuf {
        let state = self.path("state");
        fs::create_dir_all(state.join("devices")).unwrap();
        let device = "4f2a9c01".repeat(8);
        let record = json!({
            "deviceId": device, "publicKey": "x", "displayName": "laptop", "clientId": "cli", "clientMode": "cli",
            "platform": "linux", "role": "operator", "roles": ["operator", "node"], "scopes": [],
            "tokens": {"operator": {"token": "a-secret-device-token", "role": "operator", "scopes": []}},
        });
        fs::write(state.join("devices/paired.json"), json!({device: record}).to_string()).unwrap();
        fs::write(state.join("openclaw.json"), r#"{"channels": {"x": {"botToken": "a-secret-bot-token"}}}"#)
            .unwrap();
        state
    }
}

fn fixture(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).display().to_string()
}

fn fake(mode: &str) -> String {
    format!("cmd:exec node '{}' --port {{port}} --mode {mode}", fixture("fake-gateway.mjs"))
}

/// All files below a folder, with their content and modification time.
fn all_files(dir: &Path, into: &mut BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all_files(&path, into);
        } else {
            let changed = entry.metadata().unwrap().modified().unwrap();
            into.insert(path.clone(), (fs::read(&path).unwrap(), changed));
        }
    }
}

#[test]
fn an_upgrade_keeps_the_home_including_edits() {
    let bench = Bench::new();
    let steps = "devices: {laptop: {paired: {roles: [operator]}}}
steps:
  - connect: {as: before, device: laptop}
  - edit_state:
      file: devices/paired.json
      patch: [{op: replace, path: \"/${device.laptop.id}/tokens\", value: {}}]
  - upgrade: {to: target}
  - state: {device: laptop, expect: {state: {paired: {tokens: {$exactly: {}}}}}}
  - connect: {as: after, device: laptop}
  - upgrade: {id: again, to: target, fork_home: true}
  - connect: {as: last, device: laptop}
";
    bench.run(steps, &fake("answer")).assert().code(0);
}

#[test]
fn a_failed_boot_after_an_upgrade_is_an_outcome() {
    let bench = Bench::new();
    let script = fixture("fake-gateway.mjs");
    let dies = format!(
        "cmd:m=die-at-boot; [ -f $GATECRASH_HOME/booted ] || m=answer; touch $GATECRASH_HOME/booted; exec node '{script}' --port {{port}} --mode $m"
    );
    bench
        .run(
            "steps:\n  - upgrade: {to: target, expect: {exit: 7, stderr: {$matches: cannot go on}}}\n",
            &dies,
        )
        .assert()
        .code(0);
    bench.run("steps:\n  - upgrade: {to: target}\n", &dies).assert().code(1).stdout(contains("exit 7"));
}

#[test]
fn programs_of_a_release_can_be_run_and_judged() {
    let bench = Bench::new();
    let steps = "steps:
  - cli: {id: list, args: [devices, list], expect: {exit: 0, json: {paired: []}}, save: {home: /json/home}}
  - cli: {id: other, args: [devices, list], home: elsewhere, expect: {exit: 0, json: {home: {$not: \"${home}\"}}}}
  - cli: {id: refused, args: [fail], expect: {exit: 1, stderr: {$matches: pairing required}}}
  - node_host: {id: node, expect: {hello: {auth: {role: node}}}}
  - model: {replies: [{call: exec, arguments: {command: \"echo ${identity.id}\"}}]}
  - agent_turn: {id: exec, expect: {tool: \"ran: d1\"}}
";
    bench.run(steps, &format!("path:{}", fixture("fake-package"))).assert().code(0);
    assert!(bench.report().contains("tool result: ran: d1"));
    assert!(!bench.report().contains("a very secret key"), "the output of programs is masked");
}

/// The node host exits with code 0 here, like the released ones do.
#[test]
fn a_refused_node_host_is_judged_by_the_gateways_answer() {
    let bench = Bench::new();
    let steps = "env: {FAKE_MODE: refuse-nodes}
steps:
  - node_host: {id: node, expect: {closed: 1008, details: {code: PAIRING_REQUIRED, reason: role-upgrade}}}
";
    bench.run(steps, &format!("path:{}", fixture("fake-package"))).assert().code(0);
    for frame in [r#"\"method\":\"connect\""#, r#"\"code\":\"NOT_PAIRED\""#] {
        assert!(bench.report().contains(frame), "{frame} is among the frames of {}", bench.report());
    }
}

#[rstest]
#[case::command("cmd:exec node x.mjs", "command line")]
#[case::attached("ws://127.0.0.1:9", "command line")]
fn a_target_without_programs_is_untestable(#[case] gateway: &str, #[case] message: &str) {
    let bench = Bench::new();
    bench.run("steps:\n  - cli: {args: [health]}\n", gateway).assert().code(3).stdout(contains(message));
}

#[rstest]
#[case::edit_outside("  - edit_state: {file: ../x, patch: []}", "is not a path within the state directory")]
#[case::edit_without_value("  - edit_state: {file: a, patch: [{op: add, path: /a}]}", "needs `value`")]
#[case::no_release("  - upgrade: {to: 3.31}", "3.31")]
#[case::exit_of_a_connect("  - connect: {as: a, expect: {exit: 0}}", "not a possible outcome")]
#[case::printed_without_an_exit("  - cli: {args: [x], expect: {stdout: y}}", "needs")]
#[case::reply_of_two_kinds("  - model: {replies: [{call: exec, say: x}]}", "one of `call` and `say`")]
#[case::client_without_connection("  - agent_turn: {via: client}", "needs `on`")]
fn invalid_steps_are_reported_before_the_run(#[case] step: &str, #[case] message: &str) {
    let bench = Bench::new();
    bench.run(&format!("steps:\n{step}\n"), &fake("answer")).assert().code(2).stderr(contains(message));
}

#[test]
fn a_preflight_reports_what_breaks_and_does_not_change_the_state() {
    let bench = Bench::new();
    let state = bench.state();
    let mut before = BTreeMap::new();
    all_files(&state, &mut before);
    let preflight = |to: &str| {
        let mut command = bench.gatecrash(&["preflight", "--state", "state", "--from", &fake("answer")]);
        command.args(["--to", &fake(to)]);
        command.assert()
    };
    preflight("refuse-nodes")
        .code(1)
        .stdout(contains("laptop (4f2a9c01…)").and(contains("pairing required: role-upgrade")))
        .stdout(contains("BREAKS").and(contains("secret").not()));
    preflight("answer").code(0).stdout(contains("No device breaks"));
    let mut after = BTreeMap::new();
    all_files(&state, &mut after);
    assert!(before == after, "the state directory is only read");
    let left =
        fs::read_dir(bench.path("tmp")).unwrap().flatten().flat_map(|dir| fs::read_dir(dir.path()).unwrap());
    let homes = left.flatten().filter(|one| one.file_name().to_string_lossy().starts_with("home-"));
    assert_eq!(homes.count(), 0, "no copy is left");
}

#[rstest]
#[case::by_itself(&[], "Exec runs commands on")]
#[case::through_the_gateway(&["refuses-local"], "Exec runs commands on")]
#[case::not_at_all(&["refuses-local", "no-agent"], "could not be tried: no agent here")]
fn a_preflight_falls_back_to_the_gateway_to_test_exec(#[case] marks: &[&str], #[case] message: &str) {
    let bench = Bench::new();
    bench.state();
    fs::create_dir(bench.path("package")).unwrap();
    for file in ["fake-gateway.mjs", "fake-package/openclaw.mjs", "fake-package/package.json"] {
        fs::copy(fixture(file), bench.path(&file.replace("fake-package", "package"))).unwrap();
    }
    for mark in marks {
        fs::write(bench.path("package").join(mark), "").unwrap();
    }
    let mut command = bench.gatecrash(&["preflight", "--state", "state", "--to", "path:package"]);
    command.assert().code(0).stdout(contains(message));
}

#[test]
fn a_preflight_asks_about_several_upgrades_and_says_what_it_does() {
    let bench = Bench::new();
    bench.state();
    let to = format!("{},{}", fake("answer"), fake("refuse-nodes"));
    let preflight = |format: &str| {
        let mut command =
            bench.gatecrash(&["preflight", "--state", "state", "--format", format, "--to", &to]);
        command.assert().code(1)
    };
    let told = contains("boots on a copy of the state").and(contains("reconnects are tried"));
    let output = preflight("json").stderr(told).get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 2);
    preflight("text").stdout(contains("No device breaks").and(contains("1 reconnect breaks")));
    preflight("markdown").stdout(contains("| **BREAKS** |").and(contains("### What to do")));
}

#[test]
fn a_preflight_on_a_slow_gateway_is_not_silent() {
    let bench = Bench::new();
    bench.state();
    let slow = fake("answer").replace("cmd:exec", "cmd:sleep 3; exec");
    let to = format!("{},{slow}", fake("answer"));
    let assert = bench.gatecrash(&["preflight", "--state", "state", "--to", &to]).assert();
    let told = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    let boots: Vec<&str> = told.lines().filter(|line| line.contains("boots on a copy")).collect();
    assert!(boots[0].starts_with("… 1 of 2: ") && boots[1].starts_with("… 2 of 2: "), "{told}");
    // A line when it begins, and none for each second of it.
    assert_eq!(boots.len(), 2, "{told}");
    let times = fs::read_to_string(bench.path("cache/times.json")).unwrap();
    assert!(
        times.contains("\"boot cmd\"") && !times.contains("sleep"),
        "how long it took is kept for the next time: {times}"
    );
}

/// What the kernel tells of a folder while something happens.
fn accesses(folder: &Path, during: impl FnOnce()) -> Vec<notify::Event> {
    use notify::Watcher as _;
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut watcher = notify::recommended_watcher(sender).unwrap();
    watcher.watch(folder, notify::RecursiveMode::Recursive).unwrap();
    during();
    // The kernel tells in order, so everything before this has been told once this is.
    let last = folder.join("the-last-one");
    fs::write(&last, "").unwrap();
    let mut events = Vec::new();
    while let Ok(event) = receiver.recv_timeout(std::time::Duration::from_secs(20)) {
        let event = event.unwrap();
        if event.paths.contains(&last) {
            break;
        }
        events.push(event);
    }
    fs::remove_file(&last).unwrap();
    events
}

#[test]
fn a_preflight_only_reads_the_state_directory() {
    use notify::EventKind;
    use notify::event::{AccessKind, AccessMode};
    let bench = Bench::new();
    let state = bench.state();
    let to = format!("{},{}", fake("answer"), fake("refuse-nodes"));
    let events = accesses(&state, || {
        let mut command = bench.gatecrash(&["preflight", "--state", "state", "--stepwise", "--to", &to]);
        command.assert().code(1);
    });
    let reads = |kind: EventKind| {
        let EventKind::Access(access) = kind else { return false };
        !matches!(access, AccessKind::Open(AccessMode::Write) | AccessKind::Close(AccessMode::Write))
    };
    let others: Vec<_> = events.iter().filter(|one| !reads(one.kind)).collect();
    assert!(others.is_empty(), "{others:?}");
    let paired = state.join("devices/paired.json");
    assert!(events.iter().any(|one| one.paths.contains(&paired)), "it is watched: {events:?}");
}

/// A state directory in the middle of an upgrade: files, and a database whose last changes are not merged yet.
#[test]
fn a_preflight_reads_both_stores_and_what_is_not_merged_yet() {
    let bench = Bench::new();
    let state = bench.state();
    let live = bench.path("live");
    fs::create_dir_all(&live).unwrap();
    fs::create_dir_all(state.join("state")).unwrap();
    let database = rusqlite::Connection::open(live.join("openclaw.sqlite")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database
        .execute_batch(
            "CREATE TABLE device_pairing_paired (device_id TEXT NOT NULL PRIMARY KEY, public_key TEXT NOT NULL,
                display_name TEXT, role TEXT, roles_json TEXT, tokens_json TEXT) STRICT;
            INSERT INTO device_pairing_paired VALUES ('d2', 'k', 'phone', 'operator', '[\"operator\"]', '{}');",
        )
        .unwrap();
    // As a gateway that runs, or was killed, leaves it.
    for file in ["openclaw.sqlite", "openclaw.sqlite-wal"] {
        fs::copy(live.join(file), state.join("state").join(file)).unwrap();
    }
    assert!(fs::metadata(state.join("state/openclaw.sqlite-wal")).unwrap().len() > 0);
    let mut before = BTreeMap::new();
    all_files(&state, &mut before);
    let mut command = bench.gatecrash(&["preflight", "--state", "state", "--to", &fake("answer")]);
    command
        .assert()
        .code(0)
        .stdout(contains("laptop (4f2a9c01…)").and(contains("phone (d2…)")))
        .stdout(contains("both files and a database").and(contains("was in use or not closed")));
    let mut after = BTreeMap::new();
    all_files(&state, &mut after);
    assert!(before == after, "not even the database is touched");
}

#[test]
fn a_preflight_reads_a_backup() {
    let bench = Bench::new();
    let state = bench.state();
    let file = fs::File::create(bench.path("backup.tar.gz")).unwrap();
    let mut backup = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    backup.append_dir_all("home/.openclaw", &state).unwrap();
    backup.into_inner().unwrap().finish().unwrap();
    let preflight = |state: &str| {
        bench.gatecrash(&["preflight", "--state", state, "--to", &fake("refuse-nodes")]).assert()
    };
    preflight("backup.tar.gz").code(1).stdout(contains("laptop (4f2a9c01…)").and(contains("BREAKS")));
    fs::write(bench.path("broken.zip"), "not a zip").unwrap();
    preflight("broken.zip").code(2).stderr(contains("broken.zip"));
}

#[test]
fn a_preflight_goes_through_releases_step_by_step_and_is_a_page() {
    let bench = Bench::new();
    bench.state();
    let to = format!("{},{}", fake("refuse-nodes"), fake("answer"));
    let preflight = |format: &str| {
        let mut command = bench.gatecrash(&[
            "preflight",
            "--state",
            "state",
            "--stepwise",
            "--format",
            format,
            "--to",
            &to,
        ]);
        command.assert().code(1).get_output().stdout.clone()
    };
    let found: Value = serde_json::from_slice(&preflight("json")).unwrap();
    // The second step begins where the first one ended.
    assert_eq!(found[1]["from"]["target"], found[0]["to"]["target"]);
    let node = found[1]["rows"].as_array().unwrap().iter().find(|row| row["role"] == "node").unwrap();
    assert_eq!((&node["before"]["reason"], &node["fate"]), (&json!("role-upgrade"), &json!("heals")));
    let page = String::from_utf8(preflight("html")).unwrap();
    assert!(page.contains("BREAKS") && page.contains("works again"), "{page}");
    assert!(!page.contains("a-secret") && !page.contains("://"), "{page}");
}

#[test]
fn a_preflight_can_be_printed_as_json() {
    let bench = Bench::new();
    bench.state();
    let mut command = bench.gatecrash(&["preflight", "--state", "state", "--format", "json", "--to"]);
    let output = command.arg(fake("refuse-nodes")).assert().code(1).get_output().stdout.clone();
    let found: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(found["format"], json!({"major": 1, "minor": 1}));
    let node = found["rows"].as_array().unwrap().iter().find(|row| row["role"] == "node").unwrap();
    assert_eq!((&node["fate"], &node["after"]["reason"]), (&json!("breaks"), &json!("role-upgrade")));
    assert!(!String::from_utf8_lossy(&output).contains("secret"));
}

#[rstest]
#[case::no_folder(&["preflight", "--state", "nowhere", "--to", "2026.3.31"], "no such file or folder")]
#[case::no_backup(&["preflight", "--state", "/dev/null", "--to", "2026.3.31"], "neither a folder nor a backup")]
#[case::no_state(&["preflight", "--state", "tmp", "--to", "2026.3.31"], "neither devices/ nor state/")]
#[case::attached(&["preflight", "--state", "tmp", "--to", "ws://127.0.0.1:9"], "a running gateway cannot be asked about a copy")]
fn a_preflight_without_usable_state_or_target_is_a_usage_error(
    #[case] arguments: &[&str],
    #[case] message: &str,
) {
    Bench::new().gatecrash(arguments).assert().code(2).stderr(contains(message));
}

/// Who has the tarball of a release candidate tests it before it is published.
#[test]
fn a_tarball_is_a_target_and_is_installed_once() {
    let bench = Bench::new();
    let tarball = b"what npm pack has made";
    fs::write(bench.path("openclaw.tgz"), tarball).unwrap();
    let scenario = "steps:\n  - connect: {as: a}\n";
    // Nothing is fetched offline.
    bench.run(scenario, "tgz:openclaw.tgz").arg("--offline").assert().code(4).stdout(contains("is offline"));
    bench.run(scenario, "tgz:nowhere.tgz").assert().code(2).stderr(contains("there is no file nowhere.tgz"));
    let hash = hex::encode(Sha256::digest(tarball));
    let package = bench.path("cache/packages").join(&hash[..16]).join("node_modules/openclaw");
    fs::create_dir_all(&package).unwrap();
    fs::copy(fixture("fake-gateway.mjs"), package.with_file_name("fake-gateway.mjs")).unwrap();
    for file in ["openclaw.mjs", "package.json"] {
        fs::copy(fixture(&format!("fake-package/{file}")), package.join(file)).unwrap();
    }
    bench.run(scenario, "tgz:openclaw.tgz").arg("--offline").assert().code(0);
    fs::write(bench.path("openclaw.tgz"), "another one").unwrap();
    bench.run(scenario, "tgz:openclaw.tgz").arg("--offline").assert().code(4);
}

#[test]
fn a_tag_of_the_registry_cannot_be_asked_about_offline() {
    let bench = Bench::new();
    let run = |target: &str| bench.run("steps:\n  - connect: {as: a}\n", target).arg("--offline").assert();
    run("npm:beta").code(4).stderr(contains("openclaw@beta"));
    run("npm:").code(2);
}

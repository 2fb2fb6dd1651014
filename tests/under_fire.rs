//! `gatecrash run` against hostile gateways: it ends in time and takes bounded memory, whatever a gateway does.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
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
    run_on(folder, &fake(mode), more)
}

fn run_on(folder: &TempDir, gateway: &str, more: &[&str]) -> Ended {
    let path = |below: &str| -> PathBuf { folder.path().join(below) };
    fs::create_dir_all(path("tmp")).unwrap();
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatecrash"))
        .args(["run", "--gateway", gateway, "--seed", "7", "--report", "json=run.json"])
        .args(["--color", "never"])
        .args(more)
        .current_dir(folder.path())
        .env("TMPDIR", path("tmp"))
        .env("GATECRASH_CACHE_DIR", path("cache"))
        .env_remove("GATECRASH_GATEWAY")
        .stdout(fs::File::create(path("stdout")).unwrap())
        .stderr(fs::File::create(path("stderr")).unwrap())
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
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(run(&folder, "answer", &[]).code, Some(0));
    assert!(!homes.join("home-dead").exists());
}

/// Secrets of a scenario's configuration and variables, some of them short or with characters that have to be quoted.
const PLANTED: [&str; 4] = ["pa\"ss\\word+1", "hush-hush", "Sh0rt-1", "a-long-api-key-of-the-environment"];

const LEAKS: &str = r#"title: T
why: W.
config:
  gateway: {auth: {mode: password, password: "pa\"ss\\word+1"}}
  one: {access_token: hush-hush, secrets: [Sh0rt-1]}
env: {SOME_API_KEY: a-long-api-key-of-the-environment}
steps:
  - connect: {as: client, headers: {Authorization: Bearer s3cr3t-of-the-gateway, X-Api-Key: s3cr3t-of-the-gateway}}
  - call: {on: client, method: leak}
"#;

/// Every form in which a secret must not stand in a report.
fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD_NO_PAD.encode(text);
    let percent = secret.replace('\\', "%5C").replace('"', "%22").replace('+', "%2B");
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_start_matches('"').strip_suffix('"').unwrap().to_owned();
    let hex = hex::encode(secret);
    let basic = encode(&format!("user:{secret}"));
    vec![secret.to_owned(), json, percent, hex, encode(secret), basic]
}

#[rstest]
#[case::while_it_runs("leaky", 1)]
#[case::at_boot("leaky-at-boot", 4)]
fn no_secret_is_in_any_report(#[case] mode: &str, #[case] code: i32) {
    let folder = bench(LEAKS);
    let kinds = ["events", "html", "junit", "markdown", "github", "sarif", "tap"];
    let reports = kinds.map(|kind| format!("{kind}=report.{kind}"));
    let mut arguments = vec!["-vv", "--timeout", "5s"];
    for report in &reports {
        arguments.extend(["--report", report]);
    }
    let ended = run(&folder, mode, &arguments);
    assert_eq!(ended.code, Some(code), "{}", ended.stdout);
    let show = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_gatecrash"));
        command.args(arguments).current_dir(folder.path());
        let output = command.env("GATECRASH_CACHE_DIR", folder.path().join("cache")).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut texts = vec![
        ("stdout".to_owned(), ended.stdout.clone()),
        ("log".to_owned(), fs::read_to_string(folder.path().join("stderr")).unwrap()),
        ("show".to_owned(), show(&["show", "latest", "fire"])),
        ("stored run".to_owned(), show(&["report", "latest", "--report", "events=-"])),
    ];
    for kind in kinds.into_iter().chain(["json"]) {
        let file = if kind == "json" { "run.json".to_owned() } else { format!("report.{kind}") };
        texts.push((file.clone(), fs::read_to_string(folder.path().join(file)).unwrap()));
    }
    assert!(texts[3].1.contains('‹'), "the stored run names what was masked: {}", texts[3].1);
    for secret in PLANTED.into_iter().chain(["s3cr3t-of-the-gateway"]) {
        for form in forms(secret) {
            for (place, text) in &texts {
                let at = text.find(&form);
                let around = at.map(|at| {
                    &text[text.floor_char_boundary(at.saturating_sub(80))..text.floor_char_boundary(at + 80)]
                });
                assert_eq!(around, None, "{place} has {form}");
            }
        }
    }
}

/// A package whose gateway tries to write outside of its home, and says how that went.
#[test]
fn a_build_cannot_write_outside_of_its_home() {
    let folder = bench(
        "title: T
why: W.
alone: true
steps:
  - connect: {as: client}
  - log: {line: {$matches: \"outside: (EACCES|written)\"}}
  - log: {id: inside, line: \"inside: written\"}
",
    );
    let package = folder.path().join("package");
    fs::create_dir_all(&package).unwrap();
    let outside = folder.path().join("outside.txt");
    let script = format!(
        "import {{ writeFileSync }} from 'node:fs';
const tried = (file) => {{ try {{ writeFileSync(file, 'x'); return 'written'; }} catch (error) {{ return error.code; }} }};
console.log('outside: ' + tried({outside:?}));
console.log('inside: ' + tried(process.env.HOME + '/file'));
process.argv = [process.argv[0], 'fake', '--port', process.env.GATECRASH_PORT];
await import({fake:?});
",
        fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs")
    );
    fs::write(package.join("openclaw.mjs"), script).unwrap();
    fs::write(
        package.join("package.json"),
        r#"{"name": "openclaw", "version": "2026.3.31", "type": "module"}"#,
    )
    .unwrap();
    let ended = run_on(&folder, &format!("path:{}", package.display()), &["--timeout", "20s"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let has_landlock =
        fs::read_to_string("/proc/kallsyms").is_ok_and(|all| all.contains("landlock_restrict_self"));
    assert!(!has_landlock || !outside.exists(), "the kernel lets it be confined, and it wrote");
}

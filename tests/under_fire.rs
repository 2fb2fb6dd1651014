//! `gatecrash run` against hostile gateways: it ends in time and takes bounded memory, whatever a gateway does.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod installed;
mod load;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use installed::is_available;
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

/// What was dropped may have been what must not come.
#[test]
fn silence_under_a_flood_is_no_verdict() {
    let step = "{on: client, event: never.sent, within: 4s, expect: silence}";
    let folder =
        bench(&format!("title: T\nwhy: W.\nsteps:\n  - connect: {{as: client}}\n  - event: {step}\n"));
    let ended = run(&folder, "events", &["--boot-timeout", "20s"]);
    let cell = &ended.report["cells"][0];
    assert_eq!((ended.code, &cell["verdict"]), (Some(4), &Value::from("error")), "{}", ended.stdout);
    assert!(cell["reason"].as_str().unwrap().contains("the gateway sent more than is kept"), "{cell:#}");
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
fn a_full_disk_is_told_before_anything_is_fetched() {
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n");
    let cache = folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    let script = "mount -t tmpfs -o size=64m none cache || exit 77; exec \"$0\" releases install 2026.3.31";
    let begun = Instant::now();
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", script, env!("CARGO_BIN_EXE_gatecrash")])
        .current_dir(folder.path())
        .env("GATECRASH_CACHE_DIR", &cache)
        .env_remove("GATECRASH_OFFLINE")
        .output();
    let output = match output {
        Ok(output) if output.status.code() != Some(77) && output.status.code() != Some(1) => output,
        other => return println!("left out: no file system can be mounted here: {other:?}"),
    };
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("too little space for"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
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

/// A package whose gateway runs this script before it serves.
fn package(folder: &TempDir, script: &str) -> String {
    let package = folder.path().join("package");
    fs::create_dir_all(&package).unwrap();
    let script = format!(
        "{script}
process.argv = [process.argv[0], 'fake', '--port', process.env.GATECRASH_PORT];
await import('{fake}');
",
        fake = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs").display()
    );
    fs::write(package.join("openclaw.mjs"), script).unwrap();
    fs::write(
        package.join("package.json"),
        r#"{"name": "openclaw", "version": "2026.3.31", "type": "module"}"#,
    )
    .unwrap();
    format!("path:{}", package.display())
}

/// What the log of a build has to say.
fn says(lines: &[&str]) -> String {
    let steps = lines.iter().map(|line| format!("  - log: {{line: {{$matches: {line:?}}}}}\n"));
    format!(
        "title: T\nwhy: W.\nalone: true\nsteps:\n  - connect: {{as: client}}\n{}",
        steps.collect::<String>()
    )
}

/// The lines about what gateways were kept from.
fn kept_from(ended: &Ended) -> Vec<String> {
    let leaks = ended.report["run"]["leaks"].as_array().cloned().unwrap_or_default();
    let lines = leaks.iter().filter_map(|one| one.as_str()?.split_once("kept from this: "));
    lines.map(|(_, what)| what.to_owned()).collect()
}

#[test]
fn a_build_cannot_write_outside_of_its_home() {
    let folder = bench(&says(&["outside: (EACCES|written)", "inside: written"]));
    let outside = folder.path().join("outside.txt");
    let script = format!(
        "import {{ writeFileSync }} from 'node:fs';
const tried = (file) => {{ try {{ writeFileSync(file, 'x'); return 'written'; }} catch (error) {{ return error.code; }} }};
console.log('outside: ' + tried({outside:?}));
console.log('inside: ' + tried(process.env.HOME + '/file'));"
    );
    let target = package(&folder, &script);
    let ended = run_on(&folder, &target, &["--timeout", "20s"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    if is_enforced() {
        assert!(!outside.exists(), "the kernel lets it be confined, and it wrote");
        assert_eq!(kept_from(&ended), [format!("write {}", outside.display())]);
        assert!(ended.stdout.contains("kept from this: write"), "{}", ended.stdout);
    }
    let ended = run_on(&folder, &target, &["--timeout", "20s", "--allow-outside"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert!(outside.exists(), "it was allowed to");
    assert_eq!(kept_from(&ended), Vec::<String>::new());
}

fn is_enforced() -> bool {
    gatecrash::gateway::not_enforced().is_none()
}

#[test]
fn a_build_cannot_leave_loopback() {
    // Somebody else's service on loopback is none of its business, either.
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let folder = bench(&says(&[
        "tcp: ENETUNREACH",
        "name: ENOTFOUND",
        "resolver: ENOTFOUND",
        "promise: ENOTFOUND",
        "fetch: ENOTFOUND",
        "datagram: (EACCES|ENETUNREACH)",
        "thread: ENETUNREACH",
        "child: [1-9]",
        "service: (EACCES|connected)",
    ]));
    let script = format!(
        "import {{ connect }} from 'node:net';
import {{ lookup, Resolver, promises }} from 'node:dns';
import {{ createSocket }} from 'node:dgram';
import {{ Worker }} from 'node:worker_threads';
import {{ spawn }} from 'node:child_process';
const told = (what) => (error) => console.log(what + ': ' + (error?.cause?.code ?? error?.code ?? error ?? 'done'));
connect(443, '192.0.2.1').on('error', told('tcp'));
lookup('gatecrash.example', told('name'));
new Resolver().resolve4('gatecrash.example', told('resolver'));
promises.resolveMx('mail.example').catch(told('promise'));
fetch('https://fetch.example').catch(told('fetch'));
createSocket('udp4').on('error', told('datagram')).send('x', 53, '192.0.2.53', told('datagram'));
new Worker(\"require('net').connect(443, '192.0.2.2').on('error', (e) => console.log('thread: ' + e.code))\", {{ eval: true, execArgv: [] }});
spawn('bash', ['-c', 'exec 3<>/dev/tcp/192.0.2.3/443'], {{ timeout: 5000, killSignal: 'SIGKILL' }}).on('exit', (code) => told('child')(code ?? 0));
spawn('bash', ['-c', 'echo x > /dev/udp/192.0.2.4/53']);
connect({port}, '127.0.0.1').on('error', told('service')).on('connect', () => told('service')('connected'));"
    );
    let target = package(&folder, &script);
    let ended = run_on(&folder, &target, &["--timeout", "20s"]);
    let told = kept_from(&ended);
    // Without the kernel, a child that is not Node gets as far as the network does.
    if is_enforced() {
        assert_eq!(ended.code, Some(0), "{}", ended.stdout);
        assert!(told.contains(&format!("connect 127.0.0.1:{port}")), "{told:?}");
        assert!(told.contains(&"open a UDP socket 0.0.0.0:0".to_owned()), "{told:?}");
    }
    for what in [
        "connect 192.0.2.1:443",
        "connect 192.0.2.2:443",
        "look up gatecrash.example",
        "look up mail.example",
        "look up fetch.example",
    ] {
        assert_eq!(told.iter().filter(|one| *one == what).count(), 1, "{what}: {told:?}");
    }
}

#[test]
fn a_wide_datagram_socket_and_a_needed_kill_are_told() {
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n");
    let leaks = |mode: &str| run(&folder, mode, &["--keep-state", "kept"]).report["run"]["leaks"].to_string();
    let of_datagrams = leaks("datagrams");
    assert!(of_datagrams.contains("UDP 0.0.0.0:"), "{of_datagrams}");
    let of_stubborn = leaks("stubborn");
    assert!(
        of_stubborn.contains("did not end within") && of_stubborn.contains("was killed"),
        "{of_stubborn}"
    );
    let kept: Vec<_> = fs::read_dir(folder.path().join("kept")).unwrap().flatten().collect();
    assert!(!kept.is_empty());
    for one in kept {
        assert_eq!(one.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", one.path().display());
    }
}

#[test]
fn what_leads_out_runs_only_if_that_is_allowed() {
    let folder = bench("title: T\nwhy: W.\nenv: {SOME_FILE: /nowhere}\nsteps:\n  - connect: {as: client}\n");
    let refused = run(&folder, "answer", &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert_eq!(run(&folder, "answer", &["--allow-outside"]).code, Some(0));
}

#[test]
#[ignore = "needs GATECRASH_CACHE_DIR with 2026.3.31 and a kernel that lets users mount"]
fn a_release_runs_from_a_cache_that_cannot_be_written() {
    let cache = std::env::var("GATECRASH_CACHE_DIR").expect("GATECRASH_CACHE_DIR names installed releases");
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n");
    let script = "mkdir ro && mount --rbind \"$1\" ro && mount -o remount,ro,bind ro || exit 77; \
                  exec \"$0\" run --gateway 2026.3.31 --offline --cache-dir ro";
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", script, env!("CARGO_BIN_EXE_gatecrash"), &cache])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the run cannot be kept"));
}

/// The system calls of everything that a run starts, in real releases: no name is asked for and nothing but loopback is
/// connected to, from boot to stop.
#[rstest]
#[case("2026.3.31")]
#[ignore = "takes half a minute"]
#[case("2026.3.28")]
#[ignore = "takes half a minute"]
#[case("2026.4.2")]
#[ignore = "takes half a minute"]
#[case("2026.5.12")]
#[ignore = "takes half a minute"]
#[case("2026.8.1")]
#[ignore = "takes half a minute"]
#[case("2026.9.6")]
fn a_release_asks_nobody(#[case] release: &str) {
    let traces = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    if !is_available(release) || !traces.is_ok_and(|status| status.success()) {
        eprintln!("left out: {release} is not installed, or system calls cannot be traced here");
        return;
    }
    // An installation asks the registry, so it comes before.
    let install = ["releases", "install", release];
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_gatecrash")).args(install).assert().success();
    // Releases begin to ask some seconds after they are up.
    let folder = bench("title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n  - wait: 15s\n");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-s", "64", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", "calls.txt"])
        .arg(env!("CARGO_BIN_EXE_gatecrash"))
        .args(["run", "--gateway", release, "--offline", "--report", "json=run.json"])
        .current_dir(folder.path())
        .env_remove("GATECRASH_GATEWAY")
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    let calls = fs::read_to_string(folder.path().join("calls.txt")).unwrap();
    let to_a_network = calls.lines().filter(|line| line.contains("sin_port") || line.contains("sin6_port"));
    let (here, outside): (Vec<&str>, Vec<&str>) =
        to_a_network.partition(|line| line.contains("\"127.") || line.contains("\"::1\""));
    assert!(!here.is_empty(), "the gateway was connected to");
    assert_eq!(outside, Vec::<&str>::new());
    assert!(status.success(), "{}", fs::read_to_string(folder.path().join("run.json")).unwrap_or_default());
    let report: Value = serde_json::from_slice(&fs::read(folder.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(report["run"]["leaks"].as_array().map_or(0, Vec::len), 0, "{}", report["run"]["leaks"]);
}

//! `gatecrash run` against a scripted gateway: each way of misbehaving gives the right verdict in bounded time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

const HELLO: &str = "title: The gateway lets a client in
why: It is the least that a gateway does.
steps:
  - connect: {as: client}
  - wait: 300ms
  - call: {on: client, method: status}
";

/// A working directory with one scenario, and a place for homes and the cache.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        fs::create_dir_all(bench.path("scenarios")).unwrap();
        fs::create_dir_all(bench.path("tmp")).unwrap();
        bench.write("scenarios/hello.yaml", HELLO);
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
    }

    fn gatecrash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env("TMPDIR", self.path("tmp"))
            .env("GATECRASH_CACHE_DIR", self.path("cache"))
            .env_remove("GATECRASH_GATEWAY")
            .env_remove("NO_COLOR")
            .args(arguments);
        command
    }

    /// A run that goes on, with its standard output and standard error to read from.
    fn started(&self, arguments: &[&str]) -> std::process::Child {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gatecrash"));
        command.args(["run", "--gateway", &fake("answer"), "--color", "never"]).args(arguments);
        command.current_dir(self.path("")).env("TMPDIR", self.path("tmp"));
        command.env("GATECRASH_CACHE_DIR", self.path("cache")).env_remove("GATECRASH_GATEWAY");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self, mode: &str) -> Command {
        let gateway = fake(mode);
        // Only where no answer is to be waited out may the wait be short: machines can be slow.
        let timeout = if matches!(mode, "no-answer" | "garbage") { "1s" } else { "30s" };
        let boot = if mode == "silent" { "4s" } else { "30s" };
        let limits = ["--timeout", timeout, "--boot-timeout", boot, "--seed", "7"];
        let mut command = self.gatecrash(&["run", "--gateway", &gateway, "--report", "json=run.json"]);
        command.args(limits);
        command
    }

    fn report(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("run.json")).unwrap()).unwrap()
    }
}

fn fake(mode: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs");
    format!("cmd:exec node '{}' --port {{port}} --mode {mode}", script.display())
}

#[rstest]
#[case::answers("answer", 0, "pass", "")]
#[case::answers_late("late", 0, "pass", "")]
#[case::floods("flood", 0, "pass", "")]
#[case::never_answers("no-answer", 1, "fail", "silence")]
#[case::says_nothing_at_all("silent", 4, "error", "not ready")]
#[case::dies_at_boot("die-at-boot", 4, "error", "died at boot")]
#[case::dies_mid_scenario("die-after-connect", 4, "error", "the gateway died")]
#[case::sends_garbage("garbage", 1, "fail", "silence")]
#[case::closes_without_a_code("close", 1, "fail", "closed without a close frame")]
fn each_misbehaviour_has_its_verdict(
    #[case] mode: &str,
    #[case] exit: i32,
    #[case] verdict: &str,
    #[case] told: &str,
) {
    let bench = Bench::new();
    let started = Instant::now();
    bench.run(mode).assert().code(exit).stdout(contains(told));
    assert!(started.elapsed() < Duration::from_mins(1), "bounded, even on a slow machine");
    let report = bench.report();
    assert_eq!(report["cells"][0]["verdict"], verdict, "{report:#}");
    assert_eq!(report["run"]["leaks"], Value::Array(Vec::new()));
    let homes = fs::read_dir(bench.path("tmp")).unwrap().flatten().map(|entry| entry.path());
    let left: Vec<PathBuf> = homes
        .filter_map(|dir| fs::read_dir(dir).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("home-")))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "no home is left");
}

#[test]
fn a_listed_deviation_is_known_and_one_that_does_not_happen_is_fixed() {
    let bench = Bench::new();
    let listed = "deviations:
  - releases: \"2026.3.31\"
    class: regression
    issue: openclaw#1
    steps: {client: {closed: 1008}}
";
    bench.write("scenarios/hello.yaml", &format!("{HELLO}{listed}"));
    bench.run("answer").args(["--assume-release", "2026.3.31"]).assert().code(1).stdout(contains("fixed"));
    bench.run("answer").args(["--assume-release", "2026.4.2"]).assert().code(0);
}

/// A null takes out what every gateway is given, `env` reaches the process, and who asks for something else has
/// a gateway of its own.
#[test]
fn a_gateway_is_set_up_as_its_scenarios_ask() {
    let bench = Bench::new();
    let asking = |word: &str, auth: &str| {
        let steps = HELLO.split_once("steps:").unwrap().1;
        format!(
            "title: t\nwhy: w\nconfig: {{gateway: {{auth: {auth}}}}}\nenv: {{WORD: {word}}}\nsteps:{steps}"
        )
    };
    bench.write("scenarios/hello.yaml", &asking("said", "{token: null}"));
    bench.write("scenarios/other-word.yaml", &asking("other", "{token: null}"));
    bench.write("scenarios/with-the-token.yaml", &asking("said", "{mode: token}"));
    let strict = "cmd:[ \"$WORD\" = said ] && [ \"$OPENCLAW_GATEWAY_PORT\" = {port} ] && ! grep -q '\"token\":' \"$OPENCLAW_CONFIG_PATH\" && ";
    let gateway = fake("answer").replacen("cmd:", strict, 1);
    bench.gatecrash(&["run", "--gateway", &gateway, "--report", "json=run.json"]).assert().code(4);
    let report = bench.report();
    let verdict = |id: &str| {
        let cells = report["cells"].as_array().unwrap();
        cells.iter().find(|cell| cell["scenario"] == id).unwrap()["verdict"].clone()
    };
    assert_eq!(["hello", "other-word", "with-the-token"].map(verdict), ["pass", "error", "error"]);
}

#[test]
fn a_secret_never_shows_in_a_report() {
    let bench = Bench::new();
    bench.run("no-answer").assert().code(1);
    let text = fs::read_to_string(bench.path("run.json")).unwrap();
    assert!(text.contains("‹gateway token›"), "the token is named");
    let sent = bench.report()["cells"][0]["transcript"].to_string();
    assert!(
        sent.contains("connect.challenge") && sent.contains("\\\"connect\\\""),
        "frames are kept: {sent}"
    );
}

#[test]
fn the_exit_code_for_git_bisect_is_good_bad_or_cannot_tell() {
    let bench = Bench::new();
    for (mode, code) in [("answer", 0), ("no-answer", 1), ("die-at-boot", 125)] {
        bench.run(mode).arg("--bisect-exit").assert().code(code);
    }
}

#[rstest]
#[case::unknown_scenario(&["run", "helo", "--gateway", "2026.3.31"], "did you mean `hello`?")]
#[case::unknown_target(&["run", "--gateway", "embeded"], "embedded")]
#[case::not_loopback(&["run", "--gateway", "ws://192.0.2.1:18789"], "loopback")]
#[case::unknown_report(&["run", "--gateway", "2026.3.31", "--report", "jsn=x"], "json")]
#[case::no_folder(&["run", "--gateway", "2026.3.31", "--report", "json=nowhere/x"], "nowhere")]
#[case::bad_duration(&["run", "--gateway", "2026.3.31", "--timeout", "10"], "500ms")]
#[case::swapped_span(&["matrix", "--from", "2026.4.2", "--to", "2026.3.31"], "later")]
fn bad_usage_is_told_with_a_hint(#[case] arguments: &[&str], #[case] told: &str) {
    let bench = Bench::new();
    bench.gatecrash(arguments).assert().code(2).stderr(contains(told));
}

#[test]
fn offline_a_missing_release_is_a_broken_target_and_no_failure() {
    let bench = Bench::new();
    bench
        .gatecrash(&["run", "--gateway", "2026.3.31", "--offline"])
        .assert()
        .code(4)
        .stdout(contains("2026.3.31").and(contains("offline").or(contains("not installed"))));
}

#[test]
fn an_attached_gateway_is_not_seeded() {
    let bench = Bench::new();
    let seeded = "title: A paired device comes back
why: It was approved.
devices:
  laptop: {paired: {scopes: [operator.read]}}
steps:
  - connect: {as: laptop, device: laptop}
";
    bench.write("scenarios/hello.yaml", seeded);
    bench
        .gatecrash(&["run", "--gateway", "ws://127.0.0.1:9"])
        .assert()
        .code(3)
        .stdout(contains("no way to place records"));
}

#[test]
fn a_faulty_scenario_is_shown_with_its_line() {
    let bench = Bench::new();
    bench.write("scenarios/hello.yaml", &HELLO.replace("method:", "metod:"));
    bench.run("answer").assert().code(2).stderr(contains("scenarios/hello.yaml:6").and(contains("method")));
}

#[rstest]
#[case::ctrl_c("-INT")]
#[case::what_timeout_and_ci_send("-TERM")]
fn an_interrupted_run_still_writes_its_reports(#[case] signal: &str) {
    let bench = Bench::new();
    bench.write("scenarios/hello.yaml", &HELLO.replace("300ms", "5m"));
    let mut child = bench.started(&["--report", "json=run.json"]);
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.by_ref().map_while(Result::ok).any(|line| line.contains("gateway up")));
    let pid = child.id().to_string();
    // `timeout` sends it twice: to the program, and to its process group.
    for _ in 0..2 {
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(bench.report()["run"]["interrupted"], true, "{:#}", bench.report());
}

#[test]
fn events_on_standard_output_come_when_they_happen() {
    let bench = Bench::new();
    bench.write("scenarios/hello.yaml", &HELLO.replace("300ms", "5m"));
    let mut child = bench.started(&["--report", "events=-"]);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut events =
        lines.map(|line| serde_json::from_str::<Value>(&line).unwrap()["event"].as_str().unwrap().to_owned());
    assert_eq!(events.next().unwrap(), "run-started");
    assert!(events.any(|event| event == "cell-started"), "the scenario goes on for minutes");
    assert!(child.try_wait().unwrap().is_none());
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let rest: Vec<String> = events.collect();
    assert_eq!(rest.iter().filter(|event| *event == "run-finished").count(), 1, "{rest:?}");
    assert_eq!(rest.last().unwrap(), "run-finished");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[rstest]
#[case::interrupted("-INT", 130, "INTERRUPTED")]
#[case::killed("-KILL", 4, "CUT OFF")]
fn a_run_that_did_not_end_tells_what_was_running(
    #[case] signal: &str,
    #[case] code: i32,
    #[case] word: &str,
) {
    let bench = Bench::new();
    bench.write("scenarios/hello.yaml", &HELLO.replace("300ms", "5m"));
    let mut child = bench.started(&["--report", "events=-"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut seen: Vec<String> = Vec::new();
    while !seen.last().is_some_and(|line| line.contains("\"cell-started\"")) {
        seen.push(lines.next().unwrap());
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    seen.extend(lines);
    child.wait().unwrap();
    bench.write("run.events", &format!("{}\n", seen.join("\n")));
    let said = contains(format!("\n{word}: 0 cells · 1 not run")).and(contains("was running: hello on cmd:"));
    bench.gatecrash(&["show", "run.events"]).assert().code(code).stdout(said);
    let said = contains(" was running when the run was ");
    bench.gatecrash(&["show", "run.events", "hello"]).assert().code(code).stderr(said);
}

/// A run of two scenarios in `whole.events`, and what is left of it in `cut.events`.
fn cut_off(cut: impl Fn(&[&str]) -> String) -> Bench {
    let bench = Bench::new();
    for name in ["hello", "other"] {
        let text = "title: T\nwhy: W.\nsteps:\n  - connect: {as: client}\n";
        bench.write(&format!("scenarios/{name}.yaml"), text);
    }
    let arguments = ["run", "--gateway", "embedded:2026.3.31", "--report", "events=whole.events"];
    bench.gatecrash(&arguments).assert().code(0);
    let whole = fs::read_to_string(bench.path("whole.events")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.contains("\"cell-finished\"")).count(), 2);
    bench.write("cut.events", &cut(&lines));
    bench
}

/// The lines before the last cell was finished.
fn before_the_last_cell(lines: &[&str]) -> String {
    let last = lines.iter().rposition(|line| line.contains("\"cell-finished\"")).unwrap();
    lines[..last].iter().map(|line| format!("{line}\n")).collect()
}

#[rstest]
#[case::without_its_last_line(|lines: &[&str]| lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect(), "CUT OFF: 2 cells")]
#[case::in_the_middle_of_its_last_line(|lines: &[&str]| { let whole = lines.join("\n"); whole[..whole.len() - 9].to_owned() }, "CUT OFF: 2 cells")]
#[case::before_a_cell_was_finished(before_the_last_cell, "1 not run")]
#[case::in_the_middle_of_a_cell(|lines: &[&str]| before_the_last_cell(lines) + r#"{"event":"cell-finished","scenario":"#, "1 not run")]
fn a_run_that_was_cut_off_is_called_so_by_every_reader(
    #[case] cut: fn(&[&str]) -> String,
    #[case] told: &str,
) {
    let bench = cut_off(cut);
    let reads = |arguments: &[&str]| bench.gatecrash(arguments).assert().code(4);
    reads(&["show", "cut.events"]).stdout(contains("CUT OFF: ").and(contains(told)));
    reads(&["report", "cut.events", "--html", "run.html"]).stderr(contains("cut.events is cut off"));
    assert!(fs::read_to_string(bench.path("run.html")).unwrap().contains("<title>Cut off"));
    let alike = || contains("ALIKE").not();
    reads(&["compare", "whole.events", "cut.events"])
        .stdout(contains("the second run is cut off").and(contains("\nCUT OFF: ")).and(alike()));
    reads(&["compare", "cut.events", "whole.events"])
        .stdout(contains("the first run is cut off").and(alike()));
    reads(&["compare", "cut.events", "cut.events"]).stdout(alike());
    reads(&["merge", "cut.events", "--report", "json=merged.json"]).stdout(contains("CUT OFF: "));
    reads(&["show", "merged.json"]).stdout(contains("CUT OFF: "));
    reads(&["timeline", "cut.events"]).stderr(contains("cut.events is cut off"));
    reads(&["timeline", "cut.events", "--store", "kept.json"]).stderr(contains("cut off"));
    assert!(!bench.path("kept.json").exists(), "a history that is not whole is not kept");
    reads(&["expect", "update", "--from", "cut.events"]).stderr(contains("cut off"));
    bench.gatecrash(&["compare", "whole.events", "whole.events"]).assert().code(0).stdout(contains("ALIKE"));
}

#[test]
fn a_planned_cell_that_was_not_run_is_missing_in_a_run_that_has_its_end() {
    let bench = cut_off(|lines| before_the_last_cell(lines) + lines.last().unwrap() + "\n");
    bench.gatecrash(&["show", "cut.events"]).assert().code(4).stdout(contains("INCOMPLETE: 1 cell"));
    bench
        .gatecrash(&["compare", "whole.events", "cut.events"])
        .assert()
        .code(4)
        .stdout(contains("INCOMPLETE: "));
}

#[test]
fn a_run_that_was_cut_off_within_its_first_line_cannot_be_read() {
    let bench = cut_off(|lines| lines[0][..lines[0].len() / 2].to_owned());
    let said = contains("cut off within its first line");
    bench.gatecrash(&["show", "cut.events"]).assert().code(4).stderr(said);
}

#[test]
fn a_restart_does_not_wait_for_those_that_only_start_others() {
    let bench = Bench::new();
    let head = "title: T\nwhy: W.\nsource: [own]\ntags: [startup]\n";
    bench.write("scenarios/hello.yaml", &format!("{head}steps: [connect: {{as: a}}, restart: {{}}]\n"));
    bench.write("scenarios/other.yaml", &format!("{head}steps: [start: {{id: another}}]\n"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs");
    let (first, script) = (bench.path("first"), script.display().to_string());
    // The second home boots late; a restart is of the first one.
    let slow = format!("[ -f {0} ] && ! grep -q $GATECRASH_HOME {0} && sleep 8", first.display());
    let gateway = format!(
        "cmd:{slow}; [ -f {0} ] || echo $GATECRASH_HOME > {0}; exec node '{script}' --port {{port}}",
        first.display()
    );
    let reports = ["--report", "events=run.events", "--boot-timeout", "40s"];
    bench.gatecrash(&["run", "--gateway", &gateway]).args(reports).assert().code(0);
    let events = fs::read_to_string(bench.path("run.events")).unwrap();
    let ended: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["event"] == "cell-finished")
        .map(|event| event["scenario"].clone())
        .collect();
    assert_eq!(ended, ["hello", "other"]);
}

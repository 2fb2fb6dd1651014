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
#[case::release_with_a_digit_too_many(&["run", "--gateway", "2026.3.311"], "did you mean `2026.3.31`?")]
#[case::release_of_no_month(&["run", "--gateway", "2026.13.1"], "did you mean `2026.")]
#[case::almost_latest(&["run", "--gateway", "lastest"], "did you mean `latest`?")]
#[case::model_of_no_release(&["run", "--gateway", "embedded:2026.3.32"], "did you mean `2026.3.31`?")]
#[case::judged_by_no_release(&["run", "--gateway", "embedded", "--assume-release", "2026.3.32"], "2026.3.31")]
#[case::one_of_many(&["matrix", "--gateways", "2026.3.31,2026.3.311"], "there is no release 2026.3.311")]
#[case::no_checkout(&["run", "--gateway", "path:nowhere"], "there is no folder nowhere")]
#[case::swapped_span(&["matrix", "--from", "2026.4.2", "--to", "2026.3.31"], "later")]
fn bad_usage_is_told_with_a_hint(#[case] arguments: &[&str], #[case] told: &str) {
    let bench = Bench::new();
    bench.gatecrash(arguments).env("GATECRASH_OFFLINE", "1").assert().code(2).stderr(contains(told));
    assert!(!bench.path("cache/releases/2026.3.311").exists(), "nothing is installed");
}

/// What is told: once for the target, not once for each scenario; and a gateway that has failed in the same way
/// several times is not started again.
#[test]
fn a_target_that_cannot_start_is_told_of_once() {
    let bench = Bench::new();
    for number in 0..9 {
        // Every second one wants a gateway of its own.
        let env =
            if number % 2 == 0 { format!("env: {{WORD: '{number}'}}\nsteps:") } else { "steps:".to_owned() };
        bench.write(&format!("scenarios/s{number}.yaml"), &HELLO.replace("steps:", &env));
    }
    let starts = bench.path("starts");
    let gateway = format!("cmd:echo x >> '{}'; echo cannot go on; exit 7", starts.display());
    let told = bench
        .gatecrash(&["run", "--gateway", &gateway, "--jobs", "1", "--report", "json=run.json"])
        .assert()
        .code(4)
        .get_output()
        .stdout
        .clone();
    let told = String::from_utf8(told).unwrap();
    assert_eq!(told.matches("died at boot with exit code 7").count(), 1, "{told}");
    assert_eq!(told.matches("reproduce: ").count(), 1, "{told}");
    assert!(told.contains("hello and 9 more scenarios on cmd:") && told.contains("10 error"), "{told}");
    let errors =
        bench.report()["cells"].as_array().unwrap().iter().filter(|cell| cell["verdict"] == "error").count();
    assert_eq!(errors, 10);
    let starts = fs::read_to_string(starts).unwrap().lines().count();
    assert!(starts <= 3, "started {starts} times");
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
    let mut child = bench.started(&["--all", "--report", "json=run.json"]);
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
#[case::interrupted("-INT", 130, "\nINTERRUPTED · 1 error")]
#[case::killed("-KILL", 4, "\nCUT OFF · 1 not run")]
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
    let shown = bench.gatecrash(&["show", "run.events"]).assert().code(code).stdout(contains(word));
    let cell = bench.gatecrash(&["show", "run.events", "hello"]).assert().code(code);
    if signal == "-INT" {
        // There was time to say in which step it was.
        cell.stdout(contains("interrupted during this step"));
    } else {
        shown.stdout(contains("1 not run").and(contains("was running: hello on cmd:")));
        cell.stderr(contains(" was running when the run was "));
    }
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
    lines[..last].join("\n") + "\n"
}

#[rstest]
#[case::without_its_last_line(|lines: &[&str]| lines[..lines.len() - 1].join("\n") + "\n", "2 cells")]
#[case::in_the_middle_of_its_last_line(|lines: &[&str]| { let whole = lines.join("\n"); whole[..whole.len() - 9].to_owned() }, "2 cells")]
#[case::before_a_cell_was_finished(before_the_last_cell, "1 not run")]
#[case::in_the_middle_of_a_cell(|lines: &[&str]| before_the_last_cell(lines) + r#"{"event":"cell-finished","scenario":"#, "1 not run")]
fn a_run_that_was_cut_off_is_called_so_by_every_reader(
    #[case] cut: fn(&[&str]) -> String,
    #[case] told: &str,
) {
    let bench = cut_off(cut);
    let reads = |arguments: &[&str]| bench.gatecrash(arguments).assert().code(4);
    reads(&["show", "cut.events"]).stdout(contains("CUT OFF · ").and(contains(told)));
    reads(&["report", "cut.events", "--html", "run.html"]).stderr(contains("cut.events is cut off"));
    assert!(fs::read_to_string(bench.path("run.html")).unwrap().contains("<title>Cut off"));
    let alike = || contains("ALIKE").not();
    reads(&["compare", "whole.events", "cut.events"])
        .stdout(contains("the second run is cut off").and(contains("\nCUT OFF: ")).and(alike()));
    reads(&["compare", "cut.events", "whole.events"])
        .stdout(contains("the first run is cut off").and(alike()));
    reads(&["compare", "cut.events", "cut.events"]).stdout(alike());
    reads(&["merge", "cut.events", "--report", "json=merged.json"]).stdout(contains("CUT OFF · "));
    reads(&["show", "merged.json"]).stdout(contains("CUT OFF · "));
    reads(&["timeline", "cut.events"]).stderr(contains("cut.events is cut off"));
    reads(&["timeline", "cut.events", "--store", "kept.json"]).stderr(contains("cut off"));
    assert!(!bench.path("kept.json").exists(), "a history that is not whole is not kept");
    reads(&["expect", "update", "--from", "cut.events"]).stderr(contains("cut off"));
    bench.gatecrash(&["compare", "whole.events", "whole.events"]).assert().code(0).stdout(contains("ALIKE"));
}

#[test]
fn a_planned_cell_that_was_not_run_is_missing_in_a_run_that_has_its_end() {
    let bench = cut_off(|lines| before_the_last_cell(lines) + lines.last().unwrap() + "\n");
    bench
        .gatecrash(&["show", "cut.events"])
        .assert()
        .code(4)
        .stdout(contains("INCOMPLETE · ").and(contains("1 cell")));
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

/// Runs one scenario on a scripted gateway and answers the exit code and the report.
fn outcome_of(scenario: &str, mode: &str, more: &[&str]) -> (i32, Value) {
    let bench = Bench::new();
    bench.write("scenarios/hello.yaml", scenario);
    let gateway = fake(mode);
    let mut command = bench.gatecrash(&["run", "--gateway", &gateway, "--report", "json=run.json"]);
    let output = command.args(["--timeout", "2s", "--seed", "7"]).args(more).output().unwrap();
    assert!(bench.path("run.json").exists(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), bench.report())
}

const WHY: &str = "title: T\nwhy: W.\n";

#[rstest]
#[case::a_connection_that_the_scenario_lets_be_refused(
    "refuse-nodes",
    "steps:
  - connect: {as: n, persona: node-host, expect: {any_of: [hello, {closed: 1008}]}}
  - call: {on: n, method: status}
",
    "there is no connection `n`"
)]
#[case::a_connection_that_is_ended_for_good(
    "refuse-nodes",
    "steps:
  - connect: {as: n, persona: node-host, expect: {closed: 1008}}
finally:
  - disconnect: {on: n}
",
    "there is no connection `n`"
)]
fn a_step_that_could_not_be_done_is_never_green(#[case] mode: &str, #[case] steps: &str, #[case] told: &str) {
    let (exit, report) = outcome_of(&format!("{WHY}{steps}"), mode, &[]);
    let cell = &report["cells"][0];
    assert_eq!((exit, &cell["verdict"]), (4, &Value::from("error")), "{cell:#}");
    assert!(cell["reason"].as_str().unwrap().contains(told), "{cell:#}");
}

#[test]
fn a_step_behind_a_listed_deviation_may_be_passed_over_and_says_why() {
    let scenario = format!(
        "{WHY}steps:
  - connect: {{as: n, persona: node-host}}
  - call: {{on: n, method: status}}
deviations:
  - releases: \">=2026.3.31\"
    class: regression
    issue: openclaw#59045
    steps: {{n: {{closed: 1008, details: {{reason: role-upgrade}}}}}}
"
    );
    let (exit, report) = outcome_of(&scenario, "refuse-nodes", &["--assume-release", "2026.3.31"]);
    let cell = &report["cells"][0];
    assert_eq!((exit, &cell["verdict"]), (0, &Value::from("known")), "{cell:#}");
    assert_eq!(cell["steps"][1]["verdict"], "skipped");
    assert_eq!(cell["steps"][1]["reason"], "there is no connection `n`");
}

#[rstest]
#[case::behind_the_hello("close-after-hello", "steps: [connect: {as: client}]\n", "closed 1008")]
#[case::between_steps(
    "close-all",
    "steps:
  - connect: {as: client}
  - connect: {as: other}
  - call: {on: other, method: close.all}
  - wait: {on: other, expect: closed}
",
    "closed 1008"
)]
#[case::with_a_code_that_none_may_send(
    "close-all --code 1005",
    "steps:
  - connect: {as: client}
  - connect: {as: other}
  - call: {on: other, method: close.all}
  - wait: {on: other, expect: {protocol_error: $any}}
",
    "protocol error: a close frame may not carry the code 1005"
)]
fn a_close_that_no_step_expects_fails_the_step_that_opened_the_connection(
    #[case] mode: &str,
    #[case] steps: &str,
    #[case] got: &str,
) {
    let (exit, report) = outcome_of(&format!("{WHY}{steps}"), mode, &[]);
    let step = &report["cells"][0]["steps"][0];
    assert_eq!((exit, &step["id"], &step["verdict"]), (1, &"client".into(), &"fail".into()), "{step:#}");
    assert_eq!(step["mismatch"]["at"], "afterwards");
    assert!(step["mismatch"]["got"].as_str().unwrap().contains(got), "{step:#}");
}

#[test]
fn a_close_that_the_scenario_allows_is_no_failure() {
    let steps = "steps: [connect: {as: client, may_close: it changes its mind}]\n";
    let (exit, _) = outcome_of(&format!("{WHY}{steps}"), "close-after-hello", &[]);
    assert_eq!(exit, 0);
}

#[rstest]
#[case("1002", 0, "pass")]
#[case("1005", 1, "fail")]
#[case("0", 1, "fail")]
#[case("5000", 1, "fail")]
fn a_close_of_ours_is_never_the_gateways_1002(#[case] code: &str, #[case] exit: i32, #[case] verdict: &str) {
    let steps = "steps:
  - connect: {as: client}
  - call: {on: client, method: close.all}
  - wait: {on: client, expect: {closed: 1002}}
";
    let (got, report) = outcome_of(&format!("{WHY}{steps}"), &format!("close-all --code {code}"), &[]);
    assert_eq!((got, &report["cells"][0]["verdict"]), (exit, &Value::from(verdict)), "{report:#}");
}

#[rstest]
#[case::restart_of_a_gateway_that_ignores_sigterm("stubborn", "restart: {within: 1s}", 1, "fail")]
#[case::shared_restart_of_one("stubborn", "restart: {}", 1, "fail")]
#[case::stop("stubborn", "stop: {within: 1s}", 1, "fail")]
#[case::listed_as_hanging("stubborn", "stop: {within: 1s, expect: silence}", 0, "pass")]
#[case::ends_in_order("answer", "stop: {expect: {exit: 0}}", 0, "pass")]
#[case::ends_with_another_code("bad-exit", "stop: {expect: {exit: 0}}", 1, "fail")]
#[case::a_crash_on_purpose(
    "answer",
    "restart: {signal: SIGKILL, expect: {exit: none, signal: SIGKILL}}",
    0,
    "pass"
)]
fn a_kill_by_us_is_never_a_good_stop(
    #[case] mode: &str,
    #[case] step: &str,
    #[case] exit: i32,
    #[case] verdict: &str,
) {
    let scenario =
        format!("{WHY}steps:\n  - connect: {{as: before}}\n  - {step}\n  - connect: {{as: after}}\n");
    let (got, report) = outcome_of(&scenario, mode, &[]);
    assert_eq!((got, &report["cells"][0]["verdict"]), (exit, &Value::from(verdict)), "{report:#}");
}

#[test]
fn the_start_window_can_be_looked_at() {
    let scenario = format!(
        "{WHY}steps:
  - restart: {{ready: false}}
  - connect: {{as: early, expect: {{closed: 1013, error: UNAVAILABLE}}}}
  - wait: 2s
  - connect: {{as: late}}
"
    );
    let (exit, report) = outcome_of(&scenario, "late-port", &[]);
    assert_eq!(exit, 0, "{report:#}");
}

#[test]
fn a_gateway_that_starts_another_process_in_its_place_goes_on() {
    let scenario = format!(
        "{WHY}alone: true
steps:
  - connect: {{as: before, may_close: the gateway starts anew}}
  - call: {{on: before, method: respawn, expect: {{any_of: [ok, closed]}}}}
  - wait: 500ms
  - connect: {{as: after}}
"
    );
    let (exit, report) = outcome_of(&scenario, "respawn", &[]);
    assert_eq!((exit, &report["run"]["leaks"]), (0, &Value::Array(Vec::new())), "{report:#}");
}

/// One scenario makes the gateway restart under two others; only it is to blame.
#[test]
fn a_restart_under_its_neighbours_fails_the_scenario_that_caused_it() {
    let bench = Bench::new();
    bench.write(
        "scenarios/hello.yaml",
        &format!("{WHY}steps: [connect: {{as: a}}, wait: 600ms, call: {{on: a, method: status}}]\n"),
    );
    bench.write(
        "scenarios/other.yaml",
        &format!("{WHY}steps: [connect: {{as: a}}, wait: 500ms, call: {{on: a, method: status}}]\n"),
    );
    bench.write(
        "scenarios/culprit.yaml",
        &format!(
            "{WHY}steps:
  - connect: {{as: a, may_close: it does}}
  - call: {{on: a, method: config.patch, expect: {{error: FORBIDDEN}}}}
"
        ),
    );
    bench.run("restart-inside").assert().code(1);
    let report = bench.report();
    let verdict = |id: &str| {
        let cells = report["cells"].as_array().unwrap();
        cells.iter().find(|cell| cell["scenario"] == id).unwrap()["verdict"].clone()
    };
    assert_eq!(
        [verdict("hello"), verdict("other"), verdict("culprit")],
        ["pass", "pass", "fail"],
        "{report:#}"
    );
    let retried =
        |cell: &Value| cell["retried"].as_str().is_some_and(|text| text.contains("restarted by itself"));
    assert!(report["cells"].as_array().unwrap().iter().any(retried), "{report:#}");
}

#[test]
fn a_restart_in_a_second_try_waits_for_nobody() {
    let bench = Bench::new();
    bench.write("scenarios/other.yaml", &format!("{WHY}steps: [restart: {{}}, connect: {{as: a}}]\n"));
    bench.run("no-answer").timeout(Duration::from_mins(2)).assert().code(1);
    let report = bench.report();
    let cells = report["cells"].as_array().unwrap();
    assert!(cells.iter().all(|cell| cell["verdict"] == "fail" && cell["retried"].is_string()), "{report:#}");
}

#[test]
fn a_gateway_that_was_starved_at_its_start_is_started_again_alone() {
    let bench = Bench::new();
    let gateway = format!("{} --outside '{}'", fake("starved-once"), bench.path("").display());
    bench.gatecrash(&["run", "--gateway", &gateway, "--report", "json=run.json"]).assert().code(0);
    let report = bench.report();
    assert_eq!(report["cells"][0]["verdict"], "pass");
    assert!(report["gateways"][0]["error"].as_str().unwrap().contains("died at boot"), "{report:#}");
}

#[test]
fn a_time_out_is_tried_again_alone_and_told_as_ours() {
    let (exit, report) = outcome_of(HELLO, "no-answer", &[]);
    let cell = &report["cells"][0];
    assert_eq!((exit, &cell["verdict"]), (1, &Value::from("fail")), "{cell:#}");
    assert!(cell["retried"].as_str().unwrap().contains("own time limit"), "{cell:#}");
    assert!(
        cell["steps"][0]["mismatch"]["got"].as_str().unwrap().contains("gatecrash's own limit"),
        "{cell:#}"
    );
}

#[rstest]
#[case::interrupt("-INT")]
#[case::terminate("-TERM")]
#[case::hang_up("-HUP")]
fn an_interrupted_run_tells_in_which_step_a_cell_was(#[case] signal: &str) {
    let bench = Bench::new();
    bench.write("scenarios/hello.yaml", &format!("{WHY}steps: [connect: {{as: a}}, wait: 60s]\n"));
    let mut child = bench.started(&["--all", "--report", "json=run.json"]);
    std::thread::sleep(Duration::from_secs(4));
    std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report = bench.report();
    let reason = report["cells"][0]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("step `wait`") && reason.contains("interrupted"), "{report:#}");
}

#[test]
fn a_low_limit_of_open_files_makes_a_run_slower_and_not_wrong() {
    let gatecrash = env!("CARGO_BIN_EXE_gatecrash");
    let cache = tempfile::tempdir().unwrap();
    let command =
        format!("ulimit -n 256; exec {gatecrash} run 'roles/**' 'pairing/**' --gateway embedded:2026.9.6");
    Command::new("sh")
        .args(["-c", &command])
        .env("GATECRASH_CACHE_DIR", cache.path())
        .assert()
        .code(0)
        .stderr(contains("only 256 files may be open"));
}

const CONNECTS: &str = "title: T
why: W.
devices: {laptop: {}}
steps:
  - connect: {as: client, device: laptop}
  - call: {on: client, id: first, method: health}
  - connect: {as: other, device: laptop}
  - call: {on: other, id: second, method: health}
finally:
  - disconnect: {on: client}
";

/// What happened to each repetition of a scenario under chaos: its verdict and its reason.
fn under_chaos(bench: &Bench, seed: &str) -> Vec<(String, String)> {
    let options = ["run", "connects", "--gateway", "embedded:2026.3.31", "--seed", "1", "--repeat", "60"];
    let chaos = ["--chaos", seed, "--at-once", "1", "--report", "events=run.events"];
    bench.gatecrash(&options).args(chaos).assert().code(4).stdout(contains(format!("--chaos {seed}")));
    let events = fs::read_to_string(bench.path("run.events")).unwrap();
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap_or_default().to_owned();
    let mut cells: Vec<(u64, String, String)> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["event"] == "cell-finished")
        .map(|cell| (cell["attempt"].as_u64().unwrap(), text(&cell, "verdict"), text(&cell, "reason")))
        .collect();
    cells.sort();
    cells.into_iter().map(|(_, verdict, reason)| (verdict, reason)).collect()
}

#[test]
fn under_chaos_a_verdict_is_right_or_an_error_that_names_the_fault() {
    let bench = Bench::new();
    bench.write("scenarios/connects.yaml", CONNECTS);
    let cells = under_chaos(&bench, "5");
    let (errors, passes): (Vec<_>, Vec<_>) = cells.iter().partition(|(verdict, _)| verdict == "error");
    assert!(errors.len() >= 2 && passes.len() >= 20, "{cells:?}");
    assert!(passes.iter().all(|(verdict, _)| verdict == "pass"), "{passes:?}");
    for (_, reason) in errors {
        let names = reason.contains("is not judged: the injected fault of the connection `")
            && (reason.contains("reset after ") || reason.contains("half-open after "))
            && reason.ends_with("(--chaos 5)");
        assert!(names, "{reason}");
    }
    assert_eq!(under_chaos(&bench, "5"), cells, "the seed decides");
    assert_ne!(under_chaos(&bench, "6"), cells);
}

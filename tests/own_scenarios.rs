//! User scenarios in any location: they are found by path, id or glob, their ids keep the section, and they can be used
//! together with the built-in suite. A selection that matches nothing is reported and is not a success.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::{contains, ends_with};
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

const GOOD: &str = "title: A device connects\nwhy: It may.\ntags: [own]\nsteps: [{connect: {as: a}}]\n";
const BROKEN: &str = "title: T\nwhy: W\ntags: [own]\nsteps: [{connect: {as: a, persna: cli}}]\n";

struct Bench(TempDir);

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let bench = Self(TempDir::new().unwrap());
        for (path, text) in files {
            bench.write(path, text);
        }
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn gatecrash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        let here = self.path("");
        let arguments = arguments.iter().map(|one| one.replace("{here}", &here.display().to_string()));
        command
            .current_dir(&here)
            .env("TMPDIR", &here)
            .env("GATECRASH_CACHE_DIR", self.path("cache"))
            .env("GATECRASH_OFFLINE", "1")
            .env_remove("GATECRASH_GATEWAY")
            .args(arguments);
        command
    }

    /// The ids that these arguments select.
    fn ids(&self, arguments: &[&str]) -> Vec<String> {
        let output =
            self.gatecrash(&["list", "--format", "json"]).args(self.filled(arguments)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    fn filled(&self, arguments: &[&str]) -> Vec<String> {
        let here = self.path("");
        let here = here.display().to_string();
        arguments.iter().map(|one| one.replace("{here}/", &here)).collect()
    }
}

#[rstest]
#[case::relative("suite/broken.yaml")]
#[case::absolute("{here}/suite/broken.yaml")]
#[case::with_detours("./suite/../suite/./broken.yaml")]
#[case::through_its_folder("suite")]
#[case::through_an_absolute_folder("{here}/suite")]
#[case::through_a_folder_above("{here}/")]
#[case::through_a_link("link.yaml")]
#[case::through_a_linked_folder("linked/broken.yaml")]
#[case::in_a_folder_called_scenarios("more/scenarios/pairing/broken.yaml")]
fn errors_in_a_file_are_reported_however_it_is_named(#[case] name: &str) {
    let bench = Bench::new(&[
        ("suite/broken.yaml", BROKEN),
        ("suite/good.yaml", GOOD),
        ("more/scenarios/pairing/broken.yaml", BROKEN),
    ]);
    std::os::unix::fs::symlink(bench.path("suite/broken.yaml"), bench.path("link.yaml")).unwrap();
    std::os::unix::fs::symlink(bench.path("suite"), bench.path("linked")).unwrap();
    let name = &bench.filled(&[name])[0];
    bench.gatecrash(&["check", name]).assert().code(2).stdout(contains("unknown key `persna`"));
    for command in ["list", "run"] {
        let message = contains("unknown key `persna`");
        bench.gatecrash(&[command, name]).assert().code(2).stderr(message);
    }
}

/// A valid file that uses an invalid one yields no scenario, which is an error as well.
#[test]
fn errors_in_a_used_file_are_reported() {
    let uses = "title: T\nwhy: W\nuse: [broken]\nsteps: [{call: {on: a, method: status}}]\n";
    let bench = Bench::new(&[("suite/broken.yaml", BROKEN), ("suite/uses.yaml", uses)]);
    bench.gatecrash(&["check", "suite/uses.yaml"]).assert().code(2).stdout(contains("unknown key `persna`"));
}

#[rstest]
#[case::no_file(&["nowhere.yaml"], 2, "there is no file or folder `nowhere.yaml`")]
#[case::almost_a_file(&["suite/godo.yaml"], 2, "did you mean `suite/good.yaml`?")]
#[case::no_folder(&["./nowhere"], 2, "there is no file or folder `./nowhere`")]
#[case::absolute(&["/nowhere/at/all"], 2, "there is no file or folder `/nowhere/at/all`")]
#[case::no_scenario_file(&["notes.txt"], 2, "`notes.txt` is not a scenario file")]
#[case::no_id(&["roles/nothing-like-this-at-all"], 2, "no scenario is called")]
#[case::no_built_in_id(&["builtin:roles/nothing"], 2, "no scenario is called `builtin:roles/nothing`")]
#[case::no_root(&["--folder", "nowhere"], 2, "the folder nowhere does not exist")]
#[case::empty_folder(&["empty"], 3, "there is no scenario file below empty")]
#[case::empty_root(&["--folder", "empty"], 3, "there is no scenario file below empty")]
#[case::glob(&["zzz*"], 3, "no scenario matches `zzz*`")]
#[case::one_of_two_globs(&["*", "zzz*"], 3, "no scenario matches `zzz*`")]
#[case::built_in_glob(&["builtin:zzz*"], 3, "no scenario matches `builtin:zzz*`")]
fn every_command_reports_names_that_match_nothing(
    #[case] names: &[&str],
    #[case] exit: i32,
    #[case] message: &str,
    #[values(
        &["check"], &["list"], &["run"], &["matrix", "--gateways", "embedded:2026.3.31,embedded:2026.4.2"],
        &["diff", "embedded:2026.3.31", "embedded:2026.4.2"], &["mutants"]
    )]
    command: &[&str],
) {
    let bench = Bench::new(&[("suite/good.yaml", GOOD), ("notes.txt", "no scenario")]);
    fs::create_dir(bench.path("empty")).unwrap();
    bench.gatecrash(&[command, names].concat()).assert().code(exit).stderr(contains(message));
}

#[rstest]
#[case::unknown(&["--tag", "roels"], "did you mean `roles`?")]
#[case::one_of_two(&["--tag", "roles", "--tag", "no-such-tag"], "no scenario has the tag `no-such-tag`")]
#[case::not_of_these(&["tokens/rotated-token", "--tag", "roles"], "none of 1 scenario has the tag `roles`")]
fn a_tag_that_matches_nothing_is_reported(
    #[case] arguments: &[&str],
    #[case] message: &str,
    #[values("list", "run", "mutants")] command: &str,
) {
    let bench = Bench::new(&[]);
    bench.gatecrash(&[&[command], arguments].concat()).assert().code(3).stderr(contains(message));
}

#[test]
fn commands_on_stored_runs_report_an_empty_selection() {
    let bench = Bench::new(&[("scenarios/a/one.yaml", GOOD), ("scenarios/b/two.yaml", GOOD)]);
    for (id, file) in [("a/one", "one.events"), ("b/two", "two.events")] {
        let report = format!("events={file}");
        bench.gatecrash(&["run", id, "--gateway", "embedded", "--report", &report]).assert().code(0);
    }
    bench
        .gatecrash(&["compare", "one.events", "two.events"])
        .assert()
        .code(3)
        .stdout(contains("NOTHING IN COMMON").and(contains("only in the first run (1 cell)")));
    bench.gatecrash(&["compare", "one.events", "one.events"]).assert().code(0).stdout(contains("ALIKE"));
    bench
        .gatecrash(&["expect", "update", "b/two", "--from", "one.events"])
        .assert()
        .code(3)
        .stderr(contains("contain none of these scenarios"));
    bench.gatecrash(&["releases", "verify"]).assert().code(3).stderr(contains("no release is installed"));
}

#[rstest]
#[case::found(&[], &["pairing/one", "two"])]
#[case::by_id(&["pairing/one"], &["pairing/one"])]
#[case::by_section(&["pairing"], &["pairing/one"])]
#[case::by_file(&["scenarios/pairing/one.yaml"], &["pairing/one"])]
#[case::by_absolute_file(&["{here}/scenarios/pairing/one.yaml"], &["pairing/one"])]
#[case::by_folder(&["scenarios/pairing"], &["pairing/one"])]
#[case::by_glob_of_paths(&["scenarios/pairing/*"], &["pairing/one"])]
#[case::elsewhere(&["elsewhere"], &["roles/three"])]
#[case::elsewhere_by_file(&["elsewhere/roles/three.yaml"], &["three"])]
#[case::elsewhere_with_a_root(&["elsewhere/roles/three.yaml", "--folder", "elsewhere"], &["roles/three"])]
#[case::id_below_a_root(&["roles/three", "--folder", "{here}/elsewhere"], &["roles/three"])]
#[case::all_below_a_root(&["--folder", "elsewhere"], &["roles/three"])]
#[case::in_another_folder_called_scenarios(&["{here}/other/scenarios/auth/four.yaml"], &["auth/four"])]
#[case::below_a_schema(&["marked/auth/five.yaml"], &["auth/five"])]
#[case::several_suites(&["two", "elsewhere", "marked"], &["two", "roles/three", "auth/five"])]
#[case::beside_the_built_in_one(
    &["two", "builtin:roles/legacy-empty-token-map/operator"],
    &["two", "builtin:roles/legacy-empty-token-map/operator"]
)]
fn ids_keep_their_section_however_files_are_named(#[case] names: &[&str], #[case] ids: &[&str]) {
    let bench = Bench::new(&[
        ("scenarios/pairing/one.yaml", GOOD),
        ("scenarios/two.yaml", GOOD),
        ("elsewhere/roles/three.yaml", GOOD),
        ("other/scenarios/auth/four.yaml", GOOD),
        ("marked/auth/five.yaml", GOOD),
        ("marked/scenario.schema.json", "{}"),
    ]);
    assert_eq!(bench.ids(names), ids);
    let arguments = bench.filled(names);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let on = ["--gateway", "embedded:2026.4.2"];
    bench.gatecrash(&[&["run"], &arguments[..], &on[..]].concat()).assert().code(0);
    let diff = ["diff", "embedded:2026.4.1", "embedded:2026.4.2"];
    bench
        .gatecrash(&[&diff, &arguments[..]].concat())
        .assert()
        .stdout(contains(format!("{} alike", ids.len())).or(contains("DIFFERENT")));
    let matrix = ["matrix", "--gateways", "embedded:2026.4.1,embedded:2026.4.2"];
    bench.gatecrash(&[&matrix, &arguments[..]].concat()).assert().code(0);
    bench
        .gatecrash(&[&["check"], &arguments[..]].concat())
        .assert()
        .code(0)
        .stdout(ends_with("nothing wrong\n"));
}

#[test]
fn a_scenarios_folder_without_scenarios_does_not_hide_the_built_in_suite() {
    let bench = Bench::new(&[("scenarios/load-test.yaml", "phases:\n  - duration: 60\n")]);
    let built_in = bench.ids(&["builtin:*"]);
    assert!(built_in.len() > 400, "{}", built_in.len());
    assert_eq!(bench.ids(&["*"]), built_in);
    bench
        .gatecrash(&["list", "roles/legacy-empty-token-map"])
        .assert()
        .code(0)
        .stderr(contains("contains no scenario, so the built-in suite is used"));
    // A folder that contains a scenario counts as a suite, even if the scenario is invalid.
    bench.write("scenarios/broken.yaml", BROKEN);
    bench
        .gatecrash(&["run", "--gateway", "embedded"])
        .assert()
        .code(2)
        .stderr(contains("unknown key `persna`"));
    bench
        .gatecrash(&["list", "roles/legacy-empty-token-map"])
        .assert()
        .code(2)
        .stderr(contains("did you mean `builtin:roles/legacy-empty-token-map`, of the built-in suite?"));
    assert_eq!(bench.ids(&["builtin:*"]).len(), built_in.len());
}

#[test]
fn user_scenarios_may_use_built_in_ones() {
    let uses =
        "title: T\nwhy: W\nuse: [\"builtin:roles/legacy-empty-token-map/operator\"]\nsteps: [{wait: 1ms}]\n";
    let bench = Bench::new(&[("suite/uses.yaml", uses)]);
    bench.gatecrash(&["check", "suite"]).assert().code(0).stdout("1 scenario, nothing wrong\n");
    bench.gatecrash(&["run", "suite", "--gateway", "embedded:2026.4.2"]).assert().code(0);
}

#[test]
fn an_ambiguous_name_is_rejected() {
    let bench = Bench::new(&[("roles/own.yaml", GOOD), ("scenarios/roles/other.yaml", GOOD)]);
    bench
        .gatecrash(&["list", "roles"])
        .assert()
        .code(2)
        .stderr(contains("write `./roles` for the folder, or `scenarios/roles` for the section"));
    assert_eq!(bench.ids(&["./roles"]), ["own"]);
    assert_eq!(bench.ids(&["scenarios/roles"]), ["roles/other"]);
    bench.write("scenarios/own.yaml", GOOD);
    let message = contains("two scenarios are called `own`");
    bench.gatecrash(&["list", "./roles", "own"]).assert().code(2).stderr(message);
}

#[test]
fn bisect_accepts_a_scenario_file() {
    let bench = Bench::new(&[("suite/one.yaml", GOOD)]);
    // Without releases the search ends immediately, but the scenario has been found by then.
    bench
        .gatecrash(&["bisect", "{here}/suite/one.yaml", "--good", "2026.3.28", "--bad", "2026.3.31"])
        .assert()
        .code(2)
        .stderr(contains("there is no stable release 2026.3.28 to test"));
    bench
        .gatecrash(&["bisect", "suite/two.yaml", "--good", "2026.3.28", "--bad", "2026.3.31"])
        .assert()
        .code(2)
        .stderr(contains("there is no file or folder `suite/two.yaml`"));
}

#[test]
fn rows_of_upgrade_scenarios_can_be_selected_by_id() {
    let bench = Bench::new(&[]);
    let ids = bench.ids(&["upgrade/operator-and-node/from-3-8"]);
    assert_eq!(ids, ["upgrade/operator-and-node/from-3-8"]);
    bench.gatecrash(&["list", "upgrade/operator-and-node/from-nowhere"]).assert().code(2);
    let from = ["--upgrade-from", "2026.3.8", "--to", "embedded:2026.4.2"];
    bench
        .gatecrash(&[&["matrix", "roles/legacy-empty-token-map"][..], &from].concat())
        .assert()
        .code(3)
        .stderr(contains("none of these scenarios starts on another release"));
}

#[rstest]
#[case::of_the_folder(&[], "scenarios")]
#[case::named(&["--folder", "my suite"], "my suite")]
#[case::absolute(&["--folder", "{here}/deep/suite"], "deep/suite")]
fn a_new_scenario_refers_to_a_schema_that_exists(#[case] folder: &[&str], #[case] root: &str) {
    let bench = Bench::new(&[]);
    let folder = bench.filled(folder);
    let arguments = ["new", "scenario", "pairing/deep/first"];
    let output = bench.gatecrash(&arguments).args(&folder).assert().code(0).get_output().stdout.clone();
    let file = bench.path(root).join("pairing/deep/first.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let schema = text.lines().next().unwrap().split_once("$schema=").unwrap().1;
    let schema = file.parent().unwrap().join(schema);
    assert_eq!(fs::read_to_string(schema).unwrap(), gatecrash::scenario::schema_text());
    // The suggested command runs it.
    let message = String::from_utf8(output).unwrap();
    let next = message.lines().last().unwrap().split_once("then gatecrash ").unwrap().1;
    let next = next.replace("--gateway 2026.3.31", "--gateway embedded:2026.3.31");
    let bin = Path::new(env!("CARGO_BIN_EXE_gatecrash"));
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("'{}' {next}", bin.display())])
        .current_dir(bench.path(""))
        .env("TMPDIR", bench.path(""))
        .env("GATECRASH_CACHE_DIR", bench.path("cache"))
        .status()
        .unwrap();
    assert!(status.success(), "{next}");
    bench.gatecrash(&arguments).args(&folder).assert().code(2).stderr(contains("exists already"));
}

#[test]
fn a_list_says_what_would_run_and_runs_nothing() {
    let bench = Bench::new(&[
        ("scenarios/one.yaml", GOOD),
        ("scenarios/two.yaml", GOOD),
        ("scenarios/old.yaml", &GOOD.replacen("steps:", "requires: {releases: \"<2026.3.1\"}\nsteps:", 1)),
    ]);
    bench.gatecrash(&["run", "--list", "--gateway", "embedded:2026.4.2"]).assert().code(0).stdout(
        "one\ntwo\n2 scenarios on embedded:2026.4.2, at most 1 boot, 1 more are not for this release\n",
    );
    bench.gatecrash(&["runs", "list"]).assert().stdout(contains("one").not());
}

#[test]
fn shards_of_a_run_are_its_scenarios_and_can_be_merged() {
    let bench = Bench::new(&[("scenarios/one.yaml", GOOD), ("scenarios/two.yaml", GOOD)]);
    for part in ["1", "2"] {
        let (shard, report) = (format!("{part}/2"), format!("events={part}.events"));
        let arguments =
            ["run", "--gateway", "embedded", "--seed", "1", "--shard", &shard, "--report", &report];
        bench.gatecrash(&arguments).assert().code(0).stdout(contains("1 pass"));
    }
    bench.gatecrash(&["merge", "1.events", "2.events"]).assert().code(0).stdout(contains("2 pass"));
    bench.gatecrash(&["run", "--gateway", "embedded", "--shard", "3/3"]).assert().code(3);
}

#[test]
fn a_quiet_run_prints_only_its_result() {
    let bench = Bench::new(&[("scenarios/one.yaml", GOOD), ("scenarios/two.yaml", GOOD)]);
    let run = |option: &[&str]| {
        let output = bench.gatecrash(&[&["run"], option].concat()).env("COLUMNS", "300").output().unwrap();
        let lines = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().lines().count();
        (lines(output.stdout), lines(output.stderr))
    };
    assert_eq!(run(&["--quiet"]), (1, 0));
    bench
        .gatecrash(&["run", "--verdict"])
        .assert()
        .code(0)
        .stdout("ship: 2 cells as expected or as listed\n");
    let (usual, all) = (run(&[]), run(&["--all"]));
    assert!(usual.1 < all.1, "{usual:?} {all:?}");
}

#[test]
fn news_of_a_run_are_what_changed_in_its_releases() {
    let bench = Bench::new(&[]);
    let run = |gateways: &str| {
        let events = ["--report", "events=run.events", "--gateways", gateways];
        bench
            .gatecrash(&[&["matrix", "roles/legacy-empty-token-map"][..], &events].concat())
            .assert()
            .code(0);
        bench.gatecrash(&["news", "--run", "run.events"])
    };
    run("embedded:2026.3.28,embedded:2026.3.31")
        .assert()
        .code(1)
        .stdout(contains("(2 broke, 0 changed, 0 mended)"));
    run("embedded:2026.3.31,embedded:2026.4.2").assert().code(0).stdout(contains("2 mended)"));
    run("embedded:2026.4.1,embedded:2026.3.31").assert().code(0).stdout(contains("behaves as"));
}

#[test]
fn there_is_no_news_without_a_newer_release() {
    let bench = Bench::new(&[]);
    bench.gatecrash(&["news", "--offline"]).assert().code(4);
    let list = r#"{"format": {"major": 1, "minor": 0}, "fetched": "2026-11-01T00:00:00Z", "releases": [{"release": "2026.3.28", "published": null}]}"#;
    bench.write("cache/available.json", list);
    bench
        .gatecrash(&["news", "--offline", "--since", "2026.3.31"])
        .assert()
        .code(0)
        .stdout("no release is newer than 2026.3.31\n");
}

const WITH_VARS: &str = "title: t\nwhy: w\nvars: {role: operator, count: 2}\nsteps: [{connect: {as: a, role: \"${var.role}\"}}, \
                         {call: {on: a, method: health, within: \"${var.count}s\"}}]\n";
const WITHOUT_DEFAULT: &str =
    "title: t\nwhy: w\nvars: {who: null}\nsteps: [{connect: {as: \"${var.who}\"}}]\n";

#[rstest]
#[case::unknown(&["run", "mine/v", "--var", "rol=x"], "no selected scenario has a variable `rol`", "did you mean `role`?")]
#[case::of_a_listing(&["run", "mine/v", "--list", "--var", "rol=x"], "no selected scenario has", "did you mean `role`?")]
#[case::of_a_check(&["check", "mine/v", "--var", "rol=x"], "no selected scenario has", "did you mean `role`?")]
#[case::of_a_bisect(
    &["bisect", "mine/v", "--good", "2026.3.28", "--bad", "2026.3.31", "--var", "rol=x"],
    "no selected scenario has a variable `rol`", "did you mean `role`?"
)]
#[case::wrong_type(&["run", "mine/v", "--var", "count=x"], "`--var count=x` does not fit", "give a number")]
#[case::missing(&["run", "mine/n"], "the variable `who` has no value", "--var who=VALUE")]
#[case::no_assignment(&["run", "mine/v", "--var", "role"], "invalid value 'role'", "NAME=VALUE")]
fn mistakes_with_variables_are_told(#[case] arguments: &[&str], #[case] told: &str, #[case] hint: &str) {
    let bench =
        Bench::new(&[("scenarios/mine/v.yaml", WITH_VARS), ("scenarios/mine/n.yaml", WITHOUT_DEFAULT)]);
    let text = contains(told).and(contains(hint));
    bench.gatecrash(arguments).assert().code(2).stderr(text);
}

#[test]
fn a_variable_from_the_command_line_reaches_the_gateway_and_the_line_that_reproduces() {
    let bench =
        Bench::new(&[("scenarios/mine/v.yaml", WITH_VARS), ("scenarios/mine/n.yaml", WITHOUT_DEFAULT)]);
    let run = ["run", "--gateway", "embedded", "--var", "who=me", "--var", "role=no such", "--seed", "1"];
    let assert = bench.gatecrash(&run).arg("--report").arg("json=report.json").assert().code(1);
    let out = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let line = "gatecrash run mine/v --gateway embedded --var 'role=no such' --seed 1";
    assert!(out.contains(line), "{out}");
    let report: Value =
        serde_json::from_str(&fs::read_to_string(bench.path("report.json")).unwrap()).unwrap();
    assert_eq!(report["run"]["rerun"]["vars_of"], json!({"mine/n": ["who"], "mine/v": ["role"]}));
    bench.gatecrash(&["run", "mine/n", "--gateway", "embedded", "--var", "who=me"]).assert().success();
    bench.gatecrash(&["check", "--var", "who=me"]).assert().success();
}

//! The commands `check`, `schema` and `list`.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use serde_json::Value;

use super::scenario;

/// gatecrash in a temporary folder with these scenario files.
fn gatecrash(files: &[(&str, &str)]) -> (tempfile::TempDir, Command) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatecrash"));
    command.current_dir(folder.path()).env("GATECRASH_CACHE_DIR", folder.path().join("cache"));
    (folder, command)
}

fn good() -> String {
    scenario("issue: openclaw#7\ntags: [auth]\nsteps: [{connect: {as: a}}]")
}

fn wrong() -> String {
    scenario("steps: [{connect: {as: a, persna: cli}}]")
}

#[test]
fn check_succeeds_on_valid_scenarios() {
    let (_folder, mut command) = gatecrash(&[("scenarios/a/good.yaml", &good())]);
    command.arg("check").assert().success().stdout("1 scenario, nothing wrong\n");
}

#[test]
fn check_reports_all_errors_and_exits_with_2() {
    let (_folder, mut command) = gatecrash(&[("scenarios/a.yaml", &good()), ("scenarios/b.yaml", &wrong())]);
    let found = predicate::str::contains("error[unknown-key]")
        .and(predicate::str::contains("--> scenarios/b.yaml:3:27"))
        .and(predicate::str::contains("did you mean `persona`?"))
        .and(predicate::str::ends_with("1 scenario, 1 error, 0 warnings\n"));
    command.arg("check").assert().code(2).stdout(found);
}

#[test]
fn check_only_considers_the_named_files() {
    let files = [("scenarios/a.yaml", good()), ("scenarios/b.yaml", wrong())];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let (_folder, mut command) = gatecrash(&files);
    command.args(["check", "scenarios/a.yaml"]).assert().success();
}

#[test]
fn check_reports_errors_as_json() {
    let (_folder, mut command) = gatecrash(&[("scenarios/b.yaml", &wrong())]);
    let output = command.args(["check", "--format", "json"]).assert().code(2).get_output().stdout.clone();
    let message: Value = serde_json::from_slice(&output).unwrap();
    let first = &message["diagnostics"][0];
    assert_eq!(first["code"], "unknown-key");
    assert_eq!(first["place"]["line"], 3);
    assert_eq!(first["place"]["column"], 27);
    assert_eq!(message["summary"]["errors"], 1);
}

#[test]
fn strict_turns_warnings_into_errors() {
    let text = scenario(
        "steps: [{connect: {as: a}}]\n\
         deviations: [{releases: \"2026.3.2\", class: unreviewed, steps: {a: {closed: 1008}}}]",
    );
    let (_folder, mut lenient) = gatecrash(&[("scenarios/a.yaml", &text)]);
    lenient.arg("check").assert().success().stdout(predicate::str::contains("warning[unreviewed]"));
    let (_folder, mut strict) = gatecrash(&[("scenarios/a.yaml", &text)]);
    strict.args(["check", "--strict"]).assert().code(2).stdout(predicate::str::contains("error[unreviewed]"));
}

#[test]
fn schema_prints_the_stored_schema() {
    let (_folder, mut command) = gatecrash(&[]);
    command.arg("schema").assert().success().stdout(gatecrash::scenario::schema_text());
}

#[test]
fn list_prints_ids_titles_tags_and_issues() {
    let (_folder, mut command) = gatecrash(&[("scenarios/a/good.yaml", &good())]);
    command.arg("list").assert().success().stdout("a/good  A sentence (openclaw#7) [auth]\n");
}

#[test]
fn an_unknown_scenario_gets_a_suggestion() {
    let (_folder, mut command) = gatecrash(&[("scenarios/pairing/good.yaml", &good())]);
    let message = predicate::str::contains("no scenario is called `pairing/god`")
        .and(predicate::str::contains("did you mean `pairing/good`?"));
    command.args(["list", "pairing/god"]).assert().code(2).stderr(message);
}

#[test]
fn list_reports_errors_in_the_scenarios_that_were_named() {
    let uses = scenario("use: [b]\nsteps: [{call: {on: a, method: status}}]");
    let files = [("scenarios/b.yaml", wrong()), ("scenarios/c.yaml", uses), ("scenarios/d.yaml", good())];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    for name in ["b", "c", "scenarios/b.yaml"] {
        let (_folder, mut command) = gatecrash(&files);
        command
            .args(["list", name])
            .assert()
            .code(2)
            .stderr(predicate::str::contains("unknown key `persna`"));
    }
    let (_folder, mut command) = gatecrash(&files);
    command.args(["list", "d"]).assert().success();
}

#[test]
fn strict_requires_an_explanation_for_a_vague_refusal() {
    let text = scenario("steps: [{connect: {as: a, expect: {closed: 1008}}}]");
    let (_folder, mut lenient) = gatecrash(&[("scenarios/a.yaml", &text)]);
    lenient.arg("check").assert().success().stdout(predicate::str::contains("warning[vague]"));
    let (_folder, mut strict) = gatecrash(&[("scenarios/a.yaml", &text)]);
    strict.args(["check", "--strict"]).assert().code(2).stdout(predicate::str::contains("error[vague]"));
    let reasoned = format!("{text}vague: {{a: Any refusal keeps it out.}}\n");
    let (_folder, mut strict) = gatecrash(&[("scenarios/a.yaml", &reasoned)]);
    strict.args(["check", "--strict"]).assert().success();
}

#[test]
fn the_built_in_suite_has_no_warnings() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatecrash"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["check", "--strict"]).assert().success();
}

#[test]
fn fmt_formats_files_once_and_names_those_that_are_not() {
    let text = "steps: [ {connect: {as: a}} ]\n# what\ntitle: t\nwhy:   w\n";
    let (folder, mut check) = gatecrash(&[("scenarios/a.yaml", text), ("scenarios/b.yaml", "title: [\n")]);
    check.args(["fmt", "scenarios/a.yaml", "--check"]).assert().code(1).stdout(
        predicate::str::contains("not formatted: scenarios/a.yaml")
            .and(predicate::str::contains("1 file, 1 not")),
    );
    let again = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatecrash"));
        command.current_dir(folder.path()).args(args);
        command.assert()
    };
    // A file that is not YAML does not keep the others from being formatted.
    again(&["fmt"]).code(2).stderr(predicate::str::contains("scenarios/b.yaml:"));
    let formatted = fs::read_to_string(folder.path().join("scenarios/a.yaml")).unwrap();
    assert_eq!(formatted, "# what\ntitle: t\nwhy: w\n\nsteps: [{connect: {as: a}}]\n");
    again(&["fmt", "scenarios/a.yaml", "--check"]).success().stdout("1 file, 0 not formatted\n");
    again(&["fmt", "builtin:roles/*"]).code(3);
}

#[test]
fn a_file_for_a_newer_gatecrash_says_so() {
    let text = "title: t\nwhy: w\nrequires: {gatecrash: \">=99\"}\nsteps: [{beam: up}]\n";
    let (_folder, mut command) = gatecrash(&[("scenarios/a.yaml", text)]);
    let said = predicate::str::contains("error[newer-gatecrash]: this file needs gatecrash 99.0.0 or newer")
        .and(predicate::str::contains("beam: up").not());
    command.arg("run").assert().code(2).stderr(said);
}

#[test]
fn the_suite_is_formatted() {
    let place = tempfile::tempdir().unwrap();
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    Command::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(place.path())
        .env("GATECRASH_CACHE_DIR", place.path())
        .args(["fmt", "--check", "--folder"])
        .arg(suite)
        .assert()
        .success()
        .stdout(predicate::str::contains(", 0 not formatted"));
}

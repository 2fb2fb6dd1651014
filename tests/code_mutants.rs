//! `gatecrash mutants --gateway` on a small package whose gateway is scripted, run by the machine's Node.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

/// What decides about a connect.
const AUTH: &str = r#"import { note } from "./notes-x1.js";
//#region src/gateway/auth.ts
const roles = ["operator"];
function judge(params) {
	note(params.role);
	if (params.role === "node") return "refused";
	if (params.platform === "nowhere") return "never";
	return roles.includes(params.role) ? "let in" : "refused";
}
function unused(count) {
	return count < 2;
}
//#endregion
export { judge };
"#;

/// Loaded by the gateway, but not in scope.
const NOTES: &str = "//#region src/logging/notes.ts
function note() {}
//#endregion
export { note };
";

/// The fake gateway, which refuses nodes; the judge decides who is one.
const ENTRY: &str = r#"import { judge } from "./dist/auth-x1.js";
const parse = JSON.parse;
JSON.parse = (...all) => {
  const frame = parse(...all);
  if (frame?.method === "connect") frame.params.role = judge(frame.params) === "let in" ? "operator" : "node";
  return frame;
};
const after = (name) => process.argv[process.argv.indexOf(name) + 1];
process.argv = [process.argv[0], process.argv[1], "--port", after("--port"), "--mode", "refuse-nodes"];
await import("./fake-gateway.mjs");
"#;

const SCOPE: &str = "scope:
  - {area: authentication, sources: [src/gateway/*.ts]}
left_out: []
";

const OPERATOR: &str = "title: t\nwhy: w\nsteps: [connect: {as: operator}]\n";
const NODE: &str = "title: t\nwhy: w
steps: [connect: {as: node, persona: node-host, expect: {closed: 1008, details: {reason: role-upgrade}}}]\n";

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        for dir in ["scenarios/auth", "tmp", "suite-data", "package/dist"] {
            fs::create_dir_all(bench.path(dir)).unwrap();
        }
        bench.write("package/dist/auth-x1.js", AUTH);
        bench.write("package/dist/notes-x1.js", NOTES);
        bench.write("package/openclaw.mjs", ENTRY);
        bench.write("package/package.json", r#"{"name":"openclaw","version":"2026.3.28","type":"module"}"#);
        bench.write("suite-data/scope.yaml", SCOPE);
        bench.write("scenarios/auth/operator.yaml", OPERATOR);
        bench.write("scenarios/auth/node.yaml", NODE);
        let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs");
        fs::copy(gateway, bench.path("package/fake-gateway.mjs")).unwrap();
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
    }

    fn mutants(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env("TMPDIR", self.path("tmp"))
            .env("GATECRASH_CACHE_DIR", self.path("cache"))
            .env_remove("GATECRASH_GATEWAY")
            .args(["mutants", "--gateway", "path:package"])
            .args(arguments);
        command
    }

    fn tried(&self, arguments: &[&str], code: i32) -> Value {
        let mut command = self.mutants(&["--format", "json"]);
        let output = command.args(arguments).assert().code(code).get_output().stdout.clone();
        serde_json::from_slice(&output).unwrap()
    }
}

/// Operator, what it replaces, and what became of it.
fn verdicts(report: &Value) -> BTreeMap<(String, String), String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mutants = report["mutants"].as_array().unwrap().iter();
    mutants.map(|one| ((text(&one["operator"]), text(&one["before"])), text(&one["verdict"]))).collect()
}

#[test]
fn mutants_are_killed_by_the_scenarios_that_reach_them() {
    let bench = Bench::new();
    let before = fs::read_to_string(bench.path("package/dist/auth-x1.js")).unwrap();
    let report = bench.tried(&[], 1);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/mutants.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let verdicts = verdicts(&report);
    let verdict = |operator: &str, before: &str| verdicts[&(operator.to_owned(), before.to_owned())].as_str();
    assert_eq!(verdict("negate-comparison", "params.role === \"node\""), "killed");
    assert_eq!(verdict("member-never", "roles.includes(params.role)"), "killed");
    assert_eq!(verdict("condition-true", "params.platform === \"nowhere\""), "killed");
    assert_eq!(verdict("string", "\"let in\""), "killed");
    // It runs when the file is loaded, so it is active from the start.
    assert_eq!(verdict("string", "\"operator\""), "killed");
    // A node would be refused by the next line as well, and nobody hears the note.
    assert_eq!(verdict("remove-guard", "if (params.role === \"node\") return \"refused\";"), "survived");
    assert_eq!(verdict("remove-call", "note(params.role);"), "survived");
    assert_eq!(verdict("boundary", "count < 2"), "not-reached");
    let mutants = report["mutants"].as_array().unwrap();
    let killed = mutants.iter().find(|one| one["before"] == "params.role === \"node\"").unwrap();
    assert_eq!((&killed["source"], &killed["line"]), (&"src/gateway/auth.ts".into(), &6.into()));
    let by = killed["killed_by"].as_str().unwrap();
    assert!(killed["scenarios_run"].as_array().unwrap().iter().any(|one| one == by), "{killed}");
    let survivor = mutants.iter().find(|one| one["before"] == "note(params.role);").unwrap();
    assert_eq!(survivor["scenarios_run"].as_array().unwrap().len(), 2);
    assert!(survivor["diff"].as_str().unwrap().contains("-\tnote(params.role);\n+\t;\n"), "{survivor}");
    assert_eq!(report["blind"], serde_json::json!([]));

    assert_eq!(fs::read_to_string(bench.path("package/dist/auth-x1.js")).unwrap(), before);
    let compiled = bench.path("cache/compile-cache");
    let left: Vec<_> = fs::read_dir(compiled).into_iter().flatten().flatten().map(|one| one.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    let homes =
        fs::read_dir(bench.path("tmp")).unwrap().flatten().flat_map(|one| fs::read_dir(one.path()).unwrap());
    let homes: Vec<_> =
        homes.flatten().filter(|one| one.file_name().to_string_lossy().starts_with("home-")).collect();
    assert!(homes.is_empty(), "{homes:?}");
}

#[test]
fn mutants_that_only_fresh_gateways_can_show_are_tried_together_and_told_apart() {
    let bench = Bench::new();
    bench.write(
        "scenarios/auth/configured.yaml",
        "title: t\nwhy: w\nconfig: {gateway: {auth: {mode: token}}}
steps:\n- connect: {as: operator, raw: {platform: nowhere}, expect: {closed: 1008, details: {reason: role-upgrade}}}\n",
    );
    let report = bench.tried(&["--min-score", "0"], 0);
    let verdicts = verdicts(&report);
    let verdict = |operator: &str, before: &str| verdicts[&(operator.to_owned(), before.to_owned())].as_str();
    let guard = "if (params.platform === \"nowhere\") return \"never\";";
    assert_eq!(verdict("remove-guard", guard), "killed");
    assert_eq!(verdict("string", "\"never\""), "survived");
    assert_eq!(verdict("remove-call", "note(params.role);"), "survived");
    let mutants = report["mutants"].as_array().unwrap();
    let killed = mutants.iter().find(|one| one["before"] == guard).unwrap();
    assert_eq!(killed["killed_by"], "auth/configured");
    let survivor = mutants.iter().find(|one| one["before"] == "note(params.role);").unwrap();
    assert_eq!(survivor["scenarios_run"].as_array().unwrap().len(), 3);
}

#[test]
fn what_nobody_can_notice_is_listed_with_its_reason() {
    let bench = Bench::new();
    let report = bench.tried(&["--list"], 0);
    let note = report.as_array().unwrap().iter().find(|one| one["operator"] == "remove-call").unwrap();
    let entry = format!("- {{id: '{}', reason: nobody reads the notes}}\n", note["id"].as_str().unwrap());
    bench.write("suite-data/equivalent-mutants.yaml", &entry);
    let id = note["id"].as_str().unwrap();
    let report = bench.tried(&["--id", id], 0);
    assert_eq!(report["mutants"][0]["verdict"], "equivalent");
    assert_eq!(report["mutants"][0]["reason"], "nobody reads the notes");
    bench.write("suite-data/equivalent-mutants.yaml", "- {id: a, reason: ''}");
    bench.mutants(&[]).assert().code(2).stderr(contains("needs a reason"));
}

#[test]
fn a_stopped_hunt_goes_on_where_it_stopped() {
    let bench = Bench::new();
    let none = bench.tried(&["--time", "0s"], 3);
    assert_eq!(none["mutants"], serde_json::json!([]));
    let all = none["not_tried"].as_u64().unwrap();
    assert!(all > 10, "{none}");
    let few = bench.tried(&["--sample", "3", "--seed", "1", "--min-score", "0"], 0);
    assert_eq!(few["mutants"].as_array().unwrap().len(), 3);
    let rest = bench.mutants(&["--resume", "--min-score", "50"]).assert().code(0).get_output().clone();
    let told = String::from_utf8(rest.stderr).unwrap();
    assert!(!told.contains("the scenarios run without a mutant"), "what they reach is known: {told}");
    let report = bench.tried(&["--resume", "--min-score", "50"], 0);
    assert_eq!(report["not_tried"], 0);
    assert_eq!(report["mutants"].as_array().unwrap().len(), usize::try_from(all).unwrap());
}

#[test]
fn survivors_are_shown_where_they_are() {
    let bench = Bench::new();
    bench
        .mutants(&["--file", "auth.ts"])
        .assert()
        .code(1)
        .stdout(contains("survived  src/gateway/auth.ts remove-call"))
        .stdout(
            contains("ran over it: auth/node, auth/operator")
                .or(contains("ran over it: auth/operator, auth/node")),
        )
        .stdout(contains("-\tnote(params.role);"))
        .stdout(contains("No scenario reaches these:"))
        .stdout(contains("src/gateway/auth.ts unused"))
        .stdout(contains("SURVIVORS"));
}

#[rstest]
#[case::a_model(&["mutants", "--gateway", "embedded"], 2, "cannot be read")]
#[case::no_such_file(&["mutants", "--gateway", "path:package", "--file", "auht.ts"], 2, "did you mean `src/gateway/auth.ts`?")]
#[case::no_such_mutant(&["mutants", "--gateway", "path:package", "--id", "nobody"], 2, "there is no mutant `nobody`")]
#[case::without_a_gateway(&["mutants", "--sample", "3"], 2, "--gateway")]
#[case::options_of_the_model(&["mutants", "--gateway", "path:package", "--mutant", "a"], 2, "cannot be used with")]
fn what_cannot_be_done_is_said(#[case] arguments: &[&str], #[case] code: i32, #[case] told: &str) {
    let bench = Bench::new();
    let mut command = Command::cargo_bin("gatecrash").unwrap();
    command
        .current_dir(bench.0.path())
        .env("TMPDIR", bench.path("tmp"))
        .env("GATECRASH_CACHE_DIR", bench.path("cache"))
        .args(arguments)
        .assert()
        .code(code)
        .stderr(contains(told));
}

#[test]
fn a_build_without_names_of_source_files_is_told() {
    let bench = Bench::new();
    bench.write(
        "package/dist/auth-x1.js",
        &AUTH.replace("//#region src/gateway/auth.ts\n", "").replace("//#endregion\n", ""),
    );
    bench.write("package/dist/notes-x1.js", "function note() {}\nexport { note };\n");
    bench.mutants(&[]).assert().code(3).stderr(contains("do not name the source files"));
}

#[test]
fn scenarios_that_are_not_fine_without_a_mutant_notice_none() {
    let bench = Bench::new();
    bench.write(
        "scenarios/auth/wrong.yaml",
        "title: t\nwhy: w\nsteps: [connect: {as: node, persona: node-host}]\n",
    );
    let report = bench.tried(&["--min-score", "10"], 4);
    assert_eq!(report["blind"], serde_json::json!(["auth/wrong"]));
    fs::remove_file(bench.path("scenarios/auth/operator.yaml")).unwrap();
    fs::remove_file(bench.path("scenarios/auth/node.yaml")).unwrap();
    bench
        .mutants(&[])
        .assert()
        .code(4)
        .stderr(contains("no scenario passes on the gateway without a mutant"));
}

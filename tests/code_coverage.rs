//! `gatecrash coverage --code` on a small package whose gateway is scripted, run by the machine's Node.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What decides about a connect. The characters at the top are two UTF-16 units and four bytes each.
const AUTH: &str = r#"import { note } from "./notes-x1.js";
//#region src/gateway/auth.ts
const signs = "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀";
/** Judges a connect. */
function judge(params) {
	note(signs);
	if (params.role === "node") {
		return admitNode(params);
	}
	return params.role === "operator" ? "operator" : nobody();
}
function admitNode(params) {
	if (params.platform === "tailnet") return askTailnet(params);
	return "node";
}
function nobody() {
	return "nobody";
}
function askTailnet(params) {
	return params.device;
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

/// In scope, but loaded by nobody.
const UNLOADED: &str = "//#region src/gateway/origin-check.ts
function check() {
	return true;
}
//#endregion
export { check };
";

/// The fake gateway, with the judge between it and its connects.
const ENTRY: &str = r#"import { spawnSync } from "node:child_process";
import { judge } from "./dist/auth-x1.js";
const parse = JSON.parse;
JSON.parse = (...all) => {
  const frame = parse(...all);
  if (frame?.method === "connect") judge(frame.params);
  return frame;
};
const after = (name) => process.argv[process.argv.indexOf(name) + 1];
if (process.env.FAKE_MODE === "killed") process.on("SIGTERM", () => spawnSync("kill", ["-9", `${process.pid}`]));
process.argv = [process.argv[0], process.argv[1], "--port", after("--port"), "--mode", "answer"];
await import("../fake-gateway.mjs");
"#;

const SCOPE: &str = "scope:
  - {area: authentication, sources: [src/gateway/*.ts]}
left_out:
  - {sources: [src/gateway/auth.ts], functions: [askTailnet], reason: needs a tailnet}
";

const OPERATOR: &str = "title: t\nwhy: w\nsteps: [connect: {as: operator}]\n";
const NODE: &str = "title: t\nwhy: w\nsteps: [connect: {as: node, persona: node-host}]\n";

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        for dir in ["scenarios/auth", "tmp", "suite-data", "package/dist"] {
            fs::create_dir_all(bench.path(dir)).unwrap();
        }
        bench.write("package/dist/auth-x1.js", AUTH);
        bench.write("package/dist/notes-x1.js", NOTES);
        bench.write("package/dist/origin-check-x1.js", UNLOADED);
        bench.write("package/openclaw.mjs", ENTRY);
        bench.write("package/package.json", r#"{"name":"openclaw","version":"2026.3.28","type":"module"}"#);
        bench.write("suite-data/scope.yaml", SCOPE);
        let gateway = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs");
        fs::copy(gateway, bench.path("fake-gateway.mjs")).unwrap();
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
    }

    fn coverage(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env("TMPDIR", self.path("tmp"))
            .env("GATECRASH_CACHE_DIR", self.path("cache"))
            .env_remove("GATECRASH_GATEWAY")
            .args(["coverage", "--code", "--gateway", "path:package"])
            .args(arguments);
        command
    }

    fn measured(&self, arguments: &[&str], code: i32) -> Value {
        let mut command = self.coverage(&["--format", "json"]);
        let output = command.args(arguments).assert().code(code).get_output().stdout.clone();
        serde_json::from_slice(&output).unwrap()
    }
}

fn file<'a>(measured: &'a Value, source: &str) -> &'a Value {
    let files = measured["files"].as_array().unwrap();
    files.iter().find(|file| file["source"] == source).unwrap()
}

#[test]
fn what_the_scenarios_execute_is_counted_by_source_file() {
    let bench = Bench::new();
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    let measured = bench.measured(&[], 0);
    let auth = file(&measured, "src/gateway/auth.ts");
    assert_eq!(auth["chunk"], "dist/auth-x1.js");
    assert_eq!((&auth["lines"], &auth["lines_run"]), (&json!(11), &json!(5)));
    // The body of the first `if`, what follows it, both results of `?:`; the body of the second `if` and what
    // follows it.
    assert_eq!((&auth["branches"], &auth["branches_run"]), (&json!(6), &json!(2)));
    assert_eq!((&auth["functions"], &auth["functions_run"]), (&json!(3), &json!(1)));
    let never: Vec<String> = auth["never"].as_array().unwrap().iter().map(ToString::to_string).collect();
    assert!(never.iter().any(|one| one.contains("nobody()") && one.contains(r#""kind":"no""#)), "{never:?}");
    assert!(never.iter().any(|one| one.contains(r#""name":"admitNode","line":12"#)), "{never:?}");
    assert_eq!(auth["functions_left_out"][0]["reason"], "needs a tailnet");
    let origin = file(&measured, "src/gateway/origin-check.ts");
    assert_eq!(
        (&origin["lines"], &origin["lines_run"], &origin["loaded"]),
        (&json!(2), &json!(0), &json!(false))
    );
    assert_eq!(measured["files"].as_array().unwrap().len(), 2, "notes are not in scope");
    assert_eq!(measured["total"]["lines"], json!(13));
    assert_eq!(measured["lost"], json!([]));
}

#[test]
fn the_report_keeps_to_its_schema() {
    let bench = Bench::new();
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    bench.write(
        "suite-data/scope.yaml",
        &format!("{SCOPE}  - {{sources: [src/gateway/origin-check.ts], reason: nobody asks}}\n"),
    );
    let measured = bench.measured(&[], 0);
    let schema =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/coverage.schema.json"));
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema.unwrap()).unwrap()).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&measured).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(!validator.is_valid(&json!({"format": {"major": 1, "minor": 0}})));
    let origin = file(&measured, "src/gateway/origin-check.ts");
    assert_eq!(origin["left_out"], "nobody asks");
    assert_eq!(measured["total"]["lines"], json!(11), "what is left out is counted nowhere");
    assert!(file(&measured, "src/gateway/auth.ts").get("left_out").is_none());
}

#[test]
fn each_scenario_is_measured_by_itself_on_one_boot() {
    let bench = Bench::new();
    bench.write("scenarios/auth/node.yaml", NODE);
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    let measured = bench.measured(&["--each"], 0);
    let groups = measured["groups"].as_array().unwrap();
    let number = |label: &str| groups.iter().position(|one| one["label"] == label).unwrap();
    assert!(groups.iter().all(|one| one["gateway"] == 0), "one boot serves both: {groups:?}");
    let groups_of_scenarios = [number("auth/node"), number("auth/operator")];
    let auth = file(&measured, "src/gateway/auth.ts");
    let ran = |line: u64| -> Vec<usize> {
        let entries = auth["run_by"].as_array().unwrap().iter();
        let entries = entries
            .filter(|one| (one["first"].as_u64().unwrap()..=one["last"].as_u64().unwrap()).contains(&line));
        let groups = entries.flat_map(|one| one["groups"].as_array().unwrap());
        let numbers = groups.map(|one| usize::try_from(one.as_u64().unwrap()).unwrap());
        // The harness connects once to see whether a gateway is ready, which is no scenario's.
        numbers.filter(|number| groups_of_scenarios.contains(number)).collect()
    };
    assert_eq!(ran(8), [number("auth/node")]);
    assert_eq!(ran(10), [number("auth/operator")]);
    let mut both = [number("auth/node"), number("auth/operator")];
    both.sort_unstable();
    assert_eq!(ran(6), both);
    bench
        .coverage(&["--each", "--at", "src/gateway/auth.ts:8"])
        .assert()
        .code(0)
        .stdout(contains("executed by\n  auth/node\n"));
}

#[test]
fn reports_are_written_for_people_and_for_tools() {
    let bench = Bench::new();
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    let reports =
        ["--report", "html=c.html", "--report", "lcov=c.info", "--report", "json=c.json", "--never"];
    bench
        .coverage(&reports)
        .assert()
        .code(0)
        .stdout(contains("src/gateway/auth.ts, askTailnet: needs a tailnet"))
        .stdout(contains("12: function admitNode"))
        .stdout(contains("path:package: 5 of 13 lines (38.4 %) and 2 of 6 branches (33.3 %) of 2 files"));
    let lcov = fs::read_to_string(bench.path("c.info")).unwrap();
    for line in ["DA:8,0", "DA:6,1", "LF:11", "LH:5", "BRF:6", "BRH:2", "FNF:3", "FNH:1"] {
        assert!(lcov.lines().any(|one| one == line), "{line} in {lcov}");
    }
    let page = fs::read_to_string(bench.path("c.html")).unwrap();
    assert!(page.contains("<mark>nobody()</mark>"), "what was never taken is marked");
    assert!(page.contains("src/gateway/auth.ts") && page.contains("🦀"));
    let document: Value = serde_json::from_slice(&fs::read(bench.path("c.json")).unwrap()).unwrap();
    assert_eq!(document["format"], json!({"major": 1, "minor": 0}));
}

#[test]
fn a_branch_is_left_out_by_what_it_says_and_told_where_it_was_executed() {
    let bench = Bench::new();
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    let places = "places: [': nobody()', '? \"operator\"'], reason: nobody comes without a role";
    bench.write(
        "suite-data/scope.yaml",
        &format!("{SCOPE}  - {{sources: [src/gateway/auth.ts], functions: [judge], {places}}}\n"),
    );
    bench
        .coverage(&["--never", "--report", "html=c.html"])
        .assert()
        .code(0)
        .stdout(contains("src/gateway/auth.ts, 1 branch: nobody comes without a role\n"))
        .stdout(contains(
            "left out, but executed all the same\nsrc/gateway/auth.ts, judge:10 ? \"operator\": nobody",
        ))
        .stdout(contains("7: if { return admitNode(params); }  (in judge)"))
        .stdout(contains("nobody()").not())
        .stdout(contains("1 of 4 branches (25.0 %)"));
    let page = fs::read_to_string(bench.path("c.html")).unwrap();
    assert!(page.contains("(executed all the same)"), "{page}");
}

#[rstest]
#[case(&["--min-lines", "38", "--min-branches", "33"], 0)]
#[case(&["--min-lines", "39"], 1)]
#[case(&["--min-branches", "34"], 1)]
fn too_little_is_an_exit_code(#[case] least: &[&str], #[case] code: i32) {
    let bench = Bench::new();
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    bench.coverage(least).assert().code(code);
}

/// It is killed, so it cannot write what it has executed.
#[test]
fn a_gateway_that_left_no_profile_is_told() {
    let bench = Bench::new();
    bench
        .write("scenarios/auth/operator.yaml", &OPERATOR.replace("steps", "env: {FAKE_MODE: killed}\nsteps"));
    bench
        .coverage(&[])
        .assert()
        .code(4)
        .stdout(contains("ended without a profile"))
        .stdout(contains("left nothing at all: what its scenarios execute is not counted"))
        .stdout(contains("path:package: 0 of 13 lines"));
}

#[test]
fn a_build_without_the_names_of_source_files_is_told() {
    let bench = Bench::new();
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    for name in ["auth-x1.js", "notes-x1.js", "origin-check-x1.js"] {
        let path = bench.path("package/dist").join(name);
        let text = fs::read_to_string(&path).unwrap();
        let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with("//#")).collect();
        fs::write(path, plain.join("\n")).unwrap();
    }
    bench.coverage(&[]).assert().code(3).stderr(contains("do not name the source files"));
}

#[rstest]
#[case::no_gateway(&["coverage", "--code"], "--gateway")]
#[case::a_model(&["coverage", "--code", "--gateway", "embedded"], "cannot be read")]
#[case::two(&["coverage", "--code", "--gateway", "path:package,path:."], "name one gateway")]
#[case::not_code(&["coverage", "--each"], "--code")]
#[case::not_cases(&["coverage", "--code", "--gateway", "path:package", "--format", "markdown"], "text, json, html or lcov")]
#[case::no_page_of_cases(&["coverage", "--format", "html"], "text, json or markdown")]
fn what_cannot_be_measured_is_bad_usage(#[case] arguments: &[&str], #[case] told: &str) {
    let bench = Bench::new();
    bench.write("scenarios/auth/operator.yaml", OPERATOR);
    let mut command = Command::cargo_bin("gatecrash").unwrap();
    command.current_dir(bench.0.path()).env("GATECRASH_CACHE_DIR", bench.path("cache")).args(arguments);
    command.assert().code(2).stderr(contains(told).and(contains("error")));
}

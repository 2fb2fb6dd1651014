//! `gatecrash coverage --surface`: on a small package, and the suite's own tables beside those of the releases that
//! are installed here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

const TABLES: &str = r#"//#region src/gateway/method-scopes.ts
const METHOD_SCOPE_GROUPS = { "operator.read": ["status"], "operator.write": ["send"] };
//#endregion
//#region src/gateway/server-broadcast.ts
const EVENT_SCOPE_GUARDS = { "tick": [] };
//#endregion
"#;

const ASKING: &str = r#"title: t
why: w
steps:
  - connect: {as: one, scopes: []}
  - call: {on: one, method: status, expect: {error: $any, message: "missing scope: operator.read"}}
"#;

struct Bench(TempDir);

impl Bench {
    fn new(bundle: &str, exceptions: &str) -> Self {
        let bench = Self(TempDir::new().unwrap());
        for dir in ["scenarios/a", "tmp", "suite-data", "package/dist"] {
            fs::create_dir_all(bench.path(dir)).unwrap();
        }
        bench.write("package/dist/method-scopes-x1.js", bundle);
        bench.write("package/openclaw.mjs", "");
        bench.write("package/package.json", r#"{"name":"openclaw","version":"2026.3.28","type":"module"}"#);
        bench.write("suite-data/surface.yaml", exceptions);
        bench.write("scenarios/a/b.yaml", ASKING);
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
    }

    fn surface(&self) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env("TMPDIR", self.path("tmp"))
            .env("GATECRASH_CACHE_DIR", self.path("cache"))
            .env_remove("GATECRASH_GATEWAY")
            .args(["coverage", "--surface", "--gateway", "path:package"]);
        command
    }
}

#[test]
fn what_is_not_asked_is_listed_and_may_fail() {
    let bench = Bench::new(TABLES, "[]");
    bench
        .surface()
        .assert()
        .code(0)
        .stdout(contains("methods: 1 of 8 asked, 0 argued"))
        .stdout(contains("not asked: send without scopes"))
        .stdout(contains("status without scopes").not());
    bench.surface().arg("--all-asked").assert().code(1);
}

#[test]
fn what_has_a_reason_does_not_fail() {
    let exceptions =
        "- {table: methods, names: ['*'], reason: a test}\n- {table: events, names: [tick], reason: slow}\n";
    let bench = Bench::new(TABLES, exceptions);
    let output = bench
        .surface()
        .args(["--all-asked", "--format", "json"])
        .assert()
        .code(0)
        .get_output()
        .stdout
        .clone();
    let report: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(report["tables"][0]["table"], "methods");
    assert_eq!(report["surface"]["methods"][0]["name"], "send");
    assert_eq!(report["tables"][0]["questions"][0]["reason"], "a test");
}

#[rstest]
#[case("const a = 1;\n", "do not name the source files")]
#[case("//#region src/gateway/auth.ts\nconst a = 1;\n//#endregion\n", "no table of methods")]
fn a_build_without_tables_is_told_so(#[case] bundle: &str, #[case] message: &str) {
    Bench::new(bundle, "[]").surface().assert().code(3).stderr(contains(message));
}

/// Every method of an installed release is asked, and every guarded event is or has a reason. A release that is not
/// installed is left out, which is told.
#[rstest]
#[case("2026.3.28")]
#[case("2026.3.31")]
#[case("2026.4.2")]
#[case("2026.5.12")]
#[case("2026.9.6")]
fn the_suite_asks_every_method_and_event_of_a_release(#[case] release: &str) {
    let output = Command::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env("GATECRASH_OFFLINE", "1")
        .env_remove("GATECRASH_GATEWAY")
        .args(["coverage", "--surface", "--gateway", release, "--format", "json"])
        .output()
        .unwrap();
    if !output.status.success() {
        eprintln!("{release} is left out: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tables = report["tables"].as_array().unwrap();
    let mut open = Vec::new();
    for table in tables.iter().filter(|one| one["table"] == "methods" || one["table"] == "events") {
        let questions = table["questions"].as_array().unwrap();
        assert!(questions.len() > 10, "{release}: {} has {} questions", table["table"], questions.len());
        let unanswered = questions.iter().filter(|one| one["asked"] == false && one.get("reason").is_none());
        open.extend(unanswered.map(|one| format!("{} {}", one["name"], one["question"])));
    }
    assert!(open.is_empty(), "{release} has what nobody asks: {open:#?}");
}

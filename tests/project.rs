//! A project of somebody's own, outside this repository: `init`, `gatecrash.toml`, `config`, and scenarios as tests of a crate.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// A folder in which `init` has run.
    fn initialised() -> Self {
        let folder = Self::new();
        folder.gatecrash(&["init", "--rust"]).assert().code(0);
        folder
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).unwrap();
    }

    fn gatecrash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command.current_dir(self.path("")).args(arguments);
        for name in ["GATEWAY", "SEED", "TIMEOUT"] {
            command.env_remove(format!("GATECRASH_{name}"));
        }
        command.env("TMPDIR", self.path("")).env("GATECRASH_CACHE_DIR", self.path("cache"));
        command
    }

    /// The value of a key and where it comes from.
    fn config(&self, key: &str, variable: Option<(&str, &str)>) -> (String, String) {
        let mut command = self.gatecrash(&["config", "--format", "json"]);
        command.envs(variable);
        let output = command.assert().code(0).get_output().stdout.clone();
        let shown: Value = serde_json::from_slice(&output).unwrap();
        let one = shown["settings"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap();
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        (text("value"), text("from"))
    }
}

#[test]
fn a_new_project_runs_and_checks_at_once() {
    let folder = Folder::initialised();
    folder.gatecrash(&["run"]).assert().code(0).stdout(contains("AS EXPECTED · 1 pass"));
    folder.gatecrash(&["check", "--strict"]).assert().code(0).stdout("1 scenario, nothing wrong\n");
    let workflow = fs::read_to_string(folder.path(".github/workflows/gatecrash.yml")).unwrap();
    assert!(workflow.contains("uses: openclaw/gatecrash@"), "{workflow}");
}

#[test]
fn nothing_that_exists_is_written_over() {
    let folder = Folder::new();
    folder.write("gatecrash.toml", "seed = 5\n");
    folder.write(".gitignore", "/target");
    folder.gatecrash(&["init"]).assert().code(0).stdout(contains("kept     gatecrash.toml"));
    assert_eq!(fs::read_to_string(folder.path("gatecrash.toml")).unwrap(), "seed = 5\n");
    assert!(fs::read_to_string(folder.path(".gitignore")).unwrap().starts_with("/target\n/gatecrash"));
    folder.gatecrash(&["init"]).assert().code(0).stdout(contains("wrote").not());
}

#[test]
fn a_flag_comes_before_the_environment_and_that_before_the_file() {
    let folder = Folder::initialised();
    let seed = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = folder.gatecrash(&[&["run", "-q"], arguments].concat());
        let output =
            command.env("COLUMNS", "300").envs(variable).assert().code(0).get_output().stdout.clone();
        String::from_utf8(output).unwrap()
    };
    folder.write("gatecrash.toml", "seed = 7\nfolder = \"scenarios\"\n");
    let variable = Some(("GATECRASH_SEED", "9"));
    assert!(seed(&[], None).contains("seed 7 "));
    assert!(seed(&[], variable).contains("seed 9 "));
    assert!(seed(&["--seed", "11"], variable).contains("seed 11 "));
    assert_eq!(folder.config("seed", None), ("7".into(), "gatecrash.toml:1".into()));
    assert_eq!(folder.config("seed", variable), ("9".into(), "GATECRASH_SEED".into()));
    assert_eq!(folder.config("timeout", None), ("30s".into(), "default".into()));
}

#[test]
fn the_project_holds_below_its_folder() {
    let folder = Folder::initialised();
    fs::create_dir_all(folder.path("deep/down")).unwrap();
    folder
        .gatecrash(&["list"])
        .current_dir(folder.path("deep/down"))
        .assert()
        .code(0)
        .stdout(contains("pairing/first").and(contains("roles/").not()));
}

#[test]
fn matrix_and_reports_are_taken_from_the_project() {
    let folder = Folder::initialised();
    let text = "gateways = [\"embedded:2026.3.31\", \"embedded:2026.4.2\"]\nreports = [\"json=a.json\", \"tap=b.tap\"]\n";
    folder.write("gatecrash.toml", text);
    folder.gatecrash(&["matrix"]).assert().code(0).stdout(contains("2 pass"));
    assert!(folder.path("a.json").is_file() && folder.path("b.tap").is_file());
    folder.write("gatecrash.toml", "");
    folder.gatecrash(&["matrix"]).assert().code(2).stderr(contains("no gateway is named"));
}

#[rstest]
#[case("sed = 7", "did you mean `seed`?")]
#[case("gateway = \"2026.3.x\"", "`gateway`")]
#[case("gateway =", "not TOML")]
fn a_mistake_in_the_project_is_shown_before_anything_runs(#[case] text: &str, #[case] says: &str) {
    let folder = Folder::initialised();
    folder.write("gatecrash.toml", text);
    for command in ["run", "config"] {
        folder.gatecrash(&[command]).assert().code(2).stderr(contains(says).and(contains("gatecrash.toml")));
    }
}

#[test]
fn only_as_many_runs_are_kept_as_the_project_says() {
    let folder = Folder::initialised();
    folder.write("gatecrash.toml", "keep-runs = 2\n");
    for _ in 0..3 {
        folder.gatecrash(&["run"]).assert().code(0);
    }
    folder.gatecrash(&["runs", "list"]).assert().code(0).stdout(contains("the latest 2 runs stay;"));
}

/// The crate has no dependencies, so that cargo needs no registry.
#[test]
fn scenarios_are_tests_of_a_crate_outside_this_repository() {
    let folder = Folder::initialised();
    folder.write(
        "Cargo.toml",
        "[package]\nname = \"mine\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[[test]]\nname = \"gatecrash\"\nharness = false\n\n[workspace]\n",
    );
    fs::create_dir(folder.path("src")).unwrap();
    folder.write("src/lib.rs", "");
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(folder.path("")).args(["test", "--offline", "--quiet", "--test", "gatecrash"]);
        command.env("CARGO_TARGET_DIR", folder.path("target")).env("TMPDIR", folder.path(""));
        command.env("GATECRASH_CACHE_DIR", folder.path("cache"));
        command.env("GATECRASH", env!("CARGO_BIN_EXE_gatecrash")).args(arguments);
        command
    };
    cargo(&[]).assert().success();
    // What cargo-nextest asks for.
    cargo(&["--", "--list", "--format", "terse"]).assert().success().stdout("pairing/first: test\n");
    cargo(&["--", "--list", "--format", "terse", "--ignored"]).assert().success().stdout("");
    cargo(&["--", "pairing/first", "--nocapture", "--exact"]).assert().success();
    let first = folder.path("scenarios/pairing/first.yaml");
    let wrong =
        fs::read_to_string(&first).unwrap().replace("method: status", "method: status, expect: silence");
    fs::write(first, wrong).unwrap();
    cargo(&["--", "pairing/first", "--nocapture", "--exact"]).assert().failure();
}

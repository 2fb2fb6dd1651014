//! The npm packages, as somebody gets them who has Node and nothing else: packed, installed into an empty folder, and run
//! without Rust and without this repository.
//!
//! Packing takes seconds, so the test runs on request: `cargo test --test packages -- --ignored`. It packs the program under
//! test; `GATECRASH_PACKAGES=DIR` takes what `scripts/package --out DIR` has built instead.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use predicates::str::{contains, starts_with};
use tempfile::TempDir;

/// What a machine has on which only Node is installed.
const PROGRAMS: [&str; 5] = ["node", "npm", "npx", "sh", "env"];

/// A folder with the tarballs of the npm packages.
fn packages(beside: &Path) -> PathBuf {
    if let Some(built) = std::env::var_os("GATECRASH_PACKAGES") {
        return PathBuf::from(built).join("npm");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/package");
    let binary = env!("CARGO_BIN_EXE_gatecrash");
    let out = beside.join("packages");
    let arguments = ["--binary", binary, "--only", "npm", "--out", out.to_str().unwrap()];
    Command::new(script).args(arguments).assert().success();
    out.join("npm")
}

/// A folder of programs without cargo, rustc and gatecrash.
fn programs(beside: &Path) -> PathBuf {
    let folder = beside.join("bin");
    fs::create_dir(&folder).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for program in PROGRAMS {
        let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file());
        symlink(found.unwrap(), folder.join(program)).unwrap();
    }
    folder
}

#[test]
#[ignore = "packs for several seconds"]
fn packages_run_without_rust_and_without_a_repository() {
    let place = TempDir::new().unwrap();
    let place = place.path().canonicalize().unwrap();
    let tarballs = packages(&place);
    let programs = programs(&place);
    let empty = place.join("empty");
    fs::create_dir(&empty).unwrap();
    let command = |program: &str| {
        let mut command = Command::new(programs.join(program));
        command.current_dir(&empty).env_clear().env("PATH", &programs).env("HOME", &place);
        command.env("TMPDIR", &place).env("npm_config_offline", "true").env("COLUMNS", "200");
        command
    };
    let files: Vec<PathBuf> = fs::read_dir(tarballs).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    command("npm").args(["install", "--no-save", "--no-audit", "--no-fund"]).args(files).assert().success();
    let npx = |arguments: &[&str]| {
        let mut command = command("npx");
        command.args(["--no-install", "gatecrash"]).args(arguments);
        command
    };
    npx(&["--version"]).assert().success().stdout(starts_with("gatecrash "));
    npx(&["run", "-q", "roles/legacy-empty-token-map", "--gateway", "embedded:2026.4.2"])
        .assert()
        .success()
        .stdout(contains("AS EXPECTED · 2 pass"));
    npx(&["matrix", "roles/legacy-empty-token-map", "--gateways", "embedded:2026.3.28,embedded:2026.3.31"])
        .assert()
        .success()
        .stdout(contains("role-upgrade"));
    npx(&["explain", "gateway closed (1008): pairing required"]).assert().success();
    npx(&["timeline"]).assert().success().stdout(contains("role-upgrade 3.31"));
    npx(&["schema"]).assert().success();
    // The exit code of the program is that of the launcher.
    npx(&["run", "no/such/scenario"]).assert().code(2).stderr(contains("no scenario is called"));
    preflight(&npx);
}

/// Asks real releases, if they are installed in the user's own cache.
fn preflight(npx: &dyn Fn(&[&str]) -> Command) {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else { return };
    let cache = home.join(".cache/gatecrash");
    let (from, to) = ("2026.3.28", "2026.3.31");
    if ![from, to].iter().all(|release| cache.join("releases").join(release).is_dir()) {
        println!("preflight was not tried: {from} and {to} are not installed");
        return;
    }
    let state = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/state/2026.3.31");
    npx(&["preflight", "--from", from, "--to", to, "--offline", "--state", state.to_str().unwrap()])
        .env("GATECRASH_CACHE_DIR", cache)
        .assert()
        .code(1)
        .stdout(contains("Upgrade from 2026.3.28 to 2026.3.31"));
}

#[test]
#[ignore = "packs for several seconds"]
fn a_platform_without_a_package_is_told_what_to_do() {
    let place = TempDir::new().unwrap();
    let launcher = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/npm/bin/gatecrash.js");
    let copy = place.path().join("gatecrash.js");
    fs::copy(launcher, &copy).unwrap();
    Command::new("node").arg(&copy).assert().code(4).stderr(contains("is not installed"));
    Command::new("node")
        .args([copy.to_str().unwrap(), "explain", "1008"])
        .env("GATECRASH_BINARY", env!("CARGO_BIN_EXE_gatecrash"))
        .assert()
        .code(0);
}

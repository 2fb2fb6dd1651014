//! The whole suite on the releases before and after that of openclaw#59045: every cell is as listed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use rstest::rstest;

fn is_available(release: &str) -> bool {
    let offline = std::env::var("GATECRASH_OFFLINE").is_ok_and(|value| !value.is_empty() && value != "0");
    let list = ["releases", "list", "--installed", "--format", "json"];
    let listed = Command::cargo_bin("gatecrash").unwrap().args(list).output().unwrap();
    !offline || String::from_utf8_lossy(&listed.stdout).contains(&format!("\"{release}\""))
}

#[rstest]
#[case("2026.3.28")]
#[case("2026.4.2")]
fn every_cell_of_a_release_is_as_listed(#[case] release: &str) {
    if !is_available(release) {
        eprintln!("left out: {release} is not installed");
        return;
    }
    Command::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("GATECRASH_GATEWAY")
        .args(["run", "--gateway", release, "--seed", "59045", "--jobs", "2", "--timeout", "60s"])
        .assert()
        .code(0);
}

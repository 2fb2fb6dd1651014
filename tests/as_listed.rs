//! The whole suite on the releases before and after that of openclaw#59045: every cell is as listed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod installed;

use assert_cmd::Command;
use installed::is_available;
use rstest::rstest;

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

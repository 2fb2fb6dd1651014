//! Which releases tests of real gateways can use.

use assert_cmd::Command;

/// Whether a release is there, or may be fetched.
pub(crate) fn is_available(release: &str) -> bool {
    let offline = std::env::var("GATECRASH_OFFLINE").is_ok_and(|value| !value.is_empty() && value != "0");
    let list = ["releases", "list", "--installed", "--format", "json"];
    let listed = Command::cargo_bin("gatecrash").unwrap().args(list).output().unwrap();
    !offline || String::from_utf8_lossy(&listed.stdout).contains(&format!("\"{release}\""))
}

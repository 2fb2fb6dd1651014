//! What stands around the runs: completion in shells, manual pages, shards and their union.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

fn gatecrash(place: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("gatecrash").unwrap();
    command
        .current_dir(place.path())
        .env_clear()
        .env("HOME", place.path())
        .env("TMPDIR", place.path())
        .env("GATECRASH_CACHE_DIR", place.path().join("cache"))
        .args(arguments);
    command
}

/// The candidates that bash gets for the last of some words.
fn candidates(place: &TempDir, words: &[&str]) -> Vec<String> {
    let mut command = gatecrash(place, &["--", "gatecrash"]);
    command
        .args(words)
        .env("GATECRASH_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_IFS", "\n");
    let output = command.output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[rstest]
#[case(&["run", "tokens/rotated"], "tokens/rotated-token")]
#[case(&["matr"], "matrix")]
#[case(&["run", "--gateway", "2026.3.2"], "2026.3.28")]
#[case(&["run", "--tag", "pair"], "pairing")]
#[case(&["matrix", "--gateways", "embedded,2026.3.2"], "embedded,2026.3.28")]
#[case(&["diff", "embedded:2026.3"], "embedded:2026.3.28")]
#[case(&["show", "lat"], "latest")]
fn shells_complete_what_only_this_place_knows(#[case] words: &[&str], #[case] expected: &str) {
    let place = TempDir::new().unwrap();
    fs::create_dir_all(place.path().join("cache/releases/2026.3.28")).unwrap();
    let found = candidates(&place, words);
    assert!(found.iter().any(|one| one.trim() == expected), "{found:?}");
}

#[rstest]
#[case("bash", "complete")]
#[case("zsh", "compdef")]
#[case("fish", "complete")]
fn each_shell_gets_a_script(#[case] shell: &str, #[case] word: &str) {
    let place = TempDir::new().unwrap();
    gatecrash(&place, &["completions", shell])
        .assert()
        .success()
        .stdout(contains(word).and(contains("GATECRASH_COMPLETE")));
}

#[test]
fn every_command_has_a_manual_page() {
    let place = TempDir::new().unwrap();
    gatecrash(&place, &["man", "pages"]).assert().success().stdout(contains("pages in pages"));
    for page in ["gatecrash.1", "gatecrash-run.1", "gatecrash-matrix.1", "gatecrash-releases-install.1"] {
        assert!(
            fs::read_to_string(place.path().join("pages").join(page)).unwrap().contains(".SH SYNOPSIS"),
            "{page}"
        );
    }
    gatecrash(&place, &["man"]).assert().success().stdout(contains(".TH gatecrash"));
}

#[test]
fn the_shards_of_a_matrix_join_into_the_whole() {
    let place = TempDir::new().unwrap();
    let gateways = "embedded:2026.3.28,embedded:2026.3.31,embedded:2026.4.2";
    let matrix = ["matrix", "roles/*", "--gateways", gateways, "--seed", "7"];
    for shard in ["1/2", "2/2"] {
        let file = format!("events={}.events", &shard[..1]);
        gatecrash(&place, &matrix).args(["--shard", shard, "--report", &file]).assert().success();
    }
    gatecrash(&place, &["merge", "1.events", "2.events", "--report", "json=joined.json"]).assert().success();
    gatecrash(&place, &matrix).args(["--report", "json=whole.json"]).assert().success();
    let verdicts = |file: &str| {
        let report: Value = serde_json::from_slice(&fs::read(place.path().join(file)).unwrap()).unwrap();
        let mut cells: Vec<String> = report["cells"]
            .as_array()
            .unwrap()
            .iter()
            .map(|cell| format!("{} {} {}", cell["scenario"], cell["target"], cell["verdict"]))
            .collect();
        cells.sort();
        cells
    };
    assert_eq!(verdicts("joined.json"), verdicts("whole.json"));
    assert!(verdicts("whole.json").len() > 9);
}

#[rstest]
#[case("0/2", "0/2` is not a shard")]
#[case("4/4", "this shard has no gateway")]
fn a_shard_without_work_is_bad_usage(#[case] shard: &str, #[case] said: &str) {
    let place = TempDir::new().unwrap();
    let matrix = ["matrix", "--gateways", "embedded:2026.3.28,embedded:2026.3.31", "--shard", shard];
    gatecrash(&place, &matrix).assert().code(2).stderr(contains(said));
}

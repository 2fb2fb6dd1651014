//! `gatecrash learn`: machines of models and releases, the words that tell them apart, and the files written for them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod installed;

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use installed::is_available;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

/// Enough to see the turning points around openclaw#59045.
const ROLES: &str = "
title: The roles of one device
devices:
  owner: {paired: {scopes: [operator.admin, operator.pairing]}}
  laptop: {}
before:
  - connect: {as: owner, device: owner, scopes: [operator.admin, operator.pairing]}
inputs:
  operator:
    - connect: {as: operator, device: laptop}
    - disconnect: {on: operator}
  node:
    - connect: {as: node, device: laptop, persona: node-host}
    - disconnect: {on: node}
  revoke-node:
    - revoke: {on: owner, device: laptop, role: node}
";

/// A working directory with the alphabet `roles.yaml`, and a place for homes and the cache.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        fs::write(bench.path("roles.yaml"), ROLES).unwrap();
        bench
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn gatecrash(&self) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command.current_dir(self.0.path());
        command
    }

    /// Learns targets over the alphabet, and returns the exit code and the JSON document.
    fn learn(&self, targets: &[&str], more: &[&str]) -> (Option<i32>, Value) {
        let report = self.path("machines.json");
        let output = self
            .gatecrash()
            .arg("learn")
            .args(targets)
            .args(["--alphabet", "roles.yaml", "--walks", "20", "--report"])
            .arg(format!("json={}", report.display()))
            .args(more)
            .output()
            .unwrap();
        let text =
            fs::read(&report).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), serde_json::from_slice(&text).unwrap())
    }
}

/// The words with their answers, such as `node, revoke-node, node: hello node +token → closed 1008 role-upgrade`.
fn words(document: &Value) -> Vec<String> {
    let one = |word: &Value| {
        let inputs: Vec<&str> =
            word["inputs"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let answers = [&word["first"], &word["second"]].map(|one| one.as_str().unwrap());
        format!("{}: {} → {}", inputs.join(", "), answers[0], answers[1])
    };
    document["words"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn the_turning_points_of_the_founding_case_come_out_without_a_scenario() {
    let bench = Bench::new();
    let targets = ["embedded:2026.3.28", "embedded:2026.3.31", "embedded:2026.4.2"];
    let (code, found) = bench.learn(&targets, &["--out", "found"]);
    assert_eq!(code, Some(1));
    let words = words(&found);
    let among = |word: &str| assert!(words.iter().any(|one| one == word), "{word} is not among {words:#?}");
    among("node: hello → hello node +token");
    among("node, revoke-node, node: hello → closed 1008 role-upgrade");
    among("operator, node: closed 1008 role-upgrade → hello node(read) +token");
    let machines = found["machines"].as_array().unwrap();
    assert_eq!(machines.len(), 3);
    for machine in machines {
        let edges = machine["edges"].as_array().unwrap().len();
        assert_eq!(machine["states"].as_u64().unwrap() * 3, edges as u64);
        assert_eq!((&machine["k"], &machine["inputs"]), (&1.into(), &3.into()));
    }
    let files = fs::read_dir(bench.path("found")).unwrap().count();
    let named = found["words"].as_array().unwrap().iter().filter(|word| word["file"].is_string()).count();
    assert!(files > 0 && files == named, "{files} files, {named} named");
    bench.gatecrash().args(["check", "found"]).assert().success();
    bench
        .gatecrash()
        .args(["check", "found", "--strict"])
        .assert()
        .code(2)
        .stdout(contains("has not been reviewed"));
}

#[test]
fn another_seed_and_another_beginning_lead_to_the_same_machine() {
    let bench = Bench::new();
    let targets = ["embedded:2026.4.2", "embedded:2026.3.31"];
    let (_, one) = bench.learn(&targets, &["--seed", "5"]);
    let (_, other) = bench.learn(&targets, &["--seed", "6", "--from-nothing"]);
    for at in 0..2 {
        assert_eq!(one["machines"][at]["edges"], other["machines"][at]["edges"]);
    }
    let explored = |document: &Value| document["machines"][1]["explored"].as_u64().unwrap();
    assert_ne!(explored(&one), explored(&other));
}

#[test]
fn targets_that_do_the_same_have_no_difference() {
    let bench = Bench::new();
    let (code, found) = bench.learn(&["embedded:2026.3.31", "embedded:2026.4.1"], &[]);
    assert_eq!((code, words(&found)), (Some(0), Vec::new()));
}

#[rstest]
#[case::unknown_alphabet(&["embedded", "--alphabet", "lifecylce"], 2, "did you mean `lifecycle`")]
#[case::no_such_file(&["embedded", "--alphabet", "./no.yaml"], 2, "cannot read ./no.yaml")]
#[case::unknown_target(&["embeded"], 2, "did you mean `embedded`")]
#[case::no_target(&[], 2, "TARGET")]
#[case::cannot_be_seeded(&["ws://127.0.0.1:9", "--alphabet", "lifecycle"], 3, "no way to place records")]
#[case::unknown_report(&["embedded", "--report", "jsn=x"], 2, "did you mean `json`")]
fn bad_usage_is_explained(#[case] args: &[&str], #[case] code: i32, #[case] message: &str) {
    let bench = Bench::new();
    bench.gatecrash().arg("learn").args(args).assert().code(code).stderr(contains(message));
}

#[test]
fn every_report_is_written() {
    let bench = Bench::new();
    let reports = ["md=m.md", "html=m.html", "svg=m.svg", "dot=m.dot", "mermaid=m.mmd"];
    let (code, _) = bench
        .learn(&["embedded:2026.3.31", "embedded:2026.4.2"], &reports.map(|one| ["--report", one]).concat());
    assert_eq!(code, Some(1));
    let read = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    for (name, expected) in [
        ("m.md", "## embedded:2026.3.31 → embedded:2026.4.2"),
        ("m.html", "<svg"),
        ("m.svg", "#c0392b"),
        ("m.dot", "digraph"),
        ("m.mmd", "flowchart LR"),
    ] {
        let text = read(name);
        assert!(text.contains(expected) && text.contains("hello node"), "{name}: {text}");
    }
}

/// Over this alphabet, the model is right about words of any length, if the release has at most one state more.
#[rstest]
#[case("2026.3.28")]
#[case("2026.3.31")]
#[case("2026.4.2")]
fn the_machine_of_the_model_is_that_of_the_release(#[case] release: &str) {
    if !is_available(release) {
        eprintln!("left out: {release} is not installed");
        return;
    }
    let bench = Bench::new();
    let (code, found) = bench.learn(&[release, &format!("embedded:{release}")], &["--timeout", "60s"]);
    assert_eq!((code, words(&found)), (Some(0), Vec::new()), "{:#}", found["words"]);
    assert!(found["machines"][0]["states"].as_u64().unwrap() >= 3);
}

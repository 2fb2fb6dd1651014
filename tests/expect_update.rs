//! `gatecrash expect update` from measured runs to a suite that is as listed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use tempfile::TempDir;

const TWICE: &str = "title: A device that was paired for both roles comes back as node, and again
why: An upgrade does not lock out a device that was approved for a role.
devices:
  laptop:
    paired: {roles: [operator, node], scopes: [operator.read], tokens: {operator: {}}}
steps:
  # A comment that stays.
  - connect: {as: first, device: laptop, persona: node-host}
  - connect: {as: second, device: laptop, persona: node-host}
";

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(TempDir::new().unwrap());
        for folder in ["scenarios", "tmp"] {
            fs::create_dir(bench.0.path().join(folder)).unwrap();
        }
        fs::write(bench.scenario(), TWICE).unwrap();
        bench
    }

    fn scenario(&self) -> PathBuf {
        self.0.path().join("scenarios/twice.yaml")
    }

    fn gatecrash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("gatecrash").unwrap();
        command
            .current_dir(self.0.path())
            .env("TMPDIR", self.0.path().join("tmp"))
            .env("GATECRASH_CACHE_DIR", self.0.path().join("cache"))
            .env_remove("NO_COLOR")
            .args(arguments);
        command
    }

    fn matrix(&self) -> Command {
        let targets = "embedded:2026.3.28,embedded:2026.3.31,embedded:2026.4.1,embedded:2026.4.2";
        self.gatecrash(&["matrix", "--gateways", targets, "--report", "json=run.json"])
    }

    fn update(&self) -> Command {
        self.gatecrash(&["expect", "update", "--from", "run.json"])
    }
}

#[test]
fn what_a_matrix_shows_is_listed_step_by_step_until_all_is_as_listed() {
    let bench = Bench::new();
    bench.matrix().assert().code(1);
    let early = contains("twice on 2026.3.31: ended early").and(contains("twice on 2026.4.1: ended early"));
    bench.update().assert().code(0).stdout(contains("1 added").and(early));
    let text = fs::read_to_string(bench.scenario()).unwrap();
    assert!(text.starts_with(TWICE), "{text}");
    assert!(text.contains("releases: \">=2026.3.31, <2026.4.2\"") && !text.contains("second:"), "{text}");

    bench.matrix().assert().code(1);
    bench.update().assert().code(0).stdout(contains("1 file changed").and(contains("early").not()));
    bench.matrix().assert().code(0);
    bench.update().assert().code(0).stdout(contains("0 files changed").and(contains("early").not()));
    bench.gatecrash(&["check"]).assert().code(0);
    bench.gatecrash(&["check", "--strict"]).assert().code(2).stdout(contains("unreviewed"));
}

#[test]
fn a_dry_run_writes_nothing_and_shows_what_would_be_written() {
    let bench = Bench::new();
    bench.matrix().assert().code(1);
    let said = bench.update().arg("--dry-run").assert().code(0).stdout(contains("1 file would change"));
    assert_eq!(fs::read_to_string(bench.scenario()).unwrap(), TWICE);
    let shown = String::from_utf8(said.get_output().stdout.clone()).unwrap();
    let shown: Vec<&str> = shown
        .lines()
        .filter(|line| line.starts_with('+') && !line.starts_with("+++"))
        .map(|line| &line[1..])
        .collect();
    bench.update().assert().code(0);
    let written = fs::read_to_string(bench.scenario()).unwrap();
    let new: Vec<&str> = written.strip_prefix(TWICE).unwrap().lines().collect();
    assert_eq!(shown, new);
    assert!(new.len() > 3, "{written}");
}

#[rstest]
#[case::flow(TWICE.to_owned() + "deviations: [{releases: 2026.3.2, class: superseded, steps: {first: {closed: 1008}}}] # x\n")]
#[case::line_breaks(TWICE.replace('\n', "\r\n"))]
#[case::no_last_line_break(TWICE.trim_end().to_owned())]
#[case::empty(TWICE.to_owned() + "deviations: []\n")]
#[case::anchors_elsewhere(TWICE.replace("title: A", "title: &t A").replace("why: An", "issue: openclaw#1\nwhy: An"))]
#[case::mark("\u{feff}".to_owned() + TWICE + "# ü \u{1f600}\n")]
#[case::entries(TWICE.to_owned() + "deviations:\n  # before\n  - {releases: 2026.3.2, class: superseded, steps: {first: {closed: 1008, reason: \"a: b\"}}}\n\n  # behind\n")]
fn every_way_of_writing_a_file_is_kept(#[case] text: String) {
    let bench = Bench::new();
    fs::write(bench.scenario(), &text).unwrap();
    fs::set_permissions(bench.scenario(), fs::Permissions::from_mode(0o640)).unwrap();
    bench.matrix().assert().code(1);
    bench.update().assert().code(0).stdout(contains("1 file changed, 0 left"));
    let written = fs::read_to_string(bench.scenario()).unwrap();
    assert_eq!(written.matches("\r\n").count() == 0, !text.contains("\r\n"), "{written:?}");
    assert_eq!(written.ends_with('\n'), text.ends_with('\n'), "{written:?}");
    assert_eq!(written.starts_with('\u{feff}'), text.starts_with('\u{feff}'));
    assert_eq!(written.matches('#').count(), text.matches('#').count(), "{written}");
    assert_eq!(written.contains("a: b"), text.contains("a: b"), "{written}");
    assert_eq!(fs::metadata(bench.scenario()).unwrap().permissions().mode() & 0o777, 0o640);
    bench.gatecrash(&["check"]).assert().code(0);
    let files = fs::read_dir(bench.0.path().join("scenarios")).unwrap().count();
    assert_eq!(files, 1, "no temporary file stays");
}

#[rstest]
#[case::null("deviations:\n", 2)]
#[case::two_documents("---\ntitle: other\n", 2)]
#[case::tabs("deviations:\n\t- releases: 2026.3.2\n", 2)]
#[case::aliases(
    "deviations:\n  - &a {releases: 2026.3.2, class: superseded, steps: {first: {closed: 1000}}}\n  - *a\n",
    2
)]
#[case::end_of_document("...\n", 1)]
fn what_cannot_be_written_into_stays_as_it_is(#[case] more: &str, #[case] code: i32) {
    let bench = Bench::new();
    bench.matrix().assert().code(1);
    let text = TWICE.to_owned() + more;
    fs::write(bench.scenario(), &text).unwrap();
    bench.update().assert().code(code);
    assert_eq!(fs::read_to_string(bench.scenario()).unwrap(), text);
}

#[test]
fn a_read_only_file_is_not_written() {
    let bench = Bench::new();
    bench.matrix().assert().code(1);
    fs::set_permissions(bench.scenario(), fs::Permissions::from_mode(0o440)).unwrap();
    bench.update().assert().code(2).stderr(contains("read-only"));
    assert_eq!(fs::read_to_string(bench.scenario()).unwrap(), TWICE);
}

//! Running again what is worth it: `run --failed`, `run --changed`, `watch`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use assert_cmd::Command as Assert;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use rstest::rstest;

const FINE: &str = "title: A stranger is let in\nwhy: It is local.\nsource: [own]\ntags: [pairing]\nsteps: [connect: {as: a}]\n";
const BAD: &str = "title: A stranger is refused\nwhy: It is wrong to expect that.\nsource: [own]\ntags: [pairing]\nsteps: [connect: {as: a, expect: {closed: 1008, details: {code: PAIRING_REQUIRED, reason: not-paired}}}]\n";
const USES: &str = "title: A stranger comes twice\nwhy: It is local.\nsource: [own]\ntags: [pairing]\nuse: [pairing/fine]\nsteps: [connect: {as: b}]\n";

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        for (name, text) in [("fine", FINE), ("bad", BAD), ("uses", USES)] {
            bench.write(name, text);
        }
        bench
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        let folder = self.path().join("scenarios/pairing");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
    }

    fn git(&self, arguments: &[&str]) {
        let who = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
        let git = Command::new("git").args(who).args(arguments).current_dir(self.path()).output().unwrap();
        assert!(git.status.success(), "{git:?}");
    }

    fn run(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        Assert::cargo_bin("gatecrash")
            .unwrap()
            .current_dir(self.path())
            .env("GATECRASH_CACHE_DIR", self.path().join("cache"))
            .args(["run", "--gateway", "embedded:2026.9.6"])
            .args(arguments)
            .assert()
    }
}

#[test]
fn only_what_was_not_fine_runs_again() {
    let bench = Bench::new();
    bench.run(&["--failed"]).code(3).stderr(contains("no run on embedded:2026.9.6 is kept"));
    bench.run(&[]).code(1).stdout(contains("3 cells"));
    bench.run(&["--failed"]).code(1).stdout(contains("1 cell").and(contains("bad")));
    bench.run(&["--failed", "pairing/fine"]).code(3).stderr(contains("every selected scenario was fine"));
    bench.write("bad", FINE);
    bench.run(&["--failed"]).code(0).stdout(contains("1 cell"));
    bench.run(&["--failed"]).code(3).stderr(contains("every selected scenario was fine"));
}

#[rstest]
#[case::nothing(None, 3, "no selected scenario differs from HEAD")]
#[case::itself_and_what_reuses_it(Some("fine"), 0, "2 cells")]
#[case::new(Some("newer"), 0, "1 cell")]
fn only_what_differs_from_a_revision_runs(
    #[case] written: Option<&str>,
    #[case] code: i32,
    #[case] told: &str,
) {
    let bench = Bench::new();
    bench.git(&["init", "-q"]);
    bench.git(&["add", "scenarios"]);
    bench.git(&["commit", "-qm", "first"]);
    if let Some(name) = written {
        bench.write(name, &FINE.replace("is let in", "comes in"));
    }
    let ran = bench.run(&["--changed"]).code(code);
    let output = ran.get_output();
    let all =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(all.contains(told), "{all}");
}

#[test]
fn what_git_cannot_tell_is_said() {
    let bench = Bench::new();
    bench.run(&["--changed"]).code(2).stderr(contains("not a git repository"));
    bench.git(&["init", "-q"]);
    bench.run(&["--changed=no-such-branch"]).code(2).stderr(contains("no-such-branch"));
    bench.run(&["--changed=--output=x"]).code(2);
    assert!(!bench.path().join("x").exists(), "a revision is no option of git");
}

/// A `watch` that is ended when the value is dropped.
struct Watch(Child);

impl Watch {
    fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_gatecrash"))
            .current_dir(bench.path())
            .env("GATECRASH_CACHE_DIR", bench.path().join("cache"))
            .args(["watch", "--gateway", "embedded:2026.9.6"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut watch = Self(child);
        let said = until(watch.0.stderr.take().unwrap(), "watching ");
        assert!(said.contains("on embedded:2026.9.6"), "{said}");
        watch
    }

    fn interrupt(mut self) -> Option<i32> {
        let id = i32::try_from(self.0.id()).unwrap();
        let process = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything up to a line that contains a text.
fn until(from: impl std::io::Read, wanted: &str) -> String {
    let mut all = String::new();
    for line in BufReader::new(from).lines() {
        let line = line.unwrap();
        all += &line;
        all.push('\n');
        if line.contains(wanted) {
            return all;
        }
    }
    panic!("it ended without {wanted:?}:\n{all}");
}

#[test]
fn a_saved_file_runs_its_scenarios_and_those_that_reuse_it() {
    let bench = Bench::new();
    let mut watch = Watch::start(&bench, &[]);
    bench.write("fine", &FINE.replace("is let in", "comes in"));
    let shown = until(watch.0.stdout.take().unwrap(), "· seed ");
    assert!(shown.contains("fine.yaml: 2 scenarios after"), "{shown}");
    assert!(shown.contains("✓ fine") && shown.contains("✓ uses") && !shown.contains("bad"), "{shown}");
    assert_eq!(watch.interrupt(), Some(130));
}

#[test]
fn named_scenarios_run_at_the_start() {
    let bench = Bench::new();
    let mut watch = Watch(
        Command::new(env!("CARGO_BIN_EXE_gatecrash"))
            .current_dir(bench.path())
            .env("GATECRASH_CACHE_DIR", bench.path().join("cache"))
            .args(["watch", "pairing/bad", "--gateway", "embedded:2026.9.6"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let shown = until(watch.0.stdout.take().unwrap(), "· seed ");
    assert!(shown.contains("all: 1 scenario after") && shown.contains("DIFFERENT"), "{shown}");
}

#[test]
fn the_built_in_suite_has_nothing_to_watch() {
    let empty = tempfile::tempdir().unwrap();
    Assert::cargo_bin("gatecrash")
        .unwrap()
        .current_dir(empty.path())
        .env("GATECRASH_CACHE_DIR", empty.path().join("cache"))
        .args(["watch", "--gateway", "embedded"])
        .assert()
        .code(3)
        .stderr(contains("no files to watch"));
}

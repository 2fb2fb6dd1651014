//! Bisects over the commits of a synthetic repository, whose gateways are builds of the model.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_gatecrash");

/// The founding case: wrong under the rules of 2026.3.31, right under those of 2026.4.2.
const FOUNDING: &str = "roles/legacy-empty-token-map/operator#back";
const RIGHT: Kind = Kind::Model("embedded:2026.4.2");
const WRONG: Kind = Kind::Model("embedded:2026.3.31");

/// What a commit's gateway does, and how its build goes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Model(&'static str),
    /// Wrong in every second run or so.
    Flaky,
    Broken,
    Hanging,
    /// It builds, and never answers.
    Mute,
}

impl Kind {
    fn model(self) -> &'static str {
        match self {
            Self::Model(name) => name,
            Self::Flaky => "flaky",
            Self::Mute => "mute",
            Self::Broken | Self::Hanging => "embedded:2026.4.2",
        }
    }

    fn build(self) -> &'static str {
        match self {
            Self::Broken => "echo the compiler is unhappy; exit 3",
            Self::Hanging => "sleep 600",
            _ => "echo built",
        }
    }
}

struct Bench {
    dir: tempfile::TempDir,
    commits: Vec<String>,
}

impl Bench {
    /// A repository with one commit for each kind.
    fn new(kinds: &[Kind]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("repo");
        git(dir.path(), &["init", "--quiet", "--initial-branch=main", "repo"]);
        let mut stream = String::new();
        for (at, kind) in kinds.iter().enumerate() {
            // Rebased commits keep the dates of their authors, so dates are no order.
            let date = 1_770_000_000 + (at * 7919 % 1000) * 60;
            let subject = format!("change number {at}");
            let _ = write!(
                stream,
                "commit refs/heads/main\nauthor A. Uthor <a@example.org> {date} +0000\n\
                 committer A. Uthor <a@example.org> {date} +0000\ndata {}\n{subject}\n",
                subject.len()
            );
            let note = format!("notes/{at}");
            // A text that every commit changes, so that no change applies elsewhere without a conflict.
            let files = [
                ("model", kind.model()),
                ("build.sh", kind.build()),
                (&note, &subject),
                ("CHANGELOG.md", &subject),
            ];
            for (file, text) in files {
                let _ = write!(stream, "M 644 inline {file}\ndata {}\n{text}\n", text.len());
            }
            stream.push('\n');
        }
        let mut import = Command::new("git")
            .args(["fast-import", "--quiet"])
            .current_dir(&repo)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(import.wait().unwrap().success());
        git(&repo, &["checkout", "--quiet", "main"]);
        let commits = git(&repo, &["rev-list", "--reverse", "main"]).lines().map(str::to_owned).collect();
        Self { dir, commits }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command<S: AsRef<std::ffi::OsStr>>(&self, more: &[S]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .arg("--cache-dir")
            .arg(self.path("cache"))
            .arg("bisect")
            .args(more)
            .current_dir(self.dir.path())
            .env("BUILDS", self.path("builds"));
        command
    }

    /// Bisects the founding case from the first to the last commit; the exit code and the JSON report.
    fn bisect(&self, fix: bool, more: &[&str]) -> (i32, Value) {
        self.answer(&mut self.command(&self.question(FOUNDING, fix, more)))
    }

    fn question(&self, scenario: &str, fix: bool, more: &[&str]) -> Vec<String> {
        let (first, last) = (&self.commits[0], self.commits.last().unwrap());
        let (good, bad) = if fix { (last, first) } else { (first, last) };
        let gateway = format!(
            "cmd:model=$(cat {{dir}}/model); \
             if [ $model = flaky ]; then model=embedded:2026.4.2; \
             [ $(($(od -An -N1 -tu1 /dev/urandom) % 2)) = 0 ] && model=embedded:2026.3.31; fi; \
             [ $model = mute ] && exec sleep 600; \
             exec {BINARY} __model --port {{port}} --model $model"
        );
        let build = "echo x >> $BUILDS; sh ./build.sh";
        let mut args = vec![scenario, "--good", good, "--bad", bad, "--repo", "repo"];
        args.extend(["--build", build, "--gateway", &gateway, "--report", "json=answer.json"]);
        args.extend(more);
        args.into_iter().map(str::to_owned).collect()
    }

    fn answer(&self, command: &mut Command) -> (i32, Value) {
        let output = command.output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = fs::read_to_string(self.path("answer.json")).unwrap_or_else(|_| panic!("{shown}"));
        (output.status.code().unwrap(), serde_json::from_str(&report).unwrap())
    }

    fn builds(&self) -> usize {
        fs::read_to_string(self.path("builds")).map_or(0, |text| text.lines().count())
    }
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git").args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn history(stretches: &[(Kind, usize)]) -> Vec<Kind> {
    stretches.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count)).collect()
}

#[rstest]
#[case(1)]
#[case(97)]
#[case(219)]
fn a_planted_fault_is_named_within_the_bound(#[case] at: usize) {
    let bench = Bench::new(&history(&[(RIGHT, at), (WRONG, 220 - at)]));
    let before = git(&bench.path("repo"), &["worktree", "list"]);
    let (code, answer) = bench.bisect(false, &[]);
    assert_eq!(code, 0, "{answer}");
    assert_eq!(answer["result"], "found");
    assert_eq!(answer["first_bad"], bench.commits[at].as_str());
    assert_eq!(answer["before"], bench.commits[at - 1].as_str());
    assert_eq!(answer["commit"]["subject"], format!("change number {at}"));
    assert!(answer["commit"]["files"].as_array().unwrap().iter().any(|file| file == "M model"));
    assert_eq!(answer["checks"].as_array().unwrap().len(), 2);
    // ceil(log2 220) + 2; the checks use the builds that are there.
    assert!(bench.builds() <= 10, "{} builds", bench.builds());
    assert_eq!(git(&bench.path("repo"), &["worktree", "list"]), before);
    assert_eq!(git(&bench.path("repo"), &["status", "--porcelain"]), "");

    // What was measured costs nothing the second time, except for the checks.
    let builds = bench.builds();
    let (_, again) = bench.bisect(false, &[]);
    assert_eq!(again["first_bad"], answer["first_bad"]);
    assert!(again["steps"].as_array().unwrap().iter().all(|step| step["cached"] == true));
    assert_eq!(bench.builds(), builds);
}

#[test]
fn a_fix_is_found_the_other_way_round_and_ablation_confirms_it() {
    let bench = Bench::new(&history(&[(WRONG, 150), (RIGHT, 70)]));
    let (code, answer) = bench.bisect(true, &["--find", "fix", "--ablate"]);
    assert_eq!((code, &answer["first_good"]), (0, &Value::from(bench.commits[150].as_str())), "{answer}");
    assert_eq!(answer["first_bad"], Value::Null);
    let checks = answer["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 4, "{answer}");
    assert!(checks.iter().all(|check| check["word"] == check["expected"]), "{answer}");
}

/// Of each family of faults one, with the scenario that sees it.
#[rstest]
#[case("pairing/fresh-device-on-loopback", "embedded:2026.4.2+local-needs-approval", 1)]
#[case("roles/second-role-behind-a-proxy", "embedded:2026.4.2+remote-upgraded-silently", 40)]
#[case("proof/device-proof/wrong-nonce", "embedded:2026.4.2+nonce-not-checked", 63)]
#[case("protocol/no-common-version", "embedded:2026.4.2+new-protocol-accepted", 64)]
#[case("roles/unknown-role", "embedded:2026.4.2+unknown-role-accepted", 99)]
#[case("auth/shared-token/wrong", "embedded:2026.4.2+shared-token-not-compared", 127)]
#[case("pairing/fresh-device-behind-a-proxy", "embedded:2026.4.2+wrong-pairing-close", 150)]
#[case("pairing/removed-device", "embedded:2026.4.2+removal-not-stored", 180)]
#[case("proof/older-layout", "embedded:2026.4.2+older-signature-refused", 199)]
#[case("proof/device-proof/tampered-signature", "embedded:2026.4.2+signature-not-checked", 203)]
fn every_planted_fault_is_named(#[case] scenario: &str, #[case] fault: &'static str, #[case] at: usize) {
    let bench = Bench::new(&history(&[(RIGHT, at), (Kind::Model(fault), 204 - at)]));
    let (code, answer) = bench.answer(&mut bench.command(&bench.question(scenario, false, &[])));
    assert_eq!((code, &answer["first_bad"]), (0, &Value::from(bench.commits[at].as_str())), "{answer}");
    // ceil(log2 204) + 2; the checks use the builds that are there.
    assert!(bench.builds() <= 10, "{} builds", bench.builds());
}

#[test]
fn builds_that_break_or_hang_are_skipped_and_named() {
    let stretches = [(RIGHT, 100), (Kind::Broken, 2), (Kind::Hanging, 1), (Kind::Mute, 1), (WRONG, 100)];
    let bench = Bench::new(&history(&stretches));
    let (code, answer) = bench.bisect(false, &["--build-timeout", "2s", "--boot-timeout", "3s"]);
    assert_eq!((code, &answer["result"]), (0, &Value::from("found-despite-skips")), "{answer}");
    let one_of: Vec<&str> = answer["one_of"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(one_of, &bench.commits[100..=104]);
    let why: Vec<&str> =
        answer["steps"].as_array().unwrap().iter().filter_map(|step| step["why"].as_str()).collect();
    assert!(why.iter().any(|why| why.contains("exit status: 3")), "{why:?}");
    assert!(why.iter().any(|why| why.contains("not done after 2s")), "{why:?}");
}

#[test]
fn of_two_changes_a_true_one_is_named() {
    let stretches = [(RIGHT, 60), (WRONG, 40), (RIGHT, 50), (WRONG, 60)];
    let bench = Bench::new(&history(&stretches));
    let (code, answer) = bench.bisect(false, &["--jobs", "2"]);
    let found = answer["first_bad"].as_str().unwrap();
    assert_eq!(code, 0);
    assert!([60, 150].iter().any(|at| bench.commits[*at] == found), "{answer}");
}

#[test]
fn a_flaky_stretch_is_found_with_stated_confidence() {
    let bench = Bench::new(&history(&[(RIGHT, 9), (Kind::Flaky, 7)]));
    let (code, answer) = bench.bisect(false, &["--confidence", "0.95"]);
    let confidence = answer["confidence"].as_f64().unwrap_or_default();
    assert_eq!((code, &answer["result"]), (0, &Value::from("found")), "{answer}");
    assert!(confidence >= 0.95);
    // One in twenty answers may be wrong, and is then next to the right one.
    let found = bench.commits.iter().position(|one| answer["first_bad"] == one.as_str()).unwrap();
    assert!((7..=12).contains(&found), "{found}");
}

#[test]
fn a_bisect_that_was_cut_off_goes_on_to_the_same_answer() {
    let bench = Bench::new(&history(&[(RIGHT, 30), (WRONG, 20)]));
    let (_, whole) = bench.bisect(false, &["--log", "whole.jsonl"]);
    let text = fs::read_to_string(bench.path("whole.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    fs::write(bench.path("cut.jsonl"), format!("{}\n{}", lines[..4].join("\n"), &lines[4][..20])).unwrap();
    let resume = ["--resume", "cut.jsonl", "--report", "json=answer.json"];
    let (code, resumed) = bench.answer(&mut bench.command(&resume));
    assert_eq!((code, &resumed["first_bad"]), (0, &whole["first_bad"]));
    let replay = ["--replay", "whole.jsonl", "--report", "json=answer.json"];
    let (code, replayed) = bench.answer(&mut bench.command(&replay));
    assert_eq!((code, replayed), (0, whole));
}

#[test]
fn ends_that_do_not_differ_are_refused_with_exit_1() {
    let bench = Bench::new(&history(&[(WRONG, 20)]));
    let (code, answer) = bench.bisect(false, &[]);
    assert_eq!((code, &answer["result"]), (1, &Value::from("ends-do-not-differ")), "{answer}");
    assert_eq!(answer["steps"].as_array().unwrap().len(), 2);
}

/// A merge's first parent is right, and what it brought in is wrong from its second commit on.
#[rstest]
#[case(&[], "side 1")]
#[case(&["--first-parent"], "merge")]
fn inside_a_merge_the_commit_is_named_unless_first_parents_are_wanted(
    #[case] more: &[&str],
    #[case] subject: &str,
) {
    let bench = Bench::new(&history(&[(RIGHT, 5)]));
    let repo = bench.path("repo");
    let commit = |model: &str, subject: &str| {
        fs::write(repo.join("model"), model).unwrap();
        fs::write(repo.join(subject), subject).unwrap();
        git(&repo, &["add", "--all"]);
        git(&repo, &["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", subject]);
    };
    git(&repo, &["checkout", "-q", "-b", "side", "main~2"]);
    commit(RIGHT.model(), "side 0");
    commit(WRONG.model(), "side 1");
    commit(WRONG.model(), "side 2");
    git(&repo, &["checkout", "-q", "main"]);
    let merge = ["merge", "-q", "-s", "recursive", "-X", "theirs", "--no-ff", "-m", "merge", "side"];
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    git(&repo, &[&who[..], &merge[..]].concat());
    commit(WRONG.model(), "after");
    let commits = git(&repo, &["rev-list", "--first-parent", "--reverse", "main"]);
    let bench = Bench { commits: commits.lines().map(str::to_owned).collect(), ..bench };
    let (code, answer) = bench.bisect(false, more);
    assert_eq!((code, &answer["commit"]["subject"]), (0, &Value::from(subject)), "{answer}");
}

#[test]
fn an_interrupt_leaves_nothing_behind_and_tells_how_to_go_on() {
    let bench = Bench::new(&history(&[(RIGHT, 120), (WRONG, 100)]));
    let question = bench.question(FOUNDING, false, &["--log", "cut.jsonl"]);
    let child = bench.command(&question).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let looks = || fs::read_to_string(bench.path("cut.jsonl")).map_or(0, |text| text.lines().count());
    while looks() < 4 && started.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    let line = said.lines().find_map(|line| line.strip_prefix("resume with: gatecrash ")).expect(&said);
    let shell = format!("{BINARY} {line} --report json=answer.json");
    let mut resume = Command::new("sh");
    resume.args(["-c", &shell]).current_dir(bench.dir.path()).env("BUILDS", bench.path("builds"));
    let (code, answer) = bench.answer(&mut resume);
    assert_eq!((code, &answer["first_bad"]), (0, &Value::from(bench.commits[120].as_str())), "{answer}");
    // One build may have been cut off.
    assert!(bench.builds() <= 11, "{} builds", bench.builds());
}

//! The line that a report prints to see a cell again is run through a shell, and shows the same.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_gatecrash");

const HELLO: &str = "title: The gateway lets a client in
why: It is the least that a gateway does.
steps: [{connect: {as: client}}]
";

const LISTED: &str = "deviations:
  - releases: \"2026.3.31\"
    class: regression
    issue: openclaw#1
    steps: {client: {closed: 1008}}
";

struct Bench(TempDir);

impl Bench {
    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// A line for a shell, with the program on its search path.
    fn shell(&self, line: &str) -> Output {
        let bin = Path::new(BINARY).parent().unwrap();
        let path = std::env::join_paths(
            std::iter::once(bin.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        Command::new("sh")
            .args(["-c", line])
            .current_dir(self.0.path())
            .env("PATH", path.unwrap())
            .env("TMPDIR", self.path(""))
            .env("GATECRASH_CACHE_DIR", self.path("cache"))
            .env("GATECRASH_OFFLINE", "1")
            .env_remove("GATECRASH_GATEWAY")
            .output()
            .unwrap()
    }

    /// What the first cell that is not fine showed: verdict and signature, or why there is none.
    fn seen(&self, report: &str) -> Vec<Value> {
        let report: Value = serde_json::from_slice(&fs::read(self.path(report)).unwrap()).unwrap();
        let cells = report["cells"].as_array().unwrap();
        let fine = ["pass", "known", "untestable"];
        let cell = cells.iter().find(|cell| !fine.contains(&cell["verdict"].as_str().unwrap())).unwrap();
        let reason = if cell["verdict"] == "error" { cell["reason"].clone() } else { Value::Null };
        let signature = if cell["verdict"] == "flaky" { Value::Null } else { cell["signature"].clone() };
        vec![
            cell["verdict"].clone(),
            cell["scenario"].clone(),
            signature,
            reason,
            report["run"]["seed"].clone(),
        ]
    }
}

fn fake(mode: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fake-gateway.mjs");
    format!("--gateway 'cmd:exec node \"{}\" --port {{port}} --mode {mode}'", script.display())
}

#[rstest]
#[case::fail("fail", "hello", "no-answer", "--timeout 700ms --assume-release 2026.4.2")]
#[case::fixed("fixed", "hello", "answer", "--assume-release 2026.3.31")]
#[case::flaky("flaky", "hello", "every-other", "--assume-release 2026.4.2 --repeat 3")]
#[case::error("error", "hello", "die-at-boot", "--boot-timeout 30s")]
#[case::of_a_folder("fail", "elsewhere", "no-answer", "--timeout 700ms")]
#[case::of_a_named_root("fail", "--folder elsewhere", "no-answer", "--timeout 700ms")]
#[case::of_a_file_with_blanks("fail", "'my suite/first/hello.yaml'", "no-answer", "--timeout 700ms")]
fn the_line_shows_the_same_again(
    #[case] verdict: &str,
    #[case] names: &str,
    #[case] mode: &str,
    #[case] options: &str,
) {
    let bench = Bench(TempDir::new().unwrap());
    for (folder, text) in [
        ("scenarios", format!("{HELLO}{LISTED}")),
        ("elsewhere/section", HELLO.to_owned()),
        ("my suite/first", HELLO.to_owned()),
    ] {
        fs::create_dir_all(bench.path(folder)).unwrap();
        fs::write(bench.path(folder).join("hello.yaml"), text).unwrap();
    }
    let gateway = fake(mode);
    is_reproduced(&bench, verdict, &format!("gatecrash run {names} {gateway} {options}"));
}

#[rstest]
#[case::planted_fault("'tokens/rotated-tok*' --gateway embedded:2026.9.6+rotation-keeps-old")]
#[case::planted_fault_beside_a_suite(
    "'builtin:tokens/rotated-tok*' --folder own --gateway embedded:2026.9.6+rotation-keeps-old"
)]
fn a_planted_fault_is_shown_again(#[case] arguments: &str) {
    let bench = Bench(TempDir::new().unwrap());
    fs::create_dir_all(bench.path("own")).unwrap();
    fs::write(bench.path("own/hello.yaml"), HELLO).unwrap();
    is_reproduced(&bench, "fail", &format!("gatecrash run {arguments}"));
}

fn is_reproduced(bench: &Bench, verdict: &str, line: &str) {
    let first = bench.shell(&format!("{line} --report json=first.json --seed 11"));
    let told = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(bench.path("first.json").is_file(), "{told}");
    assert_eq!(bench.seen("first.json")[0], verdict, "{told}");
    let shown = bench.shell(&format!("{line} --seed 11"));
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let printed = |text: &str| {
        let found = text.lines().find_map(|line| line.trim().strip_prefix("reproduce: ").map(str::to_owned));
        found.unwrap_or_else(|| panic!("no line in {text}"))
    };
    let again = printed(&shown);
    let second = bench.shell(&format!("{again} --report json=second.json"));
    let told = format!("{again}\n{}", String::from_utf8_lossy(&second.stderr));
    assert_eq!(second.status.code(), first.status.code(), "{told}");
    assert_eq!(bench.seen("second.json"), bench.seen("first.json"), "{told}");
    // A stored run tells the same line, events or document.
    let kept = bench.shell("gatecrash show latest");
    let line = printed(&String::from_utf8_lossy(&kept.stdout));
    assert_eq!(line.replace(" --repeat 20", ""), again.replace(" --repeat 20", ""));
    let document = bench.shell("gatecrash show first.json");
    assert_eq!(printed(&String::from_utf8_lossy(&document.stdout)), again);
}

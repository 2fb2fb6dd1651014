//! The action for GitHub: its shell steps are run as they stand in `action.yml`, with the inputs filled in.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

fn read(file: &str) -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// A runner with an empty work folder.
struct Runner {
    place: TempDir,
    inputs: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Runner {
    fn new(given: &[(&str, &str)]) -> Self {
        let action = read("action.yml");
        let defaults = action["inputs"].as_object().unwrap();
        let mut inputs: BTreeMap<String, String> = defaults
            .iter()
            .map(|(name, one)| (name.clone(), one["default"].as_str().unwrap().to_owned()))
            .collect();
        for (name, value) in given {
            assert!(inputs.insert((*name).into(), (*value).into()).is_some(), "there is no input {name}");
        }
        let place = TempDir::new().unwrap();
        for folder in ["bin", "work", "tmp"] {
            fs::create_dir(place.path().join(folder)).unwrap();
        }
        let program = place.path().join("bin/gatecrash");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gatecrash"), program).unwrap();
        Self { place, inputs, outputs: BTreeMap::new() }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.place.path().join(below)
    }

    /// A text with its expressions filled in.
    fn filled(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, behind) = after.split_once("}}").unwrap();
            let expression = expression.trim();
            let value = if let Some(name) = expression.strip_prefix("inputs.") {
                self.inputs.get(name)
            } else {
                self.outputs.get(expression.strip_prefix("steps.run.outputs.").unwrap())
            };
            out.push_str(before);
            out.push_str(value.unwrap_or_else(|| panic!("`{expression}` has no value")));
            rest = behind;
        }
        out + rest
    }

    /// Runs the shell steps up to the one that fails; the output of the last one, and all names of steps that ran.
    fn run(&mut self) -> (Output, Vec<String>) {
        let action = read("action.yml");
        let mut names = Vec::new();
        let mut last = None;
        for step in action["runs"]["steps"].as_array().unwrap() {
            let Some(script) = step["run"].as_str() else { continue };
            assert!(!script.contains("${{"), "an expression in a script is an injection: {script}");
            names.push(step["name"].as_str().unwrap().to_owned());
            let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
            // As the runner calls it for `shell: bash`.
            let mut command = Command::new("bash");
            command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
            command.current_dir(self.path("work")).env("PATH", path).env_remove("GATECRASH_GATEWAY");
            command.env("TMPDIR", self.path("tmp")).env("GATECRASH_CACHE_DIR", self.path("cache"));
            command.env("RUNNER_TEMP", self.path("tmp"));
            for (name, file) in [("OUTPUT", "output"), ("PATH", "path"), ("STEP_SUMMARY", "summary.md")] {
                command.env(format!("GITHUB_{name}"), self.path(file));
            }
            for (name, value) in step["env"].as_object().into_iter().flatten() {
                command.env(name, self.filled(value.as_str().unwrap()));
            }
            let output = command.output().unwrap();
            let text = fs::read_to_string(self.path("output")).unwrap_or_default();
            self.outputs = text
                .lines()
                .filter_map(|line| line.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let success = output.status.success();
            last = Some(output);
            if !success {
                break;
            }
        }
        (last.unwrap(), names)
    }
}

#[test]
fn one_target_gives_every_report_and_a_summary() {
    let mut runner = Runner::new(&[
        ("targets", "embedded:2026.4.2"),
        ("scenarios", "roles/legacy-empty-token-map tokens/rotated*"),
    ]);
    let (output, steps) = runner.run();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(steps.len(), 3);
    for kind in ["events", "junit", "html", "json", "markdown", "github"] {
        assert!(runner.path(&format!("work/gatecrash-reports/gatecrash.{kind}")).is_file(), "{kind}");
    }
    let summary = fs::read_to_string(runner.path("summary.md")).unwrap();
    assert!(summary.starts_with("## gatecrash: as expected"), "{summary}");
    let json = fs::read_to_string(runner.path("work/gatecrash-reports/gatecrash.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    let ids: Vec<&str> =
        json["scenarios"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    for prefix in ["roles/legacy-empty-token-map/", "tokens/rotated"] {
        assert!(ids.iter().any(|id| id.starts_with(prefix)), "{ids:?}");
    }
    assert!(ids.len() < 10, "a glob in an input selects scenarios: {ids:?}");
}

#[rstest]
#[case::listed(&[("targets", "embedded:2026.3.31")], 0)]
#[case::denied(&[("targets", "embedded:2026.3.31"), ("deny", "regression,security")], 1)]
#[case::several(&[("targets", "embedded:2026.3.28,embedded:2026.3.31"), ("deny", "regression")], 1)]
#[case::a_shard(&[("targets", "embedded:2026.3.31"), ("shard", "1/2"), ("seed", "7")], 0)]
#[case::bad_usage(&[("targets", "embeded")], 2)]
fn the_job_fails_as_gatecrash_does(#[case] inputs: &[(&str, &str)], #[case] exit: i32) {
    let inputs = [inputs, &[("scenarios", "roles/legacy-empty-token-map")]].concat();
    let mut runner = Runner::new(&inputs);
    let (output, _) = runner.run();
    assert_eq!(output.status.code(), Some(exit), "{output:?}");
    assert_eq!(runner.outputs["result"], exit.to_string());
}

#[test]
fn an_input_is_a_word_and_never_a_command() {
    let mut runner = Runner::new(&[
        ("targets", "embedded:2026.4.2"),
        ("scenarios", "$(touch pwned) `touch pwned` ;touch"),
    ]);
    let (output, _) = runner.run();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!runner.path("work/pwned").exists());
}

#[test]
fn the_reusable_workflow_uses_inputs_that_the_action_has() {
    let action = read("action.yml");
    let workflow = read(".github/workflows/scenarios.yml");
    let steps = workflow["jobs"]["run"]["steps"].as_array().unwrap();
    let uses =
        |step: &&Value| step["uses"].as_str().is_some_and(|one| one.starts_with("openclaw/gatecrash@"));
    let step = steps.iter().find(uses).unwrap();
    for name in step["with"].as_object().unwrap().keys() {
        assert!(action["inputs"].get(name).is_some(), "the action has no input {name}");
    }
}

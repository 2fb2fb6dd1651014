//! The embedded model as a target: it runs without Node, differs where the releases differ, and shows planted faults.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

/// gatecrash in an empty folder, with an empty cache and an empty search path.
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

fn json(command: &mut Command) -> Value {
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

#[test]
fn mutants_say_how_far_they_are() {
    let place = TempDir::new().unwrap();
    let told = contains("the suite runs against 1 mutant of the rules of 2026.3.31")
        .and(contains("runs again by itself"));
    let arguments = [
        "mutants",
        "--mutant",
        "revoked-token-works",
        "--releases",
        "2026.3.31",
        "builtin:tokens/token-of-another-gateway",
    ];
    gatecrash(&place, &arguments).assert().stderr(told);
}

#[test]
fn by_default_the_model_is_run_and_the_real_release_is_suggested() {
    let place = TempDir::new().unwrap();
    gatecrash(&place, &["run", "roles/*", "scopes/*", "tokens/*", "--report", "json=run.json"])
        .assert()
        .success()
        .stderr(contains("embedded model of 2026.9.6").and(contains("--gateway 2026.9.6")))
        .stdout(contains("AS LISTED · "));
    let report: Value =
        serde_json::from_slice(&std::fs::read(place.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(report["summary"]["fail"], 0);
    assert!(report["summary"]["pass"].as_u64().unwrap() > 20, "{}", report["summary"]);
}

#[rstest]
#[case("2026.3.28", "pass")]
#[case("2026.3.31", "known")]
#[case("2026.4.2", "pass")]
fn the_founding_case_changes_with_the_releases(#[case] release: &str, #[case] verdict: &str) {
    let place = TempDir::new().unwrap();
    let gateway = format!("embedded:{release}");
    gatecrash(
        &place,
        &["run", "roles/legacy-empty-token-map/operator", "--gateway", &gateway, "--report", "json=run.json"],
    )
    .assert()
    .success();
    let report: Value =
        serde_json::from_slice(&std::fs::read(place.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(report["cells"][0]["verdict"], verdict);
}

#[test]
fn diff_compares_two_targets() {
    let place = TempDir::new().unwrap();
    let scenario = "roles/legacy-empty-token-map/operator";
    gatecrash(&place, &["diff", "embedded:2026.3.28", "embedded:2026.4.2", scenario])
        .assert()
        .success()
        .stdout(contains("ALIKE: embedded:2026.3.28 and embedded:2026.4.2 · 1 alike"));
    gatecrash(&place, &["diff", "embedded:2026.3.28", "embedded:2026.3.31", scenario])
        .assert()
        .code(1)
        .stdout(
            contains("step `back`")
                .and(contains("embedded:2026.3.28 hello"))
                .and(contains("embedded:2026.3.31 closed 1008"))
                .and(contains("role-upgrade")),
        );
    // The run was stored, so the same two targets can be compared again without another run.
    let again = ["diff", "embedded:2026.3.31", "embedded:2026.3.28", "--run", "latest", "--format", "json"];
    let found = json(&mut gatecrash(&place, &again));
    assert_eq!(found["different"][0]["step"], "back");
    assert_eq!(found["different"][0]["frames"]["second"]["direction"], "received");
    gatecrash(&place, &["diff", "embedded:2026.3.31", "2026.9.6", "--run", "latest"])
        .assert()
        .code(2)
        .stderr(contains("the run has no target 2026.9.6"));
}

#[rstest]
#[case(&["diff", "embedded", "embedded"], "compared with itself")]
#[case(&["diff", "embedded", "embedded:2026.3.31,embedded:2026.4.2"], "exactly two targets can be compared")]
#[case(&["run", "--gateway", "embedded:2026.9.6+rotation-keeps-ol"], "did you mean `rotation-keeps-old`")]
#[case(&["run", "--gateway", "embedded:soon"], "soon")]
#[case(&["mutants", "--mutant", "nobody"], "no mutant is called `nobody`")]
fn invalid_targets_and_mutants_are_usage_errors(#[case] arguments: &[&str], #[case] message: &str) {
    let place = TempDir::new().unwrap();
    gatecrash(&place, arguments).assert().code(2).stderr(contains(message));
}

#[test]
fn a_planted_fault_is_found_by_the_scenario_of_its_rule() {
    let place = TempDir::new().unwrap();
    let hunt = ["mutants", "tokens/rotated-token", "--mutant", "rotation-keeps-old", "--format", "json"];
    let score = json(gatecrash(&place, &hunt).timeout(std::time::Duration::from_mins(1)));
    assert_eq!(score["score"], 1.0);
    assert_eq!(score["mutants"][0]["killed"], true);
    assert_eq!(score["mutants"][0]["by"], serde_json::json!(["tokens/rotated-token"]));
    gatecrash(&place, &["mutants", "auth/shared-token/wrong", "--mutant", "rotation-keeps-old"])
        .assert()
        .code(1)
        .stdout(contains("survived"));
}

#[rstest]
#[case::left_out(
    "config: {gateway: {auth: {rateLimit: {maxAttempts: 2}}}}",
    "connect: {as: a}",
    "the model has no rate limits"
)]
#[case::config(
    "config: {gateway: {http: {endpoints: {responses: {enabled: true}}}}}",
    "connect: {as: a}",
    "`config.gateway.http`"
)]
#[case::restart("", "restart: {config: {tools: {exec: {host: gateway}}}}", "`config.tools`")]
#[case::environment(
    "env: {OPENCLAW_HANDSHAKE_TIMEOUT_MS: soon}",
    "connect: {as: a}",
    "variable `OPENCLAW_HANDSHAKE_TIMEOUT_MS`"
)]
#[case::header(
    "",
    "connect: {as: a, headers: {X-OpenClaw-Scopes: operator.admin}}",
    "the header `x-openclaw-scopes`"
)]
#[case::connect("", "connect: {as: a, raw: {permissions: {screen: true}}}", "what `permissions` does")]
#[case::method(
    "",
    "call: {on: b, id: c, method: tools.invoke, expect: {error: INVALID_REQUEST}}",
    "the method `tools.invoke`"
)]
#[case::parameter(
    "",
    "call: {on: b, id: c, method: health, params: {probe: true}}",
    "the parameter `probe` of `health`"
)]
#[case::answer("", "call: {on: b, id: c, method: models.list}", "what `models.list` answers")]
fn what_is_not_modelled_is_untestable(#[case] head: &str, #[case] step: &str, #[case] message: &str) {
    let place = TempDir::new().unwrap();
    std::fs::create_dir(place.path().join("scenarios")).unwrap();
    let first = if step.contains("on: b") {
        "  - connect: {as: b, device: d, scopes: [operator.admin]}\n"
    } else {
        ""
    };
    let text = format!(
        "title: t\nwhy: Nothing is known of it.\n{head}\ndevices: {{d: {{}}}}\nsteps:\n{first}  - {step}\n"
    );
    std::fs::write(place.path().join("scenarios/unknown.yaml"), text).unwrap();
    gatecrash(&place, &["run"]).assert().code(3).stdout(contains("untestable").and(contains(message)));
}

#[test]
fn rules_prints_the_history_of_the_model() {
    let place = TempDir::new().unwrap();
    gatecrash(&place, &["rules"])
        .assert()
        .success()
        .stdout(contains("2026.3.2\n").and(contains("2026.9.6\n")).and(contains("not modelled")));
    let rules = json(&mut gatecrash(&place, &["rules", "2026.3.31", "--format", "json"]));
    assert!(rules["changes"].as_array().unwrap().iter().any(|rule| rule["rule"] == "Roles"));
}

/// Two scenarios expect the opposite of each other: a change is an improvement for one and a failure for the other.
#[test]
fn a_silent_scope_upgrade_on_2026_3_31_fixes_one_case_and_fails_another() {
    let place = TempDir::new().unwrap();
    let planted = "embedded:2026.3.31+scopes-not-compared";
    let cases = ["auth/none-scope-upgrade", "auth/none-scope-upgrade-needs-approval"];
    let run = ["run", cases[0], cases[1], "--gateway", planted, "--report", "json=run.json"];
    gatecrash(&place, &run).assert().code(1);
    let report: Value =
        serde_json::from_slice(&std::fs::read(place.path().join("run.json")).unwrap()).unwrap();
    let verdict = |id: &str| {
        let cells = report["cells"].as_array().unwrap();
        cells.iter().find(|cell| cell["scenario"] == id).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict(cases[0]), "fixed");
    assert_eq!(verdict(cases[1]), "fail");
}

#[test]
fn reasons_lists_steps_that_pass_for_different_reasons() {
    let place = TempDir::new().unwrap();
    std::fs::create_dir(place.path().join("scenarios")).unwrap();
    let vague = "title: A token of a record without approved scopes is refused
why: What was approved decides.
devices:
  laptop: {paired: {scopes: [], omit: [scopes, approvedScopes], tokens: {operator: {scopes: [operator.read]}}}}
steps:
  - connect: {as: laptop, device: laptop, auth: {device_token: \"${device.laptop.token.operator}\"}, expect: {closed: 1008}}
";
    let named = vague.replace(
        "{closed: 1008}",
        "{closed: 1008, details: {code: {$one_of: [AUTH_SCOPE_MISMATCH, AUTH_DEVICE_TOKEN_MISMATCH]}}}",
    );
    std::fs::write(place.path().join("scenarios/vague.yaml"), vague).unwrap();
    std::fs::write(place.path().join("scenarios/named.yaml"), named).unwrap();
    for (release, file) in [("2026.4.2", "older.json"), ("2026.9.6", "newer.json")] {
        let gateway = format!("embedded:{release}");
        gatecrash(&place, &["run", "--gateway", &gateway, "--report", &format!("json={file}")])
            .assert()
            .success();
    }
    gatecrash(&place, &["reasons", "older.json", "newer.json"])
        .assert()
        .code(1)
        .stdout(contains("vague#laptop").and(contains("named#laptop").not()))
        .stdout(contains("AUTH_DEVICE_TOKEN_MISMATCH").and(contains("AUTH_SCOPE_MISMATCH")))
        .stdout(contains("2 steps refused as expected on several targets, 1 for different reasons"));
    let output = json(&mut gatecrash(&place, &["reasons", "older.json", "newer.json", "--format", "json"]));
    assert_eq!(output["differing"][0]["step"], "laptop");
    assert_eq!(output["differing"][0]["reasons"][1]["targets"], serde_json::json!(["embedded:2026.9.6"]));
    gatecrash(&place, &["reasons", "older.json"]).assert().code(3);
}

/// A security hole of the newest release.
const HOLE: &str = "tokens/revoked-operator-returns-with-the-shared-token";

#[rstest]
#[case::by_default(&[], 0, "AS LISTED · 1 known regression (1 of security) · 1 cell · ")]
#[case::its_class(&["--deny", "regression"], 1, "DIFFERENT · 1 denied · 1 known regression (1 of security)")]
#[case::security(&["--deny", "superseded,security"], 1, "DIFFERENT · 1 denied · ")]
#[case::other_classes(&["--deny", "superseded,unsupported", "--deny", "unreviewed"], 0, "AS LISTED · ")]
fn a_known_security_regression_is_reported_and_fails_if_denied(
    #[case] deny: &[&str],
    #[case] exit: i32,
    #[case] last: &str,
) {
    let place = TempDir::new().unwrap();
    let reports = ["--report", "junit=run.xml", "--report", "github=run.txt", "--report", "sarif=run.sarif"];
    for command in [["run", "--gateway"], ["matrix", "--gateways"]] {
        let arguments = [&command[..], &["embedded:2026.9.6", HOLE], deny, &reports].concat();
        let output = gatecrash(&place, &arguments).assert().code(exit);
        let output = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        assert!(output.contains(last), "{output}");
        let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
        let (junit, github, sarif) = (read("run.xml"), read("run.txt"), read("run.sarif"));
        assert!(!junit.contains("<skipped"), "{junit}");
        if exit == 0 {
            let block = output.find("known security regressions (1 cell)").unwrap();
            assert!(block < output.find(last).unwrap(), "the worst is shown above the last line: {output}");
            assert!(github.starts_with("::warning title=known security regression tokens/"), "{github}");
            assert!(
                sarif.contains("\"level\": \"warning\"") && !junit.contains("<failure"),
                "{sarif}{junit}"
            );
        } else {
            assert!(output.contains("DENIED "), "{output}");
            assert!(github.starts_with("::error title=denied"), "{github}");
            assert!(sarif.contains("\"level\": \"error\""), "{sarif}");
            assert!(junit.contains("type=\"known-security\""), "{junit}");
        }
    }
}

#[test]
fn a_run_without_known_regressions_is_as_expected() {
    let place = TempDir::new().unwrap();
    gatecrash(
        &place,
        &["run", "pairing/fresh-device-behind-a-proxy", "roles/default", "--gateway", "embedded:2026.9.6"],
    )
    .assert()
    .success()
    .stdout(contains("AS EXPECTED · 1 superseded · 1 pass · 2 cells"));
}

#[test]
fn denying_an_unknown_class_is_a_usage_error() {
    let place = TempDir::new().unwrap();
    gatecrash(&place, &["run", HOLE, "--deny", "regresion"])
        .assert()
        .code(2)
        .stderr(contains("regresion").and(contains("regression")));
}

/// Runs a user scenario on the model; returns the report and the terminal output.
fn own(text: &str) -> (Value, String) {
    let place = TempDir::new().unwrap();
    std::fs::create_dir(place.path().join("scenarios")).unwrap();
    std::fs::write(place.path().join("scenarios/own.yaml"), text).unwrap();
    let output = gatecrash(&place, &["run", "own", "--report", "json=run.json"]).assert().code(1);
    let report = std::fs::read(place.path().join("run.json")).unwrap();
    let output = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    (serde_json::from_slice(&report).unwrap(), output)
}

#[test]
fn a_failure_inside_together_names_its_step_and_shows_its_own_frames() {
    let (_, output) = own("title: Two things at once
why: A test.
devices: {laptop: {}, phone: {}, pad: {}}
steps:
  - connect: {as: one, device: laptop, scopes: [operator.read]}
  - connect: {as: two, device: phone, scopes: [operator.read]}
  - together:
      steps:
        - connect: {as: beside, device: pad}
        - call: {on: one, id: fine, method: status}
        - call: {on: two, id: wrong, method: status, expect: {error: INVALID_REQUEST}}
  - call: {on: one, id: after, method: health}
");
    assert!(
        output.contains("step `wrong` (call)") && output.contains("--> scenarios/own.yaml:11:"),
        "{output}"
    );
    let frames = output.split_once("frames of `wrong`").unwrap().1.split_once("reproduce").unwrap().0;
    assert!(frames.contains("two → status"), "{frames}");
    assert!(
        !frames.contains("one ") && !frames.contains("beside "),
        "only the frames of the step itself: {frames}"
    );
}

#[test]
fn a_failure_after_thousands_of_frames_shows_the_frames_of_its_step() {
    let (report, output) = own("title: A flood, and then a failure
why: A test.
devices: {laptop: {}}
steps:
  - connect: {as: one, device: laptop, scopes: [operator.read]}
  - repeat: {times: 1300, steps: [{call: {on: one, id: flood, method: health}}]}
  - call: {on: one, id: last, method: status, expect: {error: INVALID_REQUEST}}
");
    let frames = output.split_once("frames of `last`").unwrap().1;
    assert!(frames.contains("one → status"), "{output}");
    let cell = &report["cells"][0];
    let last = cell["steps"].as_array().unwrap().last().unwrap();
    let first = last["first_entry"].as_u64().unwrap();
    assert!(first > 2_000, "{first}");
    let entries = cell["transcript"].as_array().unwrap();
    assert!(entries.len() <= 2_000, "{}", entries.len());
    let own = entries.iter().find(|entry| entry["number"] == first).unwrap();
    assert!(own["text"].as_str().unwrap().contains("status"), "{own}");
}

//! Large runs on the model: what they take, how that grows, and that nothing of them is lost; and runs under chaos.
//!
//! `GATECRASH_LOAD=1/4` runs a part of the matrix, `GATECRASH_CHAOS_CELLS` says how many cells are judged under chaos.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatecrash::release::PUBLISHED;
use serde_json::Value;
use tempfile::TempDir;

/// Scenarios of the large matrix.
const SCENARIOS: usize = 600;

/// Cells that are judged under chaos if nothing else is asked for.
const CHAOS_CELLS: usize = 10_000;

/// A run of the program that has ended.
pub(crate) struct Measured {
    pub(crate) code: Option<i32>,
    pub(crate) took: Duration,
    /// The most memory that it held, in kibibytes.
    pub(crate) memory: u64,
    pub(crate) cells: Vec<MeasuredCell>,
    folder: TempDir,
}

/// What is compared of a cell.
pub(crate) struct MeasuredCell {
    pub(crate) scenario: String,
    pub(crate) target: String,
    pub(crate) verdict: String,
    pub(crate) reason: String,
}

/// Runs the program with these arguments and reads its report.
pub(crate) fn measure(arguments: &[&str]) -> Measured {
    let folder = TempDir::new().unwrap();
    let path = |below: &str| folder.path().join(below);
    fs::create_dir_all(path("tmp")).unwrap();
    let (json, events) =
        (format!("json={}", path("run.json").display()), format!("events={}", path("run.events").display()));
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatecrash"))
        .args(arguments)
        .args(["--quiet", "--offline", "--no-check-frames", "--report", &json, "--report", &events])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TMPDIR", path("tmp"))
        .env("GATECRASH_CACHE_DIR", path("cache"))
        .env_remove("GATECRASH_GATEWAY")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut memory = 0;
    let status = loop {
        let about = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = about.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        memory = memory.max(line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let took = begun.elapsed();
    let report: Value = serde_json::from_slice(&fs::read(path("run.json")).unwrap()).unwrap();
    let text = |cell: &Value, key: &str| cell[key].as_str().unwrap_or_default().to_owned();
    let cell = |cell: &Value| MeasuredCell {
        scenario: text(cell, "scenario"),
        target: text(cell, "target"),
        verdict: text(cell, "verdict"),
        reason: text(cell, "reason"),
    };
    let cells = report["cells"].as_array().unwrap().iter().map(cell).collect();
    Measured { code: status.code(), took, memory, cells, folder }
}

impl Measured {
    /// What it took, in words.
    fn told(&self) -> String {
        format!(
            "{} cells in {:.1} s with at most {} MiB, exit {:?}",
            self.cells.len(),
            self.took.as_secs_f64(),
            self.memory >> 10,
            self.code
        )
    }

    /// Every cell that began has ended, every cell has ended once, and every end is in the report.
    fn assert_nothing_is_lost(&self, planned: usize, reported: usize) {
        let (mut begun, mut ended) = (BTreeMap::new(), BTreeMap::new());
        let events = fs::read_to_string(self.folder.path().join("run.events")).unwrap();
        for line in events.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let counts = match event["event"].as_str() {
                Some("cell-started") => &mut begun,
                Some("cell-finished") => &mut ended,
                _ => continue,
            };
            let cell = ["scenario", "target", "attempt"].map(|key| event[key].to_string());
            *counts.entry(cell).or_insert(0_usize) += 1;
        }
        assert_eq!(ended.len(), planned, "cells that have ended");
        assert!(ended.values().all(|times| *times == 1), "a cell has ended twice");
        assert!(begun.keys().all(|cell| ended.contains_key(cell)), "a cell began and did not end");
        assert_eq!(self.cells.len(), reported, "cells in the report, where repetitions are one");
        assert!(events.lines().last().is_some_and(|last| last.contains("run-finished")));
        println!(
            "  {} cells began, {} ended, {} are in the report",
            begun.len(),
            ended.len(),
            self.cells.len()
        );
    }
}

/// The parts of the load that `GATECRASH_LOAD` names: `1/4,1/2,1/1`, or the whole.
fn parts() -> Vec<(usize, usize)> {
    let named = std::env::var("GATECRASH_LOAD").unwrap_or_else(|_| "1/1".to_owned());
    named
        .split(',')
        .map(|part| {
            let (over, under) = part.split_once('/').unwrap_or((part, "1"));
            (over.trim().parse().unwrap(), under.trim().parse().unwrap())
        })
        .collect()
}

/// Some of the suite's scenarios, by name.
fn scenarios() -> Vec<String> {
    let listed = Command::new(env!("CARGO_BIN_EXE_gatecrash"))
        .args(["run", "--list", "--folder", "scenarios", "--gateway", "embedded:2026.3.31"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("GATECRASH_GATEWAY")
        .output()
        .unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    let all: Vec<String> =
        text.lines().filter(|line| !line.contains(' ')).map(str::to_owned).take(SCENARIOS).collect();
    assert_eq!(all.len(), SCENARIOS);
    all
}

#[test]
#[ignore = "takes minutes"]
fn a_matrix_of_600_scenarios_on_all_releases_loses_nothing() {
    let scenarios = scenarios();
    for (over, under) in parts() {
        let releases: Vec<String> = PUBLISHED
            .iter()
            .rev()
            .take(PUBLISHED.len() * over / under)
            .map(|release| format!("embedded:{release}"))
            .collect();
        let gateways = releases.join(",");
        let mut arguments = vec!["matrix", "--folder", "scenarios", "--seed", "1", "--gateways", &gateways];
        arguments.extend(scenarios.iter().map(String::as_str));
        let measured = measure(&arguments);
        println!("{SCENARIOS} scenarios on {} releases: {}", releases.len(), measured.told());
        let planned = SCENARIOS * releases.len();
        measured.assert_nothing_is_lost(planned, planned);
    }
}

#[test]
#[ignore = "takes minutes, and 12,000 open files"]
fn two_hundred_gateways_with_5000_open_connections_lose_nothing() {
    for (over, under) in parts() {
        let (gateways, each) = (200 * over / under, 25);
        let folder = TempDir::new().unwrap();
        let mut scenario = "title: T\nwhy: W.\nsteps:\n".to_owned();
        for number in 0..each {
            let _ = writeln!(scenario, "  - connect: {{as: client-{number}}}");
        }
        // All are open before the first is asked.
        scenario.push_str("  - wait: 10s\n");
        for number in 0..each {
            let _ =
                writeln!(scenario, "  - call: {{on: client-{number}, id: call-{number}, method: health}}");
        }
        fs::create_dir_all(folder.path().join("scenarios")).unwrap();
        fs::write(folder.path().join("scenarios/many.yaml"), scenario).unwrap();
        let suite = folder.path().join("scenarios").display().to_string();
        let (repeat, jobs) = (gateways.to_string(), gateways.div_ceil(4).to_string());
        let measured = measure(&[
            "run",
            "many",
            "--folder",
            &suite,
            "--gateway",
            "embedded:2026.3.31",
            "--seed",
            "1",
            "--isolate",
            "--repeat",
            &repeat,
            "--jobs",
            &jobs,
        ]);
        println!("{gateways} gateways with {} connections: {}", gateways * each, measured.told());
        measured.assert_nothing_is_lost(gateways, 1);
        assert!(measured.cells.iter().all(|cell| cell.verdict == "pass"), "{}", measured.told());
        assert!(measured.memory < 1 << 20, "{}", measured.told());
    }
}

/// Processes that do nothing but compute, four for each processor.
struct Busy(Vec<Child>);

impl Busy {
    fn start() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let compute = || Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        Self((0..processors * 4).map(|_| compute()).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
#[ignore = "takes minutes"]
fn under_chaos_and_load_a_verdict_is_right_or_an_error_that_names_the_fault() {
    let wanted = std::env::var("GATECRASH_CHAOS_CELLS").map_or(CHAOS_CELLS, |text| text.parse().unwrap());
    let targets = "embedded:2026.3.28,embedded:2026.3.31,embedded:2026.9.6";
    let usual = ["matrix", "--folder", "scenarios", "--seed", "1", "--gateways", targets];
    let calm: BTreeMap<(String, String), String> =
        measure(&usual).cells.into_iter().map(|cell| ((cell.scenario, cell.target), cell.verdict)).collect();
    let is_judged = |verdict: &str| matches!(verdict, "pass" | "known" | "fail" | "fixed");
    let _busy = Busy::start();
    let (mut judged, mut errors, mut unnamed, mut wrong) = (0, 0, 0, Vec::new());
    let mut seed = 1;
    while judged + errors < wanted {
        let number = seed.to_string();
        let mut arguments = usual.to_vec();
        arguments.extend(["--chaos", &number]);
        let measured = measure(&arguments);
        println!("--chaos {seed}: {}", measured.told());
        for cell in measured.cells {
            let right = &calm[&(cell.scenario.clone(), cell.target.clone())];
            if !is_judged(right) {
                continue;
            }
            if cell.verdict == "error" {
                errors += 1;
                if !cell.reason.contains(&format!("(--chaos {seed})")) {
                    // On a machine that is starved, that is the reason.
                    println!("  {}@{}: {}", cell.scenario, cell.target, cell.reason);
                    unnamed += 1;
                }
            } else {
                judged += 1;
                if cell.verdict != *right {
                    wrong.push(format!(
                        "{}@{} under --chaos {seed}: {} instead of {right}",
                        cell.scenario, cell.target, cell.verdict
                    ));
                }
            }
        }
        seed += 1;
    }
    println!(
        "{} cells under chaos: {judged} judged, {errors} errors, {unnamed} of which name no fault",
        judged + errors
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > errors * 4, "most cells are judged");
    assert!(unnamed * 100 <= errors, "nearly all errors name the fault");
}

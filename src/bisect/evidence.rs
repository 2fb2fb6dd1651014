//! Cells measured by earlier bisects, matrices and runs: a stored result saves a boot.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::conditions::Conditions;
use crate::release::Release;
use crate::run::{Cell, Ending, Format, RunRecord, StepRecord};
use crate::scenario::{Action, Scenario, StoryStep};
use crate::verdict::{Outcome, Verdict};

/// Version of the stored evidence. Evidence of another major is left alone.
const FORMAT: Format = Format { major: 2, minor: 0 };

/// A stored cell with what it depends on.
#[derive(Debug, Serialize, Deserialize)]
struct EvidenceLine {
    format: Format,
    /// How it was measured.
    conditions: Conditions,
    /// What was tested, such as `release:2026.3.31` or a tree with its recipe.
    build: String,
    cell: Cell,
}

/// The store of measured cells: one file for each version of a scenario, one line for each cell.
#[derive(Clone, Debug)]
pub struct EvidenceStore {
    folder: PathBuf,
    conditions: Conditions,
}

/// The stored cells of one scenario, by build.
#[derive(Clone, Debug, Default)]
pub struct KnownCells(HashMap<String, Cell>);

/// Whether a cell may be reused as evidence of how its build behaves.
///
/// Cells that broke, could not be tested, did not run or were flaky are not evidence. Neither are cells with a step that
/// timed out, unless silence is expected or listed there: under load any build can look like that, so it is measured
/// again.
pub fn is_evidence(cell: &Cell) -> bool {
    let decided = match cell.verdict {
        Verdict::Pass | Verdict::Known | Verdict::Fail | Verdict::Fixed => true,
        Verdict::Skipped | Verdict::Untestable | Verdict::Flaky | Verdict::Error => false,
    };
    decided && cell.gateway.is_some() && !cell.steps.iter().any(failed_for_lack_of_an_answer)
}

/// Whether a step expected an answer and got none.
fn failed_for_lack_of_an_answer(step: &StepRecord) -> bool {
    let as_expected = matches!(step.verdict, Verdict::Pass | Verdict::Known | Verdict::Fixed);
    let unanswered = step.outcome == Some(Outcome::Silence);
    step.verdict == Verdict::Error || (unanswered && !as_expected)
}

/// The build name of a release. Published releases never change.
pub fn release_build(release: Release) -> String {
    format!("release:{release}")
}

/// Digest of the source text of a scenario, including the scenarios it reuses, and of the variables whose values are not in
/// that text.
pub fn digest(scenario: &Scenario) -> String {
    fn texts<'a>(steps: &'a [StoryStep], into: &mut BTreeSet<(&'a str, &'a str)>) {
        for step in steps {
            into.insert((&step.source.path, &step.source.text));
            if let Action::Together(inner) | Action::Repeat(_, inner) = &step.action {
                texts(inner, into);
            }
        }
    }
    let mut all = BTreeSet::from([(scenario.source.path.as_str(), scenario.source.text.as_str())]);
    texts(&scenario.steps, &mut all);
    texts(&scenario.finally, &mut all);
    let mut hash = Sha256::new();
    for (_, text) in all {
        hash.update(text.len().to_le_bytes());
        hash.update(text.as_bytes());
    }
    for var in scenario.vars.iter().filter(|one| !one.is_default) {
        // The type counts: a text may look like a number.
        let assigned = json!([var.name, var.value]).to_string();
        hash.update(assigned.len().to_le_bytes());
        hash.update(assigned.as_bytes());
    }
    hex(&hash.finalize())
}

/// The first 16 bytes in hexadecimal: enough to tell texts apart.
pub(super) fn hex(bytes: &[u8]) -> String {
    ::hex::encode(&bytes[..bytes.len().min(16)])
}

impl EvidenceStore {
    /// The store below a cache directory, for measurements under these conditions.
    pub fn below(cache_dir: &Path, conditions: Conditions) -> Self {
        Self { folder: cache_dir.join("evidence"), conditions }
    }

    fn file(&self, scenario: &Scenario) -> PathBuf {
        let name = scenario.id.replace(|one: char| !one.is_ascii_alphanumeric(), "-");
        self.folder.join(format!("{name}-{}.jsonl", digest(scenario)))
    }

    /// The stored cells of a scenario as it is written now. The latest measurement of a build counts.
    ///
    /// # Errors
    ///
    /// When the file exists and cannot be read.
    pub fn known(&self, scenario: &Scenario) -> io::Result<KnownCells> {
        let file = match File::open(self.file(scenario)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KnownCells::default()),
            other => other?,
        };
        let mut known = KnownCells::default();
        for line in BufReader::new(file).lines() {
            // An unreadable line is skipped; its cell is measured again.
            let Ok(line) = serde_json::from_str::<EvidenceLine>(&line?) else { continue };
            let ours = line.format.major == FORMAT.major && line.conditions == self.conditions;
            if ours && line.cell.scenario == scenario.id && is_evidence(&line.cell) {
                known.0.insert(line.build, line.cell);
            }
        }
        Ok(known)
    }

    /// Stores a cell of a build if it is evidence.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn keep(&self, scenario: &Scenario, build: &str, cell: &Cell) -> io::Result<()> {
        if !is_evidence(cell) {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)?;
        let slim = Cell { transcript: Vec::new(), log: Vec::new(), ..cell.clone() };
        let conditions = self.conditions.clone();
        let line = EvidenceLine { format: FORMAT, conditions, build: build.to_owned(), cell: slim };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).open(self.file(scenario))?;
        // Another gatecrash process may append to the file at the same time.
        file.lock()?;
        file.write_all(text.as_bytes())
    }

    /// Stores the cells of a run on releases, except those of an interrupted run and cells that ran less often than
    /// planned.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn keep_run(&self, record: &RunRecord, scenarios: &[Scenario]) -> io::Result<()> {
        if matches!(record.ending(), Ending::Interrupted | Ending::CutOff) {
            return Ok(());
        }
        let whole = |cell: &&Cell| record.unfinished(&cell.scenario, &cell.target).is_none();
        for cell in record.cells.iter().filter(whole) {
            let scenario = scenarios.iter().find(|one| one.id == cell.scenario);
            // A `path:` or `cmd:` target may have a release, too, but its code can change.
            let release = cell.target.parse::<Release>().ok();
            if let (Some(scenario), Some(release)) = (scenario, release) {
                self.keep(scenario, &release_build(release), cell)?;
            }
        }
        Ok(())
    }
}

impl KnownCells {
    /// Whether no cell is stored.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The stored cell of a build.
    pub fn cell(&self, build: &str) -> Option<&Cell> {
        self.0.get(build)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::bisect::conditions::tests::{others, usual};
    use crate::run::Event;
    use crate::run::test_support::{cell, finished, started};
    use crate::scenario::{Source, load, load_with};
    use crate::wire::Close;

    const OTHER: &str = "title: other\nwhy: because\nsteps:\n  - wait: 1ms\n";

    /// A scenario, and one that it uses.
    fn scenario_using(title: &str, other: &str) -> Scenario {
        let text = format!("title: {title}\nwhy: because\nuse: [a/other]\nsteps:\n  - wait: 1ms\n");
        let source = |name: &str, text: String| {
            let path = format!("scenarios/{name}.yaml");
            (name.to_owned(), Arc::new(Source { path, text }))
        };
        let suite = load(&[source("a/b", text), source("a/other", other.to_owned())]);
        assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
        suite.scenarios.into_iter().find(|one| one.id == "a/b").unwrap()
    }

    fn scenario(title: &str) -> Scenario {
        scenario_using(title, OTHER)
    }

    fn store(dir: &Path) -> EvidenceStore {
        EvidenceStore::below(dir, usual())
    }

    fn knows(store: &EvidenceStore, scenario: &Scenario, build: &str) -> bool {
        store.known(scenario).unwrap().cell(build).is_some()
    }

    #[test]
    fn the_latest_cell_of_a_build_counts() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let one = scenario("one");
        let build = release_build(Release::new(2026, 3, 31));
        store.keep(&one, &build, &cell("a/b", "2026.3.31", Verdict::Fail)).unwrap();
        store.keep(&one, &build, &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
        let known = store.known(&one).unwrap();
        assert_eq!(known.cell(&build).map(|cell| cell.verdict), Some(Verdict::Pass));
        assert!(!knows(&store, &one, "release:2026.4.1"));
    }

    #[test]
    fn cells_of_another_version_of_the_scenario_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        store.keep(&scenario("one"), "b", &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
        assert!(knows(&store, &scenario("one"), "b"));
        assert!(!knows(&store, &scenario("two"), "b"));
        let used = scenario_using("one", &OTHER.replace("1ms", "2ms"));
        assert!(!knows(&store, &used, "b"), "a reused scenario is part of the text");
    }

    #[test]
    fn cells_measured_with_other_values_of_variables_do_not_count() {
        let text = "title: t\nwhy: w\nvars: {span: 1ms}\nsteps:\n  - wait: ${var.span}\n".to_owned();
        let source = Arc::new(Source { path: "scenarios/v.yaml".to_owned(), text });
        let with = |given: &[(&str, &str)]| {
            let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let suite = load_with(&[("v".to_owned(), Arc::clone(&source))], &given);
            assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
            digest(&suite.scenarios[0])
        };
        assert_eq!(with(&[]), with(&[("span", "1ms")]), "the default may be given");
        assert_ne!(with(&[]), with(&[("span", "2ms")]));
        assert_ne!(with(&[("span", "3ms")]), with(&[("span", "2ms")]));
    }

    #[test]
    fn cells_measured_under_other_conditions_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        for conditions in others() {
            let other = EvidenceStore::below(dir.path(), conditions.clone());
            other.keep(&scenario("one"), "b", &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
            assert!(!knows(&store(dir.path()), &scenario("one"), "b"), "{conditions:?}");
            assert!(knows(&other, &scenario("one"), "b"), "{conditions:?}");
        }
    }

    #[test]
    fn evidence_of_an_older_format_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let (store, one) = (store(dir.path()), scenario("one"));
        store.keep(&one, "b", &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
        let file = store.file(&one);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("\"major\":2", "\"major\":1")).unwrap();
        assert!(!knows(&store, &one, "b"));
    }

    fn step(verdict: Verdict, outcome: Outcome) -> StepRecord {
        StepRecord {
            id: "s".into(),
            verb: "connect".into(),
            path: "a.yaml".into(),
            line: 1,
            written: None,
            verdict,
            reason: None,
            outcome: Some(outcome),
            expected: None,
            deviation: None,
            mismatch: None,
            duration_ms: 1,
            first_entry: 0,
            end_entry: None,
            connection: None,
        }
    }

    fn closed(close: Close) -> Outcome {
        Outcome::Closed { close, error: None }
    }

    #[rstest]
    #[case::right(Verdict::Pass, Outcome::Done, true)]
    #[case::listed(Verdict::Known, closed(Close::frame(Some(1008), "")), true)]
    #[case::wrong(Verdict::Fail, closed(Close::frame(Some(1008), "")), true)]
    #[case::silence_as_expected(Verdict::Pass, Outcome::Silence, true)]
    #[case::silence_is_listed(Verdict::Known, Outcome::Silence, true)]
    #[case::timed_out(Verdict::Fail, Outcome::Silence, false)]
    #[case::dropped(Verdict::Fail, closed(Close::DROPPED), true)]
    #[case::dropped_as_expected(Verdict::Pass, closed(Close::DROPPED), true)]
    #[case::broken(Verdict::Error, Outcome::Done, false)]
    #[case::untestable(Verdict::Untestable, Outcome::Done, false)]
    #[case::flaky(Verdict::Flaky, Outcome::Done, false)]
    fn a_failure_that_load_may_have_caused_is_not_evidence(
        #[case] verdict: Verdict,
        #[case] outcome: Outcome,
        #[case] evidence: bool,
    ) {
        let cell = Cell { steps: vec![step(verdict, outcome)], ..cell("a/b", "2026.3.31", verdict) };
        assert_eq!(is_evidence(&cell), evidence);
        let dir = tempfile::tempdir().unwrap();
        store(dir.path()).keep(&scenario("one"), "b", &cell).unwrap();
        assert_eq!(knows(&store(dir.path()), &scenario("one"), "b"), evidence);
    }

    #[test]
    fn a_cell_that_did_not_run_is_not_evidence() {
        assert!(!is_evidence(&Cell { gateway: None, ..cell("a/b", "2026.3.31", Verdict::Pass) }));
    }

    #[rstest]
    #[case::whole(1, Some(false), true)]
    #[case::interrupted(1, Some(true), false)]
    #[case::cut_off(1, None, false)]
    #[case::not_as_often_as_planned(2, Some(false), false)]
    fn only_cells_that_ran_as_planned_are_evidence(
        #[case] repeat: u32,
        #[case] end: Option<bool>,
        #[case] evidence: bool,
    ) {
        let mut start = started(&["a/b"], &["2026.3.31"]);
        if let Event::RunStarted(started) = &mut start {
            started.repeat = repeat;
        }
        let done = Event::CellFinished(Box::new(cell("a/b", "2026.3.31", Verdict::Pass)));
        let end = end.map(|interrupted| match finished() {
            Event::RunFinished { duration_ms, .. } => Event::RunFinished { duration_ms, interrupted },
            other => other,
        });
        let record = RunRecord::of(&[start, done].into_iter().chain(end).collect::<Vec<_>>());
        let dir = tempfile::tempdir().unwrap();
        let (store, one) = (store(dir.path()), scenario("one"));
        store.keep_run(&record, std::slice::from_ref(&one)).unwrap();
        assert_eq!(knows(&store, &one, "release:2026.3.31"), evidence);
    }

    #[test]
    fn a_torn_line_does_not_hide_other_lines() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let one = scenario("one");
        store.keep(&one, "b", &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
        let file = store.file(&one);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{{\"form\n{text}")).unwrap();
        assert!(knows(&store, &one, "b"));
    }
}

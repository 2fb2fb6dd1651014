//! Cells that were measured before, by a bisect, a matrix or a run: what is known costs no boot.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::conditions::Conditions;
use crate::release::Release;
use crate::run::{Cell, Ending, Format, RunRecord, StepRecord};
use crate::scenario::{Action, Scenario, StoryStep};
use crate::verdict::{Outcome, Verdict};

/// Version of the stored evidence. Evidence of another major is left alone.
const FORMAT: Format = Format { major: 2, minor: 0 };

/// A stored cell.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    format: Format,
    /// How it was measured.
    conditions: Conditions,
    /// What was tested, such as `release:2026.3.31` or a tree with its recipe.
    build: String,
    cell: Cell,
}

/// The store: one file for each text of a scenario, one line for each cell.
#[derive(Clone, Debug)]
pub struct Evidence {
    folder: PathBuf,
    conditions: Conditions,
}

/// All that is known of one scenario, by build.
#[derive(Clone, Debug, Default)]
pub struct Known(HashMap<String, Cell>);

/// Whether a cell may stand for what its build does when somebody asks later.
///
/// What broke, could not be tested, did not run or was not always the same may not. Neither may a step that ended
/// because nobody waited longer, or whose connection just ended, unless that is right or listed: under load any
/// build can look like that, so it is measured anew.
pub fn is_evidence(cell: &Cell) -> bool {
    let decided = match cell.verdict {
        Verdict::Pass | Verdict::Known | Verdict::Fail | Verdict::Fixed => true,
        Verdict::Skipped | Verdict::Untestable | Verdict::Flaky | Verdict::Error => false,
    };
    decided && cell.gateway.is_some() && !cell.steps.iter().any(ended_for_want_of_an_answer)
}

/// Whether no answer came in a step where one was expected.
fn ended_for_want_of_an_answer(step: &StepRecord) -> bool {
    let as_expected = matches!(step.verdict, Verdict::Pass | Verdict::Known | Verdict::Fixed);
    let unanswered = step.outcome == Some(Outcome::Silence);
    step.verdict == Verdict::Error || (unanswered && !as_expected)
}

/// The build name of a release. What was published never changes.
pub fn release_build(release: Release) -> String {
    format!("release:{release}")
}

/// Digest of everything that a scenario is written in, reused scenarios included.
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
    hex(&hash.finalize())
}

/// The first 16 bytes in hexadecimal: enough to tell texts apart.
pub(super) fn hex(bytes: &[u8]) -> String {
    ::hex::encode(&bytes[..bytes.len().min(16)])
}

impl Evidence {
    /// The store below a cache directory, for what is measured under these conditions.
    pub fn below(cache_dir: &Path, conditions: Conditions) -> Self {
        Self { folder: cache_dir.join("evidence"), conditions }
    }

    fn file(&self, scenario: &Scenario) -> PathBuf {
        let name = scenario.id.replace(|one: char| !one.is_ascii_alphanumeric(), "-");
        self.folder.join(format!("{name}-{}.jsonl", digest(scenario)))
    }

    /// All that is known of a scenario as it is written now. The latest measurement of a build counts.
    pub fn known(&self, scenario: &Scenario) -> io::Result<Known> {
        let file = match File::open(self.file(scenario)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Known::default()),
            other => other?,
        };
        let mut known = Known::default();
        for line in BufReader::new(file).lines() {
            // A line that cannot be read is as good as none: the cell is measured again.
            let Ok(line) = serde_json::from_str::<Line>(&line?) else { continue };
            let ours = line.format.major == FORMAT.major && line.conditions == self.conditions;
            if ours && line.cell.scenario == scenario.id && is_evidence(&line.cell) {
                known.0.insert(line.build, line.cell);
            }
        }
        Ok(known)
    }

    /// Keeps a cell of a build, where it is evidence.
    pub fn keep(&self, scenario: &Scenario, build: &str, cell: &Cell) -> io::Result<()> {
        if !is_evidence(cell) {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)?;
        let slim = Cell { transcript: Vec::new(), log: Vec::new(), ..cell.clone() };
        let conditions = self.conditions.clone();
        let line = Line { format: FORMAT, conditions, build: build.to_owned(), cell: slim };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).open(self.file(scenario))?;
        // Two programs may add lines at the same time.
        file.lock()?;
        file.write_all(text.as_bytes())
    }

    /// Keeps all cells of a run that were measured on releases. A run that was interrupted is no evidence, nor is
    /// a cell that was not run as often as planned.
    pub fn keep_run(&self, record: &RunRecord, scenarios: &[Scenario]) -> io::Result<()> {
        if matches!(record.ending(), Ending::Interrupted | Ending::CutOff) {
            return Ok(());
        }
        let whole = |cell: &&Cell| record.unfinished(&cell.scenario, &cell.target).is_none();
        for cell in record.cells.iter().filter(whole) {
            let scenario = scenarios.iter().find(|one| one.id == cell.scenario);
            // `path:` and `cmd:` targets have a release too, but not one that never changes.
            let release = cell.target.parse::<Release>().ok();
            if let (Some(scenario), Some(release)) = (scenario, release) {
                self.keep(scenario, &release_build(release), cell)?;
            }
        }
        Ok(())
    }
}

impl Known {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The cell of a build.
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
    use crate::scenario::{Source, load};
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

    fn store(dir: &Path) -> Evidence {
        Evidence::below(dir, usual())
    }

    fn knows(store: &Evidence, scenario: &Scenario, build: &str) -> bool {
        store.known(scenario).unwrap().cell(build).is_some()
    }

    #[test]
    fn the_latest_cell_of_a_build_is_known() {
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
    fn what_was_measured_of_another_text_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        store.keep(&scenario("one"), "b", &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
        assert!(knows(&store, &scenario("one"), "b"));
        assert!(!knows(&store, &scenario("two"), "b"));
        let used = scenario_using("one", &OTHER.replace("1ms", "2ms"));
        assert!(!knows(&store, &used, "b"), "what a scenario uses counts, too");
    }

    #[test]
    fn what_was_measured_under_other_conditions_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        for conditions in others() {
            let other = Evidence::below(dir.path(), conditions.clone());
            other.keep(&scenario("one"), "b", &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
            assert!(!knows(&store(dir.path()), &scenario("one"), "b"), "{conditions:?}");
            assert!(knows(&other, &scenario("one"), "b"), "{conditions:?}");
        }
    }

    #[test]
    fn evidence_of_an_older_format_is_not_known() {
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
    #[case::silence_is_right(Verdict::Pass, Outcome::Silence, true)]
    #[case::silence_is_listed(Verdict::Known, Outcome::Silence, true)]
    #[case::nobody_waited_longer(Verdict::Fail, Outcome::Silence, false)]
    #[case::it_just_ended(Verdict::Fail, closed(Close::DROPPED), true)]
    #[case::it_ends_by_right(Verdict::Pass, closed(Close::DROPPED), true)]
    #[case::broken(Verdict::Error, Outcome::Done, false)]
    #[case::untestable(Verdict::Untestable, Outcome::Done, false)]
    #[case::not_always_the_same(Verdict::Flaky, Outcome::Done, false)]
    fn what_load_may_have_done_is_no_evidence(
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
    fn a_cell_that_did_not_run_is_no_evidence() {
        assert!(!is_evidence(&Cell { gateway: None, ..cell("a/b", "2026.3.31", Verdict::Pass) }));
    }

    #[rstest]
    #[case::whole(1, Some(false), true)]
    #[case::interrupted(1, Some(true), false)]
    #[case::cut_off(1, None, false)]
    #[case::not_as_often_as_planned(2, Some(false), false)]
    fn only_what_a_run_has_done_in_whole_is_evidence(
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
    fn a_torn_line_hides_nothing_else() {
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

//! Cells that were measured before, by a bisect, a matrix or a run: what is known costs no boot.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::release::Release;
use crate::run::{Cell, Format, RunRecord};
use crate::scenario::{Action, Scenario, StoryStep};
use crate::verdict::Verdict;

/// Version of the stored evidence. Evidence of another major is left alone.
const FORMAT: Format = Format { major: 1, minor: 0 };

/// A stored cell.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    format: Format,
    /// Version of gatecrash: another one may send other frames.
    harness: String,
    /// What was tested, such as `release:2026.3.31` or a tree with its recipe.
    build: String,
    cell: Cell,
}

/// The store: one file for each text of a scenario, one line for each cell.
#[derive(Clone, Debug)]
pub struct Evidence {
    folder: PathBuf,
    harness: String,
}

/// All that is known of one scenario, by build.
#[derive(Clone, Debug, Default)]
pub struct Known(HashMap<String, Cell>);

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
    bytes.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Evidence {
    /// The store below a cache directory, for this version of gatecrash.
    pub fn below(cache_dir: &Path) -> Self {
        Self { folder: cache_dir.join("evidence"), harness: env!("CARGO_PKG_VERSION").to_owned() }
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
            let ours = line.format.major == FORMAT.major && line.harness == self.harness;
            if ours && line.cell.scenario == scenario.id {
                known.0.insert(line.build, line.cell);
            }
        }
        Ok(known)
    }

    /// Keeps a cell of a build. What broke or could not be tested is no evidence, and what was flaky is
    /// measured anew.
    pub fn keep(&self, scenario: &Scenario, build: &str, cell: &Cell) -> io::Result<()> {
        if matches!(cell.verdict, Verdict::Error | Verdict::Untestable | Verdict::Flaky) {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)?;
        let slim = Cell { transcript: Vec::new(), log: Vec::new(), ..cell.clone() };
        let harness = self.harness.clone();
        let line = Line { format: FORMAT, harness, build: build.to_owned(), cell: slim };
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).open(self.file(scenario))?;
        // Two programs may add lines at the same time.
        file.lock()?;
        file.write_all(text.as_bytes())
    }

    /// Keeps all cells of a run that were measured on releases.
    pub fn keep_run(&self, record: &RunRecord, scenarios: &[Scenario]) -> io::Result<()> {
        for cell in &record.cells {
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

    use super::*;
    use crate::run::test_support::cell;
    use crate::scenario::{Source, load};

    fn scenario(title: &str) -> Scenario {
        let text = format!("title: {title}\nwhy: because\nsteps:\n  - wait: 1ms\n");
        let source = Arc::new(Source { path: "scenarios/a/b.yaml".into(), text });
        let suite = load(&[("a/b".to_owned(), source)]);
        assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
        suite.scenarios[0].clone()
    }

    #[test]
    fn the_latest_cell_of_a_build_is_known_as_long_as_the_text_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let store = Evidence::below(dir.path());
        let one = scenario("one");
        let build = release_build(Release::new(2026, 3, 31));
        store.keep(&one, &build, &cell("a/b", "2026.3.31", Verdict::Fail)).unwrap();
        store.keep(&one, &build, &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
        let known = store.known(&one).unwrap();
        assert_eq!(known.cell(&build).map(|cell| cell.verdict), Some(Verdict::Pass));
        assert!(known.cell("release:2026.4.1").is_none());
        assert!(store.known(&scenario("two")).unwrap().cell(&build).is_none());
        let other = Evidence { harness: "9.9.9".into(), ..store };
        assert!(other.known(&one).unwrap().cell(&build).is_none());
    }

    #[test]
    fn what_broke_is_no_evidence() {
        let dir = tempfile::tempdir().unwrap();
        let store = Evidence::below(dir.path());
        for verdict in [Verdict::Error, Verdict::Untestable, Verdict::Flaky] {
            store.keep(&scenario("one"), "b", &cell("a/b", "2026.3.31", verdict)).unwrap();
        }
        assert!(store.known(&scenario("one")).unwrap().cell("b").is_none());
    }

    #[test]
    fn a_torn_line_hides_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Evidence::below(dir.path());
        let one = scenario("one");
        store.keep(&one, "b", &cell("a/b", "2026.3.31", Verdict::Pass)).unwrap();
        let file = store.file(&one);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{{\"form\n{text}")).unwrap();
        assert!(store.known(&one).unwrap().cell("b").is_some());
    }
}

//! Stores the latest runs of this machine, each in one file.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::events;
use crate::bounded_read;
use crate::run::{Event, RunStarted};

/// The ending of the file names of stored runs.
const ENDING: &str = ".events.gz";

/// The longest first line of a run: it names all scenarios and targets.
const LONGEST_HEAD: u64 = 16 << 20;

/// How many times as many runs, and bytes of runs, are kept if they are fresh.
const FRESH: (usize, u64) = (20, 4);

/// A folder with a limited number of stored runs.
#[derive(Clone, Debug)]
pub struct RunStore {
    folder: PathBuf,
    bounds: Bounds,
}

/// The limits of a store.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The maximum number of runs.
    pub runs: usize,
    /// The maximum size of all runs together, in bytes.
    pub bytes: u64,
    /// A run that started this many milliseconds before the latest one, or later, is kept in any case: a report that somebody
    /// is still reading names it. It is dropped only if there are twenty times as many runs or four times as many bytes.
    pub fresh_ms: i64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { runs: 50, bytes: 500 << 20, fresh_ms: 24 * 60 * 60 * 1_000 }
    }
}

/// A stored run, as described by its first line.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// The path of the file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The first event of the run.
    pub started: RunStarted,
}

/// Why a stored run cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The folder cannot be read.
    #[error("the stored runs cannot be read")]
    Io(#[from] io::Error),
    /// There is no such run.
    #[error("there is no file and no stored run `{0}`: see `gatecrash runs list`")]
    Missing(String),
    /// There was such a run, and it was dropped.
    #[error("the run `{word}` was dropped: {stay} later ones stay; see `gatecrash runs list`")]
    Dropped {
        /// The word that was given.
        word: String,
        /// How many runs there are.
        stay: usize,
    },
    /// The beginning of an id fits several runs.
    #[error("`{word}` fits several runs: {}", fitting.join(", "))]
    Ambiguous {
        /// The word that was given.
        word: String,
        /// The ids that begin with it.
        fitting: Vec<String>,
    },
}

impl RunStore {
    /// The store below a cache directory.
    pub fn below(cache: &Path, bounds: Bounds) -> Self {
        Self { folder: cache.join("runs"), bounds }
    }

    /// Stores a run, and deletes the oldest runs if there are too many. Returns the path of the file, or `None` for a run that
    /// never started.
    ///
    /// # Errors
    /// Fails if the folder or the file cannot be written.
    pub fn keep(&self, run: &[Event]) -> io::Result<Option<PathBuf>> {
        let Some(Event::RunStarted(started)) = run.first() else { return Ok(None) };
        fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!("{}{ENDING}", started.id));
        let mut file = GzEncoder::new(tempfile::NamedTempFile::new_in(&self.folder)?, Compression::fast());
        for event in run {
            file.write_all(events::line(event).as_bytes())?;
        }
        file.finish()?.persist(&path)?;
        self.prune(self.bounds)?;
        Ok(Some(path))
    }

    /// All runs, the latest first. Files that are not runs are skipped.
    ///
    /// # Errors
    /// Fails if the folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<StoredEntry>> {
        let mut found = Vec::new();
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let is_run = entry.file_name().to_str().is_some_and(|name| name.ends_with(ENDING));
            if let Some(started) = is_run.then(|| head(&entry.path())).flatten() {
                found.push(StoredEntry { path: entry.path(), bytes: entry.metadata()?.len(), started });
            }
        }
        found.sort_by(|a, b| {
            (b.started.started_ms, &b.started.id).cmp(&(a.started.started_ms, &a.started.id))
        });
        Ok(found)
    }

    /// Deletes the oldest runs until the rest is within the limits. Returns the ids of the deleted runs.
    ///
    /// # Errors
    /// Fails if the folder cannot be read or a file cannot be deleted.
    pub fn prune(&self, bounds: Bounds) -> io::Result<Vec<String>> {
        let mut gone = Vec::new();
        let mut bytes: u64 = 0;
        let runs = self.list()?;
        let fresh_since =
            runs.first().map_or(0, |run| run.started.started_ms.saturating_sub(bounds.fresh_ms));
        for (at, entry) in runs.into_iter().enumerate() {
            bytes = bytes.saturating_add(entry.bytes);
            let is_fresh = bounds.fresh_ms > 0 && entry.started.started_ms >= fresh_since;
            let (more_runs, more_bytes) = if is_fresh { FRESH } else { (1, 1) };
            if at / more_runs >= bounds.runs || bytes / more_bytes > bounds.bytes {
                fs::remove_file(&entry.path)?;
                gone.push(entry.started.id);
            }
        }
        Ok(gone)
    }

    /// The run that a word names: `latest`, an id, or the beginning of one.
    ///
    /// # Errors
    /// Fails if no run or several runs match.
    pub fn find(&self, word: &str) -> Result<PathBuf, FindError> {
        let mut runs = self.list()?;
        if word == "latest" && !runs.is_empty() {
            return Ok(runs.swap_remove(0).path);
        }
        let oldest = runs.iter().map(|one| one.started.started_ms).min();
        let stay = runs.len();
        let exact = runs.iter().position(|one| one.started.id == word);
        runs.retain(|one| !word.is_empty() && one.started.id.starts_with(word));
        match (exact, runs.len()) {
            (_, 0) if started_of(word).is_some_and(|at| oldest.is_some_and(|oldest| at < oldest)) => {
                Err(FindError::Dropped { word: word.to_owned(), stay })
            }
            (_, 0) => Err(FindError::Missing(word.to_owned())),
            (None, 1) => Ok(runs.swap_remove(0).path),
            (Some(_), _) => {
                let at = runs.iter().position(|one| one.started.id == word).unwrap_or_default();
                Ok(runs.swap_remove(at).path)
            }
            (None, _) => Err(FindError::Ambiguous {
                word: word.to_owned(),
                fitting: runs.into_iter().map(|one| one.started.id).collect(),
            }),
        }
    }
}

/// When the run of this id began, in milliseconds since 1970: `1795833980729-9dae78e8`.
fn started_of(id: &str) -> Option<i64> {
    const DIGITS: usize = 13;
    let (time, _) = id.split_once('-')?;
    time.parse().ok().filter(|_| time.len() == DIGITS)
}

/// The first event of a stored run.
fn head(path: &Path) -> Option<RunStarted> {
    let mut line = String::new();
    let unpacked = GzDecoder::new(bounded_read::open(path).ok()?).take(LONGEST_HEAD);
    BufReader::new(unpacked).read_line(&mut line).ok()?;
    match serde_json::from_str(&line).ok()? {
        Event::RunStarted(started) => Some(started),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{load, sample};

    fn run(id: &str, started_ms: i64) -> Vec<Event> {
        let mut events = sample::events();
        if let Some(Event::RunStarted(started)) = events.first_mut() {
            started.id = id.into();
            started.started_ms = started_ms;
        }
        events
    }

    fn store(runs: usize) -> (tempfile::TempDir, RunStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = RunStore::below(folder.path(), Bounds { runs, bytes: u64::MAX, fresh_ms: 0 });
        (folder, store)
    }

    fn ids(store: &RunStore) -> Vec<String> {
        store.list().unwrap().into_iter().map(|one| one.started.id).collect()
    }

    #[test]
    fn a_stored_run_is_read_back() {
        let (_folder, store) = store(5);
        let path = store.keep(&run("one", 1)).unwrap().unwrap();
        assert_eq!(load::load(&fs::read(path).unwrap()).unwrap().events, Some(run("one", 1)));
        assert_eq!(store.keep(&[]).unwrap(), None);
    }

    #[test]
    fn only_the_latest_runs_are_kept() {
        let (_folder, store) = store(2);
        assert_eq!(ids(&store), [] as [&str; 0]);
        for (id, at) in [("b", 20), ("a", 10), ("c", 30)] {
            store.keep(&run(id, at)).unwrap();
        }
        assert_eq!(ids(&store), ["c", "b"]);
        assert_eq!(store.prune(Bounds { runs: 9, bytes: 0, fresh_ms: 0 }).unwrap(), ["c", "b"]);
        assert!(ids(&store).is_empty());
    }

    #[test]
    fn a_run_of_today_stays_and_a_dropped_one_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let store = RunStore::below(folder.path(), Bounds { runs: 2, bytes: u64::MAX, fresh_ms: 100 });
        let now = 1_795_833_980_729;
        for (id, before) in [("0", 300), ("1", 200), ("2", 90), ("3", 60), ("4", 0)] {
            store.keep(&run(&format!("{}-{id}", now - before), now - before)).unwrap();
        }
        assert_eq!(ids(&store).len(), 3);
        let dropped = store.find(&format!("{}-0", now - 300)).unwrap_err();
        assert!(matches!(dropped, FindError::Dropped { stay: 3, .. }), "{dropped}");
        assert!(matches!(store.find("nonsense-1"), Err(FindError::Missing(_))));
    }

    #[test]
    fn a_run_is_found_by_the_beginning_of_its_id() {
        let (_folder, store) = store(9);
        for (id, at) in [("100-a", 1), ("100", 2), ("200-b", 3)] {
            store.keep(&run(id, at)).unwrap();
        }
        let name = |word: &str| store.find(word).map(|path| path.file_name().unwrap().to_owned());
        assert_eq!(name("latest").unwrap(), "200-b.events.gz");
        assert_eq!(name("2").unwrap(), "200-b.events.gz");
        assert_eq!(name("100").unwrap(), "100.events.gz");
        assert!(matches!(name("1"), Err(FindError::Ambiguous { fitting, .. }) if fitting.len() == 2));
        assert!(matches!(name("3"), Err(FindError::Missing(_))));
        assert!(matches!(name(""), Err(FindError::Missing(_))));
    }
}

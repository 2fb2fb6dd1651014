//! `bisect.jsonl`: one entry a line, written as it happens.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::entry::{BISECT_FORMAT, Entry};

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be read or written.
    #[error("cannot use the log {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is none of ours.
    #[error("{path}, line {line}: {problem}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// It was written by a later version.
    #[error("{path} has the format {found}, this version reads formats up to {}", BISECT_FORMAT.major)]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
}

/// A log that is being written.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens a log to add entries to it, and makes it and its folder if need be.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let at = |source| LogError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(at)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(at)?;
        // A last line without its end was cut off by the death of the program; the next one must not join it.
        let text = std::fs::read(path).map_err(at)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(u64::try_from(whole).unwrap_or_default()).map_err(at)?;
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an entry.
    pub fn add(&mut self, entry: &Entry) -> Result<(), LogError> {
        let at = |source| LogError::Io { path: self.path.clone(), source };
        let mut line = serde_json::to_string(entry).map_err(|error| at(error.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(at)
    }
}

/// Reads the entries of a log. A last line without its end was cut off by the death of the program.
pub fn entries(path: &Path) -> Result<Vec<Entry>, LogError> {
    let at = |source| LogError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(at)?);
    let mut entries = Vec::new();
    for line in 1.. {
        let mut text = String::new();
        reader.read_line(&mut text).map_err(at)?;
        if !text.ends_with('\n') {
            break;
        }
        let wrong = |problem: String| LogError::Line { path: path.to_owned(), line, problem };
        let value: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if let Some(found) = value.pointer("/format/major").and_then(Value::as_u64)
            && found > u64::from(BISECT_FORMAT.major)
        {
            return Err(LogError::Newer { path: path.to_owned(), found });
        }
        entries.push(serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?);
    }
    if !matches!(entries.first(), Some(Entry::Asked(_))) {
        let problem = "this is no log of a bisect: it does not begin with a question".to_owned();
        return Err(LogError::Line { path: path.to_owned(), line: 1, problem });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bisect::entry::tests::asked;
    use crate::bisect::entry::{Check, Word};

    fn check() -> Entry {
        let what = "the parent".into();
        Entry::Checked(Check {
            what,
            expected: Word::Good,
            word: Word::Good,
            why: None,
            ablation: false,
            boots: 1,
            duration_ms: 1,
        })
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_line_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/bisect.jsonl");
        let written = vec![Entry::Asked(Box::new(asked(&["2026.3.28", "2026.3.31"]))), check()];
        let mut log = Log::open(&path).unwrap();
        for entry in &written {
            log.add(entry).unwrap();
        }
        log.file.write_all(b"{\"entry\":\"chec").unwrap();
        assert_eq!(entries(&path).unwrap(), written);
        Log::open(&path).unwrap().add(&check()).unwrap();
        assert_eq!(entries(&path).unwrap(), [written, vec![check()]].concat());
    }

    #[test]
    fn a_log_of_a_later_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bisect.jsonl");
        let mut newer = asked(&["2026.3.28"]);
        newer.format.major = 2;
        Log::open(&path).unwrap().add(&Entry::Asked(Box::new(newer))).unwrap();
        assert!(matches!(entries(&path), Err(LogError::Newer { found: 2, .. })));
    }

    #[test]
    fn another_file_is_no_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bisect.jsonl");
        std::fs::write(&path, "hello\n").unwrap();
        assert!(matches!(entries(&path), Err(LogError::Line { line: 1, .. })));
        Log::open(&dir.path().join("two.jsonl")).unwrap().add(&check()).unwrap();
        assert!(entries(&dir.path().join("two.jsonl")).is_err());
    }
}

//! `bisect.jsonl`: one entry per line, written as it happens.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::entry::{BISECT_FORMAT, LogEntry};

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be read or written.
    #[error("cannot use the log {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not an entry.
    #[error("{}, line {line}: this is not an entry of a bisect log", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The first line does not start a search.
    #[error("{} is not a bisect log: it does not begin with a question", path.display())]
    NoQuestion {
        /// The file.
        path: PathBuf,
    },
    /// The log was written by a newer gatecrash.
    #[error("{} has format {found}; this version reads formats up to {}", path.display(), BISECT_FORMAT.major)]
    Newer {
        /// The file.
        path: PathBuf,
        /// Major format version of the file.
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
    /// Opens a log to append entries, creating it and its folder if necessary.
    ///
    /// # Errors
    ///
    /// When the file cannot be created, read or truncated.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let at = |source| LogError::Io { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(at)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(at)?;
        // A last line without a line break was torn when the program died; the next entry must not be appended to it.
        let text = std::fs::read(path).map_err(at)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(u64::try_from(whole).unwrap_or_default()).map_err(at)?;
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends an entry.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn add(&mut self, entry: &LogEntry) -> Result<(), LogError> {
        let at = |source| LogError::Io { path: self.path.clone(), source };
        let mut line = serde_json::to_string(entry).map_err(|error| at(error.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(at)
    }
}

/// Reads the entries of a log, without a last line that was torn when the program died.
///
/// # Errors
///
/// When the file cannot be read, is not a bisect log, or was written by a newer gatecrash.
pub fn read_log(path: &Path) -> Result<Vec<LogEntry>, LogError> {
    let at = |source| LogError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(at)?);
    let mut entries = Vec::new();
    for line in 1.. {
        let mut text = String::new();
        reader.read_line(&mut text).map_err(at)?;
        if !text.ends_with('\n') {
            break;
        }
        let wrong = |source| LogError::Line { path: path.to_owned(), line, source };
        let value: Value = serde_json::from_str(&text).map_err(wrong)?;
        if let Some(found) = value.pointer("/format/major").and_then(Value::as_u64)
            && found > u64::from(BISECT_FORMAT.major)
        {
            return Err(LogError::Newer { path: path.to_owned(), found });
        }
        entries.push(serde_json::from_value(value).map_err(wrong)?);
    }
    if !matches!(entries.first(), Some(LogEntry::Started(_))) {
        return Err(LogError::NoQuestion { path: path.to_owned() });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bisect::entry::{BuildVerdict, Check};
    use crate::bisect::test_support::search_start;

    fn check() -> LogEntry {
        let what = "the parent".into();
        LogEntry::Checked(Check {
            what,
            expected: BuildVerdict::Good,
            verdict: BuildVerdict::Good,
            why: None,
            ablation: false,
            boots: 1,
            duration_ms: 1,
        })
    }

    #[test]
    fn written_entries_are_read_back_without_a_torn_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/bisect.jsonl");
        let written = vec![LogEntry::Started(Box::new(search_start(&["2026.3.28", "2026.3.31"]))), check()];
        let mut log = Log::open(&path).unwrap();
        for entry in &written {
            log.add(entry).unwrap();
        }
        log.file.write_all(b"{\"entry\":\"chec").unwrap();
        assert_eq!(read_log(&path).unwrap(), written);
        Log::open(&path).unwrap().add(&check()).unwrap();
        assert_eq!(read_log(&path).unwrap(), [written, vec![check()]].concat());
    }

    #[test]
    fn a_log_of_a_later_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bisect.jsonl");
        let mut newer = search_start(&["2026.3.28"]);
        newer.format.major = 2;
        Log::open(&path).unwrap().add(&LogEntry::Started(Box::new(newer))).unwrap();
        assert!(matches!(read_log(&path), Err(LogError::Newer { found: 2, .. })));
    }

    #[test]
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bisect.jsonl");
        std::fs::write(&path, "hello\n").unwrap();
        assert!(matches!(read_log(&path), Err(LogError::Line { line: 1, .. })));
        Log::open(&dir.path().join("two.jsonl")).unwrap().add(&check()).unwrap();
        assert!(matches!(read_log(&dir.path().join("two.jsonl")), Err(LogError::NoQuestion { .. })));
    }
}

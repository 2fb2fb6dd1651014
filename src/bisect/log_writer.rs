//! Writes the entries of one search to the log and passes them on.

use super::entry::{LogEntry, SearchStart};
use super::log::{Log, LogError};

/// What a caller is told while a bisect is running.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A search was resumed from this many probes.
    Resumed {
        /// Probes in the log.
        probes: usize,
    },
    /// A search made an entry.
    Entry(&'a SearchStart, &'a LogEntry),
}

/// Told of progress as it happens.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

/// Logs, passes on and keeps the entries of one search.
pub(super) struct LogWriter<'a> {
    entries: Vec<LogEntry>,
    log: &'a mut Log,
    start: &'a SearchStart,
    on_progress: OnProgress<'a>,
    /// The first error; a search is not abandoned because its log is full.
    error: Option<LogError>,
}

impl<'a> LogWriter<'a> {
    pub(super) fn new(log: &'a mut Log, start: &'a SearchStart, on_progress: OnProgress<'a>) -> Self {
        Self { entries: Vec::new(), log, start, on_progress, error: None }
    }

    pub(super) const fn start(&self) -> &'a SearchStart {
        self.start
    }

    pub(super) fn resumed(&mut self, probes: usize) {
        (self.on_progress)(Progress::Resumed { probes });
    }

    pub(super) fn add(&mut self, entry: LogEntry) {
        if let Err(error) = self.log.add(&entry) {
            self.error.get_or_insert(error);
        }
        (self.on_progress)(Progress::Entry(self.start, &entry));
        self.entries.push(entry);
    }

    pub(super) fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// All entries, or why the log lacks some of them.
    pub(super) fn finish(self) -> Result<Vec<LogEntry>, LogError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.entries),
        }
    }
}

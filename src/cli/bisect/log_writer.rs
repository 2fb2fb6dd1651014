//! What a search tells: into the log, to the terminal, and to whoever asked.

use crate::bisect::{Asked, Entry, Log, progress};
use crate::cli::failure::Failure;

/// Keeps, logs and shows entries.
pub(super) struct LogWriter<'a> {
    pub(super) entries: Vec<Entry>,
    log: &'a mut Log,
    pub(super) asked: &'a Asked,
    trouble: Option<String>,
}

impl<'a> LogWriter<'a> {
    pub(super) fn new(log: &'a mut Log, asked: &'a Asked) -> Self {
        Self { entries: Vec::new(), log, asked, trouble: None }
    }

    pub(super) fn take(&mut self, entry: Entry) {
        if let Err(error) = self.log.add(&entry) {
            self.trouble.get_or_insert(error.to_string());
        }
        if let Some(line) = progress(self.asked, &entry) {
            anstream::eprintln!("{line}");
        }
        self.entries.push(entry);
    }

    /// All that was told, or why the log lacks some of it.
    pub(super) fn finish(self) -> Result<Vec<Entry>, Failure> {
        match self.trouble {
            Some(trouble) => Err(Failure::broke(trouble)),
            None => Ok(self.entries),
        }
    }
}

//! Reading a run back, however it was stored.

use std::io::Read as _;

use flate2::read::GzDecoder;

use super::events::{self, ReadEventsError};
use super::json::{self, ReadJsonError};
use crate::run::{Event, RunRecord};

/// A run that was stored.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The run as one document.
    pub record: RunRecord,
    /// Its events; none where only the document was stored.
    pub events: Option<Vec<Event>>,
    /// Whether it was written to its end.
    pub complete: bool,
}

/// Why a file is no run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is compressed, and damaged.
    #[error("the file is damaged: {0}")]
    Damaged(std::io::Error),
    /// It is no text.
    #[error("the file is not a stored run: it is no text")]
    NoText,
    /// It looks like events, and is not.
    #[error(transparent)]
    Events(#[from] ReadEventsError),
    /// It looks like a report, and is not.
    #[error(transparent)]
    Report(#[from] ReadJsonError),
}

/// Reads lines of events or a JSON report, compressed or not.
pub fn load(bytes: &[u8]) -> Result<Loaded, LoadError> {
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes).read_to_end(&mut unpacked).map_err(LoadError::Damaged)?;
        &unpacked
    } else {
        bytes
    };
    let text = std::str::from_utf8(bytes).map_err(|_| LoadError::NoText)?;
    if text.trim_start().starts_with("{\"event\"") {
        let stored = events::read(text)?;
        let mut record = RunRecord::of(&stored.events);
        record.run.interrupted |= !stored.complete;
        return Ok(Loaded { record, events: Some(stored.events), complete: stored.complete });
    }
    let record = json::read(text)?;
    Ok(Loaded { complete: !record.run.interrupted, record, events: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn both_ways_of_storing_give_the_same_run() {
        let events = sample::events();
        let record = RunRecord::of(&events);
        let from_events = load(events::render(&events).as_bytes()).unwrap();
        let from_report = load(json::render(&record).as_bytes()).unwrap();
        assert_eq!(from_events.record, record);
        assert_eq!(from_report.record, record);
        assert_eq!(from_events.events, Some(events));
    }

    #[test]
    fn a_run_without_an_end_counts_as_interrupted() {
        let mut events = sample::events();
        events.pop();
        let loaded = load(events::render(&events).as_bytes()).unwrap();
        assert!(!loaded.complete && loaded.record.run.interrupted);
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(load(b"\xff\xfe"), Err(LoadError::NoText)));
        assert!(matches!(load(b"\x1f\x8bxxxx"), Err(LoadError::Damaged(_))));
        assert!(matches!(load(b"{\"event\":\"x\"}"), Err(LoadError::Events(_))));
        assert!(matches!(load(b"hello"), Err(LoadError::Report(_))));
    }
}

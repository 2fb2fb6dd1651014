//! Reads stored runs in any of their formats.

use std::io::{ErrorKind, Read as _};

use flate2::read::GzDecoder;

use super::events::{self, ReadEventsError};
use super::json::{self, ReadJsonError};
use crate::run::{Event, RunRecord};

/// A run that was stored.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The run as a record.
    pub record: RunRecord,
    /// Its events; `None` if only the record was stored.
    pub events: Option<Vec<Event>>,
}

/// Why a file cannot be read as a run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is compressed and damaged.
    #[error("the file is damaged")]
    Damaged(#[source] std::io::Error),
    /// It unpacks to far more than a run.
    #[error("the file is not a stored run: it unpacks to more than a hundred times its size")]
    Bomb,
    /// It is not text.
    #[error("the file is not a stored run: it is not UTF-8 text")]
    NoText,
    /// It looks like events but cannot be read as such.
    #[error(transparent)]
    Events(#[from] ReadEventsError),
    /// It looks like a report but cannot be read as such.
    #[error(transparent)]
    Report(#[from] ReadJsonError),
}

/// Reads lines of events or a JSON report, compressed or not.
///
/// # Errors
/// Fails if the bytes are neither.
pub fn load(bytes: &[u8]) -> Result<Loaded, LoadError> {
    let mut unpacked = Vec::new();
    let mut truncated = false;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let most = most_unpacked(bytes.len() as u64);
        match GzDecoder::new(bytes).take(most + 1).read_to_end(&mut unpacked) {
            Ok(_) if unpacked.len() as u64 > most => return Err(LoadError::Bomb),
            Ok(_) => {}
            // Everything before the cut is intact.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof && !unpacked.is_empty() => {
                truncated = true;
            }
            Err(error) => return Err(LoadError::Damaged(error)),
        }
        &unpacked
    } else {
        bytes
    };
    let text = text_of(bytes)?;
    if text.trim_start().starts_with("{\"event\"") {
        let mut events = events::read(text)?.events;
        if truncated {
            // A truncated file may lack the end of the run.
            events.retain(|event| !matches!(event, Event::RunFinished { .. }));
        }
        return Ok(Loaded { record: RunRecord::of(&events), events: Some(events) });
    }
    Ok(Loaded { record: json::read(text)?, events: None })
}

/// The most bytes that a compressed run unpacks to: real ones shrink to between a tenth and a fiftieth.
pub(super) const fn most_unpacked(packed: u64) -> u64 {
    const SMALL: u64 = 64 << 20;
    let most = packed.saturating_mul(100);
    if most > SMALL { most } else { SMALL }
}

/// Bytes as text. A truncated file may end in the middle of a character.
fn text_of(bytes: &[u8]) -> Result<&str, LoadError> {
    std::str::from_utf8(bytes).or_else(|error| match error.error_len() {
        None if error.valid_up_to() > 0 => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).map_err(|_| LoadError::NoText)
        }
        _ => Err(LoadError::NoText),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::report::sample;
    use crate::run::Ending;

    #[test]
    fn both_formats_give_the_same_run() {
        let events = sample::events();
        let record = RunRecord::of(&events);
        let from_events = load(events::render(&events).as_bytes()).unwrap();
        let from_report = load(json::render(&record).as_bytes()).unwrap();
        assert_eq!(from_events.record, record);
        assert_eq!(from_report.record, record);
        assert_eq!(from_events.events, Some(events));
    }

    #[test]
    fn a_run_without_its_last_event_is_cut_off() {
        let mut events = sample::events();
        events.pop();
        let loaded = load(events::render(&events).as_bytes()).unwrap();
        assert_eq!(loaded.record.ending(), Ending::CutOff);
        let stored = load(json::render(&loaded.record).as_bytes()).unwrap();
        assert_eq!(stored.record, loaded.record, "a report made from it says so, too");
    }

    #[test]
    fn a_file_may_be_truncated_anywhere() {
        let mut events = sample::events();
        if let Some(Event::RunStarted(started)) = events.first_mut() {
            started.scenarios[0].title = "Ein Gerät bleibt draußen".into();
        }
        let text = events::render(&events);
        let head = text.find('\n').unwrap() + 1;
        let around_the_end = text.len() - 200..text.len() - 1;
        for end in (head..text.len()).step_by(997).chain(around_the_end) {
            let loaded = load(&text.as_bytes()[..end]).unwrap();
            let whole = serde_json::from_str::<Event>(
                String::from_utf8_lossy(&text.as_bytes()[..end]).lines().last().unwrap(),
            );
            let ended = matches!(whole, Ok(Event::RunFinished { .. }));
            assert_eq!(loaded.record.ending() == Ending::Whole, ended, "{end}");
        }
        let error = load(&text.as_bytes()[..head - 2]).unwrap_err();
        assert!(matches!(error, LoadError::Events(ReadEventsError::CutOff)), "{error}");
    }

    #[test]
    fn a_truncated_compressed_file_is_read_up_to_the_cut() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::new(6));
        packed.write_all(events::render(&sample::events()).as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        for end in [packed.len() * 2 / 3, packed.len() - 4] {
            let loaded = load(&packed[..end]).unwrap();
            assert_eq!(loaded.record.ending(), Ending::CutOff, "{end} of {}", packed.len());
            assert!(loaded.events.unwrap().len() > 10);
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        let zeros = vec![0; 1 << 20];
        for _ in 0..80 {
            packed.write_all(&zeros).unwrap();
        }
        assert!(matches!(load(&packed.finish().unwrap()), Err(LoadError::Bomb)));
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(load(b"\xff\xfe"), Err(LoadError::NoText)));
        assert!(matches!(load(b"\x1f\x8bxxxx"), Err(LoadError::Damaged(_))));
        assert!(matches!(load(b"{\"event\":\"x\"}"), Err(LoadError::Events(_))));
        assert!(matches!(load(b"hello"), Err(LoadError::Report(_))));
    }
}

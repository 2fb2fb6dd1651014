//! What went over the wire, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{Level, debug, enabled, trace};

use crate::wire::{LOG_MASK, Masker, PassedFrame, ProtocolSchema, SchemaFinding};

/// Longer texts are cut when they are shown.
const LONGEST: usize = 16 * 1024;

/// Longer transcripts drop entries from the middle, so that a flood cannot fill the memory: the first half shows how it
/// began, and of the rest only the latest entries are of use.
const MOST: usize = 2_000;

/// The same in bytes, for each half: a connection to a busy gateway is told about everybody.
const MOST_BYTES: usize = 256 * 1024;

/// A longer text is cut when it is added, and is no longer checked against a schema. Only a flood has such frames.
const LARGEST: usize = 1 << 20;

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The socket was opened.
    Opened,
    /// From the device to the gateway.
    Sent,
    /// From the gateway to the device.
    Received,
    /// An HTTP answer came instead of a WebSocket.
    Http,
    /// The gateway ended the connection.
    ClosedByGateway,
    /// This side ended the connection.
    ClosedByClient,
    /// A program ended.
    Ended,
    /// What the network between the two does to the connection.
    Network,
}

/// One thing that went over the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Entry")]
pub struct TranscriptEntry {
    /// Its number in the scenario, from 0; missing numbers were left out of a transcript that was too long. Older versions
    /// wrote no numbers, and left out only the middle.
    #[serde(default)]
    pub number: usize,
    /// Milliseconds since the scenario started.
    pub at_ms: u64,
    /// Name of the connection in the scenario.
    pub connection: String,
    /// Which way it went.
    pub direction: Direction,
    /// The frame, or a line about what happened.
    pub text: String,
}

/// The result of checking frames against a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The version of the schema.
    pub schema: String,
    /// Kinds of frames that are not valid.
    pub findings: Vec<SchemaFinding>,
}

/// The transcript of a scenario, shared by its connections.
#[derive(Clone, Debug)]
pub struct Transcript {
    start: Instant,
    entries: Arc<Mutex<KeptEntries>>,
}

#[derive(Debug, Default)]
struct KeptEntries {
    first: Vec<TranscriptEntry>,
    latest: VecDeque<TranscriptEntry>,
    first_bytes: usize,
    latest_bytes: usize,
    added: usize,
}

impl Transcript {
    /// An empty transcript that counts time from `start`.
    pub fn new(start: Instant) -> Self {
        Self { start, entries: Arc::default() }
    }

    /// Adds something that happened just now.
    pub fn add(&self, connection: &str, direction: Direction, text: impl Into<String>) {
        let mut text = text.into();
        log(connection, direction, &text);
        if text.len() > LARGEST {
            text = cut_between_words(&text);
        }
        let at_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut kept = self.entries.lock();
        let number = kept.added;
        kept.added += 1;
        let entry = TranscriptEntry { number, at_ms, connection: connection.to_owned(), direction, text };
        if kept.first.len() < MOST / 2 && kept.latest.is_empty() && kept.first_bytes < MOST_BYTES {
            kept.first_bytes += entry.text.len();
            kept.first.push(entry);
            return;
        }
        kept.latest_bytes += entry.text.len();
        kept.latest.push_back(entry);
        while kept.latest.len() > MOST / 2 || kept.latest_bytes > MOST_BYTES && kept.latest.len() > 1 {
            let dropped = kept.latest.pop_front().map_or(0, |entry| entry.text.len());
            kept.latest_bytes -= dropped;
        }
    }

    /// How many entries were added so far, kept or not: the number of the next one.
    pub fn len(&self) -> usize {
        self.entries.lock().added
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What `wanted` finds in the first kept entry from number `from` on that it finds anything in. The entries are not masked.
    pub fn find<T>(&self, from: usize, wanted: impl FnMut(&TranscriptEntry) -> Option<T>) -> Option<T> {
        let kept = self.entries.lock();
        kept.first.iter().chain(&kept.latest).filter(|entry| entry.number >= from).find_map(wanted)
    }

    /// Checks the kept frames against upstream's schema.
    pub fn check(&self, schema: &ProtocolSchema) -> Checked {
        let kept = self.entries.lock();
        let frames = kept.first.iter().chain(&kept.latest).filter_map(|entry| {
            let ours = match entry.direction {
                Direction::Sent => true,
                Direction::Received => false,
                _ => return None,
            };
            if entry.text.ends_with(CUT_END) && entry.text.contains(CUT) {
                return None;
            }
            Some(PassedFrame { connection: &entry.connection, ours, text: &entry.text })
        });
        Checked { schema: schema.version().to_owned(), findings: schema.check(frames) }
    }

    /// The kept entries from number `from` on, with secrets masked and long texts cut.
    pub fn masked(&self, from: usize, masker: &Masker) -> Vec<TranscriptEntry> {
        let kept = self.entries.lock();
        kept.first
            .iter()
            .chain(&kept.latest)
            .filter(|entry| entry.number >= from)
            .map(|entry| TranscriptEntry { text: cut(masker.frame(&entry.text)), ..entry.clone() })
            .collect()
    }
}

/// Frames are logged in full at the level `trace`, everything else at `debug`.
fn log(connection: &str, direction: Direction, text: &str) {
    match direction {
        Direction::Sent | Direction::Received => {
            if enabled!(Level::TRACE) {
                if let Ok(frame) = serde_json::from_str(text) {
                    LOG_MASK.learn_from(&frame);
                }
                trace!(connection, ?direction, "{text}");
            }
        }
        _ => debug!(connection, ?direction, "{text}"),
    }
}

/// What stands where the rest of a text was left out, and behind the number of its bytes.
const CUT: &str = "… (";
const CUT_END: &str = " bytes)";

/// The beginning of a text that is too large to be kept. It does not end within a word, because masking would not recognise
/// half of a secret.
fn cut_between_words(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST * 4);
    let in_word = |c: char| c.is_alphanumeric() || "-_+/=.%".contains(c);
    let end = text[..end].rfind(|c| !in_word(c)).unwrap_or(0);
    format!("{}{CUT}{}{CUT_END}", &text[..end], text.len())
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        let bytes = text.len();
        let at = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(at);
        return format!("{text}… ({bytes} bytes)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_transcript_keeps_its_first_and_latest_entries() {
        let transcript = Transcript::new(Instant::now());
        for number in 0..MOST + 500 {
            transcript.add("c", Direction::Received, number.to_string());
        }
        let shown = transcript.masked(0, &Masker::default());
        assert_eq!(shown.len(), MOST);
        assert_eq!(transcript.len(), MOST + 500);
        for entry in &shown {
            assert_eq!(entry.text, entry.number.to_string(), "an entry keeps its number and its text");
        }
        let gap = (shown[MOST / 2 - 1].number, shown[MOST / 2].number);
        assert_eq!(gap, (MOST / 2 - 1, MOST / 2 + 500));
        assert_eq!(shown[MOST - 1].number, MOST + 499);
    }

    #[test]
    fn entries_added_after_a_flood_are_found() {
        let transcript = Transcript::new(Instant::now());
        for number in 0..3 * MOST {
            transcript.add("c", Direction::Received, number.to_string());
        }
        let first = transcript.len();
        transcript.add("c", Direction::Sent, "the last");
        let found = transcript.masked(first, &Masker::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, "the last");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = cut("é".repeat(LONGEST));
        assert!(text.len() < LONGEST + 40 && text.ends_with(&format!("({} bytes)", LONGEST * 2)));
    }

    #[test]
    fn a_text_of_many_megabytes_is_cut_between_words() {
        let transcript = Transcript::new(Instant::now());
        transcript.add(
            "c",
            Direction::Received,
            format!("{} secret{}", "x ".repeat(LONGEST), "y".repeat(LARGEST)),
        );
        let kept = transcript.entries.lock();
        let text = &kept.first[0].text;
        assert!(text.len() <= LONGEST * 4 + 40 && text.ends_with("bytes)") && !text.contains("secret"));
    }

    #[test]
    fn the_size_of_kept_frames_is_limited() {
        let transcript = Transcript::new(Instant::now());
        let large = "x".repeat(100 * 1024);
        for _ in 0..50 {
            transcript.add("laptop", Direction::Received, &*large);
        }
        transcript.add("laptop", Direction::Received, "the last one");
        let kept = transcript.entries.lock();
        let bytes: usize = kept.first.iter().chain(&kept.latest).map(|entry| entry.text.len()).sum();
        assert!(bytes <= 2 * MOST_BYTES + large.len(), "{bytes}");
        assert_eq!((kept.first[0].number, kept.latest.back().unwrap().number), (0, 50));
        assert_eq!(kept.added, 51);
    }
}

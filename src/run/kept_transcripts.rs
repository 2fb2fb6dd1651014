//! Bounds what the transcripts of a run take in memory.

use crate::client::TranscriptEntry;
use crate::verdict::Verdict;

/// How much the transcripts of a run may take until those of cells that pass are shortened, in bytes.
const PASSING: usize = 48 << 20;

/// The same for all other cells.
const ANY: usize = 96 << 20;

/// What an entry of a transcript takes beside its texts.
const ENTRY: usize = 80;

/// What is kept of a transcript then.
const SHORT: usize = 8 << 10;

/// How much the transcripts of a run take.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeptTranscripts(usize);

impl KeptTranscripts {
    /// A transcript as it is kept: whole, or if the run has kept too much already, only its beginning and its end.
    pub fn keep(&mut self, verdict: Verdict, transcript: Vec<TranscriptEntry>) -> Vec<TranscriptEntry> {
        let size = |entry: &TranscriptEntry| entry.text.len() + entry.connection.len() + ENTRY;
        let bytes: usize = transcript.iter().map(size).sum();
        let most = if verdict == Verdict::Pass { PASSING } else { ANY };
        if self.0 + bytes <= most {
            self.0 += bytes;
            return transcript;
        }
        let head = fitting(transcript.iter().map(size));
        let tail = fitting(transcript[head..].iter().rev().map(size));
        let end = transcript.len() - tail;
        let kept = transcript.into_iter().enumerate().filter(|(at, _)| *at < head || *at >= end);
        kept.map(|(_, entry)| entry).collect()
    }
}

/// How many of these sizes fit into half of what is kept of a transcript.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let together = sizes.scan(0, |sum, size| {
        *sum += size;
        Some(*sum)
    });
    together.take_while(|sum| *sum <= SHORT / 2).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Direction;

    #[test]
    fn transcripts_are_shortened_once_a_run_has_kept_enough() {
        let mut kept = KeptTranscripts::default();
        let entry = |number| TranscriptEntry {
            number,
            at_ms: 0,
            connection: "c".to_owned(),
            direction: Direction::Received,
            text: "x".repeat(1_000),
        };
        let transcript: Vec<_> = (0..1_000).map(entry).collect();
        let lengths: Vec<usize> =
            (0..60).map(|_| kept.keep(Verdict::Pass, transcript.clone()).len()).collect();
        assert_eq!(lengths[0], 1_000);
        assert_eq!(kept.keep(Verdict::Fail, transcript.clone()).len(), 1_000);
        let last = kept.keep(Verdict::Pass, transcript);
        let numbers: Vec<usize> = last.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [0, 1, 2, 997, 998, 999]);
    }
}

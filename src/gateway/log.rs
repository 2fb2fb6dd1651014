//! The output of a gateway: the last lines in memory, all of them (up to a limit) in a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

const LINES_KEPT: usize = 4000;
const LINE_BYTES: usize = 4096;
const FILE_BYTES: usize = 32 << 20;

/// One line of a gateway's output.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// When the harness read it.
    pub at: Instant,
    /// The text without the line end; bytes that are not UTF-8 are replaced. Not masked.
    pub text: String,
}

/// A reader's position in a log.
#[derive(Clone, Copy, Debug)]
pub struct Unread {
    since: Instant,
    /// The number of the next line, counted from the first that the gateway printed.
    next: u64,
}

impl Unread {
    /// The position of the first line that was read at or after a moment.
    pub const fn since(moment: Instant) -> Self {
        Self { since: moment, next: 0 }
    }
}

/// The output of one gateway, over all its restarts. Clones share it.
#[derive(Clone, Debug)]
pub struct GatewayLog {
    shared: Arc<LogState>,
}

#[derive(Debug)]
struct LogState {
    lines: Mutex<LogLines>,
    count: watch::Sender<u64>,
}

#[derive(Debug)]
struct LogLines {
    ring: VecDeque<LogLine>,
    /// How many lines were dropped from the front of `ring`.
    dropped: u64,
    file: Option<File>,
    room: usize,
    start: Instant,
}

impl GatewayLog {
    /// A log that also writes its lines to a new file at `path`.
    ///
    /// # Errors
    /// Fails if the file cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let lines = LogLines {
            ring: VecDeque::new(),
            dropped: 0,
            file: Some(file),
            room: FILE_BYTES,
            start: Instant::now(),
        };
        Ok(Self { shared: Arc::new(LogState { lines: Mutex::new(lines), count: watch::Sender::new(0) }) })
    }

    /// The last `n` lines, oldest first.
    pub fn tail(&self, n: usize) -> Vec<LogLine> {
        let lines = self.lines();
        lines.ring.iter().skip(lines.ring.len().saturating_sub(n)).cloned().collect()
    }

    /// The lines that were read at or after `moment`, oldest first.
    pub fn since(&self, moment: Instant) -> Vec<LogLine> {
        let lines = self.lines();
        let first = lines.ring.partition_point(|line| line.at < moment);
        lines.ring.range(first..).cloned().collect()
    }

    /// The first unread line that `wanted` accepts. Moves the position behind it, or to the end if there is none.
    pub fn find(&self, unread: &mut Unread, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let lines = self.lines();
        let read = usize::try_from(unread.next.saturating_sub(lines.dropped)).unwrap_or(usize::MAX);
        let early = lines.ring.partition_point(|line| line.at < unread.since);
        let first = read.max(early).min(lines.ring.len());
        let found = lines.ring.range(first..).position(|line| wanted(&line.text));
        let end = found.map_or(lines.ring.len(), |at| first + at + 1);
        unread.next = lines.dropped + end as u64;
        found.and_then(|at| lines.ring.get(first + at)).map(|line| line.text.clone())
    }

    /// The number of lines so far, which changes with every new one.
    pub(super) fn count(&self) -> watch::Receiver<u64> {
        self.shared.count.subscribe()
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        let cut = &bytes[..bytes.len().min(LINE_BYTES)];
        let text = String::from_utf8_lossy(cut).trim_end().to_owned();
        self.lines().push(LogLine { at: Instant::now(), text });
        self.shared.count.send_modify(|count| *count += 1);
    }

    fn lines(&self) -> MutexGuard<'_, LogLines> {
        self.shared.lines.lock()
    }
}

impl LogLines {
    fn push(&mut self, line: LogLine) {
        // A full disk or a full file ends the file, but never the gateway.
        if let Some(file) = &mut self.file {
            let text = format!("{:>10.3} {}\n", (line.at - self.start).as_secs_f64(), line.text);
            let fits = text.len() <= self.room;
            if fits && file.write_all(text.as_bytes()).is_ok() {
                self.room -= text.len();
            } else {
                self.file = None;
            }
        }
        if self.ring.len() == LINES_KEPT {
            self.ring.pop_front();
            self.dropped += 1;
        }
        self.ring.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    fn log() -> (tempfile::TempDir, GatewayLog) {
        let dir = tempfile::tempdir().unwrap();
        let log = GatewayLog::create(&dir.path().join("log")).unwrap();
        (dir, log)
    }

    #[test]
    fn the_tail_is_the_newest_lines_in_order() {
        let (dir, log) = log();
        for text in ["one", "two\r", "three"] {
            log.push(text.as_bytes());
        }
        assert_eq!(texts(&log.tail(2)), ["two", "three"]);
        assert_eq!(texts(&log.tail(9)), ["one", "two", "three"]);
        let file = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(file.ends_with(" three\n") && file.lines().count() == 3, "{file}");
    }

    #[test]
    fn since_omits_earlier_lines() {
        let (_dir, log) = log();
        log.push(b"before");
        let moment = Instant::now();
        log.push(b"after");
        assert_eq!(texts(&log.since(moment)), ["after"]);
    }

    #[test]
    fn every_line_is_read_exactly_once() {
        let (_dir, log) = log();
        log.push(b"before: wanted");
        let mut unread = Unread::since(Instant::now());
        assert_eq!(log.find(&mut unread, |_| true), None);
        for text in ["noise", "first, wanted", "second, wanted"] {
            log.push(text.as_bytes());
        }
        let wanted = |line: &str| line.ends_with("wanted");
        assert_eq!(log.find(&mut unread, wanted).as_deref(), Some("first, wanted"));
        assert_eq!(log.find(&mut unread, wanted).as_deref(), Some("second, wanted"));
        assert_eq!(log.find(&mut unread, wanted), None);
        // What was dropped meanwhile does not shift the place.
        for number in 0..LINES_KEPT + 10 {
            log.push(format!("{number}").as_bytes());
        }
        assert_eq!(log.find(&mut unread, |line| line == "9"), None);
        let mut unread = Unread::since(Instant::now());
        log.push(b"last, wanted");
        assert_eq!(log.find(&mut unread, wanted).as_deref(), Some("last, wanted"));
    }

    #[test]
    fn the_log_in_memory_is_limited() {
        let (_dir, log) = log();
        for n in 0..=LINES_KEPT {
            log.push(n.to_string().as_bytes());
        }
        log.push(&vec![b'x'; LINE_BYTES * 2]);
        let all = log.tail(usize::MAX);
        assert_eq!((all.len(), all[0].text.as_str()), (LINES_KEPT, "2"));
        assert_eq!(all[LINES_KEPT - 1].text.len(), LINE_BYTES);
    }
}

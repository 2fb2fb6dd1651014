//! Stored runs: events as lines of JSON.

use serde_json::Value;

use crate::run::{Event, RUN_FORMAT};

/// Why a text cannot be read as a stored run.
#[derive(Debug, thiserror::Error)]
pub enum ReadEventsError {
    /// It does not begin with the start of a run.
    #[error("not a stored run: the first line is not a `run-started` event")]
    NoStart,
    /// Not even the first line is complete.
    #[error("the run was cut off within its first line, so nothing of it can be read")]
    CutOff,
    /// A newer program wrote it.
    #[error("the run was stored in format {found}, this program reads format {} and older: use a newer gatecrash", RUN_FORMAT.major)]
    Newer {
        /// The major version of its format.
        found: u64,
    },
    /// A line is not an event.
    #[error("line {line} is not an event")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        source: serde_json::Error,
    },
}

/// A run that was read from its events.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// Its events in order, without kinds that this program does not know.
    pub events: Vec<Event>,
    /// Whether it has its last event, which a run that was killed lacks.
    pub complete: bool,
}

/// An event as a line, with a line break.
pub fn line(event: &Event) -> String {
    // Events serialise without errors, because all their maps have strings as keys.
    let mut text = serde_json::to_string(event).unwrap_or_default();
    text.push('\n');
    text
}

/// Events as lines, in the form of a stored run.
pub fn render(events: &[Event]) -> String {
    events.iter().map(line).collect()
}

/// Reads a stored run.
///
/// In a newer minor version, unknown kinds of events are left out and unknown keys are ignored. A last line that was cut off
/// is left out.
///
/// # Errors
/// Fails if the text is not a stored run, or if it has a newer major version.
pub fn read(text: &str) -> Result<StoredRun, ReadEventsError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
    let head = lines.peek().map(|(_, line)| *line).ok_or(ReadEventsError::NoStart)?;
    let begins_a_run = text.trim_start().starts_with("{\"event\":\"run-started\"");
    let head: Value = serde_json::from_str(head).map_err(|error| {
        if error.is_eof() && begins_a_run { ReadEventsError::CutOff } else { ReadEventsError::NoStart }
    })?;
    if head["event"] != "run-started" {
        return Err(ReadEventsError::NoStart);
    }
    let part = |key: &str| head["format"][key].as_u64().unwrap_or_default();
    if part("major") > RUN_FORMAT.major.into() {
        return Err(ReadEventsError::Newer { found: part("major") });
    }
    let newer = part("minor") > RUN_FORMAT.minor.into();
    let mut events = Vec::new();
    while let Some((at, line)) = lines.next() {
        match serde_json::from_str(line) {
            Ok(event) => events.push(event),
            Err(_) if newer && is_unknown(line) => {}
            // The program was killed while writing, or the file was truncated.
            Err(error) if (error.is_eof() || !text.ends_with('\n')) && lines.peek().is_none() => {}
            Err(source) => return Err(ReadEventsError::Line { line: at + 1, source }),
        }
    }
    let complete = matches!(events.last(), Some(Event::RunFinished { .. }));
    Ok(StoredRun { events, complete })
}

/// Whether a line is an event of a kind that only newer programs know.
fn is_unknown(line: &str) -> bool {
    const KINDS: [&str; 10] = [
        "run-started",
        "preparing",
        "target-unusable",
        "gateway-starting",
        "gateway-ready",
        "gateway-failed",
        "gateway-stopped",
        "cell-started",
        "cell-finished",
        "run-finished",
    ];
    let event = serde_json::from_str::<Value>(line).ok();
    event.and_then(|event| event["event"].as_str().map(|kind| !KINDS.contains(&kind))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::run::RunRecord;

    /// A run in the first version of the format, without anything optional.
    const OLD: &str = r#"{"event":"run-started","format":{"major":1,"minor":0},"harness":"0.1.0","id":"r","seed":7,"started_ms":0,"targets":[{"target":"2026.3.31","release":"2026.3.31"}],"scenarios":[{"id":"a","title":"t","why":"w","issue":null,"tags":[],"path":"scenarios/a.yaml"}],"repeat":1}
{"event":"gateway-starting","gateway":0,"target":"2026.3.31","lane":"shared"}
{"event":"gateway-ready","gateway":0,"boot_ms":2100}
{"event":"cell-finished","scenario":"a","target":"2026.3.31","release":"2026.3.31","attempt":1,"gateway":0,"verdict":"fail","duration_ms":5,"steps":[{"id":"node","verb":"connect","path":"scenarios/a.yaml","line":4,"verdict":"fail","outcome":{"kind":"closed","close":{"code":1008,"reason":"x","clean":true},"error":{"code":"NOT_PAIRED","message":"x"},"details":{"reason":"role-upgrade"}},"duration_ms":5,"first_entry":0}],"transcript":[],"log":[]}
{"event":"gateway-stopped","gateway":0,"boots":1,"leaks":[]}
{"event":"run-finished","duration_ms":5000,"interrupted":false}
"#;

    #[test]
    fn a_stored_run_is_read_back() {
        let events = sample::events();
        assert_eq!(read(&render(&events)).unwrap(), StoredRun { events, complete: true });
    }

    #[test]
    fn an_old_run_is_read() {
        let stored = read(OLD).unwrap();
        assert!(stored.complete);
        let record = RunRecord::of(&stored.events);
        let step = &record.cells[0].steps[0];
        assert_eq!(step.outcome.as_ref().unwrap().error().unwrap().detail("reason"), Some("role-upgrade"));
        assert_eq!((record.summary.fail, record.run.boots), (1, 1));
    }

    #[test]
    fn additions_of_a_newer_minor_version_are_ignored() {
        let newer = OLD
            .replacen("\"minor\":0", "\"minor\":9", 1)
            .replace("\"boots\":1", "\"boots\":1,\"mood\":\"good\"")
            .replace(
                "{\"event\":\"run-finished\"",
                "{\"event\":\"weather\",\"rain\":true}\n{\"event\":\"run-finished\"",
            );
        assert_eq!(read(&newer).unwrap(), read(OLD).unwrap().with_minor(9));
        let lying = newer.replacen("\"minor\":9", "\"minor\":0", 1);
        assert!(matches!(read(&lying), Err(ReadEventsError::Line { line: 6, .. })));
    }

    #[test]
    fn a_newer_major_version_is_refused_with_a_clear_message() {
        let newer = OLD.replacen("\"major\":1", "\"major\":2", 1).replace("\"steps\"", "\"acts\"");
        assert_eq!(
            read(&newer).unwrap_err().to_string(),
            "the run was stored in format 2, this program reads format 1 and older: use a newer gatecrash"
        );
    }

    #[test]
    fn a_run_that_was_killed_is_read_up_to_its_last_complete_line() {
        let cut = &OLD[..OLD.len() - 20];
        let stored = read(cut).unwrap();
        assert!(!stored.complete);
        assert_eq!(stored.events.len(), 5);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "\n", "{}", "[1]", "no json", "{\"event\":\"preparing\"}"] {
            assert!(matches!(read(text), Err(ReadEventsError::NoStart)), "{text:?}");
        }
        let broken = OLD.replacen("\"boot_ms\":2100", "\"boot_ms\":\"long\"", 1);
        assert!(matches!(read(&broken), Err(ReadEventsError::Line { line: 3, .. })));
    }

    #[test]
    fn every_kind_of_event_is_known() {
        let kinds = sample::events();
        assert!(kinds.iter().all(|event| !is_unknown(&line(event))));
    }

    impl StoredRun {
        fn with_minor(mut self, minor: u32) -> Self {
            if let Some(Event::RunStarted(started)) = self.events.first_mut() {
                started.format.minor = minor;
            }
            self
        }
    }
}

//! Summaries of the frames of a transcript.

use serde_json::{Map, Value};

use crate::client::{Direction, TranscriptEntry};
use crate::run::{Cell, StepRecord};
use crate::verdict::redact_volatile;
use crate::wire::Frame;

/// An item of a shown transcript.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TranscriptItem<'a> {
    /// An entry of the transcript.
    Entry(&'a TranscriptEntry),
    /// A number of entries that were left out because the transcript was too long.
    LeftOut(usize),
}

impl TranscriptItem<'_> {
    /// The note that replaces entries that were left out.
    pub(crate) fn left_out(number: usize) -> String {
        format!("… {number} left out: the transcript was too long")
    }
}

/// Entries with their numbers. Entries from older programs have none and are numbered by their position.
pub(crate) fn numbered(cell: &Cell) -> impl Iterator<Item = (usize, &TranscriptEntry)> {
    let number =
        |(place, entry): (usize, &TranscriptEntry)| if entry.number == 0 { place } else { entry.number };
    cell.transcript.iter().enumerate().map(move |(place, entry)| (number((place, entry)), entry))
}

/// The entries of a step, with notes where some were left out.
///
/// A step that ran in parallel with others has only the entries of its own connection.
pub(crate) fn frames_of<'a>(cell: &'a Cell, step: &StepRecord) -> Vec<TranscriptItem<'a>> {
    let end = step.end_entry.unwrap_or(step.first_entry);
    let ran = |one: &&StepRecord| one.end_entry.is_some_and(|end| end > one.first_entry);
    let others = || cell.steps.iter().filter(|one| !std::ptr::eq(*one, step) && one.id != step.id);
    let at_once = others()
        .filter(ran)
        .any(|one| one.first_entry < end && one.end_entry.is_some_and(|other| step.first_entry < other));
    // Entries between two steps belong to the first of them.
    let later = cell.steps.iter().map(|one| one.first_entry);
    let until = later.filter(|first| *first > step.first_entry && *first >= end).min().unwrap_or(usize::MAX);
    let own = |entry: &TranscriptEntry| match &step.connection {
        Some(name) if at_once => entry.connection == *name,
        _ => true,
    };
    let mut shown = Vec::new();
    let mut next = step.first_entry;
    for (number, entry) in numbered(cell).filter(|(number, _)| (step.first_entry..until).contains(number)) {
        if number > next {
            shown.push(TranscriptItem::LeftOut(number - next));
        }
        next = number + 1;
        if own(entry) {
            shown.push(TranscriptItem::Entry(entry));
        }
    }
    if until != usize::MAX && until > next || end > next {
        shown.push(TranscriptItem::LeftOut(if until == usize::MAX { end } else { until } - next));
    }
    shown
}

/// Whether an entry is a refusal: an error response, an HTTP answer, or a close by the gateway.
pub(crate) fn is_refusal(entry: &TranscriptEntry) -> bool {
    match entry.direction {
        Direction::Http | Direction::ClosedByGateway => true,
        Direction::Received => matches!(Frame::parse(&entry.text), Frame::Response { result: Err(_), .. }),
        Direction::Opened
        | Direction::Sent
        | Direction::ClosedByClient
        | Direction::Ended
        | Direction::Network => false,
    }
}

/// A symbol for the direction of an entry.
pub(crate) const fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Opened => "○",
        Direction::Network => "~",
        Direction::Sent => "→",
        Direction::Received | Direction::Http => "←",
        Direction::ClosedByGateway | Direction::ClosedByClient | Direction::Ended => "✕",
    }
}

/// A one-line summary of an entry, with the most telling parts first.
pub(crate) fn headline(entry: &TranscriptEntry) -> String {
    let line = match entry.direction {
        Direction::Opened => format!("open {}", entry.text),
        Direction::Http => entry.text.clone(),
        Direction::ClosedByGateway => format!("gateway closed {}", entry.text),
        Direction::ClosedByClient => format!("client closed {}", entry.text),
        Direction::Ended => format!("ended: {}", entry.text),
        Direction::Network => format!("network: {}", entry.text),
        Direction::Sent | Direction::Received => of_frame(&entry.text),
    };
    super::text::one_line(&line)
}

/// A frame in words. What differs from run to run has the same placeholders as in outcomes.
fn of_frame(text: &str) -> String {
    let mut frame = Frame::parse(text);
    match &mut frame {
        Frame::Request { params: value, .. }
        | Frame::Event { payload: value, .. }
        | Frame::Response { result: Ok(value), .. } => redact_volatile(value),
        Frame::Response { result: Err(error), .. } => redact_volatile(&mut error.details),
        Frame::Other(_) => {}
    }
    match frame {
        Frame::Request { method, params, .. } if method == "connect" => {
            format!("connect {}", of_connect(&params))
        }
        Frame::Request { method, params, .. } => with(&method, &params),
        Frame::Event { event, payload, .. } => with(&event, &payload),
        Frame::Response { result: Ok(payload), .. } if payload["type"] == "hello-ok" => {
            format!("hello-ok {}", picked(&payload, &["protocol", "auth", "server"]))
        }
        Frame::Response { result: Ok(payload), .. } => with("ok", &payload),
        Frame::Response { result: Err(error), .. } => {
            format!("{} {:?} {}", error.code, error.message, error.details)
        }
        Frame::Other(text) => text,
    }
}

fn with(word: &str, value: &Value) -> String {
    if value.is_null() { word.to_owned() } else { format!("{word} {value}") }
}

/// The client and what it asks for. The rest of a `connect` rarely differs.
fn of_connect(params: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let client = &params["client"];
    let protocol = match (&params["minProtocol"], &params["maxProtocol"]) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low}–{high}"),
    };
    let keys: Vec<&str> =
        params["auth"].as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let auth = if keys.is_empty() { "nothing".to_owned() } else { keys.join(" and ") };
    format!(
        "as {} from {}/{} scopes {} with {auth} protocol {protocol}{}",
        word(&params["role"]),
        word(&client["id"]),
        word(&client["mode"]),
        params["scopes"],
        if params["device"].is_null() { " without a device" } else { "" },
    )
}

fn picked(value: &Value, keys: &[&str]) -> Value {
    let parts = keys.iter().filter_map(|key| Some(((*key).to_owned(), value.get(key)?.clone())));
    Value::Object(parts.collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::report::difference::deciding_step;
    use crate::report::sample;
    use crate::run::RunRecord;
    use crate::run::test_support::{cell, listed_step};
    use crate::scenario::DeviationClass;
    use crate::verdict::Verdict;

    #[rstest]
    #[case(Direction::Sent, r#"{"type":"req","id":"1","method":"connect","params":{"minProtocol":3,"maxProtocol":4,"client":{"id":"cli","mode":"cli"},"role":"operator","scopes":["operator.read"],"auth":{"token":"‹token›"},"device":{}}}"#,
        r#"connect as operator from cli/cli scopes ["operator.read"] with token protocol 3–4"#)]
    #[case(Direction::Sent, r#"{"type":"req","id":"1","method":"connect","params":{"minProtocol":3,"maxProtocol":3,"client":{},"role":7}}"#,
        "connect as ? from ?/? scopes null with nothing protocol 3 without a device")]
    #[case(Direction::Sent, r#"{"type":"req","id":"2","method":"status"}"#, "status")]
    #[case(
        Direction::Received,
        r#"{"type":"res","id":"1","ok":true,"payload":{"type":"hello-ok","protocol":3,"features":{}}}"#,
        r#"hello-ok {"protocol":3}"#
    )]
    #[case(Direction::Received, r#"{"type":"res","id":"1","ok":false,"error":{"code":"NOT_PAIRED","message":"no","details":{"a":1}}}"#,
        r#"NOT_PAIRED "no" {"a":1}"#)]
    #[case(Direction::Received, "not a frame", "not a frame")]
    #[case(Direction::ClosedByGateway, "1008 \"no\"", "gateway closed 1008 \"no\"")]
    #[case(Direction::Ended, "exit code 1", "ended: exit code 1")]
    fn an_entry_reads_as_one_line(#[case] direction: Direction, #[case] text: &str, #[case] line: &str) {
        let entry =
            TranscriptEntry { number: 0, at_ms: 0, connection: "c".into(), direction, text: text.into() };
        assert_eq!(headline(&entry), line);
    }

    fn entry(number: usize, connection: &str) -> TranscriptEntry {
        let text = number.to_string();
        TranscriptEntry {
            number,
            at_ms: 0,
            connection: connection.into(),
            direction: Direction::Received,
            text,
        }
    }

    fn step(id: &str, first_entry: usize, end_entry: usize) -> StepRecord {
        let step = listed_step(DeviationClass::Regression, false);
        let (end_entry, connection) = (Some(end_entry), Some(id.to_owned()));
        StepRecord { id: id.into(), first_entry, end_entry, connection, ..step }
    }

    fn told(cell: &Cell, at: usize) -> Vec<String> {
        let one = |shown: &TranscriptItem<'_>| match shown {
            TranscriptItem::Entry(entry) => entry.text.clone(),
            TranscriptItem::LeftOut(number) => format!("{number} left out"),
        };
        frames_of(cell, &cell.steps[at]).iter().map(one).collect()
    }

    #[test]
    fn the_frames_of_a_step_are_found_by_number() {
        let transcript = [0, 1, 2, 3, 1000, 1001, 1002].map(|number| entry(number, "c")).to_vec();
        let steps = vec![step("a", 0, 2), step("flood", 2, 1001), step("last", 1001, 1003)];
        let cell = Cell { steps, transcript, ..cell("x", "2026.3.31", Verdict::Fail) };
        assert_eq!(told(&cell, 0), ["0", "1"]);
        assert_eq!(told(&cell, 1), ["2", "3", "996 left out", "1000"]);
        assert_eq!(told(&cell, 2), ["1001", "1002"]);
    }

    #[test]
    fn a_step_whose_frames_were_all_left_out_has_a_note() {
        let transcript = [0, 1, 10, 11].map(|number| entry(number, "c")).to_vec();
        let steps = vec![step("a", 0, 2), step("lost", 3, 8), step("last", 10, 12)];
        let cell = Cell { steps, transcript, ..cell("x", "2026.3.31", Verdict::Fail) };
        assert_eq!(told(&cell, 1), ["7 left out"]);
    }

    #[test]
    fn parallel_steps_show_only_their_own_connection() {
        let names = ["first", "second", "second", "first", "first", "second", "after"];
        let transcript = names.iter().enumerate().map(|(at, name)| entry(at, name)).collect();
        let steps = vec![step("first", 0, 5), step("second", 1, 6), step("after", 6, 7)];
        let cell = Cell { steps, transcript, ..cell("x", "2026.3.31", Verdict::Fail) };
        assert_eq!(told(&cell, 0), ["0", "3", "4"]);
        assert_eq!(told(&cell, 1), ["1", "2", "5"]);
        assert_eq!(told(&cell, 2), ["6"]);
    }

    #[test]
    fn entries_of_older_programs_are_numbered_by_position() {
        let record = RunRecord::of(&sample::events());
        let cell = record.cell("pairing/remote-role-upgrade", "2026.9.6").unwrap();
        let step = deciding_step(cell).unwrap();
        assert_eq!(step.id, "node-behind-a-proxy");
        let frames = frames_of(cell, step);
        assert_eq!(frames.len(), 2);
        assert!(
            frames
                .iter()
                .all(|one| matches!(one, TranscriptItem::Entry(entry) if entry.connection == step.id))
        );
    }
}

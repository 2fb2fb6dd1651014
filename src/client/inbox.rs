//! Frames that arrived on a connection and were not taken yet.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::budget::{Share, WAITING};
use crate::wire::{ConnectionEnd, Frame};

/// The most frames of one kind (responses, or everything else) that are kept; beyond that the oldest are dropped, so that a
/// flood cannot fill the memory.
const MOST: usize = 4_096;

/// The same in bytes of memory.
const MOST_BYTES: usize = 8 << 20;

/// The same while the connections of this process keep much together.
const MOST_BYTES_IF_SCARCE: usize = 512 << 10;

/// A frame that takes more memory is not kept if the connections of this process keep too much together.
const SMALL: usize = 64 << 10;

/// What a JSON value takes in memory beside its text.
const VALUE: usize = 80;

/// Something that arrived from the gateway.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// A text frame.
    Frame(Frame),
    /// A binary frame of this many bytes.
    Binary(usize),
    /// The end of the connection.
    Ended(ConnectionEnd),
}

/// Keeps frames until a step asks for them; several steps may wait at once.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    kept: Mutex<InboxState>,
    arrival: Notify,
}

/// Frames of one kind, oldest first, each with the memory that it takes.
#[derive(Debug, Default)]
struct Shelf {
    frames: VecDeque<(usize, Received)>,
    bytes: usize,
}

impl Shelf {
    fn push(&mut self, frame: (usize, Received)) {
        self.bytes += frame.0;
        self.frames.push_back(frame);
    }

    fn take(&mut self, wanted: impl Fn(&Received) -> bool) -> Option<Received> {
        let at = self.frames.iter().position(|(_, frame)| wanted(frame))?;
        let (bytes, frame) = self.frames.remove(at)?;
        self.bytes -= bytes;
        Some(frame)
    }

    /// Drops the oldest frames until one of this size may be added, and returns how many were dropped.
    fn make_room(&mut self, bytes: usize, most: usize) -> usize {
        let before = self.frames.len();
        while self.frames.len() >= MOST || self.bytes + bytes > most {
            if self.take(|_| true).is_none() {
                break;
            }
        }
        before - self.frames.len()
    }
}

#[derive(Debug)]
struct InboxState {
    /// Responses make room only for one another, because somebody has asked for them; and a large one costs no event.
    responses: Shelf,
    others: Shelf,
    waiting: Share,
    /// Frames that were dropped before anything asked for them.
    dropped: usize,
    ended: Option<ConnectionEnd>,
}

impl Default for InboxState {
    fn default() -> Self {
        Self {
            responses: Shelf::default(),
            others: Shelf::default(),
            waiting: Share::of(&WAITING),
            dropped: 0,
            ended: None,
        }
    }
}

impl InboxState {
    fn push(&mut self, frame: Received) {
        let is_response = matches!(frame, Received::Frame(Frame::Response { .. }));
        let mut frame = (size(&frame), frame);
        let most = if WAITING.is_scarce() { MOST_BYTES_IF_SCARCE } else { MOST_BYTES };
        let shelf = if is_response { &mut self.responses } else { &mut self.others };
        self.dropped += shelf.make_room(frame.0, most);
        if frame.0 > SMALL && WAITING.is_exceeded() {
            self.dropped += 1;
            frame = (VALUE, Received::Frame(Frame::Other(format!("a frame of {} bytes in memory", frame.0))));
        }
        shelf.push(frame);
        self.count();
    }

    fn take(&mut self, wanted: impl Fn(&Received) -> bool) -> Option<Received> {
        let taken = self.responses.take(&wanted).or_else(|| self.others.take(&wanted));
        self.count();
        taken
    }

    fn count(&mut self) {
        self.waiting.set(self.responses.bytes + self.others.bytes);
    }
}

/// About how much memory a frame takes.
fn size(received: &Received) -> usize {
    match received {
        Received::Frame(Frame::Request { params, .. }) => value_size(params),
        Received::Frame(Frame::Response { result: Ok(payload), .. } | Frame::Event { payload, .. }) => {
            value_size(payload)
        }
        Received::Frame(Frame::Response { result: Err(error), .. }) => {
            error.message.len() + value_size(&error.details)
        }
        Received::Frame(Frame::Other(text)) => text.len(),
        Received::Binary(_) | Received::Ended(_) => VALUE,
    }
}

fn value_size(value: &Value) -> usize {
    let inner: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(value_size).sum(),
        Value::Object(entries) => {
            entries.iter().map(|(key, inner)| key.len() + VALUE + value_size(inner)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    inner + VALUE
}

impl Inbox {
    pub(super) fn put(&self, received: Received) {
        {
            let mut kept = self.kept.lock();
            match received {
                Received::Ended(end) => {
                    kept.ended.get_or_insert(end);
                }
                frame => kept.push(frame),
            }
        }
        self.arrival.notify_waiters();
    }

    /// The number of frames that were dropped before anything asked for them.
    pub(super) fn dropped(&self) -> usize {
        self.kept.lock().dropped
    }

    pub(super) fn ended(&self) -> Option<ConnectionEnd> {
        self.kept.lock().ended.clone()
    }

    /// Waits for the end of the connection. None if it is still open after that time.
    pub(super) async fn end(&self, within: Duration) -> Option<ConnectionEnd> {
        match self.take(within, |_| false).await? {
            Received::Ended(end) => Some(end),
            Received::Frame(_) | Received::Binary(_) => None,
        }
    }

    /// Takes the first frame that `wanted` accepts, or the end of the connection once there is no such frame. None if
    /// neither comes `within` that time.
    pub(super) async fn take(
        &self,
        within: Duration,
        wanted: impl Fn(&Received) -> bool,
    ) -> Option<Received> {
        let deadline = Instant::now() + within;
        loop {
            let arrival = self.arrival.notified();
            tokio::pin!(arrival);
            // Registered before looking, so that nothing slips in between.
            arrival.as_mut().enable();
            {
                let mut kept = self.kept.lock();
                if let Some(frame) = kept.take(&wanted) {
                    return Some(frame);
                }
                if let Some(end) = &kept.ended {
                    return Some(Received::Ended(end.clone()));
                }
            }
            timeout_at(deadline, arrival).await.ok()?;
        }
    }
}

/// Whether this is the response to a request.
pub(super) fn is_response(received: &Received, id: &str) -> bool {
    matches!(received, Received::Frame(Frame::Response { id: there, .. }) if there == id)
}

/// Whether this is an event of a name whose payload and other keys pass a test.
pub(super) fn is_event(
    received: &Received,
    name: &str,
    test: &dyn Fn(&Value, &Map<String, Value>) -> bool,
) -> bool {
    matches!(received, Received::Frame(Frame::Event { event, payload, rest }) if event == name && test(payload, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Close;

    fn end() -> Received {
        Received::Ended(ConnectionEnd::Closed(Close::frame(Some(1008), "x")))
    }

    fn response(id: &str) -> Received {
        Received::Frame(Frame::Response { id: id.into(), result: Ok(Value::Null) })
    }

    #[tokio::test]
    async fn frames_are_kept_until_somebody_takes_them() {
        let inbox = Inbox::default();
        inbox.put(response("1"));
        inbox.put(response("2"));
        let second = inbox.take(Duration::ZERO, |one| is_response(one, "2")).await;
        assert_eq!(second, Some(response("2")));
        assert_eq!(inbox.take(Duration::ZERO, |one| is_response(one, "1")).await, Some(response("1")));
    }

    #[tokio::test]
    async fn frames_before_a_close_are_taken_first() {
        let inbox = Inbox::default();
        inbox.put(response("1"));
        inbox.put(end());
        assert_eq!(inbox.take(Duration::ZERO, |one| is_response(one, "1")).await, Some(response("1")));
        let next = inbox.take(Duration::ZERO, |one| is_response(one, "1")).await;
        assert_eq!(next, Some(end()));
    }

    #[tokio::test]
    async fn taking_a_frame_times_out() {
        let inbox = Inbox::default();
        inbox.put(response("other"));
        assert_eq!(inbox.take(Duration::from_millis(5), |one| is_response(one, "1")).await, None);
    }

    #[test]
    fn the_number_of_kept_frames_is_limited() {
        let inbox = Inbox::default();
        for _ in 0..MOST * 2 {
            inbox.put(Received::Binary(1));
        }
        assert_eq!(inbox.kept.lock().others.frames.len(), MOST);
        assert_eq!(inbox.dropped(), MOST);
    }

    #[test]
    fn the_memory_of_kept_frames_is_limited_and_a_response_outlives_a_flood() {
        let inbox = Inbox::default();
        inbox.put(response("wanted"));
        let payload = Value::from("x".repeat(1 << 20));
        for _ in 0..20 {
            let (event, payload, rest) = ("tick".to_owned(), payload.clone(), Map::new());
            inbox.put(Received::Frame(Frame::Event { event, payload, rest }));
        }
        let kept = inbox.kept.lock();
        assert!(kept.waiting.bytes() <= MOST_BYTES);
        let all = [&kept.responses, &kept.others]
            .map(|shelf| shelf.frames.iter().map(|(bytes, _)| bytes).sum::<usize>());
        assert_eq!(kept.waiting.bytes(), all.iter().sum::<usize>());
        assert!(kept.responses.frames.iter().any(|(_, frame)| is_response(frame, "wanted")));
        assert!(kept.others.frames.len() > 4);
    }

    #[tokio::test]
    async fn a_large_response_costs_no_event() {
        let inbox = Inbox::default();
        let event = Frame::Event { event: "health".to_owned(), payload: Value::Null, rest: Map::new() };
        inbox.put(Received::Frame(event));
        let payload = Value::from("x".repeat(2 * MOST_BYTES));
        inbox.put(Received::Frame(Frame::Response { id: "1".into(), result: Ok(payload) }));
        assert_eq!(inbox.dropped(), 0);
        let event = inbox.take(Duration::ZERO, |one| is_event(one, "health", &|_, _| true)).await;
        assert!(event.is_some());
        assert!(inbox.take(Duration::ZERO, |one| is_response(one, "1")).await.is_some());
    }
}

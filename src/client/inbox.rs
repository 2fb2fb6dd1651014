//! Frames that arrived on a connection and were not taken yet.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::budget::{Share, WAITING};
use crate::wire::{ConnectionEnd, Frame};

/// The most frames that are kept; beyond that the oldest are dropped, so that a flood cannot fill the memory. Responses
/// are kept longest: somebody has asked for them.
const MOST: usize = 4_096;

/// The same in bytes of memory.
const MOST_BYTES: usize = 8 << 20;

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

#[derive(Debug)]
struct InboxState {
    /// The frames, each with the memory that it takes.
    frames: VecDeque<(usize, Received)>,
    waiting: Share,
    ended: Option<ConnectionEnd>,
}

impl Default for InboxState {
    fn default() -> Self {
        Self { frames: VecDeque::new(), waiting: Share::of(&WAITING), ended: None }
    }
}

impl InboxState {
    fn push(&mut self, frame: Received) {
        let mut frame = (size(&frame), frame);
        if frame.0 > SMALL && WAITING.is_exceeded() {
            frame = (VALUE, Received::Frame(Frame::Other(format!("a frame of {} bytes in memory", frame.0))));
        }
        self.waiting.set(self.waiting.bytes() + frame.0);
        self.frames.push_back(frame);
        let over = |state: &Self| state.frames.len() > MOST || state.waiting.bytes() > MOST_BYTES;
        while over(self) && self.frames.len() > 1 {
            let is_response =
                |(_, frame): &(usize, Received)| matches!(frame, Received::Frame(Frame::Response { .. }));
            let before_last = self.frames.len() - 1;
            let oldest = self.frames.iter().take(before_last).position(|one| !is_response(one));
            self.remove(oldest.unwrap_or(0));
        }
    }

    fn remove(&mut self, at: usize) -> Option<Received> {
        let (bytes, frame) = self.frames.remove(at)?;
        self.waiting.set(self.waiting.bytes().saturating_sub(bytes));
        Some(frame)
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
                if let Some(at) = kept.frames.iter().position(|(_, frame)| wanted(frame)) {
                    return kept.remove(at);
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
        assert_eq!(inbox.kept.lock().frames.len(), MOST);
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
        assert_eq!(kept.waiting.bytes(), kept.frames.iter().map(|(bytes, _)| bytes).sum::<usize>());
        assert!(kept.frames.iter().any(|(_, frame)| is_response(frame, "wanted")));
        assert!(kept.frames.len() > 4);
    }
}

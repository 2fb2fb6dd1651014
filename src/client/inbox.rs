//! What has come on a connection and has not been taken yet.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::wire::{End, Frame};

/// Frames kept at most; beyond that the oldest go, so that a flood stays bounded.
const MOST: usize = 4_096;

/// One thing that came from the gateway.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// A text frame.
    Frame(Frame),
    /// A binary frame of this many bytes.
    Binary(usize),
    /// The end of the connection.
    Ended(End),
}

/// Keeps frames until a step asks for them; several steps may wait at once.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    kept: Mutex<Kept>,
    arrival: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    frames: VecDeque<Received>,
    ended: Option<End>,
}

impl Inbox {
    pub(super) fn put(&self, received: Received) {
        {
            let mut kept = self.kept.lock();
            match received {
                Received::Ended(end) => {
                    kept.ended.get_or_insert(end);
                }
                frame => {
                    if kept.frames.len() >= MOST {
                        kept.frames.pop_front();
                    }
                    kept.frames.push_back(frame);
                }
            }
        }
        self.arrival.notify_waiters();
    }

    pub(super) fn ended(&self) -> Option<End> {
        self.kept.lock().ended.clone()
    }

    /// Takes the first frame that `wanted` accepts, or the end once no such frame is left.
    /// None after `within`.
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
                if let Some(at) = kept.frames.iter().position(&wanted) {
                    return kept.frames.remove(at);
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
        Received::Ended(End::Closed(Close::frame(Some(1008), "x")))
    }

    fn response(id: &str) -> Received {
        Received::Frame(Frame::Response { id: id.into(), result: Ok(Value::Null) })
    }

    #[tokio::test]
    async fn frames_wait_for_whoever_wants_them() {
        let inbox = Inbox::default();
        inbox.put(response("1"));
        inbox.put(response("2"));
        let second = inbox.take(Duration::ZERO, |one| is_response(one, "2")).await;
        assert_eq!(second, Some(response("2")));
        assert_eq!(inbox.take(Duration::ZERO, |one| is_response(one, "1")).await, Some(response("1")));
    }

    #[tokio::test]
    async fn what_came_before_the_close_is_seen_first() {
        let inbox = Inbox::default();
        inbox.put(response("1"));
        inbox.put(end());
        assert_eq!(inbox.take(Duration::ZERO, |one| is_response(one, "1")).await, Some(response("1")));
        let next = inbox.take(Duration::ZERO, |one| is_response(one, "1")).await;
        assert_eq!(next, Some(end()));
    }

    #[tokio::test]
    async fn waiting_ends_in_time() {
        let inbox = Inbox::default();
        inbox.put(response("other"));
        assert_eq!(inbox.take(Duration::from_millis(5), |one| is_response(one, "1")).await, None);
    }

    #[test]
    fn a_flood_stays_bounded() {
        let inbox = Inbox::default();
        for _ in 0..MOST * 2 {
            inbox.put(Received::Binary(1));
        }
        assert_eq!(inbox.kept.lock().frames.len(), MOST);
    }
}

//! The connections of a case, including those that the gateway ends unexpectedly.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::client::Connection;
use crate::scenario::Step;
use crate::verdict::Outcome;
use crate::wire::ConnectionEnd;

/// How long a connection must stay open to count as accepted. A gateway that closes after its hello does so
/// immediately; this allows for delays on a busy machine.
const QUIET: Duration = Duration::from_millis(150);

/// The connections that a case has opened.
#[derive(Default)]
pub(super) struct Sockets {
    /// The connections that steps can refer to.
    named: Mutex<HashMap<String, Arc<Connection>>>,
    /// All connections that stayed open after the step that opened them, so that their end is noticed.
    all: Mutex<Vec<TrackedSocket>>,
}

/// A socket that stayed open after the step that opened it.
struct TrackedSocket {
    /// Id of the step, once it has ended.
    step: Option<String>,
    connection: Arc<Connection>,
    /// Whether the scenario allows the gateway to close it at any time.
    may_close: bool,
    /// When it was opened.
    since: Instant,
    /// Whether its end is accounted for: a step reported it, or the client ended it.
    settled: bool,
}

/// A connection that the gateway ended, but no step reported.
pub(super) struct UnexpectedEnd {
    /// Id of the step that opened it.
    pub(super) opener: String,
    /// Name of the connection.
    pub(super) connection: String,
    /// How it ended.
    pub(super) end: ConnectionEnd,
}

impl Sockets {
    /// The connection of this name, if one is open.
    pub(super) fn named(&self, name: &str) -> Option<Arc<Connection>> {
        self.named.lock().get(name).cloned()
    }

    /// Keeps a connection for later steps.
    pub(super) fn keep(&self, connection: Connection, may_close: bool) -> Arc<Connection> {
        let connection = Arc::new(connection);
        self.all.lock().push(TrackedSocket {
            step: None,
            connection: Arc::clone(&connection),
            may_close,
            since: Instant::now(),
            settled: false,
        });
        self.named.lock().insert(connection.name().to_owned(), Arc::clone(&connection));
        connection
    }

    /// Records that the client is about to end a connection.
    pub(super) fn end(&self, connection: &Arc<Connection>) {
        if connection.ended().is_none() {
            let mut all = self.all.lock();
            let same = all.iter_mut().filter(|one| Arc::ptr_eq(&one.connection, connection));
            same.for_each(|one| one.settled = true);
        }
        self.named.lock().remove(connection.name());
    }

    /// Records the result of a step: the socket that it opened, and an end that it reported.
    pub(super) fn step_done(&self, id: &str, step: &Step, outcome: &Outcome) {
        let has_ended = matches!(outcome, Outcome::Closed { .. } | Outcome::ProtocolError { .. });
        let verb = step.as_verb();
        let mut all = self.all.lock();
        if let Some(name) = verb.opens() {
            for socket in all.iter_mut().filter(|one| one.step.is_none()) {
                if socket.connection.name() == name.value {
                    socket.step = Some(id.to_owned());
                    socket.settled |= has_ended;
                }
            }
        }
        if let Some(name) = verb.works_on().filter(|_| has_ended) {
            let last = all.iter_mut().rev().find(|one| one.connection.name() == name.value);
            if let Some(socket) = last {
                socket.settled = true;
            }
        }
    }

    /// Records that the gateway is about to be stopped, which ends all open connections.
    pub(super) fn let_go(&self) {
        for socket in self.all.lock().iter_mut().filter(|one| one.connection.ended().is_none()) {
            socket.settled = true;
        }
        self.named.lock().clear();
    }

    /// Waits until all open sockets have been open for a moment, because a gateway may close a connection after its
    /// hello.
    pub(super) async fn listen_on(&self) {
        let latest = {
            let all = self.all.lock();
            let open = all.iter().filter(|one| !one.settled && one.connection.ended().is_none());
            open.map(|one| one.since).max()
        };
        if let Some(latest) = latest {
            tokio::time::sleep_until((latest + QUIET).into()).await;
        }
    }

    /// The ends that neither the scenario nor the client accounts for.
    pub(super) fn unexpected_ends(&self) -> Vec<UnexpectedEnd> {
        let all = self.all.lock();
        let unknown = all.iter().filter(|one| !one.settled && !one.may_close);
        unknown
            .filter_map(|one| {
                Some(UnexpectedEnd {
                    opener: one.step.clone()?,
                    connection: one.connection.name().to_owned(),
                    end: one.connection.ended()?,
                })
            })
            .collect()
    }

    /// The number of frames that the connections of this name dropped before anything asked for them.
    pub(super) fn dropped_frames(&self, name: &str) -> usize {
        let all = self.all.lock();
        let named = all.iter().filter(|one| one.connection.name() == name);
        named.map(|one| one.connection.dropped_frames()).sum()
    }

    /// Closes all open connections.
    pub(super) async fn close_all(&self) {
        let open: Vec<_> = self.named.lock().drain().collect();
        futures_util::future::join_all(open.iter().map(|(_, connection)| connection.close(1000))).await;
    }
}

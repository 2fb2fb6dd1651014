//! The connections of a case, and how those end that nobody ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::client::Connection;
use crate::scenario::Step;
use crate::verdict::Outcome;
use crate::wire::ConnectionEnd;

/// How long a connection must stay open to count as let in. A gateway that closes behind its hello does so at
/// once; this bridges the scheduling of a busy machine.
const QUIET: Duration = Duration::from_millis(150);

/// The connections that a case has opened.
#[derive(Default)]
pub(super) struct Sockets {
    /// Those that steps can name.
    named: Mutex<HashMap<String, Arc<Connection>>>,
    /// Every one that stayed open after the step that opened it, so that its end is not missed.
    all: Mutex<Vec<Socket>>,
}

/// A socket that stayed open after the step that opened it.
struct Socket {
    /// Id of that step, once it has ended.
    step: Option<String>,
    connection: Arc<Connection>,
    /// Whether the scenario allows any close of it.
    may_close: bool,
    /// Since when it has been open after that step.
    since: Instant,
    /// Whether its end is known: a step has told of it, or this side has ended it.
    settled: bool,
}

/// A connection that the gateway has ended, and no step tells of that.
pub(super) struct UnexpectedEnd {
    /// Id of the step that opened it.
    pub(super) opener: String,
    /// Name of the connection.
    pub(super) connection: String,
    /// How it ended.
    pub(super) end: ConnectionEnd,
}

impl Sockets {
    /// The connection of this name, where one is open.
    pub(super) fn named(&self, name: &str) -> Option<Arc<Connection>> {
        self.named.lock().get(name).cloned()
    }

    /// Keeps a connection for later steps.
    pub(super) fn keep(&self, connection: Connection, may_close: bool) -> Arc<Connection> {
        let connection = Arc::new(connection);
        self.all.lock().push(Socket {
            step: None,
            connection: Arc::clone(&connection),
            may_close,
            since: Instant::now(),
            settled: false,
        });
        self.named.lock().insert(connection.name().to_owned(), Arc::clone(&connection));
        connection
    }

    /// This side is about to end a connection.
    pub(super) fn end(&self, connection: &Arc<Connection>) {
        if connection.ended().is_none() {
            let mut all = self.all.lock();
            let same = all.iter_mut().filter(|one| Arc::ptr_eq(&one.connection, connection));
            same.for_each(|one| one.settled = true);
        }
        self.named.lock().remove(connection.name());
    }

    /// Notes what a step that is done has to do with sockets: the one that it opened is its, and an end that it
    /// tells of is known.
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

    /// The gateway is about to be stopped: what is open now ends with it.
    pub(super) fn let_go(&self) {
        for socket in self.all.lock().iter_mut().filter(|one| one.connection.ended().is_none()) {
            socket.settled = true;
        }
        self.named.lock().clear();
    }

    /// Waits until the sockets that are still open have been so for a moment, other steps' time included: a
    /// gateway may close a connection behind its hello.
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

    /// The ends that neither the scenario nor this side knows of.
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

    /// Closes what is open.
    pub(super) async fn close_all(&self) {
        let open: Vec<_> = self.named.lock().drain().collect();
        futures_util::future::join_all(open.iter().map(|(_, connection)| connection.close(1000))).await;
    }
}

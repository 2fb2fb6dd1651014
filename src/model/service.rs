//! What the connections of a served model share: the model, and the channels to their tasks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::boundary::{ConnectionId, Effect};
use super::gateway::ModelGateway;

/// Tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What the task of a connection has to do on its socket.
pub(super) enum SocketCommand {
    Send(String),
    Close(u16, String),
}

/// What the connections of a served model share.
pub(super) struct Service {
    pub(super) model: Mutex<ServedModel>,
    pub(super) clock: Clock,
    pub(super) woken: Notify,
    pub(super) stopped: CancellationToken,
}

/// The model, and the channels to the tasks of its connections.
pub(super) struct ServedModel {
    pub(super) gateway: ModelGateway,
    pub(super) next: ConnectionId,
    pub(super) commands: HashMap<ConnectionId, UnboundedSender<SocketCommand>>,
    pub(super) deadline: i64,
}

impl Service {
    pub(super) fn lock(&self) -> MutexGuard<'_, ServedModel> {
        // A panic leaves the model consistent, because each decision replaces whole values.
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }
}

impl ServedModel {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { conn, text } => {
                    if let Some(commands) = self.commands.get(&conn) {
                        // The task may have ended already; then there is nothing to send to.
                        let _ = commands.send(SocketCommand::Send(text));
                    }
                }
                Effect::Close { conn, code, reason } => {
                    if let Some(commands) = self.commands.remove(&conn) {
                        let _ = commands.send(SocketCommand::Close(code, reason));
                    }
                }
            }
        }
    }
}

//! What the connections of a served model share: the model itself, and who waits for its effects.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::boundary::{ConnectionId, Effect};
use super::gateway::ModelGateway;

/// Tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a connection is told to do.
pub(super) enum Order {
    Send(String),
    Close(u16, String),
}

/// What the connections of a model share.
pub(super) struct Service {
    pub(super) model: Mutex<ServedModel>,
    pub(super) clock: Clock,
    pub(super) woken: Notify,
    pub(super) stopped: CancellationToken,
}

/// The model, and who waits for its effects.
pub(super) struct ServedModel {
    pub(super) gateway: ModelGateway,
    pub(super) next: ConnectionId,
    pub(super) orders: HashMap<ConnectionId, UnboundedSender<Order>>,
    pub(super) deadline: i64,
}

impl Service {
    pub(super) fn lock(&self) -> MutexGuard<'_, ServedModel> {
        // A model whose task panicked is still a consistent value: decisions replace, they do not tear.
        self.model.lock()
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
                    if let Some(orders) = self.orders.get(&conn) {
                        // A connection whose task has ended needs no orders.
                        let _ = orders.send(Order::Send(text));
                    }
                }
                Effect::Close { conn, code, reason } => {
                    if let Some(orders) = self.orders.remove(&conn) {
                        let _ = orders.send(Order::Close(code, reason));
                    }
                }
            }
        }
    }
}

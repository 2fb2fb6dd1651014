//! Named gateways that a case starts next to the one under test.

use std::collections::HashMap;

use tokio::sync::Mutex;

use super::lane::Listener;
use super::step_error::StepError;
use crate::client::Endpoint;
use crate::gateway::RunningGateway;
use crate::scenario::Address;

/// The named gateways of a case.
#[derive(Default)]
pub(super) struct Neighbours(Mutex<HashMap<String, RunningGateway>>);

impl Neighbours {
    /// Keeps a gateway running until the case ends. An earlier one of the same name is stopped.
    pub(super) async fn keep(&self, name: &str, gateway: RunningGateway) {
        let earlier = self.0.lock().await.insert(name.to_owned(), gateway);
        if let Some(earlier) = earlier {
            earlier.stop(None).await;
        }
    }

    /// The endpoint of a gateway; `None` if there is no such gateway.
    ///
    /// # Errors
    /// Fails if it takes no connections there.
    pub(super) async fn endpoint(
        &self,
        name: &str,
        address: Option<Address>,
        from: Option<Address>,
    ) -> Result<Option<Endpoint>, StepError> {
        let listener =
            self.0.lock().await.get(name).map(|one| Listener::of(one, address.unwrap_or_default()));
        match listener {
            Some(listener) => listener.endpoint(from).await.map(Some),
            None => Ok(None),
        }
    }

    /// Stops all of them.
    pub(super) async fn end(&self) {
        let all = std::mem::take(&mut *self.0.lock().await);
        for (_, gateway) in all {
            gateway.stop(None).await;
        }
    }
}

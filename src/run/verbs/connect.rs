//! Opens a connection and performs the handshake.

use super::perform::{Perform, outcome_of};
use crate::client::CallOutcome;
use crate::run::context::{CaseContext, Opening};
use crate::run::handshake::{HandshakeFacts, params};
use crate::run::step_error::StepError;
use crate::scenario::{Connect, Expectation};
use crate::verdict::Outcome;
use crate::wire::{DeviceKey, connect_request};

impl Perform for Connect {
    async fn perform(
        &self,
        context: &CaseContext<'_>,
        _right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        let bindings = context.bindings();
        let step = bindings.fill_connect(self)?;
        let within = context.within(step.within);
        let opening = Opening {
            name: &step.name.value,
            to: step.to.as_ref(),
            address: step.address,
            from: step.from,
            tls: step.tls.as_ref(),
            headers: &step.headers,
            network: step.network.as_ref(),
        };
        let connection = match context.open(&opening).await? {
            Ok(connection) => connection,
            Err(outcome) => return Ok(outcome),
        };
        let nonce = match connection.challenge(within).await {
            Some(Ok(nonce)) => nonce,
            Some(Err(end)) => return Ok(Outcome::of_end(end, None)),
            None => return Ok(Outcome::Silence),
        };
        context.challenged(&step.name.value, &nonce);
        if let Some(delay) = step.delay {
            context.lane.pause(delay.as_duration()).await;
        }
        let key = step.device.as_ref().map(|device| bindings.identity.key(&device.value));
        let named = step.device.as_ref().map(|device| device.value.as_str());
        let device = context.scenario.devices.iter().find(|(name, _)| Some(name.as_str()) == named);
        let facts = HandshakeFacts {
            shared_token: &bindings.token,
            password: &bindings.password,
            nonce: &nonce,
            now_ms: context.lane.now_ms(),
            key: key.as_ref(),
            foreign: &DeviceKey::derive(&["foreign", &step.name.value]),
            device: device.map(|(_, device)| device),
        };
        let id = connection.fresh_id();
        let request = connect_request(&id, &params(&step, &facts));
        let answer = connection.ask(&id, &request, within).await;
        let may_close = step.may_close.is_some();
        if let CallOutcome::Ok(payload) = answer {
            connection.set_connected();
            context.sockets.keep(connection, may_close);
            return Ok(Outcome::Hello { payload });
        }
        let outcome = outcome_of(answer);
        if matches!(outcome, Outcome::Refused { .. } | Outcome::Silence) {
            context.sockets.keep(connection, may_close);
        }
        Ok(outcome)
    }
}

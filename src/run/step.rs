//! Doing one step and observing what comes back.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::bindings::Bindings;
use super::handshake::{Facts, params};
use super::lane::Lane;
use crate::client::{Answer, Connection, OpenError, Opened, PlainRequest, Relay, Transcript, open};
use crate::gateway::Running;
use crate::model::NOT_MODELLED_CODE;
use crate::scenario::{
    Address, AwaitClose, AwaitEvent, Call, Connect, Disconnect, Expectation, HttpRequest, Millis, Restart,
    Scenario, Send, Spanned, State, Step, UnresolvedReference, Wait,
};
use crate::verdict::{Outcome, satisfies};
use crate::wire::{Close, DeviceKey, connect_request};

/// How long silence must last to be believed, where a scenario does not say.
const SILENCE: Duration = Duration::from_secs(1);

/// Why a step has no outcome.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// An earlier step left nothing to do it on. Only follows a step that went another way.
    #[error("{0}")]
    Unreached(String),
    /// The target cannot do it.
    #[error("{0}")]
    Untestable(String),
    /// Harness or gateway broke.
    #[error("{0}")]
    Broken(String),
}

impl From<UnresolvedReference> for Trouble {
    fn from(error: UnresolvedReference) -> Self {
        Self::Unreached(error.to_string())
    }
}

impl From<OpenError> for Trouble {
    fn from(error: OpenError) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A case while it runs: its connections and what its references stand for.
pub(super) struct Stage<'a> {
    pub(super) lane: &'a Lane,
    pub(super) scenario: &'a Scenario,
    pub(super) transcript: Transcript,
    pub(super) bindings: Mutex<Bindings>,
    pub(super) connections: Mutex<HashMap<String, Arc<Connection>>>,
    /// Programs that run until the scenario ends, with what their connections go through.
    pub(super) programs: Mutex<Vec<(Running, Relay)>>,
    /// How many programs were started.
    pub(super) started: AtomicUsize,
}

impl Stage<'_> {
    /// Does one step.
    pub(super) async fn perform(&self, step: &Step, right: Option<&Expectation>) -> Result<Outcome, Trouble> {
        if !matches!(step, Step::EditState(_) | Step::Upgrade(_) | Step::Restart(_)) {
            self.wake().await?;
        }
        match self.attempt(step, right).await? {
            Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. }
                if error.code == NOT_MODELLED_CODE =>
            {
                Err(Trouble::Untestable(error.message))
            }
            outcome => Ok(outcome),
        }
    }

    async fn attempt(&self, step: &Step, right: Option<&Expectation>) -> Result<Outcome, Trouble> {
        match step {
            Step::Connect(connect) => self.connect(connect).await,
            Step::Call(call) => self.call(call).await,
            Step::Event(event) => self.event(event, right).await,
            Step::Disconnect(disconnect) => self.disconnect(disconnect).await,
            Step::Send(send) => self.send(send, right).await,
            Step::Restart(restart) => self.restart(restart).await,
            Step::Upgrade(upgrade) => self.upgrade(upgrade).await,
            Step::EditState(edit) => self.edit_state(edit).await,
            Step::Cli(cli) => self.cli(cli).await,
            Step::NodeHost(node) => self.node_host(node).await,
            Step::Model(model) => self.script(model),
            Step::AgentTurn(turn) => self.agent_turn(turn).await,
            Step::Approve(approve) => self.approve(approve).await,
            Step::Revoke(revoke) => self.revoke(revoke).await,
            Step::Http(request) => self.http(request).await,
            Step::Start(start) => Ok(self.lane.start_beside(start).await),
            Step::State(state) => self.state(state, right).await,
            Step::Wait(Wait::For(time)) => {
                tokio::time::sleep(time.as_duration()).await;
                Ok(Outcome::Done)
            }
            Step::Wait(Wait::Closed(close)) => self.closed(close, right).await,
            // The case runs these, step by step.
            Step::Together(_) | Step::Repeat(_) => Ok(Outcome::Done),
        }
    }

    /// Numbers programs from 1.
    pub(super) fn next_program(&self) -> usize {
        self.started.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn bindings(&self) -> Bindings {
        self.bindings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn connection(&self, name: &Spanned<String>) -> Result<Arc<Connection>, Trouble> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || Trouble::Unreached(format!("there is no connection `{}`", name.value));
        connections.get(&name.value).cloned().ok_or_else(missing)
    }

    fn keep(&self, connection: Connection) -> Arc<Connection> {
        let connection = Arc::new(connection);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.insert(connection.name().to_owned(), Arc::clone(&connection));
        connection
    }

    fn within(&self, written: Option<Millis>) -> Duration {
        written.map_or(self.lane.timeout(), Millis::as_duration)
    }

    /// The waiting time of a step that may be about silence.
    fn within_or_silence(&self, written: Option<Millis>, right: Option<&Expectation>) -> Duration {
        match (written, right) {
            (Some(time), _) => time.as_duration(),
            (None, Some(Expectation::Silence)) => SILENCE,
            (None, _) => self.lane.timeout(),
        }
    }

    async fn open(
        &self,
        name: &str,
        address: Option<Address>,
        headers: &[(String, String)],
    ) -> Result<Result<Connection, Outcome>, Trouble> {
        let socket =
            self.lane.socket(address.unwrap_or_default()).await.ok_or_else(|| {
                Trouble::Untestable("the target does not listen on this address".to_owned())
            })?;
        let opened = open(name, socket, headers, self.lane.timeout(), &self.transcript).await?;
        Ok(match opened {
            Opened::Socket(connection) => Ok(connection),
            Opened::Http { status, body } => Err(Outcome::Http { status, body }),
            Opened::NoUpgrade(_) => Err(Outcome::Closed { close: Close::DROPPED, error: None }),
        })
    }

    async fn connect(&self, step: &Connect) -> Result<Outcome, Trouble> {
        let bindings = self.bindings();
        let step = bindings.fill_connect(step)?;
        let within = self.within(step.within);
        let headers: Vec<(String, String)> =
            step.headers.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect();
        let connection = match self.open(&step.name.value, step.address, &headers).await? {
            Ok(connection) => connection,
            Err(outcome) => return Ok(outcome),
        };
        let nonce = match connection.challenge(within).await {
            Some(Ok(nonce)) => nonce,
            Some(Err(close)) => return Ok(Outcome::Closed { close, error: None }),
            None => return Ok(Outcome::Silence),
        };
        self.bindings.lock().unwrap_or_else(PoisonError::into_inner).challenged(&step.name.value, &nonce);
        if let Some(delay) = step.delay {
            tokio::time::sleep(delay.as_duration()).await;
        }
        let key = step.device.as_ref().map(|device| bindings.identity.key(&device.value));
        let named = step.device.as_ref().map(|device| device.value.as_str());
        let device = self.scenario.devices.iter().find(|(name, _)| Some(name.as_str()) == named);
        let facts = Facts {
            shared_token: &bindings.token,
            password: &bindings.password,
            nonce: &nonce,
            now_ms: self.lane.now_ms(),
            key: key.as_ref(),
            foreign: &DeviceKey::derive(&["foreign", &step.name.value]),
            device: device.map(|(_, device)| device),
        };
        let id = connection.fresh_id();
        let request = connect_request(&id, &params(&step, &facts));
        let answer = connection.ask(&id, &request, within).await;
        if let Answer::Ok(payload) = answer {
            connection.set_connected();
            self.keep(connection);
            return Ok(Outcome::Hello { payload });
        }
        let outcome = outcome_of(answer);
        if matches!(outcome, Outcome::Refused { .. } | Outcome::Silence) {
            self.keep(connection);
        }
        Ok(outcome)
    }

    async fn call(&self, step: &Call) -> Result<Outcome, Trouble> {
        let connection = self.connection(&step.on)?;
        let params = step.params.as_ref().map(|params| self.bindings().fill(&params.value)).transpose()?;
        let method = self.bindings().fill_text(&step.method.value)?;
        Ok(outcome_of(connection.call(&method, params.as_ref(), self.within(step.within)).await))
    }

    async fn event(&self, step: &AwaitEvent, right: Option<&Expectation>) -> Result<Outcome, Trouble> {
        let connection = self.connection(&step.on)?;
        let filter = match &step.payload {
            Some(pattern) => Some(pattern.value.map_text(&mut |value| self.bindings().fill(value))?),
            None => None,
        };
        let wanted = |payload: &Value| {
            filter.as_ref().is_none_or(|pattern| {
                satisfies(&Outcome::Ok { payload: payload.clone() }, &Expectation::Ok(pattern.clone()))
            })
        };
        let within = self.within_or_silence(step.within, right);
        Ok(match connection.event(&step.event.value, within, wanted).await {
            Some(Ok(payload)) => Outcome::Arrived { payload },
            Some(Err(close)) => Outcome::Closed { close, error: None },
            None => Outcome::Silence,
        })
    }

    async fn disconnect(&self, step: &Disconnect) -> Result<Outcome, Trouble> {
        let connection = self.connection(&step.on)?;
        if step.abort {
            connection.abort().await;
        } else {
            connection.close(step.code.unwrap_or(1000)).await;
        }
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&step.on.value);
        Ok(Outcome::Done)
    }

    async fn send(&self, step: &Send, right: Option<&Expectation>) -> Result<Outcome, Trouble> {
        let bindings = self.bindings();
        let connection = match (&step.on, &step.name) {
            (Some(on), _) => self.connection(on)?,
            (None, Some(name)) => {
                let headers = step.headers.iter().map(|(name, value)| (name.value.clone(), value.clone()));
                let headers: Vec<(String, String)> = headers.collect();
                match self.open(&name.value, step.address, &headers).await? {
                    Ok(connection) => self.keep(connection),
                    Err(outcome) => return Ok(outcome),
                }
            }
            (None, None) => return Err(Trouble::Broken("`send` needs a connection".to_owned())),
        };
        if step.name.is_some() && !step.before_challenge {
            match connection.challenge(self.lane.timeout()).await {
                Some(Ok(nonce)) => self
                    .bindings
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .challenged(connection.name(), &nonce),
                Some(Err(close)) => return Ok(Outcome::Closed { close, error: None }),
                None => return Ok(Outcome::Silence),
            }
        }
        if let Some(hex) = &step.binary {
            connection.send_binary(bytes_of(&hex.value)).await;
        } else {
            let text = match &step.json {
                Some(value) => bindings.fill(value)?.to_string(),
                None => bindings.fill_text(step.text.as_deref().unwrap_or_default())?,
            };
            connection.send_text(padded(text, step.pad_to.unwrap_or(0))).await;
        }
        Ok(outcome_of(connection.any_answer(self.within_or_silence(step.within, right)).await))
    }

    async fn http(&self, step: &HttpRequest) -> Result<Outcome, Trouble> {
        let bindings = self.bindings();
        let missing = || Trouble::Untestable("the target does not listen on this address".to_owned());
        let socket = self.lane.socket(step.address.unwrap_or_default()).await.ok_or_else(missing)?;
        let fill = |text: &Option<String>, usual: &str| bindings.fill_text(text.as_deref().unwrap_or(usual));
        let mut headers = Vec::new();
        for (name, value) in step.headers.iter() {
            headers.push((name.value.clone(), bindings.fill_text(value)?));
        }
        let body = step.body.as_ref().map(|body| bindings.fill(body)).transpose()?;
        let request = PlainRequest {
            method: fill(&step.method, "GET")?,
            target: fill(&step.target, "/")?,
            headers,
            body: body.map(|body| body.as_str().map_or_else(|| body.to_string(), str::to_owned)),
        };
        let answer = request.send(socket, self.within(step.within)).await;
        let answer = answer.map_err(|error| Trouble::Broken(error.to_string()))?;
        Ok(match answer {
            Some((status, body)) => Outcome::Http { status, body },
            None => Outcome::Closed { close: Close::DROPPED, error: None },
        })
    }

    async fn restart(&self, step: &Restart) -> Result<Outcome, Trouble> {
        let config = step.config.as_ref().map(|config| self.bindings().fill(config)).transpose()?;
        self.lane.restart(config.as_ref()).await?;
        // The sockets of before are gone, whatever the gateway said when it went.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(Outcome::Done)
    }

    /// Reads the store until the expectation holds or the time is up: a gateway may write behind its answer.
    async fn state(&self, step: &State, right: Option<&Expectation>) -> Result<Outcome, Trouble> {
        let device = self.device_of(step.device.as_ref())?;
        let patience = Duration::from_secs(1);
        let begun = tokio::time::Instant::now();
        loop {
            let stored = self.lane.stored().await?;
            let pending: Vec<&Value> = stored
                .pending
                .values()
                .filter(|request| request.get("deviceId").and_then(Value::as_str) == Some(device.as_str()))
                .collect();
            let mut document = json!({"pending": pending});
            if let Some(record) = stored.paired.get(&device) {
                document["paired"] = record.clone();
            }
            let outcome = Outcome::State { document };
            if right.is_none_or(|right| satisfies(&outcome, right)) || begun.elapsed() >= patience {
                return Ok(outcome);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn closed(&self, step: &AwaitClose, right: Option<&Expectation>) -> Result<Outcome, Trouble> {
        let connection = self.connection(&step.on)?;
        Ok(match connection.end(self.within_or_silence(step.within, right)).await {
            Some(close) => Outcome::Closed { close, error: None },
            None => Outcome::Silence,
        })
    }
}

pub(super) fn outcome_of(answer: Answer) -> Outcome {
    match answer {
        Answer::Ok(payload) => Outcome::Ok { payload },
        Answer::Refused(error) => Outcome::Refused { error },
        Answer::Closed(close, error) => Outcome::Closed { close, error },
        Answer::Silence => Outcome::Silence,
    }
}

/// The text with spaces behind it, up to this many bytes. (Widths of `format!` end at 65535.)
fn padded(mut text: String, bytes: usize) -> String {
    let missing = bytes.saturating_sub(text.len());
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// The bytes of a hexadecimal text; `check` refuses other texts, so what cannot be read is left out.
fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().filter_map(|c| c.to_digit(16)).filter_map(|d| u8::try_from(d).ok()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

/// Awaits all futures of a list at the same time.
pub(super) async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    futures_util::future::join_all(futures).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_padded_beyond_64_kib() {
        assert_eq!(padded("ä".to_owned(), 65_537).len(), 65_537);
        assert_eq!(padded("long".to_owned(), 2), "long");
    }
}

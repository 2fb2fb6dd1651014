//! Doing one step and observing what comes back.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::bindings::Bindings;
use super::handshake::{HandshakeFacts, params};
use super::lane::Lane;
use super::step_error::{Missing, StepError};
use crate::client::{
    Answer, Connection, Endpoint, OpenError, Opened, PlainAnswer, PlainRequest, Relay, Tls, Transcript, open,
};
use crate::gateway::{Ended, Running, Stopping};
use crate::model::NOT_MODELLED_CODE;
use crate::scenario::{
    self, Action, Address, AwaitClose, AwaitEvent, Call, Connect, Disconnect, Expectation, HttpRequest,
    Millis, Pattern, Pin, Restart, Scenario, Send, Spanned, State, Step, Stop, StopSignal, Wait,
    changes_everybody,
};
use crate::verdict::{Outcome, Verdict, matches, satisfies};
use crate::wire::{Close, DeviceKey, End, connect_request, whole_event};

/// How long a connection must stay open to count as let in. A gateway that closes behind its hello does so at
/// once; this bridges the scheduling of a busy machine.
const QUIET: Duration = Duration::from_millis(150);

/// How long silence must last to be believed, where a scenario does not say.
const SILENCE: Duration = Duration::from_secs(1);

/// How long a gateway of ours that is alive may refuse connections, because it restarts by itself.
const COMES_BACK: Duration = Duration::from_secs(20);
/// A refused TCP connect costs microseconds, so the wait between two may be short.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// When a step began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    /// The moment.
    pub(super) at: Instant,
    /// Number of the first entry of the transcript behind it.
    pub(super) entry: usize,
}

/// A case while it runs: its connections and what its references stand for.
pub(super) struct CaseContext<'a> {
    pub(super) lane: &'a Lane,
    pub(super) scenario: &'a Scenario,
    pub(super) transcript: Transcript,
    pub(super) bindings: Mutex<Bindings>,
    pub(super) connections: Mutex<HashMap<String, Arc<Connection>>>,
    /// Every socket that stayed open behind the step that opened it, so that its end is not missed.
    pub(super) sockets: Mutex<Vec<Socket>>,
    /// How steps have ended so far, by their ids.
    pub(super) ended: Mutex<HashMap<String, Verdict>>,
    /// When a call succeeded that changes the gateway under everybody.
    pub(super) changed: Mutex<Option<Instant>>,
    /// When it began.
    pub(super) begun: Instant,
    /// When its steps began, by their ids.
    pub(super) beginnings: Mutex<HashMap<String, Beginning>>,
    /// Programs that run until the scenario ends, with what their connections go through.
    pub(super) programs: Mutex<Vec<RunningProgram>>,
    /// What programs that have ended had printed, by their names.
    pub(super) prints: Mutex<HashMap<String, String>>,
    /// How many programs were started.
    pub(super) started: AtomicUsize,
}

/// A program that runs until the scenario ends.
pub(super) struct RunningProgram {
    /// Name of its step.
    pub(super) name: String,
    pub(super) running: Running,
    /// What its connections go through; they end with it.
    pub(super) _relay: Relay,
}

/// A socket that stayed open behind the step that opened it.
pub(super) struct Socket {
    /// Id of that step, once it has ended.
    pub(super) step: Option<String>,
    pub(super) connection: Arc<Connection>,
    /// Whether the scenario allows any close of it.
    pub(super) may_close: bool,
    /// Since when it is open behind that step.
    pub(super) since: Instant,
    /// Whether its end is known: a step has told of it, or this side has ended it.
    pub(super) settled: bool,
}

impl Socket {
    /// How it ended, if neither the scenario nor this side knows of that.
    pub(super) fn unexpected_end(&self) -> Option<End> {
        if self.settled || self.may_close { None } else { self.connection.ended() }
    }
}

impl CaseContext<'_> {
    /// Does one step.
    pub(super) async fn perform(
        &self,
        step: &Step,
        right: Option<&Expectation>,
    ) -> Result<Outcome, StepError> {
        if step.stops_the_gateway() {
            self.let_go();
        } else if !matches!(step, Step::Log(_)) {
            // What a gateway said before it was stopped can be read without it.
            self.wake().await?;
        }
        match self.attempt(step, right).await? {
            Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. }
                if error.code == NOT_MODELLED_CODE =>
            {
                Err(StepError::Untestable(error.message))
            }
            outcome => Ok(outcome),
        }
    }

    async fn attempt(&self, step: &Step, right: Option<&Expectation>) -> Result<Outcome, StepError> {
        match step {
            Step::Connect(connect) => self.connect(connect).await,
            Step::Call(call) => self.call(call).await,
            Step::Event(event) => self.event(event, right).await,
            Step::Disconnect(disconnect) => self.disconnect(disconnect).await,
            Step::Send(send) => self.send(send, right).await,
            Step::Restart(restart) => self.restart(restart).await,
            Step::Stop(stop) => self.stop(stop).await,
            Step::Upgrade(upgrade) => self.upgrade(upgrade).await,
            Step::EditState(edit) => self.edit_state(edit).await,
            Step::Cli(cli) => self.cli(cli).await,
            Step::NodeHost(node) => self.node_host(node).await,
            Step::Model(model) => self.script(model),
            Step::AgentTurn(turn) => self.agent_turn(turn).await,
            Step::Approve(approve) => self.approve(approve).await,
            Step::Revoke(revoke) => self.revoke(revoke).await,
            Step::Http(request) => self.http(request).await,
            Step::Start(start) => self.lane.start_beside(start).await,
            Step::State(state) => self.state(state, right).await,
            Step::Log(log) => self.log(log, right).await,
            Step::Wait(Wait::For(time)) => {
                tokio::time::sleep(time.as_duration()).await;
                Ok(Outcome::Done)
            }
            Step::Wait(Wait::Closed(close)) => self.closed(close, right).await,
            // The case runs these, step by step.
            Step::Together(_) | Step::Sequence(_) | Step::Repeat(_) => Ok(Outcome::Done),
        }
    }

    /// Numbers programs from 1.
    pub(super) fn next_program(&self) -> usize {
        self.started.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn bindings(&self) -> Bindings {
        self.bindings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn connection(&self, name: &Spanned<String>) -> Result<Arc<Connection>, StepError> {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || StepError::Unreached {
            text: format!("there is no connection `{}`", name.value),
            missing: Missing::Connection(name.value.clone()),
        };
        connections.get(&name.value).cloned().ok_or_else(missing)
    }

    /// Whether what is missing is so because a step that should have left it went another way, as listed or not.
    pub(super) fn excuses(&self, missing: &Missing) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.scenario.all_steps().into_iter().any(|step| match &step.action {
            Action::One(one, _) if missing.is_left_by(one) => {
                ended.get(&step.id).is_none_or(|verdict| *verdict != Verdict::Pass)
            }
            _ => false,
        })
    }

    fn keep(&self, connection: Connection, may_close: bool) -> Arc<Connection> {
        let connection = Arc::new(connection);
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let since = Instant::now();
        sockets.push(Socket {
            step: None,
            connection: Arc::clone(&connection),
            may_close,
            since,
            settled: false,
        });
        drop(sockets);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.insert(connection.name().to_owned(), Arc::clone(&connection));
        connection
    }

    /// Notes what a step that is done has to do with sockets: the one that it opened is its, and an end that it
    /// tells of is known.
    pub(super) fn note_sockets(&self, id: &str, step: &Step, outcome: &Outcome) {
        let has_ended = matches!(outcome, Outcome::Closed { .. } | Outcome::ProtocolError { .. });
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = step.opens() {
            for socket in sockets.iter_mut().filter(|one| one.step.is_none()) {
                if socket.connection.name() == name.value {
                    socket.step = Some(id.to_owned());
                    socket.settled |= has_ended;
                }
            }
        }
        if let Some(name) = step.works_on().filter(|_| has_ended) {
            let last = sockets.iter_mut().rev().find(|one| one.connection.name() == name.value);
            if let Some(socket) = last {
                socket.settled = true;
            }
        }
    }

    /// The gateway is about to be stopped: what is open now ends with it.
    fn let_go(&self) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        for socket in sockets.iter_mut().filter(|one| one.connection.ended().is_none()) {
            socket.settled = true;
        }
        drop(sockets);
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Waits until the sockets that are still open have been so for a moment, other steps' time included: a
    /// gateway may close a connection behind its hello.
    pub(super) async fn listen_on(&self) {
        let latest = {
            let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
            let open = sockets.iter().filter(|one| !one.settled && one.connection.ended().is_none());
            open.map(|one| one.since).max()
        };
        if let Some(latest) = latest {
            tokio::time::sleep_until((latest + QUIET).into()).await;
        }
    }

    fn within(&self, written: Option<Millis>) -> Duration {
        written.map_or(self.lane.timeout(), Millis::as_duration)
    }

    /// The waiting time of a step that may be about silence.
    pub(super) fn within_or_silence(&self, written: Option<Millis>, right: Option<&Expectation>) -> Duration {
        match (written, right) {
            (Some(time), _) => time.as_duration(),
            (None, Some(Expectation::Silence)) => SILENCE,
            (None, _) => self.lane.timeout(),
        }
    }

    async fn endpoint(&self, address: Option<Address>, from: Option<Address>) -> Result<Endpoint, StepError> {
        let missing = || {
            let address = address.unwrap_or_default();
            StepError::Untestable(format!("the target does not listen on {address}"))
        };
        self.lane.endpoint(address, from).await.ok_or_else(missing)
    }

    async fn open(
        &self,
        name: &str,
        (address, from): (Option<Address>, Option<Address>),
        tls: Option<&scenario::Tls>,
        headers: &[(String, String)],
    ) -> Result<Result<Connection, Outcome>, StepError> {
        let mut endpoint = self.endpoint(address, from).await?;
        match tls {
            Some(scenario::Tls::Switched(_)) => endpoint.tls = Tls::Off,
            Some(scenario::Tls::Pinned(Pin { pin })) => endpoint.tls = Tls::Pinned(pin.clone()),
            None => {}
        }
        let begun = Instant::now();
        let opened = loop {
            match open(name, &endpoint, headers, self.lane.timeout(), &self.transcript).await {
                // A gateway that restarts by itself, or was not waited for, opens its port in a moment.
                Err(OpenError::Connect { source, .. })
                    if source.kind() == std::io::ErrorKind::ConnectionRefused
                        && begun.elapsed() < COMES_BACK
                        && self.lane.may_come_back().await =>
                {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                opened => break opened?,
            }
        };
        Ok(match opened {
            Opened::Socket(connection) => Ok(connection),
            Opened::Http { status, body } => Err(Outcome::Http { status, body }),
            Opened::Ended(end) => Err(Outcome::of_end(end, None)),
            Opened::Silence => Err(Outcome::Silence),
        })
    }

    async fn connect(&self, step: &Connect) -> Result<Outcome, StepError> {
        let bindings = self.bindings();
        let step = bindings.fill_connect(step)?;
        let within = self.within(step.within);
        let headers: Vec<(String, String)> =
            step.headers.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect();
        let connection = match self
            .open(&step.name.value, (step.address, step.from), step.tls.as_ref(), &headers)
            .await?
        {
            Ok(connection) => connection,
            Err(outcome) => return Ok(outcome),
        };
        let nonce = match connection.challenge(within).await {
            Some(Ok(nonce)) => nonce,
            Some(Err(end)) => return Ok(Outcome::of_end(end, None)),
            None => return Ok(Outcome::Silence),
        };
        self.bindings.lock().unwrap_or_else(PoisonError::into_inner).challenged(&step.name.value, &nonce);
        if let Some(delay) = step.delay {
            tokio::time::sleep(delay.as_duration()).await;
        }
        let key = step.device.as_ref().map(|device| bindings.identity.key(&device.value));
        let named = step.device.as_ref().map(|device| device.value.as_str());
        let device = self.scenario.devices.iter().find(|(name, _)| Some(name.as_str()) == named);
        let facts = HandshakeFacts {
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
        let may_close = step.may_close.is_some();
        if let Answer::Ok(payload) = answer {
            connection.set_connected();
            self.keep(connection, may_close);
            return Ok(Outcome::Hello { payload });
        }
        let outcome = outcome_of(answer);
        if matches!(outcome, Outcome::Refused { .. } | Outcome::Silence) {
            self.keep(connection, may_close);
        }
        Ok(outcome)
    }

    async fn call(&self, step: &Call) -> Result<Outcome, StepError> {
        let connection = self.connection(&step.on)?;
        let params = step.params.as_ref().map(|params| self.bindings().fill(&params.value)).transpose()?;
        let method = self.bindings().fill_text(&step.method.value)?;
        let outcome = outcome_of(connection.call(&method, params.as_ref(), self.within(step.within)).await);
        if matches!(outcome, Outcome::Ok { .. }) && changes_everybody(&method) {
            self.changed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        }
        Ok(outcome)
    }

    async fn event(&self, step: &AwaitEvent, right: Option<&Expectation>) -> Result<Outcome, StepError> {
        let connection = self.connection(&step.on)?;
        let filled = |pattern: &Option<Spanned<Pattern>>| {
            let pattern = pattern.as_ref();
            pattern.map(|one| one.value.map_text(&mut |value| self.bindings().fill(value))).transpose()
        };
        let (by_payload, by_frame) = (filled(&step.payload)?, filled(&step.frame)?);
        let wanted = |payload: &Value, rest: &Map<String, Value>| {
            by_payload.as_ref().is_none_or(|pattern| matches(payload, pattern))
                && by_frame.as_ref().is_none_or(|pattern| matches(&whole_event(rest, payload), pattern))
        };
        let within = self.within_or_silence(step.within, right);
        Ok(match connection.event(&step.event.value, within, wanted).await {
            Some(Ok(payload)) => Outcome::Arrived { payload },
            Some(Err(end)) => Outcome::of_end(end, None),
            None => Outcome::Silence,
        })
    }

    async fn disconnect(&self, step: &Disconnect) -> Result<Outcome, StepError> {
        let connection = self.connection(&step.on)?;
        if connection.ended().is_none() {
            let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
            let same = sockets.iter_mut().filter(|one| Arc::ptr_eq(&one.connection, &connection));
            same.for_each(|one| one.settled = true);
        }
        if step.abort {
            connection.abort().await;
        } else {
            connection.close(step.code.unwrap_or(1000)).await;
        }
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&step.on.value);
        Ok(Outcome::Done)
    }

    async fn send(&self, step: &Send, right: Option<&Expectation>) -> Result<Outcome, StepError> {
        let bindings = self.bindings();
        let connection = match (&step.on, &step.name) {
            (Some(on), _) => self.connection(on)?,
            (None, Some(name)) => {
                let headers = step.headers.iter().map(|(name, value)| (name.value.clone(), value.clone()));
                let headers: Vec<(String, String)> = headers.collect();
                match self.open(&name.value, (step.address, step.from), None, &headers).await? {
                    Ok(connection) => self.keep(connection, step.may_close.is_some()),
                    Err(outcome) => return Ok(outcome),
                }
            }
            (None, None) => return Err(StepError::Broken("`send` needs a connection".to_owned())),
        };
        if step.name.is_some() && !step.before_challenge {
            match connection.challenge(self.lane.timeout()).await {
                Some(Ok(nonce)) => self
                    .bindings
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .challenged(connection.name(), &nonce),
                Some(Err(end)) => return Ok(Outcome::of_end(end, None)),
                None => return Ok(Outcome::Silence),
            }
        }
        if let Some(hex) = &step.binary {
            connection.send_binary(bytes_of(&hex.value)).await;
        } else if step.text.is_some() || step.json.is_some() {
            let text = match &step.json {
                Some(value) => bindings.fill(value)?.to_string(),
                None => bindings.fill_text(step.text.as_deref().unwrap_or_default())?,
            };
            connection.send_text(padded(text, step.pad_to.unwrap_or(0))).await;
        }
        Ok(outcome_of(connection.any_answer(self.within_or_silence(step.within, right)).await))
    }

    async fn http(&self, step: &HttpRequest) -> Result<Outcome, StepError> {
        let bindings = self.bindings();
        let endpoint = self.endpoint(step.address, step.from).await?;
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
        let answer = request.send(&endpoint, self.within(step.within)).await;
        let answer = answer.map_err(|error| StepError::Broken(error.to_string()))?;
        Ok(match answer {
            PlainAnswer::Http { status, body } => Outcome::Http { status, body },
            PlainAnswer::Dropped => Outcome::Closed { close: Close::DROPPED, error: None },
            PlainAnswer::Silence => Outcome::Silence,
        })
    }

    async fn restart(&self, step: &Restart) -> Result<Outcome, StepError> {
        let config = step.config.as_ref().map(|config| self.bindings().fill(config)).transpose()?;
        let stopping = stopping(step.signal, step.within);
        let ended = self.lane.restart(config.as_ref(), stopping, step.ready).await?;
        // A gateway that an earlier step has stopped was told of there.
        Ok(ended.map_or_else(ended_before, |ended| end_of_gateway(&ended)))
    }

    async fn stop(&self, step: &Stop) -> Result<Outcome, StepError> {
        let mut host = self.lane.host_alone().await;
        let ended = host.halt(stopping(step.signal, step.within)).await;
        let running = || StepError::Broken("the gateway is stopped already, or it is not ours".to_owned());
        Ok(end_of_gateway(&ended.ok_or_else(running)?))
    }

    /// Reads the store until the expectation holds or the time is up: a gateway may write behind its answer.
    async fn state(&self, step: &State, right: Option<&Expectation>) -> Result<Outcome, StepError> {
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

    async fn closed(&self, step: &AwaitClose, right: Option<&Expectation>) -> Result<Outcome, StepError> {
        let connection = self.connection(&step.on)?;
        Ok(match connection.end(self.within_or_silence(step.within, right)).await {
            Some(end) => Outcome::of_end(end, None),
            None => Outcome::Silence,
        })
    }
}

/// Whether a refusal says that something was paired meanwhile, which on a gateway that several cases share may have been
/// another one's device. Measured on 2026.5.12: a file of the store that is written while a call reads it fails the call.
/// Read on 2026.9.6: each call of a node, and to one, looks whether the pairing store is as it was,
/// and puts the caller off where it is not or cannot be read in that moment; some of these refusals are errors that
/// nobody has worded for a client. The scenario as a whole has to be tried again, because a call that was put off may
/// have used up an approval.
pub(super) fn says_that_others_paired(outcome: &Outcome) -> bool {
    let (Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. }) = outcome else {
        return false;
    };
    error.details["code"] == "PAIRING_CHANGED"
        || [
            "node pairing state unavailable",
            "requires a current worker publication",
            "File changed during read",
        ]
        .iter()
        .any(|sign| error.message.contains(sign))
}

/// Whether a refusal says that a time limit of the gateway ran out, which it may have because other cases kept the gateway
/// busy. Measured on 2026.9.6: `UNAVAILABLE`, "TIMEOUT: node invoke timed out".
pub(super) fn says_that_time_ran_out(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { error } if error.message.contains("timed out"))
}

/// Whether a refusal says that the gateway has not started completely, as after a restart that takes longer on a busy
/// machine. Measured on 2026.9.6.
pub(super) fn says_that_it_is_starting(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Refused { error } | Outcome::Closed { error: Some(error), .. }
            if error.details["reason"] == "startup-sidecars"
    )
}

fn stopping(signal: Option<StopSignal>, within: Option<Millis>) -> Stopping {
    let usual = Stopping::default();
    Stopping {
        signal: signal.unwrap_or(usual.signal),
        within: within.map_or(usual.within, Millis::as_duration),
    }
}

/// How a gateway ended as an outcome: one that had to be killed did not end, so nothing came in time.
pub(super) fn end_of_gateway(ended: &Ended) -> Outcome {
    if ended.killed {
        return Outcome::Silence;
    }
    let Ended { exit, .. } = ended;
    Outcome::Exit {
        code: exit.code,
        signal: exit.signal_name(),
        stdout: String::new(),
        stderr: String::new(),
    }
}

/// A gateway that was stopped before, in order.
fn ended_before() -> Outcome {
    Outcome::Exit { code: Some(0), signal: None, stdout: String::new(), stderr: String::new() }
}

pub(super) fn outcome_of(answer: Answer) -> Outcome {
    match answer {
        Answer::Ok(payload) => Outcome::Ok { payload },
        Answer::Refused(error) => Outcome::Refused { error },
        Answer::Ended(end, error) => Outcome::of_end(end, error),
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
    use rstest::rstest;

    use super::*;
    use crate::wire::WireError;

    fn refused(message: &str, details: Value) -> Outcome {
        let error = WireError { code: "UNAVAILABLE".to_owned(), message: message.to_owned(), details };
        Outcome::Refused { error }
    }

    #[rstest]
    #[case::code(refused("node pairing changed before request dispatch", json!({"code": "PAIRING_CHANGED"})), true)]
    #[case::store(refused("node pairing state unavailable before dispatch", json!(null)), true)]
    #[case::raw(refused("Error: Device pairing authority requires a current worker publication", json!({})), true)]
    #[case::written(refused("JsonFileReadError: Failed to read JSON file <- Error: File changed during read", json!({})), true)]
    #[case::away(refused("node not connected", json!({"code": "NOT_CONNECTED"})), false)]
    #[case::no_refusal(Outcome::Ok { payload: json!({"code": "PAIRING_CHANGED"}) }, false)]
    fn what_others_pair_is_told_from_what_the_scenario_did(#[case] outcome: Outcome, #[case] others: bool) {
        assert_eq!(says_that_others_paired(&outcome), others);
    }

    #[rstest]
    #[case::node("TIMEOUT: node invoke timed out", true)]
    #[case::refused("node command not allowed", false)]
    fn a_time_limit_of_the_gateway_is_told_from_an_answer(#[case] message: &str, #[case] ran_out: bool) {
        assert_eq!(says_that_time_ran_out(&refused(message, json!({}))), ran_out);
    }

    #[rstest]
    #[case::starting(json!({"reason": "startup-sidecars"}), true)]
    #[case::refused(json!({"reason": "role-upgrade"}), false)]
    fn a_gateway_that_is_starting_is_told_from_one_that_refuses(
        #[case] details: Value,
        #[case] starting: bool,
    ) {
        assert_eq!(says_that_it_is_starting(&refused("gateway starting; retry shortly", details)), starting);
    }

    #[test]
    fn frames_are_padded_beyond_64_kib() {
        assert_eq!(padded("ä".to_owned(), 65_537).len(), 65_537);
        assert_eq!(padded("long".to_owned(), 2), "long");
    }
}

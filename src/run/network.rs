//! The network between the clients of a case and its gateways: what the scenario asks for, or what `--chaos` draws.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::step_error::StepError;
use crate::client::{
    Amount, Cut, CutKind, Direction, Drawn, Faults, Injection, Lost, OnCut, Point, Transcript, Way, draw,
};
use crate::scenario::{self, LostTraffic, Millis, NetworkPoint, Spanned};

/// How long what is sliced may be under way.
const SLICING: Duration = Duration::from_millis(100);

/// How long a step that began after a failure may take. Nothing of it is judged.
const AFTER_A_FAILURE: Duration = Duration::from_secs(2);

/// What happens to a connection that is about to be opened.
#[derive(Debug, Default)]
pub(super) struct PlannedConnection {
    /// What is injected into it.
    pub(super) injection: Option<Injection>,
    /// How long it is held back at most, until another connection was let through.
    pub(super) held: Option<Duration>,
}

/// The network of a case.
pub(super) struct CaseNetwork {
    /// The seed of the faults, if the run injects any.
    chaos: Option<u64>,
    /// The scenario and the repetition, which the drawn faults depend on.
    case: (String, String),
    /// How often a connection of each name was wanted.
    wanted: Mutex<HashMap<String, u32>>,
    /// The names of the connections that were opened, or could not be.
    opened: watch::Sender<Vec<String>>,
    failure: Arc<Failure>,
    /// How long something may be under way at most, for what was drawn so far.
    under_way: Mutex<Duration>,
    /// The first fault that was drawn which only makes a connection slower.
    slowed: Mutex<Option<String>>,
}

/// The first failure that was drawn, once it has happened.
#[derive(Debug, Default)]
struct Failure {
    what: Mutex<Option<String>>,
    happened: CancellationToken,
}

impl CaseNetwork {
    /// The network of a repetition of a scenario.
    pub(super) fn new(chaos: Option<u64>, scenario: &str, attempt: u32) -> Self {
        Self {
            chaos,
            case: (scenario.to_owned(), attempt.to_string()),
            wanted: Mutex::default(),
            opened: watch::Sender::default(),
            failure: Arc::default(),
            under_way: Mutex::default(),
            slowed: Mutex::default(),
        }
    }

    /// What happens to the next connection of this name. A connection for which the scenario asks for a network has that one.
    pub(super) fn plan(
        &self,
        name: &str,
        asked: Option<&scenario::Network>,
        transcript: &Transcript,
    ) -> PlannedConnection {
        let told = transcript.clone();
        let connection = name.to_owned();
        if let Some(asked) = asked {
            let on_cut: OnCut =
                Arc::new(move |cut| told.add(&connection, Direction::Network, cut.to_string()));
            let faults = faults_of(asked);
            let injection = (!faults.is_none()).then_some(Injection { faults, allowed_for: false, on_cut });
            return PlannedConnection { injection, held: None };
        }
        let Some(seed) = self.chaos else { return PlannedConnection::default() };
        let number = {
            let mut wanted = self.wanted.lock();
            let number = wanted.entry(name.to_owned()).or_default();
            *number += 1;
            number.to_string()
        };
        let Drawn { faults, held } = draw(seed, &[&self.case.0, &self.case.1, name, &number]);
        let slicing = if faults.slices.is_some() { SLICING } else { Duration::ZERO };
        let mut under_way = self.under_way.lock();
        *under_way = (*under_way).max(faults.latency * 2 + slicing);
        drop(under_way);
        if faults.cut.is_none() && (!faults.is_none() || held.is_some()) {
            let what = held.map_or_else(
                || faults.to_string(),
                |held| format!("held back for up to {} ms", held.as_millis()),
            );
            let told = || {
                format!(
                    "the injected fault of the connection `{connection}` may be the cause: {what} (--chaos {seed})"
                )
            };
            self.slowed.lock().get_or_insert_with(told);
        }
        let failure = Arc::clone(&self.failure);
        let on_cut: OnCut = Arc::new(move |cut| {
            told.add(&connection, Direction::Network, cut.to_string());
            failure.happens(format!(
                "the injected fault of the connection `{connection}` may be the cause of whatever follows: {cut} \
                 (--chaos {seed})"
            ));
        });
        let injection = (!faults.is_none()).then_some(Injection { faults, allowed_for: true, on_cut });
        PlannedConnection { injection, held }
    }

    /// Waits until another connection was let through.
    ///
    /// # Errors
    /// Fails if that takes longer than `within`.
    pub(super) async fn let_through(
        &self,
        behind: &Spanned<String>,
        within: Duration,
    ) -> Result<(), StepError> {
        let mut opened = self.opened.subscribe();
        let waiting = timeout(within, opened.wait_for(|names| names.contains(&behind.value))).await;
        match waiting {
            // The sender lives as long as the case.
            Ok(_) => Ok(()),
            Err(_) => Err(StepError::NotOpened(behind.value.clone())),
        }
    }

    /// Notes that a connection was opened, or could not be.
    pub(super) fn opened(&self, name: &str) {
        self.opened.send_modify(|names| names.push(name.to_owned()));
    }

    /// How long something may be under way because of what was drawn.
    pub(super) fn under_way(&self) -> Duration {
        *self.under_way.lock()
    }

    /// What was drawn that made a connection slower, if anything was.
    pub(super) fn slowed(&self) -> Option<String> {
        self.slowed.lock().clone()
    }

    /// The failure that was drawn, if it has happened.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.what.lock().clone()
    }

    /// Waits until a step need not go on, because a failure that was drawn can explain whatever it would answer.
    pub(super) async fn fails(&self) -> String {
        if self.failure.happened.is_cancelled() {
            tokio::time::sleep(AFTER_A_FAILURE).await;
        }
        self.failure.happened.cancelled().await;
        self.failure().unwrap_or_default()
    }
}

impl Failure {
    fn happens(&self, what: String) {
        self.what.lock().get_or_insert(what);
        self.happened.cancel();
    }
}

fn faults_of(asked: &scenario::Network) -> Faults {
    let reset = asked.reset.as_ref().map(|one| Cut { at: point(one.after), kind: CutKind::Reset });
    let half_open = asked.half_open.as_ref().map(|one| {
        let lost = match one.lost {
            LostTraffic::Sent => Lost::Sent,
            LostTraffic::Received => Lost::Received,
            LostTraffic::Both => Lost::Both,
        };
        Cut { at: point(one.after), kind: CutKind::HalfOpen(lost) }
    });
    Faults {
        latency: asked.latency.map(Millis::as_duration).unwrap_or_default(),
        slices: asked.slices,
        cut: reset.or(half_open),
    }
}

/// The point that a scenario names; `check` refuses one that names none.
fn point(point: NetworkPoint) -> Point {
    let bytes = |number: u32| Amount::Bytes(number.into());
    let frames = |number: u32| Amount::Frames(number.into());
    let NetworkPoint { bytes_sent, bytes_received, frames_sent, frames_received } = point;
    let sent = bytes_sent.map(bytes).or(frames_sent.map(frames));
    let received = bytes_received.map(bytes).or(frames_received.map(frames));
    match (sent, received) {
        (None, Some(amount)) => Point { way: Way::Received, amount },
        (amount, _) => Point { way: Way::Sent, amount: amount.unwrap_or(Amount::Bytes(0)) },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// The faults of connections of a case, in the order in which they are wanted.
    fn drawn(attempt: u32, names: &[&str]) -> Vec<(String, String, Option<Duration>)> {
        let network = CaseNetwork::new(Some(7), "a/x", attempt);
        let transcript = Transcript::new(Instant::now());
        let plan = |name: &&str| {
            let planned = network.plan(name, None, &transcript);
            let faults = planned.injection.map(|one| one.faults.to_string()).unwrap_or_default();
            ((*name).to_owned(), faults, planned.held)
        };
        names.iter().map(plan).collect()
    }

    #[test]
    fn faults_do_not_depend_on_the_order_of_connections() {
        for attempt in 1..20 {
            let mut one = drawn(attempt, &["a", "b", "a", "c"]);
            let mut other = drawn(attempt, &["c", "a", "a", "b"]);
            one.sort();
            other.sort();
            assert_eq!(one, other);
        }
        assert!((1..20).any(|attempt| drawn(attempt, &["a"]) != drawn(attempt + 1, &["a"])));
    }

    #[test]
    fn without_chaos_a_connection_has_only_what_the_scenario_asks_for() {
        let network = CaseNetwork::new(None, "a/x", 1);
        let transcript = Transcript::new(Instant::now());
        assert!(network.plan("a", None, &transcript).injection.is_none());
        let asked: scenario::Network = serde_json::from_str(
            r#"{"latency": "20ms", "half_open": {"lost": "sent", "after": {"frames_sent": 1}}}"#,
        )
        .unwrap();
        let injection = network.plan("a", Some(&asked), &transcript).injection.unwrap();
        let told = "latency of 20 ms, half-open after 1 frame sent: nothing that is sent arrives";
        assert_eq!(injection.faults.to_string(), told);
        // What the scenario asks for is judged.
        (injection.on_cut)(injection.faults.cut.unwrap());
        assert_eq!(network.failure(), None);
    }

    #[test]
    fn a_drawn_failure_is_named() {
        let transcript = Transcript::new(Instant::now());
        for attempt in 1..100 {
            let network = CaseNetwork::new(Some(7), "a/x", attempt);
            let planned = network.plan("a", None, &transcript);
            let Some((injection, cut)) =
                planned.injection.and_then(|one| Some((one.clone(), one.faults.cut?)))
            else {
                continue;
            };
            (injection.on_cut)(cut);
            let told = network.failure().unwrap();
            assert!(
                told.contains("`a`") && told.contains(&cut.to_string()) && told.contains("--chaos 7"),
                "{told}"
            );
            return;
        }
        panic!("no failure was drawn");
    }
}

//! Runs a search from question to answer: asks the oracle, keeps its jobs busy, and emits what happens.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::confidence::{Belief, Tally, differ};
use super::entry::{BuildVerdict, LogEntry, Probe, Question, Reading, SoughtChange};
use super::reading::{Judge, read};
use super::search::{Mark, Next, RangeEnd, Search, SearchOutcome};
use super::transitions::{self, Observation};
use crate::run::Cell;

/// The result of running a scenario on a candidate.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    /// The cell; its verdict is `error` where the build could not be made, installed or booted.
    pub cell: Cell,
    /// Gateway starts.
    pub boots: usize,
    /// Duration in milliseconds.
    pub duration_ms: u64,
}

/// Tells how a candidate behaves.
pub(super) trait Oracle: Sync {
    /// Measures a candidate; none when it was cancelled. Each attempt uses keys of its own.
    fn measure(
        &self,
        candidate: usize,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> impl Future<Output = Option<Measurement>> + Send;

    /// Prepares a candidate, so that measuring it later takes less time.
    fn prepare(&self, candidate: usize) -> impl Future<Output = ()> + Send;

    /// The stored result of a candidate.
    fn known(&self, candidate: usize) -> Option<Cell>;
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum DriveResult {
    /// With an outcome and, for flaky behaviour, its probability.
    Done(SearchOutcome, Option<f64>),
    /// It was interrupted.
    Interrupted,
}

/// Candidates to keep at work or prepared: the one under test and both that may follow it.
const LOOKAHEAD: usize = 3;

/// Runs of each end after which ends that look alike are taken to be alike.
const END_RUNS: u32 = 10;

/// Runs of each end after which it stays undecided whether they differ.
const MOST_END_RUNS: u32 = 40;

/// How certain it must be that the ends differ before a candidate between them is tested.
const SURE_ENDS: f64 = 0.95;

/// How often a candidate that failed in another way is tried before it is skipped.
const OTHER_FAILURES: u32 = 3;

/// Runs after which a search over flaky behaviour is given up.
const MOST_RUNS: u32 = 300;

/// A search under way.
pub(super) struct SearchDriver<'a, O> {
    oracle: &'a O,
    question: &'a Question,
    count: usize,
    jobs: usize,
    cancel: &'a CancellationToken,
    emit: &'a mut (dyn FnMut(LogEntry) + Send),
    judge: Judge,
    /// Candidates that probably start a change.
    guesses: &'a [usize],
    /// Whether the user named no ends.
    free: bool,
    /// Probes of an earlier part of this bisect, by candidate.
    past: HashMap<usize, VecDeque<Probe>>,
}

/// A probe, and whether the log has it already.
type MaybeLogged = (Probe, bool);

type Measuring<'a> = Pin<Box<dyn Future<Output = (usize, Option<Measurement>)> + Send + 'a>>;

impl<'a, O: Oracle> SearchDriver<'a, O> {
    /// A search for the answer to a question over `count` candidates, with `jobs` measurements at a time.
    pub(super) fn new(
        oracle: &'a O,
        question: &'a Question,
        count: usize,
        jobs: usize,
        cancel: &'a CancellationToken,
        emit: &'a mut (dyn FnMut(LogEntry) + Send),
    ) -> Self {
        let judge = Judge::new(question);
        let (jobs, past) = (jobs.max(1), HashMap::new());
        Self { oracle, question, count, jobs, cancel, emit, judge, guesses: &[], free: false, past }
    }

    /// Adds guesses at which candidates start a change, the likeliest first. With `free`, the user named no ends, and
    /// they are tested only when no guess is right.
    #[must_use]
    pub(super) const fn guided(mut self, guesses: &'a [usize], free: bool) -> Self {
        self.guesses = guesses;
        self.free = free;
        self
    }

    /// Resumes from the probes of a log.
    #[must_use]
    pub(super) fn after(mut self, probes: impl IntoIterator<Item = Probe>) -> Self {
        for probe in probes {
            self.past.entry(probe.candidate).or_default().push_back(probe);
        }
        self
    }

    /// Runs the search.
    pub(super) async fn search(&mut self) -> DriveResult {
        match (self.question.all_transitions, self.question.confidence) {
            (true, _) => self.find_all_changes().await,
            (false, Some(wanted)) => self.search_flaky(wanted).await,
            (false, None) => self.bisect().await,
        }
    }

    fn bad_end(&self) -> RangeEnd {
        match self.question.find {
            SoughtChange::Regression => RangeEnd::Later,
            SoughtChange::Fix => RangeEnd::Earlier,
        }
    }

    /// The probe of a candidate that the log or the store already has.
    fn take_known(&mut self, candidate: usize) -> Option<MaybeLogged> {
        let logged = self.past.get_mut(&candidate).and_then(VecDeque::pop_front);
        if let Some(probe) = logged {
            return Some((probe, true));
        }
        let cell = self.oracle.known(candidate)?;
        Some((self.probe_of(candidate, cell, None), false))
    }

    fn probe_of(&self, candidate: usize, cell: Cell, cost: Option<(usize, u64)>) -> Probe {
        let reading = read(&cell, self.question.step.as_deref());
        let (boots, duration_ms) = cost.unwrap_or_default();
        Probe {
            candidate,
            reading,
            verdict: BuildVerdict::Skip,
            cached: cost.is_none(),
            boots,
            duration_ms,
            steps: cell.steps,
            log: cell.log,
        }
    }

    /// Judges a probe and emits it, unless the log has it already.
    fn judged(&mut self, (mut probe, logged): MaybeLogged) -> Mark {
        probe.verdict = self.judge.verdict(&probe.reading);
        let mark = self.judge.mark(probe.verdict);
        debug!(candidate = probe.candidate, verdict = ?probe.verdict, ?mark, cached = probe.cached, "measured");
        if !logged {
            (self.emit)(LogEntry::Probed(Box::new(probe)));
        }
        mark
    }

    async fn bisect(&mut self) -> DriveResult {
        let mut search = Search::new(self.count, self.bad_end()).guided(self.guesses);
        if self.free {
            search = search.with_free_ends();
        }
        // Probes wait here until the bad end has shown which failure counts.
        let mut waiting: HashMap<usize, MaybeLogged> = HashMap::new();
        let (oracle, cancel) = (self.oracle, self.cancel);
        let stop = cancel.child_token();
        let mut tokens: HashMap<usize, CancellationToken> = HashMap::new();
        let mut running: FuturesUnordered<Measuring<'a>> = FuturesUnordered::new();
        let mut preparing: FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send + 'a>>> =
            FuturesUnordered::new();
        let mut prepared: HashSet<usize> = HashSet::new();
        let mut known_taken = false;
        let result = loop {
            if !known_taken && self.judge.wanted().is_some() {
                known_taken = true;
                for candidate in 0..self.count {
                    if search.marked(candidate).is_none()
                        && !waiting.contains_key(&candidate)
                        && let Some(known) = self.take_known(candidate)
                    {
                        waiting.insert(candidate, known);
                    }
                }
            }
            if known_taken {
                let mut ready: Vec<_> = waiting.drain().collect();
                ready.sort_by_key(|(candidate, _)| *candidate);
                for (candidate, probe) in ready {
                    search.mark(candidate, self.judged(probe));
                }
            }
            let next = match search.next() {
                Next::Done(outcome) => break DriveResult::Done(outcome, None),
                Next::Test(candidate) => candidate,
            };
            debug!(candidate = next, "the search asks for the candidate that halves what is open");
            if let Some(probe) = waiting.remove(&next).or_else(|| self.take_known(next)) {
                search.mark(next, self.judged(probe));
                continue;
            }
            tokens.retain(|candidate, token| {
                let open = search.is_open(*candidate);
                if !open {
                    token.cancel();
                }
                open
            });
            for candidate in search.lookahead(self.jobs.max(LOOKAHEAD)) {
                let busy = tokens.contains_key(&candidate) || waiting.contains_key(&candidate);
                if tokens.len() < self.jobs && !busy {
                    let token = stop.child_token();
                    tokens.insert(candidate, token.clone());
                    running.push(Box::pin(
                        async move { (candidate, oracle.measure(candidate, 1, &token).await) },
                    ));
                } else if !busy && prepared.insert(candidate) {
                    preparing.push(Box::pin(oracle.prepare(candidate)));
                }
            }
            tokio::select! {
                Some((candidate, measurement)) = running.next() => {
                    tokens.remove(&candidate);
                    if let Some(Measurement { cell, boots, duration_ms }) = measurement {
                        let probe = self.probe_of(candidate, cell, Some((boots, duration_ms)));
                        waiting.insert(candidate, (probe, false));
                    } else if cancel.is_cancelled() {
                        break DriveResult::Interrupted;
                    }
                }
                Some(()) = preparing.next() => {}
                () = cancel.cancelled() => break DriveResult::Interrupted,
            }
        };
        // Gateways of measurements that are no longer needed are stopped before the answer is emitted.
        stop.cancel();
        while running.next().await.is_some() {}
        // Measurements that the answer did not need are emitted, too: they cost boots.
        for probe in waiting.into_values().filter(|(probe, _)| !probe.cached) {
            self.judged(probe);
        }
        result
    }

    /// Measures a candidate, unless the log has this attempt; none when cancelled.
    async fn probe(&mut self, candidate: usize, attempt: u32) -> Option<MaybeLogged> {
        if let Some(probe) = self.past.get_mut(&candidate).and_then(VecDeque::pop_front) {
            return Some((probe, true));
        }
        let Measurement { cell, boots, duration_ms } =
            self.oracle.measure(candidate, attempt, self.cancel).await?;
        Some((self.probe_of(candidate, cell, Some((boots, duration_ms))), false))
    }

    async fn search_flaky(&mut self, wanted: f64) -> DriveResult {
        let last = self.count.saturating_sub(1);
        let (bad_end, good_end) = match self.bad_end() {
            RangeEnd::Earlier => (0, last),
            RangeEnd::Later => (last, 0),
        };
        let mut belief = Belief::new(self.count);
        let mut attempts: HashMap<usize, u32> = HashMap::new();
        let mut tallies: HashMap<usize, Tally> = HashMap::new();
        // Failures of the good end wait here until the bad end has shown which failure counts.
        let mut held: Vec<MaybeLogged> = Vec::new();
        for round in 1.. {
            for end in [bad_end, good_end] {
                attempts.insert(end, round);
                let Some(probe) = self.probe(end, round).await else {
                    self.emit_unjudged(held);
                    return DriveResult::Interrupted;
                };
                let unknown = self.judge.wanted().is_none();
                if unknown && end == good_end && matches!(probe.0.reading, Reading::Wrong(_)) {
                    held.push(probe);
                    continue;
                }
                let mark = self.judged(probe);
                let mut marks = vec![(end, mark)];
                if self.judge.wanted().is_some() {
                    marks.extend(held.drain(..).map(|probe| (good_end, self.judged(probe))));
                }
                for (end, mark) in marks.into_iter().filter(|(_, mark)| *mark != Mark::Skip) {
                    belief.observe(end, mark == Mark::New);
                    tallies.entry(end).or_default().add(mark == Mark::New);
                }
            }
            // As long as the bad end has not failed, every failure of the good end speaks for swapped ends.
            let tally = |end: usize| {
                let mut tally: Tally = tallies.get(&end).copied().unwrap_or_default();
                let held = if end == good_end { held.len() } else { 0 };
                (0..held).for_each(|_| tally.add(self.judge.mark(BuildVerdict::Bad) == Mark::New));
                tally
            };
            let (earlier, later) = (tally(0), tally(last));
            let sure = differ(earlier, later);
            let outcome = if sure >= wanted.max(SURE_ENDS) {
                (earlier.rate() > later.rate()).then_some(SearchOutcome::EndsSwapped)
            } else if round >= END_RUNS && (earlier.runs == 0 || later.runs == 0) {
                Some(SearchOutcome::Indeterminate)
            } else if round >= END_RUNS && sure < 0.5 {
                let both = if later.rate() < 0.5 { Mark::Old } else { Mark::New };
                Some(SearchOutcome::EndsDoNotDiffer { both })
            } else if round >= MOST_END_RUNS {
                Some(SearchOutcome::Indeterminate)
            } else {
                continue;
            };
            for probe in held.drain(..) {
                self.judged(probe);
            }
            match outcome {
                Some(outcome) => return DriveResult::Done(outcome, None),
                None => break,
            }
        }
        for _ in 0..MOST_RUNS {
            let Some((first_new, likely)) = belief.best() else { break };
            if likely >= wanted {
                return DriveResult::Done(SearchOutcome::Found { first_new }, Some(likely));
            }
            let Some(candidate) = belief.next() else { break };
            debug!(candidate, first_new, likely, "asked next: the likeliest answer is not sure enough");
            let attempt = attempts.entry(candidate).or_default();
            *attempt += 1;
            let attempt = *attempt;
            let Some(probe) = self.probe(candidate, attempt).await else { return DriveResult::Interrupted };
            // A build that failed in another way may show the change the next time; one that does not boot will not.
            let again = attempt < OTHER_FAILURES && matches!(probe.0.reading, Reading::Wrong(_));
            match self.judged(probe) {
                Mark::Old => belief.observe(candidate, false),
                Mark::New => belief.observe(candidate, true),
                Mark::Skip if again => {}
                Mark::Skip => belief.skip(candidate),
            }
        }
        DriveResult::Done(SearchOutcome::Indeterminate, belief.best().map(|(_, likely)| likely))
    }

    /// Emits failures of the good end while it is not known which failure counts; a resumed search judges them again.
    fn emit_unjudged(&mut self, probes: Vec<MaybeLogged>) {
        for (mut probe, _) in probes.into_iter().filter(|(_, logged)| !logged) {
            probe.verdict = BuildVerdict::Other;
            (self.emit)(LogEntry::Probed(Box::new(probe)));
        }
    }

    async fn find_all_changes(&mut self) -> DriveResult {
        let mut observations = vec![Observation::Untested; self.count];
        loop {
            let untested = |(_, one): &(usize, &mut Observation)| **one == Observation::Untested;
            for (candidate, observation) in observations.iter_mut().enumerate().filter(untested) {
                if let Some(probe) = self.take_known(candidate) {
                    *observation = Observation::of(&probe.0.reading);
                    self.judged(probe);
                }
            }
            let Some(candidate) = transitions::next(&observations, self.guesses) else {
                return DriveResult::Done(transitions::outcome(&observations), None);
            };
            let Some(Measurement { cell, boots, duration_ms }) =
                self.oracle.measure(candidate, 1, self.cancel).await
            else {
                return DriveResult::Interrupted;
            };
            let probe = self.probe_of(candidate, cell, Some((boots, duration_ms)));
            observations[candidate] = Observation::of(&probe.reading);
            self.judged((probe, false));
        }
    }
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;

//! Leads a search from question to answer: asks the oracle, keeps its jobs busy, tells what happens.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::confidence::{Belief, Tally, differ};
use super::entry::{Entry, Find, Probe, Question, Word};
use super::reading::{Judge, read};
use super::search::{End, Finding, Mark, Next, Search};
use super::transitions::{self, Seen};
use crate::run::Cell;

/// What a look at a candidate gave.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The cell; one with the verdict `error` where the build could not be made, installed or booted.
    pub cell: Cell,
    /// Gateway starts.
    pub boots: usize,
    /// Length in milliseconds.
    pub duration_ms: u64,
}

/// Answers what a candidate does.
pub trait Oracle: Sync {
    /// Looks at a candidate. None when it was cancelled. Each attempt has keys of its own.
    fn look(
        &self,
        candidate: usize,
        attempt: u32,
        cancel: &CancellationToken,
    ) -> impl Future<Output = Option<Measurement>> + Send;

    /// Makes a candidate ready, so that a later look takes less time.
    fn warm(&self, candidate: usize) -> impl Future<Output = ()> + Send;

    /// What is known of a candidate without a look.
    fn known(&self, candidate: usize) -> Option<Cell>;
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// With a finding, and how likely it is where that was asked.
    Done(Finding, Option<f64>),
    /// It was interrupted.
    Interrupted,
}

/// Candidates that are made ready while one is tested: both that may follow.
const WARM: usize = 3;

/// Runs of each end after which ends that look alike are taken to be alike.
const END_RUNS: u32 = 10;

/// Runs of each end after which nobody can say whether they differ.
const MOST_END_RUNS: u32 = 40;

/// How surely the ends differ before anything between them is looked at.
const SURE_ENDS: f64 = 0.95;

/// Runs after which a flaky behaviour is given up.
const MOST_RUNS: u32 = 300;

/// A search under way.
pub struct Drive<'a, O> {
    oracle: &'a O,
    question: &'a Question,
    count: usize,
    jobs: usize,
    cancel: &'a CancellationToken,
    emit: &'a mut (dyn FnMut(Entry) + Send),
    judge: Judge,
    /// First candidates of a change, as somebody thinks.
    guesses: &'a [usize],
    /// Whether nobody said what the ends are.
    free: bool,
    /// Looks of an earlier part of this bisect, by candidate.
    past: HashMap<usize, VecDeque<Probe>>,
}

type Looking<'a> = Pin<Box<dyn Future<Output = (usize, Option<Measurement>)> + Send + 'a>>;

impl<'a, O: Oracle> Drive<'a, O> {
    /// A search for the answer to a question over `count` candidates, with `jobs` looks at a time.
    pub fn new(
        oracle: &'a O,
        question: &'a Question,
        count: usize,
        jobs: usize,
        cancel: &'a CancellationToken,
        emit: &'a mut (dyn FnMut(Entry) + Send),
    ) -> Self {
        let judge = Judge::new(question);
        let (jobs, past) = (jobs.max(1), HashMap::new());
        Self { oracle, question, count, jobs, cancel, emit, judge, guesses: &[], free: false, past }
    }

    /// The same, where somebody has an idea which candidates are the first of a change, the likeliest first.
    /// With `free`, nobody said what the ends are, and they are looked at only when no guess is right.
    #[must_use]
    pub const fn guided(mut self, guesses: &'a [usize], free: bool) -> Self {
        self.guesses = guesses;
        self.free = free;
        self
    }

    /// The same, going on from the looks of a log.
    #[must_use]
    pub fn after(mut self, looks: impl IntoIterator<Item = Probe>) -> Self {
        for look in looks {
            self.past.entry(look.candidate).or_default().push_back(look);
        }
        self
    }

    /// Searches.
    pub async fn search(&mut self) -> Ending {
        match (self.question.all_transitions, self.question.confidence) {
            (true, _) => self.all().await,
            (false, Some(wanted)) => self.weigh(wanted).await,
            (false, None) => self.bisect().await,
        }
    }

    fn bad_end(&self) -> End {
        match self.question.find {
            Find::Regression => End::Later,
            Find::Fix => End::Earlier,
        }
    }

    /// What is known of a candidate from the log or the store.
    fn take_known(&mut self, candidate: usize) -> Option<(Probe, bool)> {
        let logged = self.past.get_mut(&candidate).and_then(VecDeque::pop_front);
        if let Some(look) = logged {
            return Some((look, true));
        }
        let cell = self.oracle.known(candidate)?;
        Some((self.look_of(candidate, cell, None), false))
    }

    fn look_of(&self, candidate: usize, cell: Cell, cost: Option<(usize, u64)>) -> Probe {
        let reading = read(&cell, self.question.step.as_deref());
        let (boots, duration_ms) = cost.unwrap_or_default();
        Probe {
            candidate,
            reading,
            word: Word::Skip,
            cached: cost.is_none(),
            boots,
            duration_ms,
            steps: cell.steps,
            log: cell.log,
        }
    }

    /// Judges a look and tells it, unless the log has it already.
    fn judged(&mut self, mut look: Probe, logged: bool) -> Mark {
        look.word = self.judge.word(&look.reading);
        let mark = self.judge.mark(look.word);
        debug!(candidate = look.candidate, word = ?look.word, ?mark, cached = look.cached, "looked at");
        if !logged {
            (self.emit)(Entry::Looked(Box::new(look)));
        }
        mark
    }

    async fn bisect(&mut self) -> Ending {
        let mut search = Search::new(self.count, self.bad_end()).guided(self.guesses);
        if self.free {
            search = search.with_free_ends();
        }
        // Looks wait here until the bad end has shown which failure counts.
        let mut waiting: HashMap<usize, (Probe, bool)> = HashMap::new();
        let (oracle, cancel) = (self.oracle, self.cancel);
        let stop = cancel.child_token();
        let mut tokens: HashMap<usize, CancellationToken> = HashMap::new();
        let mut running: FuturesUnordered<Looking<'a>> = FuturesUnordered::new();
        let mut warming: FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send + 'a>>> =
            FuturesUnordered::new();
        let mut warmed: HashSet<usize> = HashSet::new();
        let mut fed = false;
        let ending = loop {
            if !fed && self.judge.wanted().is_some() {
                fed = true;
                for candidate in 0..self.count {
                    if search.marked(candidate).is_none()
                        && !waiting.contains_key(&candidate)
                        && let Some(known) = self.take_known(candidate)
                    {
                        waiting.insert(candidate, known);
                    }
                }
            }
            if fed {
                let mut ready: Vec<_> = waiting.drain().collect();
                ready.sort_by_key(|(candidate, _)| *candidate);
                for (candidate, (look, logged)) in ready {
                    let mark = self.judged(look, logged);
                    search.mark(candidate, mark);
                }
            }
            let next = match search.next() {
                Next::Done(finding) => break Ending::Done(finding, None),
                Next::Test(candidate) => candidate,
            };
            debug!(candidate = next, "the search asks for the candidate that halves what is open");
            let seen = waiting.remove(&next).or_else(|| self.take_known(next));
            if let Some((look, logged)) = seen {
                let mark = self.judged(look, logged);
                search.mark(next, mark);
                continue;
            }
            tokens.retain(|candidate, token| {
                let open = search.is_open(*candidate);
                if !open {
                    token.cancel();
                }
                open
            });
            for candidate in search.lookahead(self.jobs.max(WARM)) {
                let busy = tokens.contains_key(&candidate) || waiting.contains_key(&candidate);
                if tokens.len() < self.jobs && !busy {
                    let token = stop.child_token();
                    tokens.insert(candidate, token.clone());
                    running
                        .push(Box::pin(async move { (candidate, oracle.look(candidate, 1, &token).await) }));
                } else if !busy && warmed.insert(candidate) {
                    warming.push(Box::pin(oracle.warm(candidate)));
                }
            }
            tokio::select! {
                Some((candidate, sight)) = running.next() => {
                    tokens.remove(&candidate);
                    if let Some(Measurement { cell, boots, duration_ms }) = sight {
                        let look = self.look_of(candidate, cell, Some((boots, duration_ms)));
                        waiting.insert(candidate, (look, false));
                    } else if cancel.is_cancelled() {
                        break Ending::Interrupted;
                    }
                }
                Some(()) = warming.next() => {}
                () = cancel.cancelled() => break Ending::Interrupted,
            }
        };
        // Gateways of looks that are no longer needed are stopped before the answer is told.
        stop.cancel();
        while running.next().await.is_some() {}
        // What was measured and not asked for is told too: it cost boots.
        for (look, logged) in waiting.into_values().filter(|(look, _)| !look.cached) {
            self.judged(look, logged);
        }
        ending
    }

    /// One look, from the log if it is there.
    async fn one(&mut self, candidate: usize, attempt: u32) -> Option<Mark> {
        let logged = self.past.get_mut(&candidate).and_then(VecDeque::pop_front);
        let (look, logged) = if let Some(look) = logged {
            (look, true)
        } else {
            let Measurement { cell, boots, duration_ms } =
                self.oracle.look(candidate, attempt, self.cancel).await?;
            (self.look_of(candidate, cell, Some((boots, duration_ms))), false)
        };
        Some(self.judged(look, logged))
    }

    async fn weigh(&mut self, wanted: f64) -> Ending {
        let last = self.count.saturating_sub(1);
        let ends = match self.bad_end() {
            End::Earlier => [0, last],
            End::Later => [last, 0],
        };
        let mut belief = Belief::new(self.count);
        let mut attempts: HashMap<usize, u32> = HashMap::new();
        let mut tallies: HashMap<usize, Tally> = HashMap::new();
        for round in 1.. {
            for end in ends {
                attempts.insert(end, round);
                let Some(mark) = self.one(end, round).await else { return Ending::Interrupted };
                if mark != Mark::Skip {
                    belief.observe(end, mark == Mark::New);
                    tallies.entry(end).or_default().add(mark == Mark::New);
                }
            }
            let tally = |end: usize| tallies.get(&end).copied().unwrap_or_default();
            let (earlier, later) = (tally(0), tally(last));
            let sure = differ(earlier, later);
            if sure >= wanted.max(SURE_ENDS) {
                if earlier.rate() > later.rate() {
                    return Ending::Done(Finding::EndsSwapped, None);
                }
                break;
            }
            if round >= END_RUNS && (earlier.runs == 0 || later.runs == 0) {
                return Ending::Done(Finding::Indeterminate, None);
            }
            if round >= END_RUNS && sure < 0.5 {
                let both = if later.rate() < 0.5 { Mark::Old } else { Mark::New };
                return Ending::Done(Finding::EndsDoNotDiffer { both }, None);
            }
            if round >= MOST_END_RUNS {
                return Ending::Done(Finding::Indeterminate, None);
            }
        }
        for _ in 0..MOST_RUNS {
            let Some((first_new, likely)) = belief.best() else { break };
            if likely >= wanted {
                return Ending::Done(Finding::Found { first_new }, Some(likely));
            }
            let Some(candidate) = belief.next() else { break };
            debug!(candidate, first_new, likely, "asked next: the likeliest answer is not sure enough");
            let attempt = attempts.entry(candidate).or_default();
            *attempt += 1;
            let attempt = *attempt;
            match self.one(candidate, attempt).await {
                None => return Ending::Interrupted,
                Some(Mark::Old) => belief.observe(candidate, false),
                Some(Mark::New) => belief.observe(candidate, true),
                Some(Mark::Skip) => belief.skip(candidate),
            }
        }
        Ending::Done(Finding::Indeterminate, belief.best().map(|(_, likely)| likely))
    }

    async fn all(&mut self) -> Ending {
        let mut words = vec![Seen::Nothing; self.count];
        loop {
            for (candidate, word) in words.iter_mut().enumerate().filter(|(_, word)| **word == Seen::Nothing)
            {
                if let Some((look, logged)) = self.take_known(candidate) {
                    *word = Seen::of(&look.reading);
                    self.judged(look, logged);
                }
            }
            let Some(candidate) = transitions::next(&words, self.guesses) else {
                return Ending::Done(transitions::finding(&words), None);
            };
            let Some(Measurement { cell, boots, duration_ms }) =
                self.oracle.look(candidate, 1, self.cancel).await
            else {
                return Ending::Interrupted;
            };
            let look = self.look_of(candidate, cell, Some((boots, duration_ms)));
            words[candidate] = Seen::of(&look.reading);
            self.judged(look, false);
        }
    }
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;

//! Asks words of a target: each becomes a scenario with fresh keys, and many run at the same time on a few gateways.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use parking_lot::Mutex;

use super::alphabet::{Alphabet, AlphabetError};
use super::answer::{Answer, answers};
use super::machine::Word;
use crate::gateway::{PreparedTarget, StartError};
use crate::run::{Cell, Settings, Warm, WarmError, untestable};
use crate::scenario::Scenario;
use crate::verdict::{Outcome, Verdict};

/// Words that a gateway is asked at the same time. Each is told of the pairings of all others, and the store is rewritten at
/// every change, so more of them make each one slower.
const AT_ONCE: usize = 16;

/// Words after which a gateway is replaced: the records of their owners stay in its store.
const PER_BOOT: usize = 1_000;

/// How often a word is asked whose answer is in doubt.
const TRIES: usize = 3;

/// Answers to a word.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    /// The word.
    pub(super) word: Word,
    /// What the gateway answered, for each input.
    pub(super) answers: Vec<Answer>,
    /// The number of steps that were done.
    pub(super) steps: usize,
    /// All of what happened.
    pub(super) cell: Box<Cell>,
}

/// Why words cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The steps of a word do not fit together.
    #[error(transparent)]
    Alphabet(#[from] AlphabetError),
    /// The gateway does not start.
    #[error("{target} does not start")]
    Start {
        /// The target.
        target: String,
        /// Why it does not start.
        source: Box<StartError>,
    },
    /// The gateway stopped to work.
    #[error("{target} can no longer be used")]
    Worn {
        /// The target.
        target: String,
        /// Why.
        source: WarmError,
    },
    /// The gateway cannot do what an input needs.
    #[error("{target} cannot be asked: {lacks}")]
    Lacks {
        /// The target.
        target: String,
        /// What is missing.
        lacks: String,
    },
    /// A word has no clear answer.
    #[error("{target} gave no clear answer to `{word}`: {why}")]
    Unclear {
        /// The target.
        target: String,
        /// The word.
        word: String,
        /// What happened instead.
        why: String,
    },
    /// A word ran, but its task ended early.
    #[error("a task of gatecrash ended early")]
    Task(#[from] tokio::task::JoinError),
    /// The user ended it.
    #[error("interrupted")]
    Interrupted,
}

/// The gateways of a target, which answer words.
pub(super) struct Gateways {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    alphabet: Arc<Alphabet>,
    /// Gateways that are running, each with the number of words that it was asked.
    warm: Vec<(Warm, usize)>,
    jobs: usize,
    words: usize,
    boots: Arc<AtomicUsize>,
}

/// A lot of words for one gateway, with the scenarios that ask them.
struct Lot {
    words: Vec<Word>,
    scenarios: Vec<Scenario>,
}

impl Gateways {
    /// At most `jobs` gateways of a target.
    ///
    /// # Errors
    /// Fails if the target cannot do what an input needs.
    pub(super) fn new(
        prepared: Arc<PreparedTarget>,
        settings: Settings,
        alphabet: Arc<Alphabet>,
        jobs: usize,
    ) -> Result<Self, AskError> {
        let every: Word = (0..alphabet.len()).collect();
        let all = alphabet.scenario(&every, "learn/all")?;
        let lacks = |lacks: String| AskError::Lacks { target: prepared.name().to_owned(), lacks };
        if let Some(reason) = untestable(&all, &prepared) {
            return Err(lacks(reason));
        }
        if !Warm::can_run(&all, prepared.release().as_ref()) {
            return Err(lacks(
                "a gateway of its own for every word (an input restarts or changes it)".to_owned(),
            ));
        }
        let boots = Arc::default();
        Ok(Self { prepared, settings, alphabet, warm: Vec::new(), jobs: jobs.max(1), words: 0, boots })
    }

    /// How often a gateway was started.
    pub(super) fn boots(&self) -> usize {
        self.boots.load(Ordering::Relaxed)
    }

    /// Asks words, in lots on all gateways. The answers come in no particular order.
    ///
    /// # Errors
    /// Fails if a gateway breaks, or a word has no clear answer however often it is asked.
    pub(super) async fn ask(&mut self, words: &[Word]) -> Result<Vec<Answered>, AskError> {
        let mut answered = Vec::with_capacity(words.len());
        let mut open = words.to_vec();
        let mut why = String::new();
        for attempt in 0..TRIES {
            // What is in doubt is asked again alone.
            let size = if attempt > 0 { 1 } else { self.lot_size(open.len()) };
            let cells = self.run(&open, size).await?;
            if self.settings.interrupt.is_cancelled() {
                return Err(AskError::Interrupted);
            }
            let mut doubtful = Vec::new();
            for (word, cell, doubted) in cells {
                match self.clear(&word, cell, doubted) {
                    Ok(one) => answered.push(one),
                    Err(reason) => {
                        why = reason;
                        doubtful.push(word);
                    }
                }
            }
            open = doubtful;
            if open.is_empty() {
                return Ok(answered);
            }
        }
        let word = open.first().map_or_else(String::new, |word| self.alphabet.spell(word));
        Err(AskError::Unclear { target: self.prepared.name().to_owned(), word, why })
    }

    /// Stops all gateways.
    pub(super) async fn stop(self) {
        for (warm, _) in self.warm {
            warm.stop().await;
        }
    }

    fn lot_size(&self, words: usize) -> usize {
        words.div_ceil(self.jobs).clamp(1, AT_ONCE)
    }

    /// The answers, or why there are none yet.
    fn clear(&self, word: &Word, cell: Cell, doubted: bool) -> Result<Answered, String> {
        if cell.verdict >= Verdict::Untestable {
            return Err(cell.reason.unwrap_or_else(|| cell.verdict.to_string()));
        }
        let silent = cell
            .steps
            .iter()
            .find(|step| step.outcome == Some(Outcome::Silence) && !may_be_silent(&step.verb));
        if let Some(step) = silent {
            return Err(format!("nothing came in step `{}`", step.id));
        }
        if doubted {
            return Err("something else may have affected it".to_owned());
        }
        let answers = answers(&self.alphabet, word, &cell).ok_or("not every step was done")?;
        let steps = cell.steps.iter().filter(|step| step.outcome.is_some()).count();
        Ok(Answered { word: word.clone(), answers, steps, cell: Box::new(cell) })
    }

    /// Runs the scenarios of words in lots of this size.
    async fn run(&mut self, words: &[Word], size: usize) -> Result<Vec<(Word, Cell, bool)>, AskError> {
        let mut lots = VecDeque::new();
        for words in words.chunks(size) {
            let scenario = |word: &Word| {
                self.words += 1;
                self.alphabet.scenario(word, &format!("learn/{}", self.words))
            };
            let scenarios = words.iter().map(scenario).collect::<Result<_, _>>()?;
            lots.push_back(Lot { words: words.to_vec(), scenarios });
        }
        let workers = self.jobs.min(lots.len());
        let lots = Arc::new(Mutex::new(lots));
        let tasks: Vec<_> = (0..workers)
            .map(|_| {
                let worker = Worker {
                    prepared: Arc::clone(&self.prepared),
                    settings: self.settings.clone(),
                    lots: Arc::clone(&lots),
                    boots: Arc::clone(&self.boots),
                    warm: self.warm.pop(),
                };
                tokio::spawn(worker.work())
            })
            .collect();
        let mut cells = Vec::with_capacity(words.len());
        let mut failed = None;
        for (warm, ran) in try_join_all(tasks).await? {
            self.warm.extend(warm);
            match ran {
                Ok(ran) => cells.extend(ran),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(cells), Err)
    }
}

/// Whether silence is an answer of this verb: there was nothing to approve.
fn may_be_silent(verb: &str) -> bool {
    verb == "approve"
}

/// Runs lots on one gateway after the other.
struct Worker {
    prepared: Arc<PreparedTarget>,
    settings: Settings,
    lots: Arc<Mutex<VecDeque<Lot>>>,
    boots: Arc<AtomicUsize>,
    warm: Option<(Warm, usize)>,
}

/// A word, the cell of its scenario, and whether that is in doubt.
type RanWord = (Word, Cell, bool);

impl Worker {
    async fn work(mut self) -> (Option<(Warm, usize)>, Result<Vec<RanWord>, AskError>) {
        let mut done = Vec::new();
        loop {
            let lot = self.lots.lock().pop_front();
            let Some(lot) = lot.filter(|_| !self.settings.interrupt.is_cancelled()) else {
                return (self.warm, Ok(done));
            };
            match self.lot(lot).await {
                Ok(ran) => done.extend(ran),
                Err(error) => return (self.warm, Err(error)),
            }
        }
    }

    async fn lot(&mut self, lot: Lot) -> Result<Vec<RanWord>, AskError> {
        let scenarios: Vec<&Scenario> = lot.scenarios.iter().collect();
        let cells = if self.prepared.is_embedded() {
            // The model takes records only when it starts, which costs nothing.
            let number = self.boots.fetch_add(1, Ordering::Relaxed);
            let ran = Warm::once(Arc::clone(&self.prepared), self.settings.clone(), number, &scenarios);
            ran.await.map_err(|error| self.not_started(error))?
        } else {
            let target = self.prepared.name().to_owned();
            let worn = |source| AskError::Worn { target, source };
            self.warm(scenarios.len()).await?.run(&scenarios, |_| false).await.map_err(worn)?
        };
        let by_id = |cell: &Cell| lot.scenarios.iter().position(|one| one.id == cell.scenario);
        let named = cells.into_iter().filter_map(|(cell, doubted)| {
            let at = by_id(&cell)?;
            Some((lot.words.get(at)?.clone(), cell, doubted))
        });
        Ok(named.collect())
    }

    /// The running gateway; a fresh one if there is none, or if it was asked too much.
    async fn warm(&mut self, words: usize) -> Result<&mut Warm, AskError> {
        let (warm, asked) = match self.warm.take() {
            Some((warm, asked)) if asked < PER_BOOT && warm.is_alive().await => (warm, asked),
            worn => {
                if let Some((worn, _)) = worn {
                    worn.stop().await;
                }
                let number = self.boots.fetch_add(1, Ordering::Relaxed);
                let booted = Warm::boot(Arc::clone(&self.prepared), self.settings.clone(), number).await;
                (booted.map_err(|error| self.not_started(error))?, 0)
            }
        };
        Ok(&mut self.warm.insert((warm, asked + words)).0)
    }

    fn not_started(&self, source: StartError) -> AskError {
        AskError::Start { target: self.prepared.name().to_owned(), source: Box::new(source) }
    }
}

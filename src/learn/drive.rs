//! Learns the machine of a target.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alphabet::Alphabet;
use super::answer::Answer;
use super::finding::{Replayed, scenario_text};
use super::gateways::{Answered, AskError, Gateways};
use super::learner::{Learner, Next, Purpose, Thoroughness};
use super::machine::{Machine, Word};
use super::tree::Contradiction;
use crate::gateway::PreparedTarget;
use crate::run::{Cell, Settings};

/// Words that are asked before the machine is looked at again.
const ROUND: usize = 512;

/// How often a word that tells two targets apart is asked again before it is written as a scenario.
const REPLAYS: usize = 3;

/// How often a contradiction is asked again, alone, to see whether it comes back.
const AGAIN: usize = 3;

/// How to learn.
#[derive(Clone)]
pub struct LearnRequest {
    /// The inputs.
    pub alphabet: Arc<Alphabet>,
    /// How thoroughly to test the machine.
    pub thoroughness: Thoroughness,
    /// The seed of keys, the time-out and the clock.
    pub settings: Settings,
    /// How many gateways run at the same time.
    pub jobs: usize,
}

/// The machine of a target, and what it took to learn it.
#[derive(Clone, Debug)]
pub struct Learnt {
    /// The machine.
    pub machine: Machine<Answer>,
    /// Words that were asked to find states and edges.
    pub explored: usize,
    /// Words that were asked to test machines.
    pub tested: usize,
    /// Steps that were done.
    pub steps: usize,
    /// How often a gateway was started.
    pub boots: usize,
    /// How long it took.
    pub took: Duration,
}

/// What a learner is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LearnProgress {
    /// What the last words were asked for.
    pub purpose: Purpose,
    /// Words asked so far.
    pub asked: usize,
    /// Steps done so far.
    pub steps: usize,
}

/// A target that answers the same word differently: it is no deterministic machine, or its words affect one another.
#[derive(Clone, Debug)]
pub struct Nondeterminism {
    /// The target.
    pub target: String,
    /// The word that has two answers; they differ in its last input.
    pub word: Vec<String>,
    /// The earlier answer.
    pub first: Answer,
    /// The later answer.
    pub second: Answer,
    /// What the target answered when the word was asked again, alone.
    pub again: Vec<Answer>,
    /// What happened when the earlier answer came, and when the later one came, as far as each came again or was kept.
    pub transcripts: [Option<Box<Cell>>; 2],
}

/// Why no machine was learnt.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// Words cannot be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The same word has two answers.
    #[error("{} answers `{}` in two ways: {}, and later {}", .0.target, .0.word.join(", "), .0.first, .0.second)]
    Nondeterminism(Box<Nondeterminism>),
}

/// Learns the machine of a target, starting from that of a similar one if it is given.
///
/// # Errors
/// Fails if words cannot be asked, or the target answers a word in two ways.
pub async fn learn(
    prepared: Arc<PreparedTarget>,
    request: &LearnRequest,
    similar: Option<&Machine<Answer>>,
    progress: &(dyn Fn(LearnProgress) + Sync),
) -> Result<Learnt, LearnError> {
    let target = prepared.name().to_owned();
    let alphabet = Arc::clone(&request.alphabet);
    let gateways = Gateways::new(prepared, request.settings.clone(), Arc::clone(&alphabet), request.jobs)?;
    let mut session = Session {
        target,
        alphabet,
        gateways,
        learner: similar.map_or_else(
            || Learner::new(request.alphabet.len(), request.thoroughness),
            |machine| Learner::starting_from(machine, request.thoroughness),
        ),
        explored: 0,
        tested: 0,
        steps: 0,
        started: Instant::now(),
    };
    let machine = session.learn(progress).await;
    let boots = session.gateways.boots();
    session.gateways.stop().await;
    Ok(Learnt {
        machine: machine?,
        explored: session.explored,
        tested: session.tested,
        steps: session.steps,
        boots,
        took: session.started.elapsed(),
    })
}

/// The words that had the same answers every time, each with one of its cells.
fn stable(answered: Vec<Answered>) -> Vec<(Word, Box<Cell>)> {
    let mut seen: BTreeMap<Word, (Vec<Answer>, Option<Box<Cell>>)> = BTreeMap::new();
    for one in answered {
        match seen.entry(one.word) {
            Entry::Vacant(entry) => {
                entry.insert((one.answers, Some(one.cell)));
            }
            Entry::Occupied(mut entry) if entry.get().0 != one.answers => entry.get_mut().1 = None,
            Entry::Occupied(_) => {}
        }
    }
    seen.into_iter().filter_map(|(word, (_, cell))| Some((word, cell?))).collect()
}

struct Session {
    target: String,
    alphabet: Arc<Alphabet>,
    gateways: Gateways,
    learner: Learner<Answer>,
    explored: usize,
    tested: usize,
    steps: usize,
    started: Instant,
}

impl Session {
    async fn learn(
        &mut self,
        progress: &(dyn Fn(LearnProgress) + Sync),
    ) -> Result<Machine<Answer>, LearnError> {
        loop {
            let (purpose, words) = match self.learner.next(ROUND) {
                Next::Learnt(machine) => return Ok(machine),
                Next::Ask { purpose, words } => (purpose, words),
            };
            let answered = self.gateways.ask(&words).await?;
            match purpose {
                Purpose::Explore => self.explored += answered.len(),
                Purpose::Test { .. } => self.tested += answered.len(),
            }
            for one in answered {
                self.steps += one.steps;
                if let Err(contradiction) = self.learner.answer(&one.word, &one.answers) {
                    return Err(self.nondeterminism(contradiction, one).await?);
                }
            }
            let asked = self.explored + self.tested;
            progress(LearnProgress { purpose, asked, steps: self.steps });
        }
    }

    /// Asks the word of a contradiction again, alone, for transcripts of both answers.
    async fn nondeterminism(
        &mut self,
        found: Contradiction<Answer>,
        later: Answered,
    ) -> Result<LearnError, AskError> {
        let at = found.word.len() - 1;
        let mut cells = Vec::new();
        for _ in 0..AGAIN {
            cells.extend(self.gateways.ask(std::slice::from_ref(&found.word)).await?);
        }
        let again: Vec<Answer> = cells.iter().filter_map(|one| one.answers.get(at).cloned()).collect();
        cells.push(later);
        let of = |answer: &Answer| {
            let same = cells.iter().find(|one| one.answers.get(at) == Some(answer));
            same.map(|one| one.cell.clone())
        };
        let transcripts = [of(&found.first), of(&found.second)];
        Ok(LearnError::Nondeterminism(Box::new(Nondeterminism {
            target: self.target.clone(),
            word: self.spelt(&found.word),
            first: found.first,
            second: found.second,
            again,
            transcripts,
        })))
    }

    fn spelt(&self, word: &Word) -> Vec<String> {
        word.iter().map(|input| self.alphabet.input_name(*input).to_owned()).collect()
    }
}

/// The text of a scenario for each word, from what two targets do with it now; `None` for a word that they no longer answer
/// differently, or that one of them does not answer in the same way three times.
///
/// # Errors
/// Fails if the words cannot be asked.
pub async fn written(
    prepared: [Arc<PreparedTarget>; 2],
    request: &LearnRequest,
    words: &[Word],
) -> Result<Vec<Option<String>>, AskError> {
    let mut cells: Vec<Vec<(Word, Box<Cell>)>> = Vec::new();
    for one in prepared {
        let alphabet = Arc::clone(&request.alphabet);
        let mut gateways = Gateways::new(one, request.settings.clone(), alphabet, 1)?;
        let repeated: Vec<Word> = words.iter().flat_map(|word| vec![word.clone(); REPLAYS]).collect();
        let answered = gateways.ask(&repeated).await;
        gateways.stop().await;
        cells.push(stable(answered?));
    }
    let of = |side: usize, word: &Word| {
        let ran = cells.get(side)?.iter().find(|(asked, _)| asked == word)?;
        Some(&*ran.1)
    };
    let text = |word: &Word| {
        let replayed = Replayed { word, first: of(0, word)?, second: of(1, word)? };
        scenario_text(&request.alphabet, &replayed)
    };
    Ok(words.iter().map(text).collect())
}

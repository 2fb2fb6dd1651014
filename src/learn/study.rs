//! The machines of several targets, and what lies between each and the next.

use std::sync::Arc;

use super::alphabet::Alphabet;
use super::answer::Answer;
use super::compare::{DistinguishingWord, MachineChange, change, distinguishing_words};
use super::drive::Learnt;
use super::learner::Thoroughness;

/// The machines of several targets over one alphabet.
#[derive(Clone, Debug)]
pub struct Study {
    /// The inputs.
    pub alphabet: Arc<Alphabet>,
    /// How thoroughly the machines were tested.
    pub thoroughness: Thoroughness,
    /// The targets with their machines, in the order in which they were named.
    pub targets: Vec<StudiedTarget>,
    /// What lies between each target and the next.
    pub comparisons: Vec<MachineComparison>,
}

/// A target and its machine.
#[derive(Clone, Debug)]
pub struct StudiedTarget {
    /// The target.
    pub target: String,
    /// Its machine.
    pub learnt: Learnt,
}

/// Where the machine of a target differs from that of the next one.
#[derive(Clone, Debug)]
pub struct MachineComparison {
    /// The first target.
    pub first: String,
    /// The second target.
    pub second: String,
    /// The words that show the differences.
    pub words: Vec<ShownWord>,
    /// How states and edges changed.
    pub change: MachineChange,
}

/// A word that shows a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownWord {
    /// The word and both answers.
    pub found: DistinguishingWord<Answer>,
    /// The file that it was written to as a scenario.
    pub file: Option<String>,
}

impl Study {
    /// Compares each machine with the next.
    pub fn new(alphabet: Arc<Alphabet>, thoroughness: Thoroughness, targets: Vec<StudiedTarget>) -> Self {
        let comparisons = targets.windows(2).filter_map(|pair| {
            let [one, other] = pair else { return None };
            let (before, after) = (&one.learnt.machine, &other.learnt.machine);
            let shown = |found| ShownWord { found, file: None };
            Some(MachineComparison {
                first: one.target.clone(),
                second: other.target.clone(),
                words: distinguishing_words(before, after).into_iter().map(shown).collect(),
                change: change(before, after),
            })
        });
        let comparisons = comparisons.collect();
        Self { alphabet, thoroughness, targets, comparisons }
    }

    /// Whether any machine differs from the next.
    pub fn differs(&self) -> bool {
        self.comparisons.iter().any(|one| !one.words.is_empty())
    }

    /// What lies between a target and the one before it.
    pub fn before(&self, target: usize) -> Option<&MachineComparison> {
        self.comparisons.get(target.checked_sub(1)?)
    }

    /// The name of each state of a target: the shortest word to it.
    pub fn state_names(&self, target: usize) -> Vec<String> {
        let machine = self.targets.get(target).map(|one| &one.learnt.machine);
        let words = machine.map(super::Machine::access_words).unwrap_or_default();
        words.iter().map(|word| self.alphabet.spell(word)).collect()
    }
}

//! The learner: decides which words to ask next, and when a machine is known.
//!
//! The algorithm is L# (Vaandrager and others, TACAS 2022). It keeps all answers in an observation tree. The *basis* is a set of
//! nodes that are pairwise apart, so each is a state; the *frontier* are the nodes directly behind it. Every frontier node
//! is compared with the basis: if it is apart from all of it, it is a new state; if it can be several states, a word that
//! tells two of them apart is asked behind it. Once every frontier node is one state, the basis is a machine. A conformance
//! test then tries to refute it.
//!
//! It performs no I/O, and hands out many independent words at once.

use std::collections::BTreeSet;

use super::conformance::{random_walks, without_prefixes, wp_words};
use super::machine::{Edge, Input, Machine, State, Word};
use super::separation::separation;
use super::tree::{Contradiction, Node, ObservationTree};

/// How thoroughly a machine is tested before the learner settles for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thoroughness {
    /// The machine is right if the system has at most this many states more.
    pub extra_states: usize,
    /// Random walks in addition.
    pub walks: usize,
    /// The seed of the random walks.
    pub seed: u64,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next<O> {
    /// Ask these words, in any order, and hand in the answers.
    Ask {
        /// What for.
        purpose: Purpose,
        /// The words; none is the beginning of another one.
        words: Vec<Word>,
    },
    /// The machine is known.
    Learnt(Machine<O>),
}

/// What words are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To find states and edges.
    Explore,
    /// To refute the current machine, which has this many states.
    Test {
        /// Its number of states.
        states: usize,
        /// Words that remain to be asked after these.
        remaining: usize,
    },
}

/// Learns the machine of a system from its answers to words.
#[derive(Clone, Debug)]
pub struct Learner<O> {
    inputs: usize,
    thoroughness: Thoroughness,
    tree: ObservationTree<O>,
    basis: Vec<Node>,
    /// Words to begin with, from a machine that may be similar.
    hints: Vec<Word>,
    /// The machine that is being tested, and the words that remain.
    test: Option<(Machine<O>, Vec<Word>)>,
}

impl<O: Clone + Eq + Ord> Learner<O> {
    /// A learner that knows nothing.
    pub fn new(inputs: usize, thoroughness: Thoroughness) -> Self {
        Self {
            inputs,
            thoroughness,
            tree: ObservationTree::new(inputs),
            basis: vec![0],
            hints: Vec::new(),
            test: None,
        }
    }

    /// A learner that first asks for what is known of a similar system: for each edge of its machine, the way to it and
    /// one word that is answered differently by as many other states as possible. Where the systems are alike, no other
    /// word is needed; where they differ, it goes on as usual.
    pub fn starting_from(machine: &Machine<O>, thoroughness: Thoroughness) -> Self {
        let access = machine.access_words();
        let ends: Vec<Word> = (0..machine.len()).map(|state| telling_word(machine, state)).collect();
        let mut hints = BTreeSet::new();
        for (state, start) in access.iter().enumerate() {
            hints.insert(start.iter().chain(&ends[state]).copied().collect::<Word>());
            for input in 0..machine.inputs() {
                let end = &ends[machine.edge(state, input).target];
                hints.insert(start.iter().chain([&input]).chain(end).copied().collect());
            }
        }
        Self { hints: without_prefixes(hints), ..Self::new(machine.inputs(), thoroughness) }
    }

    /// Hands in the outputs of a word, one for each input.
    ///
    /// # Errors
    /// Fails if the system answered a part of it differently before: it is no deterministic machine.
    pub fn answer(&mut self, word: &[Input], outputs: &[O]) -> Result<(), Contradiction<O>> {
        self.tree.insert(word, outputs)
    }

    /// All answers so far.
    pub const fn tree(&self) -> &ObservationTree<O> {
        &self.tree
    }

    /// What to do next. Testing words come at most `limit` at a time, so that a refuted machine costs few of them.
    pub fn next(&mut self, limit: usize) -> Next<O> {
        let hints = std::mem::take(&mut self.hints);
        if !hints.is_empty() {
            return Next::Ask { purpose: Purpose::Explore, words: hints };
        }
        let machine = loop {
            let missing = self.missing_edges();
            if !missing.is_empty() {
                return ask(missing);
            }
            let frontier = self.frontier();
            if let Some((new, _)) = frontier.iter().find(|(_, states)| states.is_empty()) {
                self.basis.push(*new);
                continue;
            }
            let questions = self.questions(&frontier);
            if !questions.is_empty() {
                return ask(questions);
            }
            break self.hypothesis(&frontier);
        };
        let Some(machine) = machine else { return ask(BTreeSet::new()) };
        let refuting = self.refuting_words(&machine);
        if !refuting.is_empty() {
            self.test = None;
            return ask(refuting);
        }
        self.next_test(machine, limit)
    }

    /// Words that lead over the edges of the basis that were never asked.
    fn missing_edges(&self) -> BTreeSet<Word> {
        let mut words = BTreeSet::new();
        for node in &self.basis {
            for input in (0..self.inputs).filter(|input| self.tree.step(*node, *input).is_none()) {
                let mut word = self.tree.word(*node);
                word.push(input);
                words.insert(word);
            }
        }
        words
    }

    /// The nodes directly behind the basis, shortest words first, each with the states of the basis that it may be.
    fn frontier(&self) -> Vec<(Node, Vec<State>)> {
        let behind = self.basis.iter().flat_map(|node| {
            (0..self.inputs).filter_map(|input| self.tree.step(*node, input).map(|(_, next)| next))
        });
        let mut nodes: Vec<Node> = behind.filter(|node| !self.basis.contains(node)).collect();
        nodes.sort_by_cached_key(|node| {
            let word = self.tree.word(*node);
            (word.len(), word)
        });
        let states = |node: Node| {
            let may_be = |state: &State| !self.tree.apart(node, self.basis[*state]);
            (0..self.basis.len()).filter(may_be).collect()
        };
        nodes.into_iter().map(|node| (node, states(node))).collect()
    }

    /// For each frontier node that may be several states: its word, followed by one that tells at least two of them apart.
    fn questions(&self, frontier: &[(Node, Vec<State>)]) -> BTreeSet<Word> {
        let open = frontier.iter().filter(|(_, states)| states.len() > 1);
        open.filter_map(|(node, states)| {
            let mut word = self.tree.word(*node);
            word.extend(self.dividing_word(*node, states)?);
            Some(word)
        })
        .collect()
    }

    /// A word that the node was not asked and that divides the states that it may be as evenly as possible.
    fn dividing_word(&self, node: Node, states: &[State]) -> Option<Word> {
        /// Pairs to look at; more rarely yield a better word.
        const PAIRS: usize = 12;
        let pairs = states
            .iter()
            .enumerate()
            .flat_map(|(at, one)| states[at + 1..].iter().map(move |other| (one, other)));
        let words: BTreeSet<Word> = pairs
            .take(PAIRS)
            .filter_map(|(one, other)| self.tree.witness(self.basis[*one], self.basis[*other]))
            .filter(|word| self.tree.find(node, word).is_none())
            .collect();
        // Whatever the node answers, the states with another answer are out of the question.
        let worst = |word: &Word| {
            let answers: Vec<Option<Vec<&O>>> =
                states.iter().map(|state| self.answers(self.basis[*state], word)).collect();
            let unknown = answers.iter().filter(|one| one.is_none()).count();
            let same = |one: &&Option<Vec<&O>>| answers.iter().filter(|other| other == one).count();
            unknown + answers.iter().filter(|one| one.is_some()).map(|one| same(&one)).max().unwrap_or(0)
        };
        words.into_iter().min_by_key(|word| (worst(word), word.len()))
    }

    fn answers(&self, node: Node, word: &[Input]) -> Option<Vec<&O>> {
        let mut node = node;
        word.iter()
            .map(|input| {
                let (output, next) = self.tree.step(node, *input)?;
                node = next;
                Some(output)
            })
            .collect()
    }

    /// The machine of the basis, if every frontier node is one state.
    fn hypothesis(&self, frontier: &[(Node, Vec<State>)]) -> Option<Machine<O>> {
        let state = |node: Node| {
            let of_basis = self.basis.iter().position(|one| *one == node);
            of_basis.or_else(|| frontier.iter().find(|(one, _)| *one == node)?.1.first().copied())
        };
        let edges = |node: &Node| {
            let edge = |input| {
                let (output, next) = self.tree.step(*node, input)?;
                Some(Edge { output: output.clone(), target: state(next)? })
            };
            (0..self.inputs).map(edge).collect::<Option<Vec<_>>>()
        };
        let edges = self.basis.iter().map(edges).collect::<Option<Vec<_>>>()?;
        Machine::new(self.inputs, &edges).ok()
    }

    /// If the machine contradicts an answer, words whose answers show which frontier node was taken for a wrong state.
    ///
    /// Let `v` be the shortest word whose last answer contradicts the machine. For each way to split `v`, the word is asked
    /// whose first part is replaced with the basis word of the state that the machine takes it for. The last answers at both
    /// ends differ, so they differ between two neighbours, which makes a frontier node apart from the state that it was taken
    /// for: not all of these words can have been asked before.
    fn refuting_words(&self, machine: &Machine<O>) -> BTreeSet<Word> {
        let Some(word) = self.contradiction(machine) else { return BTreeSet::new() };
        // The ways of the basis, which need not be the shortest ones of the machine: only behind them all is known.
        let mut access = machine.access_words();
        for node in &self.basis {
            let way = self.tree.word(*node);
            let state = machine.after(0, &way);
            access[state] = way;
        }
        (1..word.len())
            .map(|at| {
                let state = machine.after(0, &word[..at]);
                access[state].iter().chain(&word[at..]).copied().collect::<Word>()
            })
            .filter(|word| !self.tree.knows(word))
            .collect()
    }

    /// A shortest word in the tree whose last answer contradicts the machine.
    fn contradiction(&self, machine: &Machine<O>) -> Option<Word> {
        let mut open = std::collections::VecDeque::from([(0, 0)]);
        while let Some((node, state)) = open.pop_front() {
            for input in 0..self.inputs {
                let Some((output, next)) = self.tree.step(node, input) else { continue };
                let edge = machine.edge(state, input);
                if edge.output != *output {
                    return Some(self.tree.word(next));
                }
                open.push_back((next, edge.target));
            }
        }
        None
    }

    /// The next words that may refute the machine, or the machine if there are none left.
    fn next_test(&mut self, machine: Machine<O>, limit: usize) -> Next<O> {
        let remaining = match self.test.take() {
            Some((tested, remaining)) if tested == machine => remaining,
            _ => {
                let Thoroughness { extra_states, walks, seed } = self.thoroughness;
                let mut words = random_walks(&machine, walks, seed);
                // The walks are asked first: they find most mistakes with few words.
                words.reverse();
                let mut all = wp_words(&machine, extra_states);
                all.reverse();
                all.extend(words);
                all
            }
        };
        let mut remaining = remaining;
        let mut words = BTreeSet::new();
        while words.len() < limit.max(1)
            && let Some(word) = remaining.pop()
        {
            if !self.tree.knows(&word) {
                words.insert(word);
            }
        }
        if words.is_empty() {
            return Next::Learnt(machine);
        }
        let purpose = Purpose::Test { states: machine.len(), remaining: remaining.len() };
        self.test = Some((machine, remaining));
        Next::Ask { purpose, words: without_prefixes(words) }
    }
}

fn ask<O>(words: BTreeSet<Word>) -> Next<O> {
    Next::Ask { purpose: Purpose::Explore, words: without_prefixes(words) }
}

/// A word that a state answers differently than as many other states as possible: words for two states each, one after the
/// other, as long as they tell more states apart.
fn telling_word<O: Clone + Eq + Ord>(machine: &Machine<O>, state: State) -> Word {
    let told = separation(machine);
    let mut word = Word::new();
    let mut at = state;
    let mut others: BTreeSet<State> = (0..machine.len()).filter(|other| *other != state).collect();
    loop {
        let left = |part: &Word| -> BTreeSet<State> {
            let answers = machine.outputs(at, part);
            let same = others.iter().filter(|other| machine.outputs(**other, part) == answers);
            same.map(|other| machine.after(*other, part))
                .filter(|other| *other != machine.after(at, part))
                .collect()
        };
        let better =
            told.all.iter().map(|part| (left(part), part)).filter(|(rest, _)| rest.len() < others.len());
        let Some((rest, part)) = better.min_by_key(|(rest, part)| (rest.len(), part.len())) else {
            return word;
        };
        word.extend(part);
        at = machine.after(at, part);
        others = rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::machine::tests::any_machine;
    use crate::learn::minimal::minimal;

    const EXACT: Thoroughness = Thoroughness { extra_states: 1, walks: 0, seed: 0 };

    /// Learns a machine, and returns what was learnt with the number of words asked.
    fn learnt(mut learner: Learner<u8>, system: &Machine<u8>) -> (Machine<u8>, usize) {
        let mut asked = 0;
        for _ in 0..10_000 {
            match learner.next(16) {
                Next::Learnt(machine) => return (machine, asked),
                Next::Ask { words, .. } => {
                    assert!(!words.is_empty(), "it asks nothing and knows no machine");
                    for word in words {
                        asked += 1;
                        learner.answer(&word, &system.outputs(0, &word)).unwrap();
                    }
                }
            }
        }
        panic!("it never ends");
    }

    #[test]
    fn a_system_that_answers_differently_on_two_occasions_is_told() {
        let mut learner = Learner::<u8>::new(1, EXACT);
        assert!(matches!(learner.next(8), Next::Ask { .. }));
        learner.answer(&[0], &[1]).unwrap();
        assert_eq!(learner.answer(&[0, 0], &[2, 2]).unwrap_err().word, [0]);
    }

    proptest! {
        /// With as many extra states as the system has states, no machine that is too small survives the test.
        #[test]
        fn small_machines_are_learnt_exactly(system in any_machine(5, 3), seed in 0..50_u64) {
            let system = minimal(&system);
            let thoroughness = Thoroughness { extra_states: system.len() - 1, walks: 0, seed };
            let learner = Learner::new(system.inputs(), thoroughness);
            prop_assert_eq!(learnt(learner, &system).0, system);
        }

        /// What is promised for `extra_states`, whatever the walks find.
        #[test]
        fn what_is_learnt_is_right_or_the_system_has_more_states_than_promised(
            system in any_machine(9, 3),
            walks in 0..40_usize,
            seed in 0..99_u64,
        ) {
            let system = minimal(&system);
            let thoroughness = Thoroughness { extra_states: 1, walks, seed };
            let found = learnt(Learner::new(system.inputs(), thoroughness), &system).0;
            prop_assert!(found == system || found.len() + 1 < system.len());
            prop_assert_eq!(minimal(&found), found);
        }

        #[test]
        fn a_wrong_hint_does_no_harm(system in any_machine(5, 2), hint in any_machine(6, 2)) {
            let (system, hint) = (minimal(&system), minimal(&hint));
            prop_assume!(system.inputs() == hint.inputs());
            let thoroughness = Thoroughness { extra_states: system.len() - 1, ..EXACT };
            let learner = Learner::starting_from(&hint, thoroughness);
            prop_assert_eq!(learnt(learner, &system).0, system);
        }
    }
}

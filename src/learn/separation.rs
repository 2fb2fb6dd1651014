//! Words that tell the states of a machine apart.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::machine::{Input, Machine, State, Word};

/// Words that tell the states of a machine apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separation {
    /// Words of which at least one is answered differently by any two states (a characterisation set, `W`).
    pub all: Vec<Word>,
    /// For each state, words out of `all` that tell it from every other state (its identification set, `W_s`).
    pub of_state: Vec<Vec<Word>>,
}

/// Two different states, the lower number first.
type Pair = (State, State);

/// Words that tell the states apart: few, and of few inputs. Equivalent states remain together.
pub fn separation<O: Clone + Eq + Ord>(machine: &Machine<O>) -> Separation {
    let shortest = shortest_words(machine);
    let mut words: Vec<&Word> = shortest.values().collect::<BTreeSet<_>>().into_iter().collect();
    words.sort_by_key(|word| word.len());
    let told: Vec<BTreeSet<Pair>> = words
        .iter()
        .map(|word| {
            let answers: Vec<Vec<O>> = (0..machine.len()).map(|state| machine.outputs(state, word)).collect();
            shortest.keys().copied().filter(|(one, other)| answers[*one] != answers[*other]).collect()
        })
        .collect();
    let chosen = cover(&words, &told, shortest.keys().copied().collect());
    let of_state = (0..machine.len())
        .map(|state| {
            let own = |pair: &&Pair| pair.0 == state || pair.1 == state;
            let wanted: BTreeSet<Pair> = shortest.keys().filter(own).copied().collect();
            let among: Vec<&Word> = chosen.iter().map(|at| words[*at]).collect();
            let told: Vec<BTreeSet<Pair>> = chosen.iter().map(|at| told[*at].clone()).collect();
            cover(&among, &told, wanted).into_iter().map(|at| among[at].clone()).collect()
        })
        .collect();
    Separation { all: chosen.into_iter().map(|at| words[at].clone()).collect(), of_state }
}

/// Chooses words that tell all wanted pairs apart: again and again the one that tells most of the remaining pairs apart for
/// its length.
fn cover(words: &[&Word], told: &[BTreeSet<Pair>], mut wanted: BTreeSet<Pair>) -> Vec<usize> {
    let mut chosen = Vec::new();
    while !wanted.is_empty() {
        let gain = |at: &usize| told[*at].intersection(&wanted).count();
        // Each query has steps in addition to those of the word, so short words are only slightly better.
        let value = |at: &usize| (gain(at) * 1_000 / (words[*at].len() + 3), std::cmp::Reverse(*at));
        let Some(best) = (0..words.len()).filter(|at| gain(at) > 0).max_by_key(value) else { break };
        wanted.retain(|pair| !told[best].contains(pair));
        chosen.push(best);
    }
    chosen.sort_unstable();
    chosen
}

/// A shortest word for every two states that are not equivalent.
fn shortest_words<O: Clone + Eq>(machine: &Machine<O>) -> BTreeMap<Pair, Word> {
    let mut words: BTreeMap<Pair, Word> = BTreeMap::new();
    let mut behind: HashMap<Pair, Vec<(Pair, Input)>> = HashMap::new();
    let mut open = VecDeque::new();
    for one in 0..machine.len() {
        for other in one + 1..machine.len() {
            for input in 0..machine.inputs() {
                let (left, right) = (machine.edge(one, input), machine.edge(other, input));
                if left.output != right.output {
                    words.entry((one, other)).or_insert_with(|| {
                        open.push_back((one, other));
                        vec![input]
                    });
                } else if left.target != right.target {
                    let next = (left.target.min(right.target), left.target.max(right.target));
                    behind.entry(next).or_default().push(((one, other), input));
                }
            }
        }
    }
    while let Some(pair) = open.pop_front() {
        for (before, input) in behind.remove(&pair).unwrap_or_default() {
            if !words.contains_key(&before) {
                let word = std::iter::once(input).chain(words[&pair].iter().copied()).collect();
                words.insert(before, word);
                open.push_back(before);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::machine::tests::any_machine;

    proptest! {
        #[test]
        fn every_two_states_that_differ_are_told_apart(machine in any_machine(7, 3)) {
            let found = separation(&machine);
            let differ = |words: &[Word], one: State, other: State| {
                words.iter().any(|word| machine.outputs(one, word) != machine.outputs(other, word))
            };
            let shortest = shortest_words(&machine);
            for one in 0..machine.len() {
                for other in one + 1..machine.len() {
                    let known = shortest.contains_key(&(one, other));
                    prop_assert_eq!(known, differ(&found.all, one, other));
                    prop_assert_eq!(known, differ(&found.of_state[one], one, other));
                    prop_assert_eq!(known, differ(&found.of_state[other], one, other));
                }
            }
            for words in &found.of_state {
                prop_assert!(words.iter().all(|word| found.all.contains(word)));
            }
        }
    }
}

//! Where two machines over the same alphabet differ.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::machine::{Input, Machine, State, Word};

/// A word whose last input two machines answer differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishingWord<O> {
    /// The word.
    pub word: Word,
    /// What the first machine answers to its last input.
    pub first: O,
    /// What the second machine answers to it.
    pub second: O,
    /// Whether an earlier input of the word is answered differently, too: the difference is only seen behind another one.
    pub behind_another: bool,
}

/// How the states and edges of a machine became those of a later one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineChange {
    /// States of the second machine that were one with another state in the first.
    pub added: Vec<State>,
    /// States of the first machine that are one with another state in the second.
    pub merged: Vec<State>,
    /// Edges of the second machine that have another answer.
    pub answered: BTreeSet<(State, Input)>,
    /// Edges of the second machine that have the same answer and lead to another state.
    pub redirected: BTreeSet<(State, Input)>,
}

/// For each pair of answers to an input that differ, a shortest word that shows it. Shorter words come first.
pub fn distinguishing_words<O: Clone + Eq + Ord>(
    one: &Machine<O>,
    other: &Machine<O>,
) -> Vec<DistinguishingWord<O>> {
    let mut found: BTreeMap<(Input, O, O), DistinguishingWord<O>> = BTreeMap::new();
    let mut seen = BTreeSet::from([(0, 0)]);
    let mut open = VecDeque::from([(0, 0, Word::new())]);
    let mut behind = VecDeque::new();
    let mut behind_another = false;
    loop {
        while let Some((left, right, word)) = open.pop_front() {
            for input in 0..one.inputs().min(other.inputs()) {
                let (first, second) = (one.edge(left, input), other.edge(right, input));
                let mut longer = word.clone();
                longer.push(input);
                let pair = (first.target, second.target);
                if first.output != second.output {
                    let class = (input, first.output.clone(), second.output.clone());
                    found.entry(class).or_insert_with(|| DistinguishingWord {
                        word: longer.clone(),
                        first: first.output.clone(),
                        second: second.output.clone(),
                        behind_another,
                    });
                    behind.push_back((pair.0, pair.1, longer));
                } else if seen.insert(pair) {
                    open.push_back((pair.0, pair.1, longer));
                }
            }
        }
        // Only when all else is compared does the comparison go on behind differences.
        behind_another = true;
        let next = std::mem::take(&mut behind);
        open.extend(next.into_iter().filter(|(left, right, _)| seen.insert((*left, *right))));
        if open.is_empty() {
            break;
        }
    }
    let mut words: Vec<DistinguishingWord<O>> = found.into_values().collect();
    words.sort_by(|a, b| {
        (a.behind_another, a.word.len(), &a.word).cmp(&(b.behind_another, b.word.len(), &b.word))
    });
    words
}

/// How a machine became a later one. States correspond if the shortest word to one leads to the other.
pub fn change<O: Clone + Eq>(one: &Machine<O>, other: &Machine<O>) -> MachineChange {
    let in_one: Vec<State> = other.access_words().iter().map(|word| one.after(0, word)).collect();
    let in_other: Vec<State> = one.access_words().iter().map(|word| other.after(0, word)).collect();
    let repeated = |states: &[State]| {
        let mut seen = BTreeSet::new();
        states.iter().enumerate().filter(|(_, state)| !seen.insert(**state)).map(|(at, _)| at).collect()
    };
    let mut found =
        MachineChange { added: repeated(&in_one), merged: repeated(&in_other), ..MachineChange::default() };
    for (state, before) in in_one.iter().enumerate() {
        for input in 0..other.inputs() {
            let (first, second) = (one.edge(*before, input), other.edge(state, input));
            if first.output != second.output {
                found.answered.insert((state, input));
            } else if first.target != in_one[second.target] {
                found.redirected.insert((state, input));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::machine::tests::{any_machine, edge};
    use crate::learn::minimal::minimal;

    /// The second one lets in for ever whoever came once; the first one only until it is reset.
    fn two() -> (Machine<u8>, Machine<u8>) {
        let before = [vec![edge(0, 1), edge(9, 0)], vec![edge(1, 1), edge(9, 0)]];
        let after = [vec![edge(0, 1), edge(9, 0)], vec![edge(1, 1), edge(9, 1)]];
        (Machine::new(2, &before).unwrap(), Machine::new(2, &after).unwrap())
    }

    #[test]
    fn the_shortest_word_shows_the_difference() {
        let (before, after) = two();
        let found = distinguishing_words(&before, &after);
        let expected = DistinguishingWord { word: vec![0, 1, 0], first: 0, second: 1, behind_another: false };
        assert_eq!(found, [expected]);
        let changed = change(&before, &after);
        assert_eq!(changed.redirected, BTreeSet::from([(1, 1)]));
        assert_eq!((changed.added.len(), changed.merged.len(), changed.answered.len()), (0, 0, 0));
    }

    #[test]
    fn differences_behind_others_are_found_and_marked() {
        let before = [vec![edge(0, 1)], vec![edge(1, 1)]];
        let after = [vec![edge(5, 1)], vec![edge(6, 1)]];
        let found =
            distinguishing_words(&Machine::new(1, &before).unwrap(), &Machine::new(1, &after).unwrap());
        let words: Vec<(usize, bool)> =
            found.iter().map(|one| (one.word.len(), one.behind_another)).collect();
        assert_eq!(words, [(1, false), (2, true)]);
    }

    #[test]
    fn states_that_split_are_added_and_those_that_join_are_merged() {
        let (before, _) = two();
        let small = Machine::new(2, &[vec![edge(0, 0), edge(9, 0)]]).unwrap();
        assert_eq!(change(&small, &before).added, [1]);
        assert_eq!(change(&before, &small).merged, [1]);
    }

    proptest! {
        #[test]
        fn machines_differ_if_and_only_if_there_is_a_word(one in any_machine(6, 2), other in any_machine(6, 2)) {
            prop_assume!(one.inputs() == other.inputs());
            let found = distinguishing_words(&one, &other);
            prop_assert_eq!(found.is_empty(), minimal(&one) == minimal(&other));
            for one_word in &found {
                let answers = [&one, &other].map(|machine| machine.outputs(0, &one_word.word));
                prop_assert_eq!(answers[0].last(), Some(&one_word.first));
                prop_assert_eq!(answers[1].last(), Some(&one_word.second));
                let last = one_word.word.len() - 1;
                prop_assert_eq!(answers[0][..last] != answers[1][..last], one_word.behind_another);
            }
        }
    }
}

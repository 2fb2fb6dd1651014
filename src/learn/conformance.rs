//! Words that show whether a system behaves like a machine: the Wp-method, and random walks.

use std::collections::BTreeSet;

use super::machine::{Machine, Word};
use super::random::Random;
use super::separation::separation;

/// The words of the Wp-method (Fujiwara and others, 1991).
///
/// A system that answers all of them as the machine does, and that has at most `extra` states more than the machine, behaves
/// like it. The machine must not have equivalent states.
pub fn wp_words<O: Clone + Eq + Ord>(machine: &Machine<O>, extra: usize) -> Vec<Word> {
    let told = separation(machine);
    let access = machine.access_words();
    let mut words = BTreeSet::new();
    let mut add = |start: &Word, ends: &[Word]| {
        if ends.is_empty() {
            words.insert(start.clone());
        }
        for end in ends {
            words.insert(start.iter().chain(end).copied().collect());
        }
    };
    let middles = words_up_to(machine.inputs(), extra);
    for (start, middle) in access.iter().flat_map(|start| middles.iter().map(move |middle| (start, middle))) {
        let start: Word = start.iter().chain(middle).copied().collect();
        add(&start, &told.all);
    }
    let longest = middles.iter().filter(|middle| middle.len() == extra);
    for middle in longest {
        for start in &access {
            for input in 0..machine.inputs() {
                let mut word = start.clone();
                word.push(input);
                word.extend(middle);
                let state = machine.after(0, &word);
                add(&word, &told.of_state[state]);
            }
        }
    }
    without_prefixes(words)
}

/// All words of at most this length.
fn words_up_to(inputs: usize, length: usize) -> Vec<Word> {
    let mut all = vec![Word::new()];
    let mut last = 0;
    for _ in 0..length {
        let end = all.len();
        for at in last..end {
            for input in 0..inputs {
                let mut longer = all[at].clone();
                longer.push(input);
                all.push(longer);
            }
        }
        last = end;
    }
    all
}

/// The words that are not the beginning of another one, shortest first.
pub(super) fn without_prefixes(words: BTreeSet<Word>) -> Vec<Word> {
    // In the order of the set, a word comes directly before the first word that it begins.
    let mut kept: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        if kept.last().is_some_and(|last| word.starts_with(last)) {
            kept.pop();
        }
        kept.push(word);
    }
    kept.sort_by_key(Vec::len);
    kept
}

/// Random words: each begins with the way to a state of the machine, every state in turn.
pub fn random_walks<O: Clone + Eq>(machine: &Machine<O>, count: usize, seed: u64) -> Vec<Word> {
    /// Random inputs behind the way to a state: at least this many, and up to twice as many.
    const INPUTS: usize = 5;
    if machine.inputs() == 0 {
        return Vec::new();
    }
    let mut random = Random::new(seed);
    let access = machine.access_words();
    let walk = |start: &Word| {
        let length = INPUTS + random.below(INPUTS + 1);
        start.iter().copied().chain((0..length).map(|_| random.below(machine.inputs()))).collect()
    };
    access.iter().cycle().take(count).map(walk).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::machine::tests::any_machine;
    use crate::learn::minimal::minimal;

    #[test]
    fn words_that_begin_another_one_are_left_out() {
        let words = BTreeSet::from([vec![], vec![0], vec![0, 1], vec![0, 1, 2], vec![1], vec![0, 2]]);
        assert_eq!(without_prefixes(words), [vec![1], vec![0, 2], vec![0, 1, 2]]);
    }

    #[test]
    fn the_same_seed_gives_the_same_walks() {
        let machine = Machine::new(2, &[vec![crate::learn::machine::tests::edge(0, 0); 2]]).unwrap();
        assert_eq!(random_walks(&machine, 20, 7), random_walks(&machine, 20, 7));
        assert_ne!(random_walks(&machine, 20, 7), random_walks(&machine, 20, 8));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        /// The promise of the method.
        #[test]
        fn a_system_with_few_more_states_that_passes_is_the_machine(
            one in any_machine(4, 2),
            other in any_machine(6, 2),
            extra in 0..3_usize,
        ) {
            let (one, other) = (minimal(&one), minimal(&other));
            prop_assume!(one.inputs() == other.inputs() && other.len() <= one.len() + extra);
            let words = wp_words(&one, extra);
            let passes = words.iter().all(|word| one.outputs(0, word) == other.outputs(0, word));
            prop_assert_eq!(passes, one == other);
        }
    }
}

//! The observation tree: everything that a system has answered so far, as a tree of words.

use std::collections::VecDeque;

use super::machine::{Input, Word};

/// The number of a node; 0 is the root, which stands for the empty word.
pub(super) type Node = usize;

/// A word that was answered differently on two occasions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction<O> {
    /// The word; the answer to its last input differs.
    pub word: Word,
    /// The earlier answer.
    pub first: O,
    /// The later answer.
    pub second: O,
}

/// An edge to the next node.
#[derive(Clone, Debug)]
struct Branch<O> {
    output: O,
    node: Node,
}

#[derive(Clone, Debug)]
struct Entry<O> {
    branches: Vec<Option<Branch<O>>>,
    parent: Option<(Node, Input)>,
}

/// All answers so far. It grows, and never changes what it holds.
#[derive(Clone, Debug)]
pub struct ObservationTree<O> {
    inputs: usize,
    nodes: Vec<Entry<O>>,
}

impl<O: Clone + Eq> ObservationTree<O> {
    /// The tree that only knows the empty word.
    pub fn new(inputs: usize) -> Self {
        Self { inputs, nodes: vec![Entry { branches: vec![None; inputs], parent: None }] }
    }

    /// Adds the outputs of a word, one for each input.
    ///
    /// # Errors
    /// Fails if a part of the word was answered differently before. The tree then keeps the earlier answer.
    pub fn insert(&mut self, word: &[Input], outputs: &[O]) -> Result<(), Contradiction<O>> {
        let mut node = 0;
        for (at, (input, output)) in word.iter().zip(outputs).enumerate() {
            node = match &self.nodes[node].branches[*input] {
                Some(known) if known.output == *output => known.node,
                Some(known) => {
                    let (first, second) = (known.output.clone(), output.clone());
                    return Err(Contradiction { word: word[..=at].to_vec(), first, second });
                }
                None => {
                    let next = self.nodes.len();
                    self.nodes
                        .push(Entry { branches: vec![None; self.inputs], parent: Some((node, *input)) });
                    self.nodes[node].branches[*input] = Some(Branch { output: output.clone(), node: next });
                    next
                }
            };
        }
        Ok(())
    }

    /// The node of a word, if all of it was asked.
    pub(super) fn find(&self, from: Node, word: &[Input]) -> Option<Node> {
        word.iter().try_fold(from, |node, input| Some(self.step(node, *input)?.1))
    }

    /// Whether all of a word was asked.
    pub fn knows(&self, word: &[Input]) -> bool {
        self.find(0, word).is_some()
    }

    /// The answer to an input and the node behind it, if the input was asked there.
    pub(super) fn step(&self, node: Node, input: Input) -> Option<(&O, Node)> {
        self.nodes[node].branches[input].as_ref().map(|branch| (&branch.output, branch.node))
    }

    /// The word of a node.
    pub(super) fn word(&self, node: Node) -> Word {
        let parents =
            std::iter::successors(self.nodes[node].parent, |(parent, _)| self.nodes[*parent].parent);
        let mut word: Word = parents.map(|(_, input)| input).collect();
        word.reverse();
        word
    }

    /// A shortest word that both nodes were asked and answered differently; `None` if there is none. Two nodes with such a
    /// word are *apart*: they stand for different states.
    pub(super) fn witness(&self, one: Node, other: Node) -> Option<Word> {
        let mut open = VecDeque::from([(one, other)]);
        while let Some((left, right)) = open.pop_front() {
            for input in 0..self.inputs {
                let (Some((first, left)), Some((second, right))) =
                    (self.step(left, input), self.step(right, input))
                else {
                    continue;
                };
                if first != second {
                    // Both nodes have the same word behind them.
                    let whole = self.word(left);
                    return Some(whole[self.depth(one)..].to_vec());
                }
                open.push_back((left, right));
            }
        }
        None
    }

    /// Whether two nodes were asked the same word and answered differently.
    pub(super) fn apart(&self, one: Node, other: Node) -> bool {
        let mut open = vec![(one, other)];
        while let Some((left, right)) = open.pop() {
            let pairs = self.nodes[left].branches.iter().zip(&self.nodes[right].branches);
            for (first, second) in pairs {
                let (Some(first), Some(second)) = (first, second) else { continue };
                if first.output != second.output {
                    return true;
                }
                open.push((first.node, second.node));
            }
        }
        false
    }

    fn depth(&self, node: Node) -> usize {
        std::iter::successors(self.nodes[node].parent, |(parent, _)| self.nodes[*parent].parent).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::machine::tests::any_machine;

    #[test]
    fn another_answer_to_a_known_word_is_a_contradiction() {
        let mut tree = ObservationTree::new(2);
        tree.insert(&[0, 1, 0], &["a", "b", "c"]).unwrap();
        let found = tree.insert(&[0, 1, 1], &["a", "x", "d"]);
        assert_eq!(found, Err(Contradiction { word: vec![0, 1], first: "b", second: "x" }));
        assert!(tree.knows(&[0, 1, 0]) && !tree.knows(&[0, 1, 1]));
    }

    #[test]
    fn nodes_are_apart_by_the_shortest_word_that_tells_them_apart() {
        let mut tree = ObservationTree::new(2);
        tree.insert(&[0, 0, 0], &[1, 1, 2]).unwrap();
        tree.insert(&[1, 0, 0], &[1, 1, 3]).unwrap();
        let (one, other) = (tree.find(0, &[0]).unwrap(), tree.find(0, &[1]).unwrap());
        assert_eq!(tree.witness(one, other), Some(vec![0, 0]));
        tree.insert(&[0, 1], &[1, 7]).unwrap();
        tree.insert(&[1, 1], &[1, 8]).unwrap();
        assert_eq!(tree.witness(one, other), Some(vec![1]));
        assert_eq!(tree.witness(one, one), None);
    }

    proptest! {
        #[test]
        fn a_machine_never_contradicts_itself_and_its_states_are_apart_only_if_they_differ(
            machine in any_machine(6, 3),
            words in proptest::collection::vec(proptest::collection::vec(0..3_usize, 0..8), 1..20),
        ) {
            let mut tree = ObservationTree::new(machine.inputs());
            let words: Vec<Word> = words
                .into_iter()
                .map(|word| word.into_iter().filter(|input| *input < machine.inputs()).collect())
                .collect();
            for word in &words {
                prop_assert_eq!(tree.insert(word, &machine.outputs(0, word)), Ok(()));
            }
            for (one, other) in words.iter().zip(words.iter().rev()) {
                let nodes = (tree.find(0, one).unwrap(), tree.find(0, other).unwrap());
                let witness = tree.witness(nodes.0, nodes.1);
                prop_assert_eq!(witness.is_some(), tree.apart(nodes.0, nodes.1));
                if let Some(witness) = witness {
                    let answers = [one, other].map(|word| machine.outputs(machine.after(0, word), &witness));
                    prop_assert_ne!(&answers[0], &answers[1]);
                }
            }
        }
    }
}

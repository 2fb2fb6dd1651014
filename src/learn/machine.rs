//! Mealy machines: the form in which a learnt behaviour is stated.

use std::collections::{HashMap, VecDeque};

/// The number of an input in its alphabet.
pub type Input = usize;

/// The number of a state of a machine; 0 is the initial state.
pub type State = usize;

/// A sequence of inputs.
pub type Word = Vec<Input>;

/// What a machine does with an input in a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge<O> {
    /// What it answers.
    pub output: O,
    /// The state afterwards.
    pub target: State,
}

/// A complete, deterministic Mealy machine: for every state and every input there is one output and one next state.
///
/// States are numbered in the order in which a breadth-first search over the inputs reaches them, so two machines with the
/// same behaviour and without equivalent states are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine<O> {
    inputs: usize,
    states: Vec<Vec<Edge<O>>>,
}

/// Why edges do not form a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// There is no state.
    #[error("a machine has at least one state")]
    Empty,
    /// A state lacks an input, or an edge leads nowhere.
    #[error("state {0} has a missing input or an edge that leads nowhere")]
    Incomplete(State),
}

impl<O: Clone + Eq> Machine<O> {
    /// The machine with these edges by state and input. States that cannot be reached from state 0 are left out.
    ///
    /// # Errors
    /// Fails if there is no state, a state does not have an edge for each of the inputs, or an edge leads nowhere.
    pub fn new(inputs: usize, edges: &[Vec<Edge<O>>]) -> Result<Self, MachineError> {
        if edges.is_empty() {
            return Err(MachineError::Empty);
        }
        let complete =
            |one: &Vec<Edge<O>>| one.len() == inputs && one.iter().all(|edge| edge.target < edges.len());
        if let Some(at) = edges.iter().position(|one| !complete(one)) {
            return Err(MachineError::Incomplete(at));
        }
        let mut number: HashMap<State, State> = HashMap::from([(0, 0)]);
        let mut order = vec![0];
        let mut at = 0;
        while let Some(state) = order.get(at).copied() {
            for edge in &edges[state] {
                number.entry(edge.target).or_insert_with(|| {
                    order.push(edge.target);
                    order.len() - 1
                });
            }
            at += 1;
        }
        let renumbered = |edge: &Edge<O>| Edge { output: edge.output.clone(), target: number[&edge.target] };
        let states = order.iter().map(|state| edges[*state].iter().map(renumbered).collect()).collect();
        Ok(Self { inputs, states })
    }

    /// The number of states.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether it has no state; never true.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The number of inputs.
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// What happens with an input in a state. Both must be numbers of this machine.
    pub fn edge(&self, state: State, input: Input) -> &Edge<O> {
        &self.states[state][input]
    }

    /// The state after a word from a state.
    pub fn after(&self, state: State, word: &[Input]) -> State {
        word.iter().fold(state, |state, input| self.edge(state, *input).target)
    }

    /// The outputs of a word from a state.
    pub fn outputs(&self, state: State, word: &[Input]) -> Vec<O> {
        let mut state = state;
        word.iter()
            .map(|input| {
                let edge = self.edge(state, *input);
                state = edge.target;
                edge.output.clone()
            })
            .collect()
    }

    /// The shortest word to each state; of several, the first in the order of the alphabet.
    pub fn access_words(&self) -> Vec<Word> {
        let mut words: Vec<Option<Word>> = vec![None; self.len()];
        words[0] = Some(Word::new());
        let mut open = VecDeque::from([(0, Word::new())]);
        while let Some((state, word)) = open.pop_front() {
            for input in 0..self.inputs {
                let target = self.edge(state, input).target;
                if words[target].is_none() {
                    let mut longer = word.clone();
                    longer.push(input);
                    words[target] = Some(longer.clone());
                    open.push_back((target, longer));
                }
            }
        }
        // Every state can be reached: the others were left out when the machine was made.
        words.into_iter().flatten().collect()
    }

    /// The same machine with outputs of another kind.
    pub fn map<P: Clone + Eq>(&self, mut change: impl FnMut(&O) -> P) -> Machine<P> {
        let mut changed = |edge: &Edge<O>| Edge { output: change(&edge.output), target: edge.target };
        let states = self.states.iter().map(|edges| edges.iter().map(&mut changed).collect()).collect();
        Machine { inputs: self.inputs, states }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    pub(in crate::learn) fn edge(output: u8, target: State) -> Edge<u8> {
        Edge { output, target }
    }

    /// A machine of at most `states` states and `inputs` inputs, which may have equivalent states.
    pub(in crate::learn) fn any_machine(states: usize, inputs: usize) -> impl Strategy<Value = Machine<u8>> {
        (1..=states, 1..=inputs).prop_flat_map(|(states, inputs)| {
            let edge = (0..3_u8, 0..states).prop_map(|(output, target)| edge(output, target));
            let edges = proptest::collection::vec(proptest::collection::vec(edge, inputs), states);
            edges.prop_map(move |edges| Machine::new(inputs, &edges).unwrap())
        })
    }

    #[test]
    fn states_are_numbered_breadth_first_and_unreachable_ones_are_left_out() {
        let written = [
            vec![edge(0, 2), edge(0, 0)],
            vec![edge(9, 1), edge(9, 1)],
            vec![edge(1, 3), edge(0, 2)],
            vec![edge(2, 0), edge(2, 3)],
        ];
        let machine = Machine::new(2, &written).unwrap();
        assert_eq!(machine.len(), 3);
        assert_eq!(machine.access_words(), [vec![], vec![0], vec![0, 0]]);
        assert_eq!(machine.outputs(0, &[0, 0, 0, 1]), [0, 1, 2, 0]);
        assert_eq!(machine.after(0, &[0, 0]), 2);
    }

    #[rstest]
    #[case::no_state(&[], MachineError::Empty)]
    #[case::missing_input(&[vec![]], MachineError::Incomplete(0))]
    #[case::edge_into_nothing(&[vec![edge(0, 1)]], MachineError::Incomplete(0))]
    fn incomplete_machines_are_refused(#[case] edges: &[Vec<Edge<u8>>], #[case] error: MachineError) {
        assert_eq!(Machine::new(1, edges), Err(error));
    }

    proptest! {
        #[test]
        fn an_access_word_leads_to_its_state(machine in any_machine(8, 4)) {
            for (state, word) in machine.access_words().iter().enumerate() {
                prop_assert_eq!(machine.after(0, word), state);
            }
        }

        #[test]
        fn numbering_again_changes_nothing(machine in any_machine(8, 4)) {
            prop_assert_eq!(Machine::new(machine.inputs, &machine.states), Ok(machine));
        }
    }
}

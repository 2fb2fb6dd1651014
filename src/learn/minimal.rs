//! Merges equivalent states of a machine.

use std::collections::HashMap;
use std::hash::Hash;

use super::machine::{Edge, Machine, State};

/// The machine with the same behaviour and the fewest states.
pub fn minimal<O: Clone + Eq + Hash>(machine: &Machine<O>) -> Machine<O> {
    let mut class: Vec<State> = vec![0; machine.len()];
    let mut classes = 1;
    loop {
        let mut known = HashMap::new();
        let refined: Vec<State> = (0..machine.len())
            .map(|state| {
                let edges = (0..machine.inputs()).map(|input| machine.edge(state, input));
                let shown: Vec<(O, State)> =
                    edges.map(|edge| (edge.output.clone(), class[edge.target])).collect();
                let next = known.len();
                *known.entry((class[state], shown)).or_insert(next)
            })
            .collect();
        class = refined;
        if known.len() == classes {
            break;
        }
        classes = known.len();
    }
    let member = |number| class.iter().position(|one| *one == number).unwrap_or(0);
    let edges: Vec<Vec<Edge<O>>> = (0..classes)
        .map(|number| {
            let edges = (0..machine.inputs()).map(|input| machine.edge(member(number), input));
            edges.map(|edge| Edge { output: edge.output.clone(), target: class[edge.target] }).collect()
        })
        .collect();
    // The classes of a complete machine form a complete machine; its initial state has class 0.
    Machine::new(machine.inputs(), &edges).unwrap_or_else(|_| machine.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learn::machine::tests::{any_machine, edge};

    #[test]
    fn equivalent_states_become_one() {
        let written = [vec![edge(0, 1)], vec![edge(0, 2)], vec![edge(0, 0)]];
        assert_eq!(minimal(&Machine::new(1, &written).unwrap()).len(), 1);
        let written = [vec![edge(0, 1)], vec![edge(1, 2)], vec![edge(0, 1)]];
        assert_eq!(minimal(&Machine::new(1, &written).unwrap()).len(), 2);
    }

    proptest! {
        #[test]
        fn the_behaviour_stays_the_same(
            machine in any_machine(8, 2),
            word in proptest::collection::vec(0..2_usize, 0..20),
        ) {
            let word: Vec<usize> = word.into_iter().filter(|input| *input < machine.inputs()).collect();
            let smaller = minimal(&machine);
            prop_assert_eq!(smaller.outputs(0, &word), machine.outputs(0, &word));
            prop_assert!(smaller.len() <= machine.len());
            prop_assert_eq!(minimal(&smaller).len(), smaller.len());
        }
    }
}

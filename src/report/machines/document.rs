//! Learnt machines as one JSON document.

use serde_json::{Value, json};

use crate::learn::Study;

/// The document: `machines` with their figures and edges, and `words` that tell neighbours apart.
pub fn document(study: &Study) -> Value {
    let machines = study.targets.iter().enumerate().map(|(at, target)| {
        let learnt = &target.learnt;
        let machine = &learnt.machine;
        let names = study.state_names(at);
        let edges = (0..machine.len()).flat_map(|state| {
            (0..machine.inputs()).map(move |input| {
                let edge = machine.edge(state, input);
                json!({"from": state, "input": study.alphabet.input_name(input), "answer": *edge.output, "to": edge.target})
            })
        });
        json!({
            "target": target.target,
            "states": machine.len(),
            "inputs": machine.inputs(),
            "queries": learnt.explored + learnt.tested,
            "explored": learnt.explored,
            "tested": learnt.tested,
            "steps": learnt.steps,
            "boots": learnt.boots,
            "seconds": learnt.took.as_secs_f64(),
            "k": study.thoroughness.extra_states,
            "walks": study.thoroughness.walks,
            "seed": study.thoroughness.seed,
            "names": names,
            "edges": edges.collect::<Vec<_>>(),
        })
    });
    let words = study.comparisons.iter().flat_map(|comparison| {
        comparison.words.iter().map(move |shown| {
            let inputs: Vec<&str> =
                shown.found.word.iter().map(|one| study.alphabet.input_name(*one)).collect();
            json!({
                "targets": [comparison.first, comparison.second],
                "inputs": inputs,
                "first": *shown.found.first,
                "second": *shown.found.second,
                "behind_another": shown.found.behind_another,
                "file": shown.file,
            })
        })
    });
    json!({
        "format": "1.0",
        "alphabet": study.alphabet.name,
        "machines": machines.collect::<Vec<_>>(),
        "words": words.collect::<Vec<_>>(),
    })
}

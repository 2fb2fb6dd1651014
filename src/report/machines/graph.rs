//! Learnt machines as graphs: DOT and Mermaid.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::learn::Study;

/// The colour of edges that differ from those of the target before.
pub(super) const CHANGED: &str = "#c0392b";

/// Arrows between two different states, each with its labels and whether one of them changed.
struct Arrow {
    labels: Vec<String>,
    changed: bool,
}

/// The machines as one DOT graph, a cluster for each.
pub fn dot(study: &Study) -> String {
    let mut text = String::from(
        "digraph machines {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    // Writing to a text cannot fail.
    for (at, target) in study.targets.iter().enumerate() {
        let _ = writeln!(text, "  subgraph cluster_{at} {{\n    label={};", dot_text(&target.target));
        for (state, name) in study.state_names(at).iter().enumerate() {
            let _ = writeln!(text, "    m{at}s{state} [label={}];", dot_text(&format!("{state}: {name}")));
        }
        text.push_str("  }\n");
        for ((from, to), arrow) in arrows(study, at) {
            let colour = if arrow.changed {
                format!(", color=\"{CHANGED}\", fontcolor=\"{CHANGED}\"")
            } else {
                String::new()
            };
            let label = dot_text(&arrow.labels.join("\n"));
            let _ = writeln!(text, "  m{at}s{from} -> m{at}s{to} [label={label}{colour}];");
        }
    }
    text.push_str("}\n");
    text
}

/// The machines as one Mermaid flow chart, a subgraph for each. Inputs that leave the state as it is are left out.
pub fn mermaid(study: &Study) -> String {
    let mut text = String::from("flowchart LR\n");
    let mut number = 0;
    let mut changed = Vec::new();
    for (at, target) in study.targets.iter().enumerate() {
        let _ = writeln!(text, "  subgraph m{at}[\"{}\"]", mermaid_text(&target.target));
        for (state, name) in study.state_names(at).iter().enumerate() {
            let _ = writeln!(text, "    m{at}s{state}[\"{state}: {}\"]", mermaid_text(name));
        }
        text.push_str("  end\n");
        for ((from, to), arrow) in arrows(study, at).into_iter().filter(|((from, to), _)| from != to) {
            let labels: Vec<String> = arrow.labels.iter().map(|label| mermaid_text(label)).collect();
            let _ = writeln!(text, "  m{at}s{from} -->|\"{}\"| m{at}s{to}", labels.join("<br/>"));
            if arrow.changed {
                changed.push(number.to_string());
            }
            number += 1;
        }
    }
    if !changed.is_empty() {
        let _ = writeln!(text, "  linkStyle {} stroke:{CHANGED},color:{CHANGED}", changed.join(","));
    }
    text
}

/// The arrows of a target's machine; edges with the same ends are one arrow.
fn arrows(study: &Study, at: usize) -> BTreeMap<(usize, usize), Arrow> {
    let mut arrows: BTreeMap<(usize, usize), Arrow> = BTreeMap::new();
    let Some(target) = study.targets.get(at) else { return arrows };
    let machine = &target.learnt.machine;
    for state in 0..machine.len() {
        for (input, name) in study.alphabet.input_names().iter().enumerate() {
            let edge = machine.edge(state, input);
            let arrow = arrows
                .entry((state, edge.target))
                .or_insert_with(|| Arrow { labels: Vec::new(), changed: false });
            arrow.labels.push(format!("{name} / {}", edge.output));
            arrow.changed |= is_changed(study, at, state, input);
        }
    }
    arrows
}

/// Whether an edge of a target differs from that of the target before.
pub(super) fn is_changed(study: &Study, at: usize, state: usize, input: usize) -> bool {
    study.before(at).is_some_and(|comparison| {
        let change = &comparison.change;
        change.answered.contains(&(state, input)) || change.redirected.contains(&(state, input))
    })
}

fn dot_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn mermaid_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

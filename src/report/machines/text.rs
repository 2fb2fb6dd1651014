//! Learnt machines in the terminal: a table for each, and what lies between them.

use std::fmt::Write as _;

use crate::learn::{MachineComparison, Nondeterminism, Study};

/// The machines of a study, the words that tell neighbours apart, and how the machines changed.
pub fn text(study: &Study) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    for at in 0..study.targets.len() {
        machine(&mut text, study, at);
    }
    for (at, comparison) in study.comparisons.iter().enumerate() {
        let _ = writeln!(text, "{} → {}", comparison.first, comparison.second);
        words(&mut text, study, comparison);
        history(&mut text, study, comparison, at);
        text.push('\n');
    }
    for line in figures(study) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// What it took to learn each machine, and what that proves.
pub(super) fn figures(study: &Study) -> Vec<String> {
    let extra = study.thoroughness.extra_states;
    let one = |target: &crate::learn::StudiedTarget| {
        let learnt = &target.learnt;
        let states = learnt.machine.len();
        format!(
            "{}: {states} states, {} inputs; {} words to explore, {} to test, {} steps in {:.1} s; right if the gateway has at most {} states",
            target.target,
            learnt.machine.inputs(),
            learnt.explored,
            learnt.tested,
            learnt.steps,
            learnt.took.as_secs_f64(),
            states + extra,
        )
    };
    study.targets.iter().map(one).collect()
}

fn machine(text: &mut String, study: &Study, at: usize) {
    let Some(target) = study.targets.get(at) else { return };
    let machine = &target.learnt.machine;
    let names = study.state_names(at);
    let _ = writeln!(text, "{}\n", target.target);
    let inputs = study.alphabet.input_names();
    let width = inputs.iter().map(String::len).max().unwrap_or(0);
    for (state, name) in names.iter().enumerate() {
        let _ = writeln!(text, "  {state}  {name}");
        for (input, name) in inputs.iter().enumerate() {
            let edge = machine.edge(state, input);
            let next = if edge.target == state { String::new() } else { format!(" → {}", edge.target) };
            let _ = writeln!(text, "       {name:width$}  {}{next}", edge.output);
        }
    }
    text.push('\n');
}

fn words(text: &mut String, study: &Study, comparison: &MachineComparison) {
    if comparison.words.is_empty() {
        let _ = writeln!(text, "  no difference");
    }
    for shown in &comparison.words {
        let found = &shown.found;
        let mark = if found.behind_another { "  (behind another difference)" } else { "" };
        let _ = writeln!(text, "  {}{mark}", study.alphabet.spell(&found.word));
        let _ = writeln!(text, "      {} → {}", found.first, found.second);
        if let Some(file) = &shown.file {
            let _ = writeln!(text, "      {file}");
        }
    }
}

fn history(text: &mut String, study: &Study, comparison: &MachineComparison, at: usize) {
    for line in changes(study, comparison, at) {
        let _ = writeln!(text, "  {line}");
    }
}

/// One line for each state that was added or merged and each edge that was redirected. `at` is the number of the first target.
pub(super) fn changes(study: &Study, comparison: &MachineComparison, at: usize) -> Vec<String> {
    let (before, after) = (study.state_names(at), study.state_names(at + 1));
    let name = |names: &[String], state: usize| names.get(state).cloned().unwrap_or_default();
    let change = &comparison.change;
    let mut lines: Vec<String> = Vec::new();
    lines.extend(change.added.iter().map(|state| format!("state added: {}", name(&after, *state))));
    lines.extend(change.merged.iter().map(|state| format!("state merged: {}", name(&before, *state))));
    let machine = study.targets.get(at + 1).map(|one| &one.learnt.machine);
    for (state, input) in &change.redirected {
        let Some(edge) = machine.map(|machine| machine.edge(*state, *input)) else { continue };
        let (input, target) = (study.alphabet.input_name(*input), name(&after, edge.target));
        lines.push(format!("redirected: {input} in state {} now leads to {target}", name(&after, *state)));
    }
    lines
}

/// A word that a target answers in two ways, with what happened each time.
pub fn nondeterminism(found: &Nondeterminism) -> String {
    let mut text = format!(
        "{} is not deterministic over this alphabet: `{}` was answered in two ways\n\n  earlier  {}\n  later    {}\n",
        found.target,
        found.word.join(", "),
        found.first,
        found.second
    );
    for answer in &found.again {
        let _ = writeln!(text, "  alone    {answer}");
    }
    for (name, cell) in ["earlier", "later"].iter().zip(&found.transcripts) {
        let answer = if *name == "earlier" { &found.first } else { &found.second };
        let Some(cell) = cell else {
            let _ = writeln!(text, "\nno transcript of the {name} answer ({answer}): it did not come again");
            continue;
        };
        let _ = writeln!(text, "\ntranscript of the answer {answer}");
        for entry in &cell.transcript {
            let _ =
                writeln!(text, "  {:?} {}: {}", entry.direction, entry.connection, shortened(&entry.text));
        }
    }
    text
}

/// The beginning of a frame.
fn shortened(text: &str) -> String {
    /// Characters of a frame that are shown.
    const SHOWN: usize = 400;
    let mut short: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

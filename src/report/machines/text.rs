//! Learnt machines in the terminal: a table for each, and what lies between them.

use std::fmt::Write as _;

use crate::learn::{MachineComparison, Nondeterminism, Study};
use crate::release::Release;

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
        for line in next_steps(comparison) {
            let _ = writeln!(text, "  {line}");
        }
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

/// The commands that find the release in which the first difference came, if the targets are releases and it was written.
pub(super) fn next_steps(comparison: &MachineComparison) -> Vec<String> {
    let Some(file) = comparison.words.iter().find_map(|shown| shown.file.as_ref()) else { return Vec::new() };
    let releases = [&comparison.first, &comparison.second].map(|target| target.parse::<Release>());
    let [Ok(first), Ok(second)] = releases else { return Vec::new() };
    // What the second target does is written as right.
    let (from, to, find) = if first < second { (first, second, " --find fix") } else { (second, first, "") };
    vec![
        format!("when it came: gatecrash bisect {file} --good {second} --bad {first}{find}"),
        format!("all releases: gatecrash matrix {file} {from}..{to}"),
    ]
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::learn::{DistinguishingWord, MachineChange, ShownWord};

    fn compared(first: &str, second: &str, file: Option<&str>) -> MachineComparison {
        let found = DistinguishingWord {
            word: vec![0],
            first: "hello".into(),
            second: "closed 1008 role-upgrade".into(),
            behind_another: false,
        };
        MachineComparison {
            first: first.to_owned(),
            second: second.to_owned(),
            words: vec![ShownWord { found, file: file.map(str::to_owned) }],
            change: MachineChange::default(),
        }
    }

    #[rstest]
    #[case::forwards("2026.3.28", "2026.3.31", Some("f.yaml"), &[
        "when it came: gatecrash bisect f.yaml --good 2026.3.31 --bad 2026.3.28 --find fix",
        "all releases: gatecrash matrix f.yaml 2026.3.28..2026.3.31",
    ])]
    #[case::backwards("2026.4.2", "2026.3.31", Some("f.yaml"), &[
        "when it came: gatecrash bisect f.yaml --good 2026.3.31 --bad 2026.4.2",
        "all releases: gatecrash matrix f.yaml 2026.3.31..2026.4.2",
    ])]
    #[case::not_written("2026.3.28", "2026.3.31", None, &[])]
    #[case::no_release("2026.3.28", "path:./build", Some("f.yaml"), &[])]
    fn the_next_commands_are_named(
        #[case] first: &str,
        #[case] second: &str,
        #[case] file: Option<&str>,
        #[case] expected: &[&str],
    ) {
        assert_eq!(next_steps(&compared(first, second, file)), expected);
    }

    #[test]
    fn two_answers_to_one_word_are_told_with_what_came_again() {
        let found = Nondeterminism {
            target: "2026.3.31".to_owned(),
            word: vec!["node".to_owned(), "approve".to_owned()],
            first: Arc::from("ok"),
            second: Arc::from("silence"),
            again: vec![Arc::from("ok"), Arc::from("ok")],
            transcripts: [None, None],
        };
        insta::assert_snapshot!(nondeterminism(&found), @r"
        2026.3.31 is not deterministic over this alphabet: `node, approve` was answered in two ways

          earlier  ok
          later    silence
          alone    ok
          alone    ok

        no transcript of the earlier answer (ok): it did not come again

        no transcript of the later answer (silence): it did not come again
        ");
    }
}

//! Shows the results for mutants of the model.

use std::fmt::Write as _;

use super::Appearance;
use super::palette::paint;
use crate::mutation::{MutantFate, Score};
use crate::report::text::{cut, padded, width, wrap};
use crate::verdict::Verdict;

/// The killed mutants, the survivors, and a summary.
pub fn mutants(score: &Score, appearance: &Appearance) -> String {
    let names = score.mutants.iter().map(|fate| width(fate.mutant.name)).max().unwrap_or(0);
    let mut text = String::new();
    let killed = score.mutants.iter().filter(|fate| fate.killed);
    let others = score.mutants.iter().filter(|fate| !fate.killed);
    for fate in killed.chain(others) {
        let (verdict, word) = match (fate.killed, fate.mutant.unseen) {
            (true, _) => (Verdict::Pass, "killed  "),
            (false, Some(_)) => (Verdict::Known, "unseen  "),
            (false, None) => (Verdict::Fail, "survived"),
        };
        let head = format!("{}  ", padded(fate.mutant.name, names));
        let line = cut(&format!("{head}{}", told(fate)), appearance.width.saturating_sub(10));
        let _ = writeln!(text, "{}  {line}", paint(appearance.palette.of(verdict), word));
    }
    for scenario in &score.blind {
        let _ = writeln!(text, "{}  {scenario}", paint(appearance.palette.of(Verdict::Error), "blind   "));
    }
    let alive = score.survivors().count();
    let unseen = score.mutants.len() - score.killed - alive;
    let (verdict, word) =
        if alive == 0 { (Verdict::Pass, "ALL NOTICED") } else { (Verdict::Fail, "SURVIVORS") };
    let mut line = format!(
        ": {} of {} mutants killed ({:.1} %)",
        score.killed,
        score.mutants.len(),
        score.score * 100.0
    );
    if unseen > 0 {
        let _ = write!(line, " · {unseen} not visible on the wire");
    }
    if alive > 0 {
        let _ = write!(line, " · {alive} survived: scenarios are missing");
    }
    let _ = writeln!(
        text,
        "\n{}{}\n",
        paint(appearance.palette.of(verdict), word),
        wrap(&line, appearance.width).join("\n")
    );
    text
}

fn told(fate: &MutantFate) -> String {
    match (&fate.by[..], fate.mutant.unseen) {
        ([first], _) => first.clone(),
        ([first, others @ ..], _) => format!("{first} and {} more", others.len()),
        ([], Some(why)) => why.to_owned(),
        ([], None) => fate.mutant.about.to_owned(),
    }
}

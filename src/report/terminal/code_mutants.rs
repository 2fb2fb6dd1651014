//! Shows the results for mutants of the code of a release.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Appearance;
use super::palette::paint;
use crate::mutation::{CodeScore, MutantVerdict};
use crate::report::text::wrap;
use crate::verdict::Verdict;

/// The maximum number of scenarios that are named with a survivor; the rest is counted.
const NAMED: usize = 4;

/// The survivors with their place in upstream's source file, the counts by file, and the score.
pub fn code_mutants(score: &CodeScore, appearance: &Appearance) -> String {
    let mut text = String::new();
    let fail = |word: &str| paint(appearance.palette.of(Verdict::Fail), word);
    for survivor in score.with(MutantVerdict::Survived) {
        let _ = writeln!(text, "{}  {} {}", fail("survived"), survivor.source, survivor.operator.name());
        let _ = writeln!(text, "  {}", survivor.id);
        let (named, rest) = survivor.scenarios_run.split_at(survivor.scenarios_run.len().min(NAMED));
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let ran = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
        let _ = writeln!(text, "  ran over it: {ran}{more}");
        for line in survivor.diff.iter().flat_map(|diff| diff.lines().skip(2)) {
            let line = match line.as_bytes().first() {
                Some(b'-') => paint(appearance.palette.of(Verdict::Fail), line),
                Some(b'+') => paint(appearance.palette.of(Verdict::Pass), line),
                _ => line.to_owned(),
            };
            let _ = writeln!(text, "    {line}");
        }
        text.push('\n');
    }
    not_reached(score, &mut text);
    by_file(score, &mut text);
    for scenario in &score.blind {
        let _ = writeln!(
            text,
            "{}  {scenario} is not fine without a mutant, or could not be watched, so it notices none",
            paint(appearance.palette.of(Verdict::Error), "blind")
        );
    }
    let survived = score.counts.contains_key(&MutantVerdict::Survived);
    let (verdict, word) = match (survived, score.is_all_noticed()) {
        (true, _) => (Verdict::Fail, "SURVIVORS"),
        (false, true) => (Verdict::Pass, "ALL NOTICED"),
        (false, false) => (Verdict::Untestable, "NOT ALL LOOKED AT"),
    };
    let counts: Vec<String> = MutantVerdict::ALL
        .iter()
        .filter_map(|verdict| Some(format!("{} {}", score.counts.get(verdict)?, verdict.name())))
        .collect();
    let mut line = format!(
        ": {:.1} % of the mutants that scenarios reach are noticed ({} of {} in scope tried: {})",
        score.score * 100.0,
        score.mutants.len(),
        score.possible,
        counts.join(", ")
    );
    if score.not_tried > 0 {
        let _ = write!(line, " · {} chosen ones were not tried; --resume continues", score.not_tried);
    }
    let _ = writeln!(
        text,
        "\n{}{}\n",
        paint(appearance.palette.of(verdict), word),
        wrap(&line, appearance.width).join("\n")
    );
    text
}

/// The mutants that no scenario reaches, which show missing coverage rather than weak expectations.
fn not_reached(score: &CodeScore, text: &mut String) {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for mutant in score.with(MutantVerdict::NotReached) {
        *places.entry((&mutant.source, &mutant.function)).or_default() += 1;
    }
    if places.is_empty() {
        return;
    }
    text.push_str("No scenario reaches these:\n");
    for ((source, function), count) in places {
        let place = if function.is_empty() { String::new() } else { format!(" {function}") };
        let _ = writeln!(text, "  {count:>4}  {source}{place}");
    }
    text.push('\n');
}

fn by_file(score: &CodeScore, text: &mut String) {
    let mut files: BTreeMap<&str, BTreeMap<MutantVerdict, usize>> = BTreeMap::new();
    for mutant in &score.mutants {
        *files.entry(&mutant.source).or_default().entry(mutant.verdict).or_default() += 1;
    }
    let wide = files.keys().map(|source| source.len()).max().unwrap_or(0);
    let _ = writeln!(text, "{:wide$}  noticed  survived  not reached  other", "");
    for (source, counts) in files {
        let of = |verdicts: &[MutantVerdict]| -> usize {
            verdicts.iter().filter_map(|verdict| counts.get(verdict)).sum()
        };
        let _ = writeln!(
            text,
            "{source:wide$}  {:>7}  {:>8}  {:>11}  {:>5}",
            of(&[MutantVerdict::Killed, MutantVerdict::TimedOut]),
            of(&[MutantVerdict::Survived]),
            of(&[MutantVerdict::NotReached]),
            of(&[MutantVerdict::Equivalent, MutantVerdict::NotBooted])
        );
    }
}

//! Shows where two targets differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Appearance;
use super::difference::Block;
use super::palette::paint;
use crate::diff::{Agreement, Incomparable, StepDifference};
use crate::report::frames::{arrow, headline};
use crate::report::text::cut;
use crate::verdict::Verdict;

/// The maximum number of scenarios that are named for one reason.
const MOST: usize = 8;

/// An agreement as lines, ending in a summary.
pub fn agreement(found: &Agreement, appearance: &Appearance) -> String {
    let mut block = Block::new(appearance);
    for one in &found.different {
        difference(&mut block, found, one, appearance);
        block.line("");
    }
    unseen(&mut block, "not compared", &found.incomparable, appearance);
    unseen(&mut block, "broken", &found.broken, appearance);
    let (word, verdict) = match (found.different.len(), found.broken.len(), found.alike) {
        (0, 0, 0) => ("NOTHING COMPARED", Verdict::Untestable),
        (0, 0, _) => ("ALIKE", Verdict::Pass),
        (0, ..) => ("BROKEN", Verdict::Error),
        _ => ("DIFFERENT", Verdict::Fail),
    };
    let mut sums = format!(
        ": {} and {} · {} alike · {} different",
        found.first,
        found.second,
        found.alike,
        found.different.len()
    );
    for (count, what) in [(found.incomparable.len(), "not compared"), (found.broken.len(), "broken")] {
        if count > 0 {
            let _ = write!(sums, " · {count} {what}");
        }
    }
    block.line(&format!("{}{sums}", paint(appearance.palette.of(verdict), word)));
    block.into_text()
}

fn difference(block: &mut Block<'_>, found: &Agreement, one: &StepDifference, appearance: &Appearance) {
    let word = paint(appearance.palette.of(Verdict::Fail), "DIFFERENT");
    block.line(&format!("{word} {}", paint(appearance.palette.strong(), &one.scenario)));
    block.line(&format!("  --> {}:{}  step `{}`", one.path, one.line, one.step));
    let names = [&found.first, &found.second].map(String::as_str);
    for (name, outcome) in names.iter().zip([&one.first, &one.second]) {
        block.prose("", &format!("{name} {outcome}"));
    }
    if !one.place.is_empty() {
        block.prose("", &format!("at {}: {} and {}", one.place, one.values[0], one.values[1]));
    }
    let Some(pair) = &one.frames else { return };
    block.line(&format!("  first frames of `{}` that differ", pair.connection));
    for (name, entry) in names.iter().zip([&pair.first, &pair.second]) {
        let told = entry.as_ref().map_or_else(
            || "nothing more".to_owned(),
            |entry| format!("{} {}", arrow(entry.direction), headline(entry)),
        );
        block.line(&cut(&format!("    {name}  {told}"), appearance.width));
    }
}

fn unseen(block: &mut Block<'_>, what: &str, cells: &[Incomparable], appearance: &Appearance) {
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for one in cells {
        reasons.entry((&one.target, &one.why)).or_default().push(&one.scenario);
    }
    for ((target, why), scenarios) in reasons {
        let more = scenarios.len().saturating_sub(MOST);
        let mut names = scenarios[..scenarios.len() - more].join(", ");
        if more > 0 {
            let _ = write!(names, " and {more} more");
        }
        let what = paint(appearance.palette.quiet(), what);
        block.prose("", &format!("{what} {target}: {why} ({names})"));
    }
}

//! What changed between two runs, as a list.

use super::Look;
use super::palette::paint;
use crate::report::compare::{Changed, Comparison};
use crate::report::text::{count, cut, cut_middle, padded, width};
use crate::verdict::Verdict;

/// Names of missing cells that are shown.
const MOST: usize = 10;

/// A comparison as lines, ending in a summary.
pub fn comparison(found: &Comparison, look: &Look) -> String {
    let longest = found.changed.iter().map(|one| width(&one.scenario)).max().unwrap_or(0);
    let id_width = longest.min((look.width / 2).max(24));
    let mut text = String::new();
    for one in &found.changed {
        text.extend([&padded(&cut_middle(&one.scenario, id_width), id_width), "  "]);
        text.extend([&paint(look.palette.quiet(), &one.target), "  ", &turn(one, look), "\n"]);
    }
    let lists = [
        ("only in the first run", &found.only_first),
        ("only in the second run", &found.only_second),
        ("untestable or broken in both runs", &found.unseen),
    ];
    for (what, names) in lists {
        if names.is_empty() {
            continue;
        }
        let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
        let line = format!("{what} ({}): {shown}", count(names.len(), "cell"));
        text.extend([&paint(look.palette.quiet(), &cut(&line, look.width)), "\n"]);
    }
    let (word, verdict) = match (found.compares(), found.changed.is_empty()) {
        (false, _) => ("NOTHING COMPARED", Verdict::Untestable),
        (true, true) => ("ALIKE", Verdict::Pass),
        (true, false) => ("CHANGED", Verdict::Fail),
    };
    let sums = format!(": {} changed, {} alike\n", count(found.changed.len(), "cell"), found.alike);
    text + &paint(look.palette.of(verdict), word) + &sums
}

fn turn(one: &Changed, look: &Look) -> String {
    let side = |(verdict, word): &(Verdict, String)| {
        let word = if word == "ok" || word == "?" || *word == verdict.to_string() {
            verdict.to_string()
        } else {
            format!("{verdict} {word}")
        };
        paint(look.palette.of(*verdict), &word)
    };
    format!("{} → {}", side(&one.before), side(&one.after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compare::compare;
    use crate::report::sample;
    use crate::report::terminal::Palette;
    use crate::run::RunRecord;

    #[test]
    fn a_comparison_reads_as_a_list() {
        let first = RunRecord::of(&sample::events());
        let mut second = first.clone();
        second.cells.retain(|cell| cell.target != "2026.3.24");
        for cell in second.cells.iter_mut().filter(|cell| cell.verdict == Verdict::Fail) {
            cell.verdict = Verdict::Pass;
            cell.signature = None;
        }
        let look = Look { width: 100, palette: Palette::PLAIN };
        insta::assert_snapshot!(comparison(&compare(&first, &second), &look));
        let itself = comparison(&compare(&first, &first), &look);
        assert!(itself.ends_with("\nALIKE: 0 cells changed, 36 alike\n"), "{itself}");
        second.cells.clear();
        let nothing = comparison(&compare(&first, &second), &look);
        assert!(nothing.ends_with("\nNOTHING COMPARED: 0 cells changed, 0 alike\n"), "{nothing}");
    }
}

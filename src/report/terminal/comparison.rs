//! Shows the changes between two runs.

use super::Appearance;
use super::palette::paint;
use crate::report::compare::{Changed, ComparedRun, Comparison, ComparisonResult};
use crate::report::text::{count, cut, cut_middle, padded, width};
use crate::run::Ending;
use crate::verdict::Verdict;

/// The maximum number of missing cells that are named.
const MOST: usize = 10;

/// A comparison as lines, ending in a summary.
pub fn comparison(found: &Comparison, appearance: &Appearance) -> String {
    let longest = found.changed.iter().map(|one| width(&one.scenario)).max().unwrap_or(0);
    let id_width = longest.min((appearance.width / 2).max(24));
    let mut text = String::new();
    for one in &found.changed {
        text.extend([&padded(&cut_middle(&one.scenario, id_width), id_width), "  "]);
        text.extend([
            &paint(appearance.palette.quiet(), &one.target),
            "  ",
            &direction(one, appearance),
            "\n",
        ]);
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
        text.extend([&paint(appearance.palette.quiet(), &cut(&line, appearance.width)), "\n"]);
    }
    for (which, part) in [("first", &found.first), ("second", &found.second)] {
        let Some(told) = &part.told else { continue };
        let line = format!("the {which} run is {told}{}", named(part));
        text.extend([&paint(appearance.palette.of(Verdict::Error), &cut(&line, appearance.width)), "\n"]);
    }
    let (word, verdict) = match found.finding() {
        ComparisonResult::Changed => ("CHANGED", Verdict::Fail),
        ComparisonResult::NotWhole(Ending::CutOff) => ("CUT OFF", Verdict::Error),
        ComparisonResult::NotWhole(Ending::Interrupted) => ("INTERRUPTED", Verdict::Error),
        ComparisonResult::NotWhole(Ending::Incomplete | Ending::Whole) => ("INCOMPLETE", Verdict::Error),
        ComparisonResult::NothingInCommon => ("NOTHING IN COMMON", Verdict::Error),
        ComparisonResult::Alike => ("ALIKE", Verdict::Pass),
    };
    let sums = format!(": {} changed, {} alike\n", count(found.changed.len(), "cell"), found.alike);
    text + &paint(appearance.palette.of(verdict), word) + &sums
}

/// The cells that a run lacks.
fn named(part: &ComparedRun) -> String {
    if part.lacks.is_empty() {
        return String::new();
    }
    format!(": {}", part.lacks.iter().take(MOST).cloned().collect::<Vec<_>>().join(", "))
}

fn direction(one: &Changed, appearance: &Appearance) -> String {
    let side = |(verdict, word): &(Verdict, String)| {
        let word = if word == "ok" || word == "?" || *word == verdict.to_string() {
            verdict.to_string()
        } else {
            format!("{verdict} {word}")
        };
        paint(appearance.palette.of(*verdict), &word)
    };
    format!("{} → {}", side(&one.before), side(&one.after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compare::compare;
    use crate::report::sample;
    use crate::report::terminal::Palette;
    use crate::run::{Event, RunRecord};

    #[test]
    fn a_comparison_reads_as_a_list() {
        let first = RunRecord::of(&sample::events());
        let mut second = first.clone();
        second.cells.retain(|cell| cell.target != "2026.3.24");
        for cell in second.cells.iter_mut().filter(|cell| cell.verdict == Verdict::Fail) {
            cell.verdict = Verdict::Pass;
            cell.signature = None;
        }
        let appearance = Appearance { width: 100, palette: Palette::PLAIN };
        insta::assert_snapshot!(comparison(&compare(&first, &second), &appearance));
        let itself = comparison(&compare(&first, &first), &appearance);
        assert!(itself.ends_with("\nALIKE: 0 cells changed, 36 alike\n"), "{itself}");
        second.cells.clear();
        let nothing = comparison(&compare(&first, &second), &appearance);
        assert!(nothing.ends_with("\nNOTHING IN COMMON: 0 cells changed, 0 alike\n"), "{nothing}");
    }

    #[test]
    fn a_run_that_was_cut_off_is_named() {
        let whole = RunRecord::of(&sample::events());
        let mut events = sample::events();
        events.retain(|event| match event {
            Event::CellFinished(cell) => cell.target != "2026.9.6" || !cell.scenario.starts_with("state/"),
            other => !matches!(other, Event::RunFinished { .. }),
        });
        let appearance = Appearance { width: 200, palette: Palette::PLAIN };
        insta::assert_snapshot!(comparison(&compare(&whole, &RunRecord::of(&events)), &appearance), @r"
        only in the first run (2 cells): state/imported-from-json on 2026.9.6, state/restart-keeps-pairing on 2026.9.6
        untestable or broken in both runs (6 cells): state/imported-from-json on 2026.3.24, state/imported-from-json on 2026.3.28, state/imported-from-json on 2026.3.31, state/imported-from-json on 2026.4.1,…
        the second run is cut off, 2 cells not run: state/imported-from-json on 2026.9.6, state/restart-keeps-pairing on 2026.9.6
        CUT OFF: 0 cells changed, 34 alike
        ");
    }
}

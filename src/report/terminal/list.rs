//! Shows a run with one target: a list of scenarios by section.

use std::collections::HashSet;

use super::matrix::MOST_ROWS;
use super::palette::{mark, paint};
use super::{Appearance, Shown};
use crate::report::difference::{Difference, deciding_step, section};
use crate::report::standing::Standing;
use crate::report::text::{cut, cut_middle, duration, joined, padded, width};
use crate::run::{Cell, RunRecord, behaviour};
use crate::verdict::Verdict;

/// The maximum width, because longer lines are hard to read.
const WIDEST: usize = 110;

/// The cells of a run with one target. Cells that did not run for the same reason are left out, because they are shown
/// together elsewhere; in a large run, those that are fine or untestable are counted.
pub(super) fn list(
    record: &RunRecord,
    differences: &[Difference<'_>],
    shown: Shown,
    appearance: &Appearance,
) -> String {
    let folded: HashSet<&str> = differences
        .iter()
        .filter(|one| !one.more.is_empty())
        .flat_map(|one| one.more.iter().copied().chain([one.cell.scenario.as_str()]))
        .collect();
    let large = shown != Shown::All && record.cells.len() > MOST_ROWS;
    let counted = |cell: &Cell| large && matches!(cell.verdict, Verdict::Pass | Verdict::Untestable);
    let cells =
        || record.cells.iter().filter(|cell| !folded.contains(cell.scenario.as_str()) && !counted(cell));
    let wide = appearance.width.min(WIDEST);
    let name = |cell: &Cell| {
        cell.scenario.trim_start_matches(section(&cell.scenario)).trim_start_matches('/').to_owned()
    };
    let longest = cells().map(|cell| width(&name(cell))).max().unwrap_or(0);
    let id_width = longest.min(wide / 2);
    let mut text = String::new();
    let mut open = "";
    for cell in cells() {
        let section = section(&cell.scenario);
        if section != open {
            open = section;
            text.push_str(&paint(appearance.palette.strong(), section));
            text.push('\n');
        }
        let standing = Standing::of(&record.run.deny, cell);
        let style = appearance.palette.standing(standing);
        let time = duration(cell.duration_ms);
        let said = cut(&said(cell, standing), wide.saturating_sub(id_width + width(&time) + 8));
        let gap = wide.saturating_sub(id_width + width(&said) + width(&time) + 6);
        text.extend([
            "  ",
            &paint(style, mark(standing)),
            " ",
            &padded(&cut_middle(&name(cell), id_width), id_width),
            "  ",
            &paint(style, &said),
            &" ".repeat(gap),
            &paint(appearance.palette.quiet(), &time),
            "\n",
        ]);
    }
    if large {
        text.push_str(&in_numbers(record, appearance));
    }
    text
}

/// How many cells of each section are fine or untestable, and how to see them.
fn in_numbers(record: &RunRecord, appearance: &Appearance) -> String {
    let mut sections: Vec<(&str, usize, usize)> = Vec::new();
    for cell in &record.cells {
        let (pass, untestable) = match cell.verdict {
            Verdict::Pass => (1, 0),
            Verdict::Untestable => (0, 1),
            _ => continue,
        };
        let name = section(&cell.scenario);
        match sections.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, passed, other)) => {
                *passed += pass;
                *other += untestable;
            }
            None => sections.push((name, pass, untestable)),
        }
    }
    let parts: Vec<String> = sections
        .into_iter()
        .map(|(name, pass, untestable)| match (pass, untestable) {
            (pass, 0) => format!("{name} {pass} ok"),
            (0, untestable) => format!("{name} {untestable} untestable"),
            (pass, untestable) => format!("{name} {pass} ok, {untestable} untestable"),
        })
        .collect();
    let mut text = String::new();
    for line in joined(&parts, " · ", appearance.width.min(WIDEST)) {
        text.extend([&paint(appearance.palette.quiet(), &line), "\n"]);
    }
    text
}

/// The text next to a scenario.
fn said(cell: &Cell, standing: Standing) -> String {
    let listed = || {
        let issue = deciding_step(cell).and_then(|step| step.deviation.as_ref()?.issue.as_deref());
        format!("{}: {} {}", standing.phrase(), behaviour(cell), issue.unwrap_or_default())
            .trim_end()
            .to_owned()
    };
    match (standing, cell.verdict) {
        (Standing::Known(_), _) => listed(),
        (Standing::Denied(known), _) => {
            format!("DENIED {}: {}", known.phrase(), behaviour(cell))
        }
        (_, Verdict::Pass | Verdict::Skipped | Verdict::Known) => String::new(),
        (_, Verdict::Fail) => format!("FAIL: {}", behaviour(cell)),
        (_, Verdict::Fixed) => "FIXED: a listed deviation did not happen".to_owned(),
        (_, Verdict::Flaky) => "FLAKY: not always the same".to_owned(),
        (_, Verdict::Untestable) => format!("untestable: {}", cell.reason.as_deref().unwrap_or("no reason")),
        (_, Verdict::Error) => {
            format!("ERROR: {}", cell.reason.as_deref().unwrap_or("harness or gateway broke"))
        }
    }
}

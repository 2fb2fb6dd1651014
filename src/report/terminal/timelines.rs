//! Shows how scenarios change over the releases of a run.

use super::Appearance;
use super::palette::paint;
use crate::report::standing::Standing;
use crate::report::text::{count, cut, cut_middle, joined, padded, width};
use crate::run::{GAP, RunRecord, Series, Stretch, Timeline, behaviour};
use crate::verdict::Verdict;

/// The timelines of scenarios that change over the releases of a run.
pub(super) fn timelines(record: &RunRecord, appearance: &Appearance) -> String {
    let changing: Vec<&Timeline> = record.timelines.iter().filter(|one| one.stretches.len() > 1).collect();
    let alike = record.timelines.len() - changing.len();
    if changing.is_empty() {
        return String::new();
    }
    let mut text = paint(appearance.palette.strong(), "timelines");
    text.push('\n');
    let longest = changing.iter().map(|one| width(&one.name())).max().unwrap_or(0);
    let id_width = longest.min((appearance.width / 2).max(24));
    let series = Series::of(&record.cells);
    let gaps = changing.iter().any(|one| one.has_gaps());
    for timeline in changing {
        let lines =
            bars((record, &series), timeline, appearance, appearance.width.saturating_sub(id_width + 4));
        for (at, line) in lines.iter().enumerate() {
            let id = if at == 0 { cut_middle(&timeline.name(), id_width) } else { String::new() };
            text.extend(["  ", &padded(&id, id_width), "  ", line, "\n"]);
        }
    }
    if gaps {
        let legend = format!("  {GAP} the change came somewhere between: releases between were not run");
        text.push_str(&paint(appearance.palette.quiet(), &cut(&legend, appearance.width)));
        text.push('\n');
    }
    if alike > 0 {
        let rest = format!("  {} alike on every release", count(alike, "scenario"));
        text.push_str(&paint(appearance.palette.quiet(), &rest));
        text.push('\n');
    }
    text
}

/// A timeline as lines, with each stretch in the colour of its worst cell.
fn bars(
    run: (&RunRecord, &Series),
    timeline: &Timeline,
    appearance: &Appearance,
    most: usize,
) -> Vec<String> {
    let parts = timeline.parts();
    let plain: Vec<&str> = parts.iter().map(|(_, text)| text.as_str()).collect();
    let mut stretches = parts.iter();
    let lines = joined(&plain, " │ ", most.saturating_sub(2));
    let count = lines.len();
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let parts = line.split(" │ ").map(|_| {
                let (stretch, text) = stretches.next()?;
                let style = match stretch {
                    Some(stretch) => appearance.palette.standing(worst(run, timeline, stretch)),
                    None => appearance.palette.quiet(),
                };
                Some(paint(style, text))
            });
            let goes_on = if at + 1 < count { " │" } else { "" };
            parts.flatten().collect::<Vec<_>>().join(" │ ") + goes_on
        })
        .collect()
}

/// The standing of the worst cell of a stretch.
fn worst((record, series): (&RunRecord, &Series), timeline: &Timeline, stretch: &Stretch) -> Standing {
    let inside = |release| stretch.first <= release && release <= stretch.last;
    record
        .cells
        .iter()
        .filter(|cell| cell.scenario == timeline.scenario && cell.release.is_some_and(inside))
        .filter(|cell| series.label(&cell.target) == Some(timeline.of.as_str()))
        .filter(|cell| behaviour(cell) == stretch.behaviour)
        .map(|cell| Standing::of(&record.run.deny, cell))
        .min_by_key(|standing| standing.place())
        .unwrap_or(Standing::Verdict(Verdict::Pass))
}

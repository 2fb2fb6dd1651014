//! Shows a run with several targets as a matrix of scenarios and targets, in as many blocks as the width requires.

use std::collections::HashMap;

use super::palette::{mark, paint};
use super::{Appearance, Shown};
use crate::report::difference::section;
use crate::report::standing::Standing;
use crate::report::text::{count, cut, cut_middle, padded, width};
use crate::run::{Cell, Known, RunRecord, TargetInfo, Unfinished, behaviour};
use crate::verdict::Verdict;

/// The maximum width of a column.
const WIDEST: usize = 18;
/// The number of blanks between columns.
const GAP: usize = 2;
/// With more rows than this, rows that are fine everywhere are only counted.
pub(super) const MOST_ROWS: usize = 60;

/// The standing of a cell that is right.
const PASS: Standing = Standing::Verdict(Verdict::Pass);

/// The matrix of a run.
pub(super) fn matrix(record: &RunRecord, shown: Shown, appearance: &Appearance) -> String {
    let grid = Grid::of(record, shown);
    let names = headings(&record.targets);
    let widest = |at: usize| grid.rows.iter().map(|row| width(&row.cells[at].0)).max().unwrap_or(0);
    let widths: Vec<usize> = names.iter().enumerate().map(|(at, name)| widest(at).max(width(name))).collect();
    let longest = grid.rows.iter().map(|row| width(row.name) + 2).max().unwrap_or(0);
    let id_width = longest.min((appearance.width / 2).max(24));
    let mut blocks: Vec<String> = Vec::new();
    if !grid.rows.is_empty() {
        for block in in_blocks(&widths, appearance.width.saturating_sub(id_width)) {
            let columns: Vec<(usize, usize)> = block.map(|at| (at, widths[at])).collect();
            let heading =
                columns.iter().map(|(at, wide)| (names[*at].as_str(), *wide, appearance.palette.strong()));
            blocks.push(line(&" ".repeat(id_width), heading) + &grid.block(&columns, id_width, appearance));
        }
    }
    let mut text = blocks.join("\n");
    for (section, rows) in &grid.fine {
        let all = format!("{section}: {} ok everywhere", count(*rows, "more scenario"));
        text.push_str(&paint(appearance.palette.quiet(), &all));
        text.push('\n');
    }
    text.push_str(&legend(record, appearance));
    text
}

struct Grid<'a> {
    rows: Vec<GridRow<'a>>,
    /// The number of left-out rows by section, which are fine everywhere.
    fine: Vec<(&'a str, usize)>,
}

struct GridRow<'a> {
    section: &'a str,
    name: &'a str,
    cells: Vec<(String, Option<Standing>)>,
}

impl<'a> Grid<'a> {
    fn of(record: &'a RunRecord, shown: Shown) -> Self {
        let mut grid = Self { rows: Vec::new(), fine: Vec::new() };
        let cells: HashMap<(&str, &str), &Cell> =
            record.cells.iter().map(|cell| ((&*cell.scenario, &*cell.target), cell)).collect();
        for scenario in &record.scenarios {
            let section = section(&scenario.id);
            let name =
                scenario.id.strip_prefix(section).map_or(&*scenario.id, |rest| rest.trim_start_matches('/'));
            let cells: Vec<_> = record
                .targets
                .iter()
                .map(|target| (target, cells.get(&(&*scenario.id, &*target.target)).copied()))
                .map(|(target, cell)| match cell {
                    Some(cell) => {
                        let standing = Standing::of(&record.run.deny, cell);
                        (word(cell, standing), Some(standing))
                    }
                    None => (missing(record, &scenario.id, &target.target), None),
                })
                .collect();
            let dull = cells.iter().all(|(_, standing)| *standing == Some(PASS));
            if dull && shown != Shown::All && record.scenarios.len() > MOST_ROWS {
                match grid.fine.iter_mut().find(|(known, _)| *known == section) {
                    Some((_, number)) => *number += 1,
                    None => grid.fine.push((section, 1)),
                }
            } else {
                grid.rows.push(GridRow { section, name, cells });
            }
        }
        grid
    }

    /// The rows of the matrix for some of the columns.
    fn block(&self, columns: &[(usize, usize)], id_width: usize, appearance: &Appearance) -> String {
        let mut text = String::new();
        let mut open = "";
        for row in &self.rows {
            if open != row.section {
                open = row.section;
                text.push_str(&paint(appearance.palette.strong(), &cut(open, appearance.width)));
                text.push('\n');
            }
            let name = padded(&format!("  {}", cut_middle(row.name, id_width.saturating_sub(2))), id_width);
            let cells = columns.iter().map(|(at, wide)| {
                let (word, standing) = &row.cells[*at];
                let style =
                    standing.map_or(appearance.palette.quiet(), |one| appearance.palette.standing(one));
                (word.as_str(), *wide, style)
            });
            text.push_str(&line(&name, cells));
        }
        text
    }
}

/// The text for a cell without a verdict.
fn missing(record: &RunRecord, scenario: &str, target: &str) -> String {
    let unfinished = record.unfinished(scenario, target);
    let word = if unfinished.is_some_and(Unfinished::was_running) { "· was running" } else { "·" };
    word.to_owned()
}

/// The text for a cell. Cells that are right have no symbol.
fn word(cell: &Cell, standing: Standing) -> String {
    let word = match standing {
        Standing::Verdict(Verdict::Pass | Verdict::Skipped) => "ok".to_owned(),
        Standing::Verdict(Verdict::Untestable) => "–".to_owned(),
        Standing::Verdict(verdict @ (Verdict::Fixed | Verdict::Flaky | Verdict::Error)) => {
            format!("{} {verdict}", mark(standing))
        }
        _ => format!("{} {}", mark(standing), behaviour(cell)),
    };
    cut(&word, WIDEST)
}

/// The headings of the columns, without the year if all targets have the same.
pub(crate) fn headings(targets: &[TargetInfo]) -> Vec<String> {
    let mut years = targets.iter().filter_map(|one| one.release).map(|release| release.year);
    let first = years.next();
    let same_year = years.all(|year| Some(year) == first);
    targets
        .iter()
        .map(|one| match one.release {
            Some(release) if same_year => one.target.replace(&release.to_string(), &release.short()),
            _ => one.target.clone(),
        })
        .map(|name| cut_middle(&name, WIDEST))
        .collect()
}

/// The ranges of columns that fit next to the names.
fn in_blocks(widths: &[usize], room: usize) -> Vec<std::ops::Range<usize>> {
    let mut blocks = Vec::new();
    let mut start = 0;
    let mut taken = 0;
    for (at, wide) in widths.iter().enumerate() {
        if at > start && taken + GAP + wide > room {
            blocks.push(start..at);
            start = at;
            taken = 0;
        }
        taken += GAP + wide;
    }
    blocks.push(start..widths.len());
    blocks
}

fn line<'a>(name: &str, cells: impl Iterator<Item = (&'a str, usize, anstyle::Style)>) -> String {
    let mut line = name.to_owned();
    let mut pending = 0;
    for (word, wide, style) in cells {
        line.push_str(&" ".repeat(pending + GAP));
        line.push_str(&paint(style, word));
        pending = wide.saturating_sub(width(word));
    }
    let mut line = line.trim_end().to_owned();
    line.push('\n');
    line
}

/// The legend of the symbols that occur.
fn legend(record: &RunRecord, appearance: &Appearance) -> String {
    let seen =
        |standing: Standing| record.cells.iter().any(|cell| Standing::of(&record.run.deny, cell) == standing);
    let denied =
        record.cells.iter().any(|cell| matches!(Standing::of(&record.run.deny, cell), Standing::Denied(_)));
    let known = |known: Known| seen(Standing::Known(known));
    let verdict = |verdict: Verdict| seen(Standing::Verdict(verdict));
    let whole = record.cells.len() == record.scenarios.len() * record.targets.len();
    let unlisted = verdict(Verdict::Fail) || verdict(Verdict::Fixed);
    let parts = [
        (unlisted && denied, "✗ not as listed, or denied"),
        (unlisted && !denied, "✗ not as listed"),
        (denied && !unlisted, "✗ listed, and denied"),
        (known(Known::Security), "◆ known security regression"),
        (known(Known::Regression), "≠ known regression"),
        (known(Known::Unreviewed), "? listed, unreviewed"),
        (known(Known::Superseded), "≈ superseded contract"),
        (known(Known::Unsupported), "∅ unsupported"),
        (verdict(Verdict::Flaky), "~ not always the same"),
        (verdict(Verdict::Untestable), "– untestable"),
        (verdict(Verdict::Error), "! harness or gateway broke"),
        (!whole, "· not run"),
    ];
    let parts: Vec<&str> = parts.iter().filter(|(there, _)| *there).map(|(_, text)| *text).collect();
    if parts.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for part in crate::report::text::joined(&parts, "   ", appearance.width) {
        text.push_str(&paint(appearance.palette.quiet(), &part));
        text.push('\n');
    }
    text
}

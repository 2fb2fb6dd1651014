//! Shows the code coverage of the gateway.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Appearance;
use super::palette::paint;
use crate::coverage::{CodeCoverage, FileCoverage, LeftOutPlace, Never, PlaceCounts, PlaceKind};
use crate::report::text::{count, padded, width};

/// The coverage by file and area, what is left out, and what could not be measured.
pub fn code(coverage: &CodeCoverage, appearance: &Appearance) -> String {
    let mut text = String::new();
    let longest = coverage.files.iter().map(|file| width(&file.source)).max().unwrap_or(0);
    let heading = format!("{}  {:>15} {:>15} {:>13}", padded("", longest), "lines", "branches", "functions");
    let _ = writeln!(text, "{}", paint(appearance.palette.strong(), &heading));
    for (area, files) in by_area(coverage) {
        let _ = writeln!(text, "{}", paint(appearance.palette.strong(), area));
        for file in files.iter().filter(|file| file.left_out.is_none()) {
            let _ = writeln!(text, "{}  {}", padded(&file.source, longest), figures(&file.counts));
        }
    }
    let _ = writeln!(text, "{}  {}", padded("all", longest), figures(&coverage.total));
    let left_out: Vec<&FileCoverage> = coverage.files.iter().filter(|file| file.left_out.is_some()).collect();
    let functions = || {
        let files = coverage.files.iter().filter(|file| file.left_out.is_none());
        files.flat_map(|file| file.functions_left_out.iter().map(move |one| (file, one)))
    };
    let places = || {
        let files = coverage.files.iter().filter(|file| file.left_out.is_none());
        files.flat_map(|file| file.places_left_out.iter().map(move |one| (file, one)))
    };
    if !left_out.is_empty() || functions().next().is_some() || places().next().is_some() {
        let _ = writeln!(text, "\n{}", paint(appearance.palette.strong(), "left out"));
    }
    for file in left_out {
        let _ = writeln!(text, "{}: {}", file.source, file.left_out.as_deref().unwrap_or_default());
    }
    for (file, one) in functions() {
        let _ = writeln!(text, "{}, {}: {}", file.source, one.function, one.reason);
    }
    for ((source, reason), places) in by_reason(places().filter(|(_, one)| !one.executed)) {
        let _ = writeln!(text, "{source}, {}: {reason}", amount(places, "branch"));
    }
    let wrong: Vec<_> = places().filter(|(_, one)| one.executed).collect();
    if !wrong.is_empty() {
        let _ =
            writeln!(text, "\n{}", paint(appearance.palette.strong(), "left out, but executed all the same"));
        for (file, one) in wrong {
            let _ = writeln!(
                text,
                "{}, {}:{} {}: {}",
                file.source, one.function, one.line, one.place, one.reason
            );
        }
    }
    if !coverage.lost.is_empty() {
        let _ = writeln!(text, "\n{}", paint(appearance.palette.strong(), "not measured"));
        for line in &coverage.lost {
            let _ = writeln!(text, "{line}");
        }
    }
    let total = &coverage.total;
    let _ = writeln!(
        text,
        "\n{}: {} and {} of {} were executed by {}.",
        coverage.target,
        of(total.lines_run, total.lines, "line"),
        of(total.branches_run, total.branches, "branch"),
        count(coverage.files.iter().filter(|file| file.left_out.is_none()).count(), "file"),
        count(coverage.groups.iter().flat_map(|group| &group.scenarios).count(), "scenario"),
    );
    text
}

/// Such as `413 of 441 lines (93.7 %)`.
fn of(part: usize, all: usize, thing: &str) -> String {
    format!("{part} of {} ({})", amount(all, thing), share(part, all).trim())
}

fn amount(number: usize, thing: &str) -> String {
    match (thing, number) {
        ("branch", 0 | 2..) => format!("{number} branches"),
        _ => count(number, thing),
    }
}

/// The number of branches of a file that are left out.
fn by_reason<'a>(
    places: impl Iterator<Item = (&'a FileCoverage, &'a LeftOutPlace)>,
) -> BTreeMap<(&'a str, &'a str), usize> {
    let mut found = BTreeMap::new();
    for (file, one) in places {
        *found.entry((&*file.source, &*one.reason)).or_default() += 1;
    }
    found
}

fn by_area(coverage: &CodeCoverage) -> BTreeMap<&str, Vec<&FileCoverage>> {
    let mut areas: BTreeMap<&str, Vec<&FileCoverage>> = BTreeMap::new();
    for file in &coverage.files {
        areas.entry(&file.area).or_default().push(file);
    }
    areas
}

fn figures(counts: &PlaceCounts) -> String {
    let column = |part, all, wide: usize| {
        if all == 0 {
            format!("{:>wide$}", "–")
        } else {
            format!("{:>wide$}", format!("{part}/{all} {}", share(part, all)))
        }
    };
    format!(
        "{} {} {}",
        column(counts.lines_run, counts.lines, 15),
        column(counts.branches_run, counts.branches, 15),
        column(counts.functions_run, counts.functions, 13)
    )
}

fn share(part: usize, all: usize) -> String {
    // Rounded down, so that only complete coverage is 100 %.
    let tenths = (part * 1000).checked_div(all).unwrap_or(1000);
    if tenths == 1000 { "100 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

/// What no scenario has executed, by file.
pub fn never_executed(coverage: &CodeCoverage) -> String {
    let mut text = String::new();
    for file in coverage.files.iter().filter(|file| file.left_out.is_none() && !file.never.is_empty()) {
        let loaded = if file.loaded { "" } else { ", which no gateway has loaded" };
        let _ = writeln!(text, "{} ({}{loaded})", file.source, file.chunk);
        for one in &file.never {
            let _ = match one {
                Never::Function { name, line } => writeln!(text, "  {line}: function {name}"),
                Never::Branch { kind, line, text: said, function } if function.is_empty() => {
                    writeln!(text, "  {line}: {} {said}", kind.word())
                }
                Never::Branch { kind, line, text: said, function } => {
                    writeln!(text, "  {line}: {} {said}  (in {function})", kind.word())
                }
                Never::Lines { first, last } if first == last => writeln!(text, "  {first}: line"),
                Never::Lines { first, last } => writeln!(text, "  {first}: lines to {last}"),
            };
        }
    }
    text
}

/// The groups that have executed a line of a file.
///
/// # Errors
/// Fails if there is no code at this line.
pub fn executed_by(coverage: &CodeCoverage, source: &str, line: usize) -> Result<String, String> {
    let file = coverage.files.iter().find(|file| {
        (file.source == source || file.chunk == source) && (file.first_line..=file.last_line).contains(&line)
    });
    let file = file.ok_or_else(|| {
        let known = coverage.files.iter().find(|file| file.source == source);
        known.map_or_else(
            || format!("{source} is not in scope"),
            |file| {
                format!("{source} is in lines {} to {} of {}", file.first_line, file.last_line, file.chunk)
            },
        )
    })?;
    let mut text = String::new();
    for mark in file.marks.iter().filter(|mark| mark.line == line) {
        let what = match &mark.kind {
            PlaceKind::Line => "line".to_owned(),
            PlaceKind::Branch(kind) => format!("branch `{}`", kind.word()),
            PlaceKind::Function(name) => format!("function {name}"),
        };
        if mark.groups.is_empty() {
            let _ = writeln!(text, "{source}:{line}: {what}: never executed");
            continue;
        }
        let _ = writeln!(text, "{source}:{line}: {what}: executed by");
        for group in mark.groups.iter().filter_map(|number| coverage.groups.get(*number)) {
            let scenarios = group.scenarios.join(", ");
            if group.scenarios.len() == 1 && scenarios == group.label {
                let _ = writeln!(text, "  {scenarios}");
            } else {
                let _ = writeln!(text, "  {}: {scenarios}", group.label);
            }
        }
    }
    if text.is_empty() {
        return Err(format!("there is no code in line {line} of {}", file.chunk));
    }
    Ok(text)
}

//! Code coverage as one HTML page without dependencies: the files in scope, and their marked source.

use std::fmt::Write as _;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::coverage::{CodeCoverage, ExecutionMark, FileCoverage, PlaceCounts, PlaceKind};
use crate::report::text::count;

const STYLE: &str = concat!(include_str!("../html/page.css"), include_str!("coverage.css"));
const SCRIPT: &str = include_str!("coverage.js");

/// The maximum number of groups that the tooltip of a line names.
const TOLD: usize = 6;

#[derive(Template)]
#[template(path = "coverage.html")]
struct CoveragePage<'a> {
    script_hash: String,
    style: &'static str,
    script: &'static str,
    target: &'a str,
    total: CoverageShares,
    groups: String,
    lost: &'a [String],
    areas: Vec<AreaSection<'a>>,
    left_out: Vec<LeftOutLine<'a>>,
    files: Vec<FileSection<'a>>,
}

/// Counts as the page shows them.
struct CoverageShares {
    lines: String,
    lines_share: String,
    branches: String,
    branches_share: String,
    functions: String,
    low: &'static str,
}

struct AreaSection<'a> {
    name: &'a str,
    rows: Vec<FileRow<'a>>,
}

struct FileRow<'a> {
    anchor: usize,
    source: &'a str,
    shares: CoverageShares,
}

struct LeftOutLine<'a> {
    what: String,
    reason: &'a str,
}

struct FileSection<'a> {
    anchor: usize,
    source: &'a str,
    chunk: &'a str,
    note: &'a str,
    shares: CoverageShares,
    /// The lines as escaped HTML.
    code: String,
}

/// The coverage as a page.
pub fn html(coverage: &CodeCoverage) -> String {
    let counted = || coverage.files.iter().enumerate().filter(|(_, file)| file.left_out.is_none());
    let mut areas: Vec<AreaSection<'_>> = Vec::new();
    for (anchor, file) in counted() {
        let row = FileRow { anchor, source: &file.source, shares: CoverageShares::of(&file.counts) };
        match areas.iter_mut().find(|area| area.name == file.area) {
            Some(area) => area.rows.push(row),
            None => areas.push(AreaSection { name: &file.area, rows: vec![row] }),
        }
    }
    areas.sort_by_key(|area| area.name);
    let whole = coverage.files.iter().filter_map(|file| {
        file.left_out.as_deref().map(|reason| LeftOutLine { what: file.source.clone(), reason })
    });
    let functions = counted().flat_map(|(_, file)| {
        file.functions_left_out.iter().map(|one| LeftOutLine {
            what: format!("{}, {}", file.source, one.function),
            reason: &one.reason,
        })
    });
    let places = counted().flat_map(|(_, file)| {
        file.places_left_out.iter().map(|one| LeftOutLine {
            what: format!(
                "{}, {}:{} {}{}",
                file.source,
                one.function,
                one.line,
                one.place,
                if one.executed { " (executed all the same)" } else { "" }
            ),
            reason: &one.reason,
        })
    });
    let page = CoveragePage {
        script_hash: format!("sha256-{}", STANDARD.encode(Sha256::digest(SCRIPT))),
        style: STYLE,
        script: SCRIPT,
        target: &coverage.target,
        total: CoverageShares::of(&coverage.total),
        groups: count(coverage.groups.iter().flat_map(|one| &one.scenarios).count(), "scenario"),
        lost: &coverage.lost,
        areas,
        left_out: whole.chain(functions).chain(places).collect(),
        files: counted().map(|(anchor, file)| shown(anchor, file, coverage)).collect(),
    };
    // The template writes plain values to memory, which cannot fail.
    page.render().unwrap_or_default()
}

impl CoverageShares {
    fn of(counts: &PlaceCounts) -> Self {
        let both = |part: usize, all: usize| format!("{part} of {all}");
        let share = |part: usize, all: usize| {
            // Rounded down, so that only complete coverage is 100 %.
            (part * 100).checked_div(all).map_or_else(|| "–".to_owned(), |share| format!("{share} %"))
        };
        let low = |part: usize, all: usize, least: usize| part * 100 < all * least;
        Self {
            lines: both(counts.lines_run, counts.lines),
            lines_share: share(counts.lines_run, counts.lines),
            branches: both(counts.branches_run, counts.branches),
            branches_share: share(counts.branches_run, counts.branches),
            functions: both(counts.functions_run, counts.functions),
            low: if low(counts.lines_run, counts.lines, 50) {
                "low"
            } else if low(counts.lines_run, counts.lines, 95) || low(counts.branches_run, counts.branches, 90)
            {
                "part"
            } else {
                "full"
            },
        }
    }
}

fn shown<'a>(anchor: usize, file: &'a FileCoverage, coverage: &CodeCoverage) -> FileSection<'a> {
    FileSection {
        anchor,
        source: &file.source,
        chunk: &file.chunk,
        note: if file.loaded { "" } else { "No gateway has loaded it." },
        shares: CoverageShares::of(&file.counts),
        code: code(file, coverage),
    }
}

/// The lines of a file, each as an element with its number, the number of groups, and its text.
fn code(file: &FileCoverage, coverage: &CodeCoverage) -> String {
    let mut lines_at: Vec<Option<&ExecutionMark>> =
        vec![None; file.last_line.saturating_sub(file.first_line) + 2];
    let mut never: Vec<std::ops::Range<usize>> = Vec::new();
    for mark in &file.marks {
        match &mark.kind {
            PlaceKind::Line => {
                if let Some(place) = lines_at.get_mut(mark.line.saturating_sub(file.first_line)) {
                    *place = Some(mark);
                }
            }
            PlaceKind::Branch(_) | PlaceKind::Function(_) if mark.groups.is_empty() && !mark.left_out => {
                never.push(mark.bytes.clone());
            }
            PlaceKind::Branch(_) | PlaceKind::Function(_) => {}
        }
    }
    let mut out = String::new();
    let mut at = 0;
    for (index, text) in file.text.split_inclusive('\n').enumerate() {
        let number = file.first_line + index;
        let line = text.trim_end_matches(['\n', '\r']);
        let mark = lines_at.get(index).copied().flatten();
        let (class, run) = match mark {
            None => ("", String::new()),
            Some(mark) if mark.left_out => ("out", String::new()),
            Some(mark) if mark.groups.is_empty() => ("no", "0".to_owned()),
            Some(mark) => ("yes", mark.groups.len().to_string()),
        };
        let title = mark.map(|mark| told(mark, coverage)).unwrap_or_default();
        let _ = write!(
            out,
            "<span class=\"line {class}\" title=\"{}\"><i>{number}</i><i>{run}</i>",
            escaped(&title)
        );
        // In an executed line, the parts in branches that were never executed are marked.
        let own = at..at + line.len();
        let part = (class == "yes")
            .then(|| {
                let inside = never.iter().filter(|one| own.contains(&one.start) && one.start > own.start);
                inside.map(|one| (one.start, one.end.min(own.end))).min()
            })
            .flatten();
        match part {
            Some((start, end)) => {
                let piece =
                    |range: std::ops::Range<usize>| file.text.get(range).map(escaped).unwrap_or_default();
                let _ = write!(
                    out,
                    "{}<mark>{}</mark>{}",
                    piece(own.start..start),
                    piece(start..end),
                    piece(end..own.end)
                );
            }
            None => out.push_str(&escaped(line)),
        }
        out.push_str("\n</span>");
        at += text.len();
    }
    out
}

/// The groups that have executed a line, as text.
fn told(mark: &ExecutionMark, coverage: &CodeCoverage) -> String {
    if mark.left_out || mark.groups.is_empty() {
        return String::new();
    }
    let labels = mark.groups.iter().filter_map(|number| coverage.groups.get(*number)).map(|one| &*one.label);
    let mut told: Vec<&str> = labels.take(TOLD).collect();
    let more;
    if mark.groups.len() > TOLD {
        more = format!("and {} more", mark.groups.len() - TOLD);
        told.push(&more);
    }
    told.join(", ")
}

fn escaped(text: &(impl AsRef<str> + ?Sized)) -> String {
    text.as_ref().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

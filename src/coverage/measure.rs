//! Measures which of the code in scope a suite executes, and which scenarios execute it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::chunk::{Chunk, ChunkPart, CodeSpot};
use super::name::{short, without_numbers};
use super::place::{Branch, PlaceKind};
use super::profile::Executed;
use crate::run::Format;

/// The format of the JSON report.
pub const COVERAGE_FORMAT: Format = Format { major: 1, minor: 0 };

/// Scenarios whose execution was measured together: those of one gateway, or a single one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Group")]
pub struct ScenarioGroup {
    /// What they have in common.
    pub label: String,
    /// The number of their gateway.
    pub gateway: usize,
    /// The ids of the scenarios.
    pub scenarios: Vec<String>,
}

/// The code that a group has executed.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The group whose execution was recorded.
    pub group: ScenarioGroup,
    /// The executed units by the path of the bundled file. Files that were not loaded are missing.
    pub executed: BTreeMap<String, Executed>,
}

/// The coverage of the code in scope.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CodeCoverage {
    /// Version of this document's format.
    pub format: Format,
    /// The gateway that was measured.
    pub target: String,
    /// The counts of all files in scope, without those that are left out.
    pub total: PlaceCounts,
    /// The groups of scenarios that were measured.
    pub groups: Vec<ScenarioGroup>,
    /// What could not be measured, such as processes without a profile and unreadable files.
    pub lost: Vec<String>,
    /// The files in scope.
    pub files: Vec<FileCoverage>,
}

/// How many places there are, and how many of them were executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Counts")]
pub struct PlaceCounts {
    /// The number of lines with code.
    pub lines: usize,
    /// The lines that were executed.
    pub lines_run: usize,
    /// The number of branches.
    pub branches: usize,
    /// The branches that were taken.
    pub branches_run: usize,
    /// The number of functions.
    pub functions: usize,
    /// The functions that were called.
    pub functions_run: usize,
}

/// The coverage of a source file.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FileCoverage {
    /// Upstream's name of the file.
    pub source: String,
    /// The area it belongs to.
    pub area: String,
    /// The bundled file that contains it, in which lines are counted.
    pub chunk: String,
    /// The first line in the bundled file, from 1.
    pub first_line: usize,
    /// The last line in the bundled file.
    pub last_line: usize,
    /// Whether any gateway loaded it.
    pub loaded: bool,
    /// The counts, without what is left out.
    #[serde(flatten)]
    pub counts: PlaceCounts,
    /// Why the whole file is left out, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// The functions that are left out, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions_left_out: Vec<LeftOutFunction>,
    /// The branches that are left out, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places_left_out: Vec<LeftOutPlace>,
    /// What no scenario has executed.
    pub never: Vec<Never>,
    /// The groups that have executed each line, by their numbers. Consecutive lines with the same groups are one entry.
    pub run_by: Vec<RunBy>,
    /// All places, for HTML and other formats.
    #[serde(skip)]
    pub marks: Vec<ExecutionMark>,
    /// The text of the file.
    #[serde(skip)]
    pub text: String,
}

/// A function that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutFunction {
    /// The name of the function.
    pub function: String,
    /// Why it is left out.
    pub reason: String,
}

/// A branch that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutPlace {
    /// The label of the branch.
    pub place: String,
    /// The line of the branch.
    pub line: usize,
    /// The function around it.
    pub function: String,
    /// Why it is left out.
    pub reason: String,
    /// Whether it was executed nevertheless, which means that the reason is wrong.
    pub executed: bool,
}

/// Something that no scenario has executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Never {
    /// A function with everything in it.
    Function {
        /// The name of the function.
        name: String,
        /// The line on which it begins.
        line: usize,
    },
    /// A branch of a function that was called.
    Branch {
        /// The kind of branch.
        kind: Branch,
        /// The line on which it begins.
        line: usize,
        /// The function that contains the branch.
        #[serde(skip_serializing_if = "String::is_empty")]
        function: String,
        /// The shortened text of the branch.
        text: String,
    },
    /// Lines of a function that was called.
    Lines {
        /// The first of the lines.
        first: usize,
        /// The last of the lines.
        last: usize,
    },
}

/// The groups that have executed some lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunBy {
    /// The first of the lines.
    pub first: usize,
    /// The last of the lines.
    pub last: usize,
    /// The numbers of the groups.
    pub groups: Vec<usize>,
}

/// A place with the groups that have executed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionMark {
    /// What can be executed there.
    pub kind: PlaceKind,
    /// The line in the bundled file.
    pub line: usize,
    /// Its bytes in the text of the source file.
    pub bytes: std::ops::Range<usize>,
    /// Whether it is left out.
    pub left_out: bool,
    /// The numbers of the groups that have executed it.
    pub groups: Vec<usize>,
}

impl PlaceCounts {
    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.lines_run += other.lines_run;
        self.branches += other.branches;
        self.branches_run += other.branches_run;
        self.functions += other.functions;
        self.functions_run += other.functions_run;
    }

    fn count(&mut self, kind: &PlaceKind, run: bool) {
        let (all, executed) = match kind {
            PlaceKind::Line => (&mut self.lines, &mut self.lines_run),
            PlaceKind::Branch(_) => (&mut self.branches, &mut self.branches_run),
            PlaceKind::Function(_) => (&mut self.functions, &mut self.functions_run),
        };
        *all += 1;
        *executed += usize::from(run);
    }

    /// The percentage of lines that were executed.
    pub fn share_of_lines(&self) -> f64 {
        share(self.lines_run, self.lines)
    }

    /// The percentage of branches that were taken.
    pub fn share_of_branches(&self) -> f64 {
        share(self.branches_run, self.branches)
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer places than 2^52")]
fn share(part: usize, all: usize) -> f64 {
    if all == 0 { 100.0 } else { part as f64 * 100.0 / all as f64 }
}

/// A part of a bundled file, with the groups that have executed each of its places.
struct Traced<'a> {
    chunk: &'a Chunk,
    part: &'a ChunkPart,
    loaded: bool,
    spots: Vec<&'a CodeSpot>,
    groups: Vec<Vec<usize>>,
}

/// Combines the traces of all groups into the coverage of the code in scope.
pub fn measure(target: &str, chunks: &[Chunk], traces: &[Trace], lost: Vec<String>) -> CodeCoverage {
    let mut by_source: BTreeMap<&str, Vec<Traced<'_>>> = BTreeMap::new();
    for chunk in chunks {
        for part in &chunk.parts {
            by_source.entry(&part.source).or_default().push(traced(chunk, part, traces));
        }
    }
    let mut files: Vec<FileCoverage> = by_source.into_values().flat_map(united).map(file).collect();
    files.sort_by(|one, other| one.source.cmp(&other.source));
    let mut total = PlaceCounts::default();
    for file in files.iter().filter(|file| file.left_out.is_none()) {
        total.add(file.counts);
    }
    let groups = traces.iter().map(|trace| trace.group.clone()).collect();
    CodeCoverage { format: COVERAGE_FORMAT, target: target.to_owned(), total, groups, lost, files }
}

fn traced<'a>(chunk: &'a Chunk, part: &'a ChunkPart, traces: &[Trace]) -> Traced<'a> {
    let executed: Vec<Option<&Executed>> =
        traces.iter().map(|trace| trace.executed.get(&chunk.path)).collect();
    let run_by = |spot: &CodeSpot| {
        let ran = executed.iter().enumerate().filter(|(_, one)| one.is_some_and(|one| one.at(spot.unit)));
        ran.map(|(group, _)| group).collect()
    };
    Traced {
        chunk,
        part,
        loaded: executed.iter().any(Option::is_some),
        spots: part.spots.iter().collect(),
        groups: part.spots.iter().map(run_by).collect(),
    }
}

/// Combines the copies of a source file, which may be in several bundled files, each with the functions that are used
/// there. Only copies that a gateway has loaded count, and a function that several of them have counts once. If none is
/// loaded, the largest copy stands for all.
fn united(mut copies: Vec<Traced<'_>>) -> Vec<Traced<'_>> {
    if copies.iter().any(|copy| copy.loaded) {
        copies.retain(|copy| copy.loaded);
    }
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.spots.len()));
    if copies.first().is_some_and(|copy| !copy.loaded) {
        copies.truncate(1);
    }
    let mut result: Vec<Traced<'_>> = Vec::new();
    for copy in copies {
        let rest = result.iter_mut().fold(copy, |copy, one| one.take_over(copy));
        if !rest.spots.is_empty() {
            result.push(rest);
        }
    }
    result
}

impl Traced<'_> {
    /// Adds what was executed of the functions that both have. Returns the rest of the copy.
    fn take_over<'a>(&mut self, mut copy: Traced<'a>) -> Traced<'a> {
        let mut others = vec![true; copy.spots.len()];
        for (name, theirs) in functions(&copy.spots) {
            let Some(mine) = functions(&self.spots).remove(&name) else { continue };
            let same = shape(&self.spots, &mine) == shape(&copy.spots, &theirs);
            // Code outside of functions runs when the file is loaded, in whichever copy.
            if !same && !name.is_empty() {
                continue;
            }
            for (at, from) in mine.iter().zip(&theirs).filter(|_| same) {
                if let (Some(groups), Some(more)) = (self.groups.get_mut(*at), copy.groups.get(*from)) {
                    groups.extend(more);
                    groups.sort_unstable();
                    groups.dedup();
                }
            }
            for from in theirs {
                if let Some(other) = others.get_mut(from) {
                    *other = false;
                }
            }
        }
        let mut keep = others.iter().copied();
        copy.spots.retain(|_| keep.next().unwrap_or_default());
        let mut keep = others.iter().copied();
        copy.groups.retain(|_| keep.next().unwrap_or_default());
        copy
    }
}

/// The places in each outermost function, by index. Places outside of functions have the empty name.
fn functions(spots: &[&CodeSpot]) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, spot) in spots.iter().enumerate() {
        let within = match &spot.kind {
            PlaceKind::Function(name) => name,
            PlaceKind::Line | PlaceKind::Branch(_) => &spot.function,
        };
        let outermost = within.split('/').next().unwrap_or_default();
        found.entry(without_numbers(outermost)).or_default().push(number);
    }
    found
}

/// The kinds and relative lines of places, whatever names the bundler gave them.
fn shape(spots: &[&CodeSpot], numbers: &[usize]) -> Vec<(Option<Branch>, bool, usize)> {
    let chosen = || numbers.iter().filter_map(|number| spots.get(*number));
    let first = chosen().map(|spot| spot.line).min().unwrap_or_default();
    let one = |spot: &&CodeSpot| match &spot.kind {
        PlaceKind::Branch(kind) => (Some(*kind), false, spot.line - first),
        PlaceKind::Function(_) => (None, true, spot.line - first),
        PlaceKind::Line => (None, false, spot.line - first),
    };
    chosen().map(one).collect()
}

fn file(traced: Traced<'_>) -> FileCoverage {
    let Traced { chunk, part, loaded, spots, groups } = traced;
    let start = part.bytes.start;
    let marks: Vec<ExecutionMark> = spots
        .iter()
        .zip(groups)
        .map(|(spot, groups)| ExecutionMark {
            kind: spot.kind.clone(),
            line: spot.line,
            bytes: spot.bytes.start.saturating_sub(start)..spot.bytes.end.saturating_sub(start),
            left_out: spot.left_out,
            groups,
        })
        .collect();
    let mut counts = PlaceCounts::default();
    for mark in marks.iter().filter(|mark| !mark.left_out) {
        counts.count(&mark.kind, !mark.groups.is_empty());
    }
    let text = chunk.text.get(part.bytes.clone()).unwrap_or_default().to_owned();
    let places_left_out = spots.iter().zip(&marks).filter_map(|(spot, mark)| {
        Some(LeftOutPlace {
            place: spot.label(&chunk.text),
            line: spot.line,
            function: spot.function.clone(),
            reason: spot.reason.clone()?,
            executed: !mark.groups.is_empty(),
        })
    });
    let places_left_out = places_left_out.collect();
    let here = |name: &String| {
        spots.iter().any(|spot| matches!(&spot.kind, PlaceKind::Function(own) if own == name))
    };
    let left_out = part.functions_left_out.iter().filter(|(name, _)| here(name));
    FileCoverage {
        source: part.source.clone(),
        area: part.area.clone(),
        chunk: chunk.path.clone(),
        first_line: part.first_line,
        last_line: part.last_line,
        loaded,
        counts,
        left_out: part.left_out.clone(),
        functions_left_out: left_out
            .map(|(function, reason)| LeftOutFunction { function: function.clone(), reason: reason.clone() })
            .collect(),
        places_left_out,
        never: never(&spots, &marks, &text),
        run_by: run_by(&marks),
        marks,
        text,
    }
}

/// What no scenario has executed: a function that was not called is one entry with everything in it.
fn never(spots: &[&CodeSpot], marks: &[ExecutionMark], text: &str) -> Vec<Never> {
    let open = |mark: &&ExecutionMark| !mark.left_out && mark.groups.is_empty();
    let not_called: Vec<&ExecutionMark> =
        marks.iter().filter(open).filter(|mark| matches!(mark.kind, PlaceKind::Function(_))).collect();
    let within = |mark: &ExecutionMark| {
        not_called.iter().any(|function| {
            !std::ptr::eq(*function, mark)
                && function.bytes.start <= mark.bytes.start
                && mark.bytes.end <= function.bytes.end
        })
    };
    let mut found = Vec::new();
    let mut lines: Vec<usize> = Vec::new();
    for (spot, mark) in spots.iter().zip(marks) {
        if !open(&mark) || within(mark) {
            continue;
        }
        match &mark.kind {
            PlaceKind::Function(name) => found.push(Never::Function { name: name.clone(), line: mark.line }),
            PlaceKind::Branch(kind) => found.push(Never::Branch {
                kind: *kind,
                line: mark.line,
                function: spot.function.clone(),
                text: short(text.get(mark.bytes.clone()).unwrap_or_default()),
            }),
            PlaceKind::Line => lines.push(mark.line),
        }
    }
    // Between two lines with code there may be lines without.
    let code: Vec<usize> =
        marks.iter().filter(|mark| mark.kind == PlaceKind::Line).map(|mark| mark.line).collect();
    let next = |line: usize| code.iter().copied().find(|one| *one > line);
    for line in lines {
        match found.last_mut() {
            Some(Never::Lines { last, .. }) if next(*last) == Some(line) => *last = line,
            _ => found.push(Never::Lines { first: line, last: line }),
        }
    }
    found.sort_by_key(|one| match one {
        Never::Function { line, .. } | Never::Branch { line, .. } | Never::Lines { first: line, .. } => *line,
    });
    found
}

fn run_by(marks: &[ExecutionMark]) -> Vec<RunBy> {
    let mut found: Vec<RunBy> = Vec::new();
    for mark in marks.iter().filter(|mark| mark.kind == PlaceKind::Line) {
        match found.last_mut() {
            Some(last) if last.groups == mark.groups => last.last = mark.line,
            _ => found.push(RunBy { first: mark.line, last: mark.line, groups: mark.groups.clone() }),
        }
    }
    found.retain(|one| !one.groups.is_empty());
    found
}

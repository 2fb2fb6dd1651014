//! What of the code in scope a suite executes, and which of its scenarios do.

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

/// Scenarios whose execution was measured together: those of a gateway, or a single one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Group")]
pub struct ScenarioGroup {
    /// What they have in common.
    pub label: String,
    /// Number of their gateway.
    pub gateway: usize,
    /// Their ids.
    pub scenarios: Vec<String>,
}

/// What a group has executed, by the bundled file.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Who.
    pub group: ScenarioGroup,
    /// What, by the path of the bundled file below the package. A file that was not loaded is not in it.
    pub executed: BTreeMap<String, Executed>,
}

/// What of the code in scope was executed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CodeCoverage {
    /// Version of this document's format.
    pub format: Format,
    /// The gateway.
    pub target: String,
    /// All files in scope but those that are left out.
    pub total: PlaceCounts,
    /// Who has executed something.
    pub groups: Vec<ScenarioGroup>,
    /// What could not be measured: processes and threads that left no profile, files that cannot be read.
    pub lost: Vec<String>,
    /// Files in scope.
    pub files: Vec<FileCoverage>,
}

/// How much there is and how much of it was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Counts")]
pub struct PlaceCounts {
    /// Lines with code.
    pub lines: usize,
    /// Those that were executed.
    pub lines_run: usize,
    /// Branches.
    pub branches: usize,
    /// Those that were taken.
    pub branches_run: usize,
    /// Functions.
    pub functions: usize,
    /// Those that were called.
    pub functions_run: usize,
}

/// What of a source file was executed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FileCoverage {
    /// Upstream's name of the file.
    pub source: String,
    /// The area it belongs to.
    pub area: String,
    /// The bundled file it is in; lines are counted there.
    pub chunk: String,
    /// Its first line there, from 1.
    pub first_line: usize,
    /// Its last line there.
    pub last_line: usize,
    /// Whether any gateway has loaded it.
    pub loaded: bool,
    /// How much there is, without what is left out.
    #[serde(flatten)]
    pub counts: PlaceCounts,
    /// Why the whole file is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Functions that are left out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions_left_out: Vec<LeftOutFunction>,
    /// Branches that are left out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places_left_out: Vec<LeftOutPlace>,
    /// What nobody has executed.
    pub never: Vec<Never>,
    /// Who has executed what, as numbers of groups. Lines behind each other with the same groups are one entry.
    pub run_by: Vec<RunBy>,
    /// Everything that can be executed, for pages and other formats.
    #[serde(skip)]
    pub marks: Vec<ExecutionMark>,
    /// Its text.
    #[serde(skip)]
    pub text: String,
}

/// A function that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutFunction {
    /// Its name.
    pub function: String,
    /// Why.
    pub reason: String,
}

/// A branch that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOutPlace {
    /// What it says, cut short.
    pub place: String,
    /// Its line.
    pub line: usize,
    /// The function around it.
    pub function: String,
    /// Why.
    pub reason: String,
    /// Whether it was executed all the same, which makes the reason wrong.
    pub executed: bool,
}

/// Something that nobody has executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Never {
    /// A function, and with it all that is in it.
    Function {
        /// Its name.
        name: String,
        /// Its line.
        line: usize,
    },
    /// A branch of a function that was called.
    Branch {
        /// What kind.
        kind: Branch,
        /// Its line.
        line: usize,
        /// The function.
        #[serde(skip_serializing_if = "String::is_empty")]
        function: String,
        /// What it says, cut short.
        text: String,
    },
    /// Lines of a function that was called.
    Lines {
        /// The first.
        first: usize,
        /// The last.
        last: usize,
    },
}

/// Who has executed lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunBy {
    /// The first line.
    pub first: usize,
    /// The last line.
    pub last: usize,
    /// Numbers of groups.
    pub groups: Vec<usize>,
}

/// Something that can be executed, and who has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionMark {
    /// What.
    pub kind: PlaceKind,
    /// The line in the bundled file.
    pub line: usize,
    /// Its bytes in the text of the file.
    pub bytes: std::ops::Range<usize>,
    /// Whether it is left out.
    pub left_out: bool,
    /// Numbers of the groups that have executed it.
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

    /// The share of lines that were executed, in per cent.
    pub fn share_of_lines(&self) -> f64 {
        share(self.lines_run, self.lines)
    }

    /// The share of branches that were taken, in per cent.
    pub fn share_of_branches(&self) -> f64 {
        share(self.branches_run, self.branches)
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer places than 2^52")]
fn share(part: usize, all: usize) -> f64 {
    if all == 0 { 100.0 } else { part as f64 * 100.0 / all as f64 }
}

/// A part of a bundled file with who has executed its spots.
struct Traced<'a> {
    chunk: &'a Chunk,
    part: &'a ChunkPart,
    loaded: bool,
    spots: Vec<&'a CodeSpot>,
    groups: Vec<Vec<usize>>,
}

/// Puts together what groups have executed of bundled files.
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

/// A source file may stand in several bundled files, each with the functions that its users need. Those that a
/// gateway has loaded count, and a function that several of them have is one; where none is loaded the largest
/// stands for all.
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
    /// Adds what was executed of the functions that both have; answers with the copy's others.
    fn take_over<'a>(&mut self, mut copy: Traced<'a>) -> Traced<'a> {
        let mut others = vec![true; copy.spots.len()];
        for (name, theirs) in functions(&copy.spots) {
            let Some(mine) = functions(&self.spots).remove(&name) else { continue };
            let same = shape(&self.spots, &mine) == shape(&copy.spots, &theirs);
            // What stands outside of functions is executed by loading the file, whichever copy.
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

/// The numbers of the spots in each function that stands in no other; the name of none is empty.
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

/// What kinds of places stand where, however the bundler has named them.
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

/// What nobody has executed: whole functions by their names only, then what is left of the others.
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
    // Between two lines with code there may be some without.
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

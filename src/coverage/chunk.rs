//! A bundled file, and the parts of it that are in scope.

use std::ops::Range;

use super::name::short;
use super::place::{Place, PlaceKind, Unreadable, places};
use super::region::{Region, regions};
use super::scope::Scope;
use super::units::Units;

/// A bundled file with code in scope.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The path below the package, such as `dist/auth-x.js`.
    pub path: String,
    /// The text of the file.
    pub text: String,
    /// Converts byte offsets of the text to UTF-16 units.
    pub units: Units,
    /// The parts in scope.
    pub parts: Vec<ChunkPart>,
}

/// The part of a bundled file that came from one source file in scope.
#[derive(Clone, Debug)]
pub struct ChunkPart {
    /// Upstream's name of the source file.
    pub source: String,
    /// The area that the source file belongs to.
    pub area: String,
    /// The first line in the bundled file, from 1.
    pub first_line: usize,
    /// The last line in the bundled file.
    pub last_line: usize,
    /// The bytes in the bundled file.
    pub bytes: Range<usize>,
    /// Why the whole source file is left out, if it is.
    pub left_out: Option<String>,
    /// The functions that are left out, each with the reason.
    pub functions_left_out: Vec<(String, String)>,
    /// The places at which something can be executed.
    pub spots: Vec<CodeSpot>,
}

/// A place of a part, with its position as V8 counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSpot {
    /// What can be executed there.
    pub kind: PlaceKind,
    /// The UTF-16 unit whose execution counts.
    pub unit: usize,
    /// All of its bytes in the bundled file.
    pub bytes: Range<usize>,
    /// The line in the bundled file, from 1.
    pub line: usize,
    /// The function around it; empty outside of functions.
    pub function: String,
    /// Whether it is not counted: it is in a function or branch that is left out, or only affects the log.
    pub left_out: bool,
    /// Why this branch itself is left out, if it is.
    pub reason: Option<String>,
}

impl CodeSpot {
    /// The label of the place: the kind of a branch and its shortened text, such as `if return null;`; for other places the
    /// shortened text.
    pub fn label(&self, text: &str) -> String {
        label(&self.kind, text.get(self.bytes.clone()).unwrap_or_default())
    }
}

fn label(kind: &PlaceKind, text: &str) -> String {
    match kind {
        PlaceKind::Branch(kind) => format!("{} {}", kind.word(), short(text)),
        PlaceKind::Line | PlaceKind::Function(_) => short(text),
    }
}

/// Whether a text has marks that name source files.
pub(super) fn names_sources(text: &str) -> bool {
    !regions(text).is_empty()
}

impl Chunk {
    /// Reads a bundled file. Returns `None` if no part of it is in scope.
    ///
    /// # Errors
    /// Fails if the text is not JavaScript.
    pub fn read(path: &str, text: String, scope: &Scope) -> Result<Option<Self>, Unreadable> {
        let found: Vec<_> = regions(&text)
            .into_iter()
            .filter_map(|mut region| {
                if region.source.is_empty() {
                    scope.unnamed(path)?.clone_into(&mut region.source);
                }
                let area = scope.area(&region.source)?.to_owned();
                Some((region, area))
            })
            .collect();
        if found.is_empty() {
            return Ok(None);
        }
        let units = Units::of(&text);
        let all = places(&text, scope.only_logged())?;
        let parts = found.into_iter().map(|(region, area)| {
            let mut functions_left_out = Vec::new();
            let mut spots = Vec::new();
            let argued = places_left_out(&all, &region, &text, scope);
            for place in all.iter().filter(|place| region.bytes.contains(&place.at)) {
                let reason = left_out(place, &all, scope, &region.source);
                if let (Some((name, reason)), PlaceKind::Function(own)) = (&reason, &place.kind)
                    && name == own
                {
                    functions_left_out.push((name.clone(), reason.clone()));
                }
                spots.push(CodeSpot {
                    kind: place.kind.clone(),
                    unit: units.at(place.at),
                    bytes: place.bytes.clone(),
                    line: place.line,
                    function: function_around(place, &all).to_owned(),
                    left_out: reason.is_some()
                        || place.logged
                        || argued.iter().any(|(one, _)| one.bytes.contains(&place.at)),
                    reason: argued
                        .iter()
                        .find(|(one, _)| std::ptr::eq(*one, place))
                        .map(|(_, reason)| (*reason).to_owned()),
                });
            }
            ChunkPart {
                left_out: scope.file_left_out(&region.source).map(str::to_owned),
                source: region.source,
                area,
                first_line: region.first_line,
                last_line: region.last_line,
                bytes: region.bytes,
                functions_left_out,
                spots,
            }
        });
        let parts = parts.collect();
        Ok(Some(Self { path: path.to_owned(), units, parts, text }))
    }
}

fn function_around<'a>(place: &Place, all: &'a [Place]) -> &'a str {
    place.inside.and_then(|at| name_of(all.get(at)?)).unwrap_or_default()
}

/// The branches of a region that are left out, each with the reason.
fn places_left_out<'a>(
    all: &'a [Place],
    region: &Region,
    text: &str,
    scope: &'a Scope,
) -> Vec<(&'a Place, &'a str)> {
    let branches =
        all.iter().filter(|one| matches!(one.kind, PlaceKind::Branch(_)) && region.bytes.contains(&one.at));
    let reason = |one: &'a Place| {
        let said = label(&one.kind, text.get(one.bytes.clone()).unwrap_or_default());
        Some((one, scope.place_left_out(&region.source, function_around(one, all), &said)?))
    };
    branches.filter_map(reason).collect()
}

fn name_of(place: &Place) -> Option<&str> {
    match &place.kind {
        PlaceKind::Function(name) => Some(name),
        PlaceKind::Line | PlaceKind::Branch(_) => None,
    }
}

/// The outermost left-out function around a place, with the reason.
fn left_out(place: &Place, all: &[Place], scope: &Scope, source: &str) -> Option<(String, String)> {
    let mut found = None;
    let mut at = Some(place);
    while let Some(one) = at {
        if let Some(name) = name_of(one)
            && let Some(reason) = scope.function_left_out(source, name)
        {
            found = Some((name.to_owned(), reason.to_owned()));
        }
        at = one.inside.and_then(|index| all.get(index));
    }
    found
}

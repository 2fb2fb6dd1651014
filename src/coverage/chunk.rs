//! A bundled file, and what of it is in scope.

use std::ops::Range;

use super::place::{Kind, Place, Unreadable, places};
use super::region::regions;
use super::scope::Scope;
use super::units::Units;

/// A bundled file with code in scope.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Its path below the package, as in `dist/auth-x.js`.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Its length and places in UTF-16 units.
    pub units: Units,
    /// What of it is in scope.
    pub parts: Vec<Part>,
}

/// What of a bundled file came from one source file in scope.
#[derive(Clone, Debug)]
pub struct Part {
    /// Upstream's name of the file.
    pub source: String,
    /// The area it belongs to.
    pub area: String,
    /// First line in the bundled file, from 1.
    pub first_line: usize,
    /// Last line.
    pub last_line: usize,
    /// Its bytes.
    pub bytes: Range<usize>,
    /// Why the whole file is left out.
    pub left_out: Option<String>,
    /// Functions that are left out, and why.
    pub functions_left_out: Vec<(String, String)>,
    /// Where something can be executed.
    pub spots: Vec<Spot>,
}

/// A place as V8 sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// What can be executed there.
    pub kind: Kind,
    /// The UTF-16 unit that is executed.
    pub unit: usize,
    /// All bytes of it in the bundled file.
    pub bytes: Range<usize>,
    /// The line in the bundled file, from 1.
    pub line: usize,
    /// The function around it; empty outside of functions.
    pub function: String,
    /// Whether it is in a function that is left out.
    pub left_out: bool,
}

/// Whether a text has marks that name source files at all.
pub(super) fn names_sources(text: &str) -> bool {
    !regions(text).is_empty()
}

impl Chunk {
    /// Reads a bundled file; none where nothing of it is in scope.
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
        let all = places(&text)?;
        let parts = found.into_iter().map(|(region, area)| {
            let mut functions_left_out = Vec::new();
            let mut spots = Vec::new();
            for place in all.iter().filter(|place| region.bytes.contains(&place.at)) {
                let reason = left_out(place, &all, scope, &region.source);
                if let (Some((name, reason)), Kind::Function(own)) = (&reason, &place.kind)
                    && name == own
                {
                    functions_left_out.push((name.clone(), reason.clone()));
                }
                spots.push(Spot {
                    kind: place.kind.clone(),
                    unit: units.at(place.at),
                    bytes: place.bytes.clone(),
                    line: place.line,
                    function: place
                        .inside
                        .and_then(|at| name_of(all.get(at)?))
                        .unwrap_or_default()
                        .to_owned(),
                    left_out: reason.is_some(),
                });
            }
            Part {
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

fn name_of(place: &Place) -> Option<&str> {
    match &place.kind {
        Kind::Function(name) => Some(name),
        Kind::Line | Kind::Branch(_) => None,
    }
}

/// The outermost function around a place that is left out, and why.
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

//! Where the deviations of a scenario file stand in its text, for whoever edits them there.

use std::sync::Arc;

use super::decode::decode;
use super::file::Deviation;
use super::source::Source;
use super::span::Span;
use super::tree::{Kind, Tree, read};

/// Where a file's list of deviations stands.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The mapping that the file is.
    pub root: Span,
    /// Its first key.
    pub first_key: Span,
    /// The key `deviations` and its value, where they are there.
    pub list: Option<(Span, Span)>,
    /// The entries of the list, in order.
    pub entries: Vec<Place>,
    rest: Vec<(String, Tree)>,
}

/// Where an entry of the list stands, and what it says.
#[derive(Clone, Debug)]
pub struct Place {
    /// The whole entry, without the dash or the commas around it.
    pub span: Span,
    /// The value of its key `releases`.
    pub releases: Option<Span>,
    tree: Tree,
}

/// The layout of a scenario's text. None where the text is no scenario, or where a place cannot be trusted: an
/// alias stands somewhere else than what it repeats.
pub fn layout(source: &Arc<Source>) -> Option<Layout> {
    let tree = read(source).ok()?;
    let Kind::Map(keys) = &tree.kind else { return None };
    let found = keys.iter().find(|(key, _)| key.value == "deviations");
    let entries: &[Tree] = match found.map(|(_, value)| &value.kind) {
        None => &[],
        Some(Kind::List(entries)) => entries,
        Some(_) => return None,
    };
    let entries: Vec<Place> = entries.iter().map(Place::of).collect();
    if let Some((key, value)) = found {
        let mut at = key.span.end;
        for entry in &entries {
            let within = entry.span.start >= at.max(value.span.start) && entry.span.end <= value.span.end;
            if !within || !is_inside(&entry.tree, entry.span) {
                return None;
            }
            at = entry.span.end;
        }
    }
    Some(Layout {
        root: tree.span,
        first_key: keys.first()?.0.span,
        list: found.map(|(key, value)| (key.span, value.span)),
        entries,
        rest: keys
            .iter()
            .filter(|(key, _)| key.value != "deviations")
            .map(|(key, value)| (key.value.clone(), value.clone()))
            .collect(),
    })
}

/// Whether all below a node stands inside of it, one behind the other.
fn is_inside(tree: &Tree, around: Span) -> bool {
    let mut at = around.start;
    let mut follows = |span: Span| {
        let fine = span.start >= at && span.end <= around.end;
        at = span.end;
        fine
    };
    match &tree.kind {
        Kind::List(list) => list.iter().all(|one| follows(one.span) && is_inside(one, one.span)),
        Kind::Map(entries) => entries.iter().all(|(key, value)| {
            // A value that was left empty has no place of its own.
            let there = !matches!(value.kind, Kind::Null);
            follows(key.span) && (!there || follows(value.span) && is_inside(value, value.span))
        }),
        _ => true,
    }
}

impl Layout {
    /// Whether two texts say the same but for their deviations.
    pub fn is_same_beside_deviations(&self, other: &Self) -> bool {
        self.rest.len() == other.rest.len()
            && self.rest.iter().zip(&other.rest).all(|(a, b)| a.0 == b.0 && says_the_same(&a.1, &b.1))
    }
}

impl Place {
    fn of(tree: &Tree) -> Self {
        Self { span: tree.span, releases: tree.get("releases").map(|one| one.span), tree: tree.clone() }
    }

    /// What its `releases` say, where they are a text.
    pub fn releases_text(&self) -> Option<&str> {
        match &self.tree.get("releases")?.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entry. None where it can only be read together with a row of the table.
    pub fn deviation(&self) -> Option<Deviation> {
        decode(&self.tree).ok()
    }

    /// Whether the other entry says the same, its releases left aside.
    pub fn is_same_beside_releases(&self, other: &Self) -> bool {
        let rest = |place: &Self| match &place.tree.kind {
            Kind::Map(entries) => Some(
                entries
                    .iter()
                    .filter(|(key, _)| key.value != "releases")
                    .map(|(key, value)| (key.value.clone(), value.clone()))
                    .collect::<Vec<_>>(),
            ),
            _ => None,
        };
        let (Some(ours), Some(theirs)) = (rest(self), rest(other)) else { return false };
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(a, b)| a.0 == b.0 && says_the_same(&a.1, &b.1))
    }
}

/// Whether two nodes are the same, wherever they stand.
fn says_the_same(a: &Tree, b: &Tree) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::List(a), Kind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| says_the_same(a, b))
        }
        (Kind::Map(a), Kind::Map(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.0.value == b.0.value && says_the_same(&a.1, &b.1))
        }
        (a, b) => a == b,
    }
}

//! The positions of a scenario file's deviations in its text, for editing them in place.

use std::sync::Arc;

use super::decode::decode;
use super::file::Deviation;
use super::source::Source;
use super::span::Span;
use super::tree::{NodeKind, Tree, read};

/// The position of a file's list of deviations.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The file's top-level mapping.
    pub root: Span,
    /// Its first key.
    pub first_key: Span,
    /// The key `deviations` and its value, if present.
    pub list: Option<(Span, Span)>,
    /// The entries of the list, in order.
    pub entries: Vec<DeviationEntry>,
    rest: Vec<(String, Tree)>,
}

/// An entry of the list, and its position.
#[derive(Clone, Debug)]
pub struct DeviationEntry {
    /// The whole entry, without the dash or commas around it.
    pub span: Span,
    /// The value of its key `releases`.
    pub releases: Option<Span>,
    tree: Tree,
}

/// Finds the deviations in a scenario's text. `None` if the text is not a scenario, or if a position cannot be
/// trusted because of an alias, whose value is written elsewhere.
pub fn layout(source: &Arc<Source>) -> Option<Layout> {
    let tree = read(source).ok()?;
    let NodeKind::Map(keys) = &tree.kind else { return None };
    let found = keys.iter().find(|(key, _)| key.value == "deviations");
    let entries: &[Tree] = match found.map(|(_, value)| &value.kind) {
        None => &[],
        Some(NodeKind::List(entries)) => entries,
        Some(_) => return None,
    };
    let entries: Vec<DeviationEntry> = entries.iter().map(DeviationEntry::of).collect();
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

/// Whether everything below a node lies within it, in order.
fn is_inside(tree: &Tree, around: Span) -> bool {
    let mut at = around.start;
    let mut follows = |span: Span| {
        let fine = span.start >= at && span.end <= around.end;
        at = span.end;
        fine
    };
    match &tree.kind {
        NodeKind::List(list) => list.iter().all(|one| follows(one.span) && is_inside(one, one.span)),
        NodeKind::Map(entries) => entries.iter().all(|(key, value)| {
            // An empty value has no position of its own.
            let there = !matches!(value.kind, NodeKind::Null);
            follows(key.span) && (!there || follows(value.span) && is_inside(value, value.span))
        }),
        _ => true,
    }
}

impl Layout {
    /// Whether two texts are equal apart from their deviations.
    pub fn is_same_beside_deviations(&self, other: &Self) -> bool {
        self.rest.len() == other.rest.len()
            && self.rest.iter().zip(&other.rest).all(|(a, b)| a.0 == b.0 && says_the_same(&a.1, &b.1))
    }
}

impl DeviationEntry {
    fn of(tree: &Tree) -> Self {
        Self { span: tree.span, releases: tree.get("releases").map(|one| one.span), tree: tree.clone() }
    }

    /// The value of `releases`, if it is a text.
    pub fn releases_text(&self) -> Option<&str> {
        match &self.tree.get("releases")?.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The decoded entry. `None` if it depends on a row of the table.
    pub fn deviation(&self) -> Option<Deviation> {
        decode(&self.tree).ok()
    }

    /// Whether two entries are equal apart from their releases.
    pub fn is_same_beside_releases(&self, other: &Self) -> bool {
        let rest = |place: &Self| match &place.tree.kind {
            NodeKind::Map(entries) => Some(
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

/// Whether two nodes are equal, regardless of their positions.
pub(super) fn says_the_same(a: &Tree, b: &Tree) -> bool {
    match (&a.kind, &b.kind) {
        (NodeKind::List(a), NodeKind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| says_the_same(a, b))
        }
        (NodeKind::Map(a), NodeKind::Map(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.0.value == b.0.value && says_the_same(&a.1, &b.1))
        }
        (a, b) => a == b,
    }
}

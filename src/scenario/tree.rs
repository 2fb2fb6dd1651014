//! Parses YAML into a tree in which every node knows its position.

use std::fmt;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::diagnostic::Diagnostic;
use super::source::Source;
use super::span::{Span, Spanned};

/// Largest accepted scenario file, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Maximum nesting of lists and mappings.
const MAX_DEPTH: usize = 48;
/// Maximum number of nodes in a file, including those repeated by aliases.
const MAX_NODES: usize = 50_000;

/// A YAML node with its position in the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tree {
    /// Its position.
    pub(super) span: Span,
    /// Its content.
    pub(super) kind: NodeKind,
}

/// The content of a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NodeKind {
    /// Null, or an empty value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer or a fraction.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A mapping, in the order it is written.
    Map(Vec<(Spanned<String>, Tree)>),
}

impl Tree {
    /// The value of a key, if this is a mapping that contains it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            NodeKind::Map(entries) => {
                entries.iter().find(|(name, _)| name.value == key).map(|(_, tree)| tree)
            }
            _ => None,
        }
    }

    /// A description for messages.
    pub(super) fn describe(&self) -> String {
        match &self.kind {
            NodeKind::Null => "nothing".to_owned(),
            NodeKind::Bool(one) => format!("`{one}`"),
            NodeKind::Number(one) => format!("the number {one}"),
            NodeKind::Text(text) => format!("the text {:?}", shortened(text)),
            NodeKind::List(_) => "a list".to_owned(),
            NodeKind::Map(_) => "a mapping".to_owned(),
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Parses YAML.
///
/// # Errors
/// Fails with a diagnostic if the text is not valid YAML, or exceeds a limit.
pub(super) fn read(source: &Arc<Source>) -> Result<Tree, Box<Diagnostic>> {
    let whole = &source.text;
    if whole.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; the limit is {MAX_BYTES}", whole.len());
        return Err(Box::new(Diagnostic::error("too-large", message, source, Span::default())));
    }
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    let skipped = whole.len() - text.len();
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_NODES,
            max_replay_stack_depth: 16,
        },
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        underscored_numbers_as_strings: true,
        leading_zero_numbers_as_strings: true,
        reject_unsupported_tags: true,
        emit_comments: false,
        with_snippet: false,
    };
    let read: Result<serde_saphyr::Spanned<Raw>, _> = serde_saphyr::from_str_with_options(text, options);
    match read {
        Ok(raw) => Ok(placed(raw, text, skipped)),
        Err(error) => Err(Box::new(refused(&error, source, text, skipped))),
    }
}

fn refused(error: &serde_saphyr::Error, source: &Arc<Source>, text: &str, skipped: usize) -> Diagnostic {
    let error = error.without_snippet();
    let span = error.location().map_or_else(Span::default, |one| bytes(one, text));
    let span = on_one_line(text, span);
    let span = Span { start: span.start + skipped, end: span.end + skipped };
    let formatter = serde_saphyr::UserMessageFormatter;
    let message = serde_saphyr::MessageFormatter::format_message(&formatter, error).into_owned();
    match error {
        serde_saphyr::Error::DuplicateMappingKey { .. } => {
            Diagnostic::error("duplicate-key", message, source, span)
                .label("this key appears twice")
                .help("remove one of the two")
        }
        _ => Diagnostic::error("yaml", message, source, span).label("not valid YAML from here on"),
    }
}

/// Shortens the span of a block to its first line.
fn on_one_line(text: &str, span: Span) -> Span {
    let rest = text.get(span.start..span.end).unwrap_or_default();
    let first = rest.lines().next().unwrap_or_default().trim_end();
    Span { start: span.start, end: span.start + first.len() }
}

/// Converts a location of the parser to bytes, within the text and at character boundaries.
fn bytes(location: serde_saphyr::Location, text: &str) -> Span {
    let number = |one: u64| usize::try_from(one).unwrap_or(usize::MAX);
    let span = location.span();
    let Some(start) = span.byte_offset().map(number) else {
        return at_line(number(location.line()), number(location.column()), text);
    };
    let start = text.floor_char_boundary(start.min(text.len()));
    let end = start.saturating_add(span.byte_len().map_or(0, number)).min(text.len());
    Span { start, end: text.ceil_char_boundary(end) }
}

/// The character at a line and column, both counted from 1. For some syntax errors the parser reports nothing else.
fn at_line(line: usize, column: usize, text: &str) -> Span {
    let skipped: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text[skipped..].split_inclusive('\n').next().unwrap_or_default();
    let inside = rest.trim_end().char_indices().nth(column.saturating_sub(1));
    match inside {
        Some((at, one)) => Span { start: skipped + at, end: skipped + at + one.len_utf8() },
        None => Span { start: skipped + rest.trim_end().len(), end: skipped + rest.trim_end().len() },
    }
}

/// The end of a list or mapping in flow style, including its closing bracket.
fn closed(text: &str, start: usize, end: usize) -> usize {
    let closing = match text.as_bytes().get(start) {
        Some(b'{') => b'}',
        Some(b'[') => b']',
        _ => return end,
    };
    let mut at = end.max(start + 1);
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            byte if *byte == closing => return at + 1,
            b'#' => at += text[at..].find('\n').unwrap_or(text.len() - at),
            b',' | b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            _ => break,
        }
    }
    end
}

/// A node as the parser delivers it.
enum Raw {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<serde_saphyr::Spanned<Raw>>),
    Map(Vec<(serde_saphyr::Spanned<String>, serde_saphyr::Spanned<Raw>)>),
}

/// Converts locations to bytes of the whole file. A list or mapping extends to the end of its last entry.
fn placed(raw: serde_saphyr::Spanned<Raw>, text: &str, skipped: usize) -> Tree {
    let place = |location| {
        let span = bytes(location, text);
        let written = text.get(span.start..span.end).unwrap_or_default();
        Span { start: span.start + skipped, end: span.start + written.trim_end().len() + skipped }
    };
    let mut span = place(raw.referenced);
    let kind = match raw.value {
        Raw::Null => NodeKind::Null,
        Raw::Bool(one) => NodeKind::Bool(one),
        Raw::Number(one) => NodeKind::Number(one),
        Raw::Text(one) => NodeKind::Text(one),
        Raw::List(list) => NodeKind::List(list.into_iter().map(|one| placed(one, text, skipped)).collect()),
        Raw::Map(entries) => NodeKind::Map(
            entries
                .into_iter()
                .map(|(key, value)| {
                    (Spanned::new(key.value, place(key.referenced)), placed(value, text, skipped))
                })
                .collect(),
        ),
    };
    let last = match &kind {
        NodeKind::List(list) => list.last().map(|one| one.span.end),
        NodeKind::Map(entries) => entries.last().map(|(key, one)| one.span.end.max(key.span.end)),
        _ => None,
    };
    span.end = span.end.max(last.unwrap_or(0));
    if matches!(kind, NodeKind::List(_) | NodeKind::Map(_)) {
        span.end = closed(text, span.start - skipped, span.end - skipped) + skipped;
    }
    Tree { span, kind }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNode;

        impl<'de> Visitor<'de> for AnyNode {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a YAML node")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Number(value.into()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Number(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Raw, E> {
                let number = Number::from_f64(value);
                number.map(Raw::Number).ok_or_else(|| E::custom("a number must be finite"))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                let mut list = Vec::new();
                while let Some(one) = seq.next_element()? {
                    list.push(one);
                }
                Ok(Raw::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }

        deserializer.deserialize_any(AnyNode)
    }
}

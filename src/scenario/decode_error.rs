//! Decoding errors, with their position in the file.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::de::{self, Expected, Unexpected};

use super::diagnostic::Diagnostic;
use super::source::Source;
use super::span::Span;
use super::suggest::{advice, quoted};

/// One segment of the path from the top of a file to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A key of a mapping.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// Why a tree could not be decoded.
#[derive(Clone, Debug)]
pub(super) struct DecodeError {
    /// Stable name of the rule.
    pub(super) code: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// Text to show at the position.
    pub(super) label: String,
    /// What to do about it.
    pub(super) help: Option<String>,
    /// Position in the file. The decoder fills it in on the way out, innermost node first.
    pub(super) span: Option<Span>,
    /// Key of the offending entry, if only the surrounding mapping knows its position.
    pub(super) at_key: Option<String>,
    /// Path to the node, innermost segment first.
    pub(super) path: Vec<Segment>,
}

/// Prefix of a message that carries the key it is about; see [`at_key`].
const AT_KEY: &str = "\u{1}at-key:";

/// An error about one key of the mapping being read. Serde errors carry only text, so the key travels inside
/// the text, and [`DecodeError`] extracts it again.
pub(super) fn at_key<E: de::Error>(key: &str, message: impl fmt::Display) -> E {
    E::custom(format_args!("{AT_KEY}{key}\u{1}{message}"))
}

impl DecodeError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            label: String::new(),
            help: None,
            span: None,
            at_key: None,
            path: Vec::new(),
        }
    }

    pub(super) fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn helped(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the position if none is known yet.
    pub(super) fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// Records that the error is below `segment`.
    pub(super) fn below(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }

    /// Whether this is about a missing key, which is best shown at the key of the incomplete mapping.
    pub(super) fn is_about_missing(&self) -> bool {
        self.code == "missing-key" && self.span.is_none()
    }

    /// The path from the top of the file, such as `steps[2].connect`.
    pub(super) fn path(&self) -> String {
        let mut text = String::new();
        for segment in self.path.iter().rev() {
            // Writing to a `String` cannot fail.
            let _ = match segment {
                Segment::Key(key) if text.is_empty() => write!(text, "{key}"),
                Segment::Key(key) => write!(text, ".{key}"),
                Segment::Index(index) => write!(text, "[{index}]"),
            };
        }
        text
    }

    /// Converts the error to a diagnostic for a file.
    pub(super) fn into_diagnostic(self, source: &Arc<Source>) -> Diagnostic {
        let path = self.path();
        let message = if path.is_empty() { self.message } else { format!("{} (in `{path}`)", self.message) };
        let span = self.span.unwrap_or_default();
        Diagnostic::error(self.code, message, source, span).label(self.label).maybe_help(self.help)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        match text.strip_prefix(AT_KEY).and_then(|rest| rest.split_once('\u{1}')) {
            Some((key, message)) => {
                Self { at_key: Some(key.to_owned()), ..Self::new("wrong-value", message) }
            }
            None => Self::new("wrong-value", text),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let wanted = plain_words(&expected.to_string());
        let message = format!("expected {wanted}, found {}", found(unexpected));
        let error = Self::new("wrong-type", message).labelled(short_label(&wanted));
        match (wanted.as_str(), unexpected) {
            ("a text", Unexpected::Bool(one)) => error.helped(format!("quote it: \"{one}\"")),
            ("a text", Unexpected::Unsigned(one)) => error.helped(format!("quote it: \"{one}\"")),
            ("a text", Unexpected::Signed(one)) => error.helped(format!("quote it: \"{one}\"")),
            ("a text", Unexpected::Float(one)) => error.helped(format!("quote it: \"{one}\"")),
            ("a list", Unexpected::Str(one)) => {
                error.helped(format!("write a list with one element: [{one}]"))
            }
            _ => error,
        }
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let wanted = plain_words(&expected.to_string());
        let message = format!("expected {wanted}, found {}", found(unexpected));
        Self::new("wrong-value", message).labelled(short_label(&wanted))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let wanted = plain_words(&expected.to_string());
        let message = format!("expected {wanted}, found {length}");
        Self::new("wrong-type", message).labelled(short_label(&wanted))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let error = Self::new("unknown-word", format!("`{variant}` is not one of the words allowed here"));
        Self { help: advice("allowed", variant, expected), ..error }.labelled("unknown word")
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let error = Self::new("unknown-key", format!("unknown key `{field}`"));
        Self { help: advice("allowed", field, expected), at_key: Some(field.to_owned()), ..error }
            .labelled("unknown key")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("missing-key", format!("`{field}` is missing")).labelled(format!("needs `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("duplicate-key", format!("`{field}` appears twice"))
    }
}

/// The expected value as a label, unless it is too long to repeat.
fn short_label(wanted: &str) -> String {
    if wanted.len() <= 40 { format!("expected {wanted}") } else { String::new() }
}

/// Translates serde's name for an expected type into the words of a YAML author.
fn plain_words(expected: &str) -> String {
    let plain = match expected {
        "a string" | "string" | "str" | "a borrowed string" => "a text",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "a boolean" => "`true` or `false`",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number of 0 or more",
        "i64" => "a whole number",
        "any valid JSON value" => "a value",
        "an array of length 2" => "a list of two",
        other if other.starts_with("struct ") => "a mapping",
        other => other,
    };
    plain.to_owned()
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(one) => format!("`{one}`"),
        Unexpected::Unsigned(one) => format!("the number {one}"),
        Unexpected::Signed(one) => format!("the number {one}"),
        Unexpected::Float(one) => format!("the number {one}"),
        Unexpected::Str(text) => format!("the text {text:?}"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// The error for a value that should have been one of an enum's words.
pub(super) fn not_a_word(found: &str, variants: &[&str]) -> DecodeError {
    DecodeError::new("wrong-type", format!("expected one of the words allowed here, found {found}"))
        .labelled("expected a word")
        .helped(format!("allowed: {}", quoted(variants)))
}

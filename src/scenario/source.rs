//! The text of a scenario file, with its path.

use super::span::Span;

/// The text of a scenario file, and its path for display.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Path for display.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// The line on which a span starts, counted from 1.
    pub fn line(&self, span: Span) -> usize {
        let until = self.text.len().min(span.start);
        self.text.as_bytes()[..until].split(|byte| *byte == b'\n').count()
    }
}

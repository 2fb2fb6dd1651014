//! The text of a scenario file and its name.

use super::span::Span;

/// A scenario's text and the name under which people know the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Path for display.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Line of a byte, from 1.
    pub fn line(&self, span: Span) -> usize {
        let until = self.text.len().min(span.start);
        self.text.as_bytes()[..until].split(|byte| *byte == b'\n').count()
    }
}

//! The part of a scenario file that says what was expected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::{Source, Span};

/// The most lines between the first line of a step and its expectation for both to be shown.
const MOST_LINES: usize = 12;

/// The longest text that is kept, in bytes; a longer one is not worth reading.
const MOST_BYTES: usize = 4 << 10;

/// Lines of a scenario file, with a marked part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excerpt {
    /// Path of the file.
    pub path: String,
    /// Number of the first line in the file, from 1.
    pub line: usize,
    /// The lines, with secrets masked.
    pub text: String,
    /// First byte of the marked part.
    pub start: usize,
    /// One past the last byte of the marked part, which is on one line.
    pub end: usize,
}

impl Excerpt {
    /// The lines from the step to the part that is marked, or only those of that part if the step is far away. `None` for
    /// an empty or very long part, and for one that is not in the text.
    pub fn of(source: &Source, step: Span, marked: Span) -> Option<Self> {
        let text = source.text.as_str();
        let inside = |at: usize| at <= text.len() && text.is_char_boundary(at);
        if !inside(marked.start) || !inside(marked.end) || marked.start >= marked.end {
            return None;
        }
        let part = text[marked.start..marked.end].lines().next()?.trim_end();
        let end = marked.start + part.len();
        let is_near = inside(step.start)
            && step.start <= marked.start
            && text[step.start..marked.start].matches('\n').count() < MOST_LINES;
        let first = if is_near { step.start } else { marked.start };
        let from = text[..first].rfind('\n').map_or(0, |at| at + 1);
        let until = text[end..].find('\n').map_or(text.len(), |at| end + at);
        if part.is_empty() || until - from > MOST_BYTES {
            return None;
        }
        Some(Self {
            path: source.path.clone(),
            line: text[..from].matches('\n').count() + 1,
            text: text[from..until].trim_end().to_owned(),
            start: marked.start - from,
            end: end - from,
        })
    }

    /// The same with its text replaced, as far as that leaves the marked part where it is.
    #[must_use]
    pub fn map_text(self, mut replaced: impl FnMut(&str) -> String) -> Self {
        let before = replaced(&self.text[..self.start]);
        let part = replaced(&self.text[self.start..self.end]);
        let after = replaced(&self.text[self.end..]);
        let (start, end) = (before.len(), before.len() + part.len());
        Self { text: before + &part + &after, start, end, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str =
        "title: a\nsteps:\n  - connect:\n      as: operator\n      expect: {hello: {a: 1}}\n  - wait: 1s\n";

    fn source(text: &str) -> Source {
        Source { path: "a.yaml".into(), text: text.into() }
    }

    fn span(text: &str, part: &str) -> Span {
        let start = text.find(part).unwrap();
        Span { start, end: start + part.len() }
    }

    #[test]
    fn an_excerpt_reaches_from_the_step_to_its_expectation() {
        let step = span(TEXT, "connect:");
        let found = Excerpt::of(&source(TEXT), step, span(TEXT, "{hello: {a: 1}}")).unwrap();
        assert_eq!(found.line, 3);
        assert_eq!(found.text, "  - connect:\n      as: operator\n      expect: {hello: {a: 1}}");
        assert_eq!(&found.text[found.start..found.end], "{hello: {a: 1}}");
    }

    #[test]
    fn a_block_is_marked_on_its_first_line() {
        let all = Span { start: TEXT.find("connect").unwrap(), end: TEXT.find("  - wait").unwrap() };
        let found = Excerpt::of(&source(TEXT), all, all).unwrap();
        assert_eq!(&found.text[found.start..found.end], "connect:");
    }

    #[test]
    fn what_is_far_from_its_step_is_shown_without_it() {
        let text = format!("steps:\n  - a:\n{}      expect: hello\n", "      x: 1\n".repeat(40));
        let found = Excerpt::of(&source(&text), span(&text, "a:"), span(&text, "hello")).unwrap();
        assert_eq!((found.line, found.text.as_str()), (43, "      expect: hello"));
    }

    #[test]
    fn what_is_masked_stays_marked() {
        let found =
            Excerpt::of(&source("a: secret\nb: secret, c"), Span::default(), Span { start: 13, end: 19 });
        let masked = found.unwrap().map_text(|text| text.replace("secret", "‹token›"));
        assert_eq!(masked.text, "a: ‹token›\nb: ‹token›, c");
        assert_eq!(&masked.text[masked.start..masked.end], "‹token›");
    }

    proptest! {
        #[test]
        fn a_marked_part_is_always_inside_its_text(
            text in "(?s).{0,80}",
            step in 0usize..90,
            start in 0usize..90,
            length in 0usize..20,
        ) {
            let marked = Span { start, end: start + length };
            if let Some(found) = Excerpt::of(&source(&text), Span { start: step, end: step }, marked) {
                prop_assert!(found.start < found.end && found.end <= found.text.len());
                let part = &found.text[found.start..found.end];
                prop_assert!(text[start..].starts_with(part) && !part.contains('\n'));
            }
        }
    }
}

//! Diagnostics about scenario files, shown as a compiler does.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use crate::run::Excerpt;
use crate::scenario::{Diagnostic, Severity, Source, Span};

/// A diagnostic with its line, caret, label and help; ends with a line break.
pub fn render(diagnostic: &Diagnostic, color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(width);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = cleaned(&diagnostic.message);
    let label = cleaned(&diagnostic.label);
    let title = level.primary_title(message).id(diagnostic.code);
    let source = &diagnostic.source;
    let primary = AnnotationKind::Primary.span(shown(source, diagnostic.span));
    let primary = if label.is_empty() { primary } else { primary.label(label) };
    let here = diagnostic.related.iter().filter(|one| one.source == *source);
    let context =
        here.map(|one| AnnotationKind::Context.span(shown(source, one.span)).label(cleaned(&one.label)));
    let snippet = Snippet::source(source.text.as_str())
        .path(source.path.as_str())
        .annotation(primary)
        .annotations(context);
    let mut group = Group::with_title(title).element(snippet);
    for one in diagnostic.related.iter().filter(|one| one.source != *source) {
        let annotation = AnnotationKind::Context.span(shown(&one.source, one.span));
        let elsewhere = Snippet::source(one.source.text.as_str()).path(one.source.path.as_str());
        group = group.element(elsewhere.annotation(annotation.label(cleaned(&one.label))));
    }
    for line in diagnostic.help.iter().flat_map(|help| help.lines()) {
        group = group.element(Level::HELP.message(cleaned(line)));
    }
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

/// Lines of a file with a caret below the part that is marked and a label beside it; ends with a line break.
pub(crate) fn excerpt(excerpt: &Excerpt, label: &str, color: bool, width: usize) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(width);
    let length = excerpt.text.len();
    let start = excerpt.text.floor_char_boundary(excerpt.start.min(length));
    let end = excerpt.text.floor_char_boundary(excerpt.end.clamp(start, length));
    let mark = AnnotationKind::Primary.span(start..end).label(cleaned(label));
    let snippet = Snippet::source(excerpt.text.as_str())
        .line_start(excerpt.line)
        .path(excerpt.path.as_str())
        .fold(false)
        .annotation(mark);
    let mut text = renderer.render(&[Group::with_level(Level::ERROR).element(snippet)]);
    text.push('\n');
    text
}

/// A diagnostic as JSON. Lines and columns count from 1, columns in characters.
pub fn to_json(diagnostic: &Diagnostic) -> Value {
    let place = |source: &Source, span: Span| {
        let (line, column) = line_and_column(source, span.start);
        json!({
            "path": source.path, "line": line, "column": column, "start": span.start, "end": span.end,
        })
    };
    let related = diagnostic
        .related
        .iter()
        .map(|one| json!({"place": place(&one.source, one.span), "label": one.label}));
    json!({
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "place": place(&diagnostic.source, diagnostic.span),
        "label": diagnostic.label,
        "help": diagnostic.help,
        "related": related.collect::<Vec<_>>(),
    })
}

/// The part of a span on its first line, because carets below a whole block are less helpful.
fn shown(source: &Source, span: Span) -> std::ops::Range<usize> {
    let text = source.text.as_str();
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.floor_char_boundary(span.end.clamp(start, text.len()));
    let first = text[start..end].lines().next().unwrap_or_default();
    start..start + first.trim_end().len()
}

fn line_and_column(source: &Source, at: usize) -> (usize, usize) {
    let before = &source.text[..source.text.floor_char_boundary(at.min(source.text.len()))];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A text without control characters, which could manipulate the terminal.
fn cleaned(text: &str) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

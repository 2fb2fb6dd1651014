//! Changing the deviations in a scenario's text, and nothing else of it.

use std::fmt::Write as _;
use std::ops::Range;

use serde_json::Value;

use crate::release::ReleaseRange;
use crate::scenario::{ClosedExpectation, ErrorExpectation, ExitExpectation, Expectation, Pattern};

/// A deviation to write.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) releases: ReleaseRange,
    /// Rows that it holds for; none for all.
    pub(super) rows: Option<Vec<String>>,
    pub(super) steps: Vec<(String, Expectation)>,
}

/// What happens to a deviation that is written already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// It holds on other releases.
    Releases(ReleaseRange),
    /// It holds nowhere.
    Remove,
}

/// The text with its deviations changed and more of them at the end. Changes name the line on which an
/// entry starts, from 1.
pub(super) fn rewrite(text: &str, changes: &[(usize, Change)], more: &[Entry]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut changes = changes.to_vec();
    changes.sort_by_key(|(line, _)| std::cmp::Reverse(*line));
    for (line, change) in changes {
        let span = entry_lines(&lines, line.saturating_sub(1));
        match change {
            Change::Remove => drop(lines.drain(span)),
            Change::Releases(range) => {
                if let Some(line) = lines[span].iter_mut().find(|line| line.contains("releases:")) {
                    *line = with_releases(line, &range);
                }
            }
        }
    }
    let mut block = block_lines(&lines);
    if let Some(found) = &block
        && found.len() == 1
        && more.is_empty()
    {
        // Nothing is left below the key.
        let blank = found.start > 0 && lines[found.start - 1].is_empty();
        lines.drain(found.start - usize::from(blank)..found.end);
        block = None;
    }
    if !more.is_empty() {
        let end = block.map_or_else(
            || {
                lines.extend([String::new(), "deviations:".to_owned()]);
                lines.len()
            },
            |block| block.end,
        );
        let written: Vec<String> = more.iter().flat_map(written).collect();
        lines.splice(end..end, written);
    }
    lines.join("\n") + "\n"
}

/// The lines of the `deviations` block without the blank and comment lines behind it.
fn block_lines(lines: &[String]) -> Option<Range<usize>> {
    let start = lines.iter().position(|line| line.starts_with("deviations:"))?;
    let inside = |line: &&String| line.is_empty() || line.starts_with([' ', '#', '-']);
    let mut end = start + 1 + lines[start + 1..].iter().take_while(inside).count();
    while end > start + 1 && (lines[end - 1].is_empty() || lines[end - 1].starts_with('#')) {
        end -= 1;
    }
    Some(start..end)
}

/// The lines of the entry that starts at or before a line.
fn entry_lines(lines: &[String], at: usize) -> Range<usize> {
    let Some(block) = block_lines(lines) else { return at..at };
    let starts = |index: &usize| lines[*index].trim_start().starts_with("- ");
    let indent = |index: usize| lines[index].len() - lines[index].trim_start().len();
    let start = (block.start..=at.min(block.end - 1)).rev().find(starts).unwrap_or(at);
    let outer = |index: &usize| indent(*index) <= indent(start) && !lines[*index].trim().is_empty();
    let end = (start + 1..block.end).find(outer).unwrap_or(block.end);
    start..end
}

fn with_releases(line: &str, range: &ReleaseRange) -> String {
    let Some((before, after)) = line.split_once("releases:") else { return line.to_owned() };
    let value = after.trim_start();
    let rest = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).map_or("", |(_, rest)| rest),
        _ => value.find([',', ' ', '}']).map_or("", |end| &value[end..]),
    };
    format!("{before}releases: \"{range}\"{rest}")
}

fn written(entry: &Entry) -> Vec<String> {
    let mut lines = vec![format!("  - releases: \"{}\"", entry.releases), "    class: unreviewed".to_owned()];
    if let Some(rows) = &entry.rows {
        let rows: Vec<String> = rows.iter().map(|row| text_of(row)).collect();
        lines.push(format!("    rows: [{}]", rows.join(", ")));
    }
    let steps: Vec<String> =
        entry.steps.iter().map(|(step, one)| format!("{}: {}", text_of(step), flow(one))).collect();
    lines.push(format!("    steps: {{{}}}", steps.join(", ")));
    lines
}

/// An expectation in flow style, quoted where it has to be.
pub(super) fn flow(one: &Expectation) -> String {
    let only = |key: &str, pattern: &Pattern| match pattern {
        Pattern::Any => key.to_owned(),
        pattern => format!("{{{key}: {}}}", value(pattern)),
    };
    match one {
        Expectation::Hello(pattern) => only("hello", pattern),
        Expectation::Ok(pattern) => only("ok", pattern),
        Expectation::Arrives(pattern) => only("arrives", pattern),
        Expectation::State(pattern) => format!("{{state: {}}}", value(pattern)),
        Expectation::ProtocolError(pattern) => format!("{{protocol_error: {}}}", value(pattern)),
        Expectation::Silence => "silence".to_owned(),
        Expectation::Http { status, .. } => format!("{{http: {}}}", value(status)),
        Expectation::Error(error) => format!("{{{}}}", refusal(error)),
        Expectation::Closed(ClosedExpectation { code, error, .. }) => {
            let code = code.as_ref().map_or_else(|| "$any".to_owned(), value);
            let error = refusal(error);
            let comma = if error.is_empty() { "" } else { ", " };
            format!("{{closed: {code}{comma}{error}}}")
        }
        Expectation::Exit(ExitExpectation { code, signal: _, stdout, stderr, json }) => {
            let printed = [("stdout", stdout), ("stderr", stderr), ("json", json)];
            with_keys(format!("exit: {}", value(code)), &printed)
        }
        Expectation::Tool { result, refused } => {
            with_keys(format!("tool: {}", value(result)), &[("refused", refused)])
        }
        Expectation::AnyOf(list) => {
            format!("{{any_of: [{}]}}", list.iter().map(flow).collect::<Vec<_>>().join(", "))
        }
    }
}

fn with_keys(head: String, keys: &[(&str, &Option<Pattern>)]) -> String {
    let written = keys.iter().filter_map(|(key, one)| Some(format!("{key}: {}", value(one.as_ref()?))));
    format!("{{{}}}", std::iter::once(head).chain(written).collect::<Vec<_>>().join(", "))
}

fn refusal(error: &ErrorExpectation) -> String {
    let parts = [("error", &error.code), ("details", &error.details), ("message", &error.message)];
    let written = parts.into_iter().filter_map(|(key, one)| Some(format!("{key}: {}", value(one.as_ref()?))));
    written.collect::<Vec<_>>().join(", ")
}

fn value(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Literal(Value::String(text)) => text_of(text),
        Pattern::Object(entries) => {
            let mut text = String::from("{");
            for (at, (key, one)) in entries.iter().enumerate() {
                let comma = if at == 0 { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = write!(text, "{comma}{}: {}", text_of(key), value(one));
            }
            text + "}"
        }
        Pattern::Array(items) => format!("[{}]", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// A text as YAML has it: bare where it can only be this text.
fn text_of(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let word = matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts && text.chars().all(bare) && !word { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"title: t  # keep me
deviations:
  # The first.
  - releases: "<2026.4.2"  # why so
    class: superseded
    steps: {a: hello}
  - {releases: 2026.5.2, class: superseded, steps: {a: hello}}
"#;

    fn entry() -> Entry {
        Entry {
            releases: ">=2026.5.28".parse().unwrap(),
            rows: Some(vec!["one".into()]),
            steps: vec![("a".into(), Expectation::Silence)],
        }
    }

    #[test]
    fn comments_and_layout_stay() {
        let range = ">=2026.3.28, <2026.4.2".parse().unwrap();
        insta::assert_snapshot!(rewrite(TEXT, &[(4, Change::Releases(range)), (7, Change::Remove)], &[entry()]), @r#"
        title: t  # keep me
        deviations:
          # The first.
          - releases: ">=2026.3.28, <2026.4.2"  # why so
            class: superseded
            steps: {a: hello}
          - releases: ">=2026.5.28"
            class: unreviewed
            rows: [one]
            steps: {a: silence}
        "#);
    }

    #[test]
    fn a_file_without_deviations_gets_the_key() {
        insta::assert_snapshot!(rewrite("title: t\n", &[], &[entry()]), @r#"
        title: t

        deviations:
          - releases: ">=2026.5.28"
            class: unreviewed
            rows: [one]
            steps: {a: silence}
        "#);
    }

    #[test]
    fn what_is_no_plain_word_is_quoted() {
        assert_eq!(text_of("node: x"), r#""node: x""#);
        assert_eq!(text_of("true"), r#""true""#);
        assert_eq!(text_of("device.pair.list"), "device.pair.list");
    }
}

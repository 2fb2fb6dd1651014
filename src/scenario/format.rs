//! Formats scenario files: a stable order of keys and stable spacing. What comes out always loads as before.

use std::ops::Range;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::layout::says_the_same;
use super::source::Source;
use super::tree::{NodeKind, Tree, read};

/// The order of a file's keys, in groups that are set apart by an empty line.
const GROUPS: &[&[&str]] = &[
    &[
        "title", "why", "issue", "source", "tags", "requires", "alone", "observe", "owner", "config", "env",
        "files",
    ],
    &["vars"],
    &["starts_on"],
    &["devices"],
    &["each"],
    &["use"],
    &["defaults"],
    &["steps"],
    &["finally"],
    &["vague"],
    &["deviations"],
];

/// A formatted text. Comments stay above the key that they are written above.
///
/// The keys of the file come in the usual order, with one empty line between groups; lists and mappings in flow style are
/// spaced alike; blanks at the ends of lines and superfluous empty lines go away. If that changed what the file says, as a
/// new order does to an alias that then comes before its anchor, the order stays as it is, and in the last resort all of it.
///
/// # Errors
/// Fails if the text is not valid YAML.
pub fn formatted(source: &Arc<Source>) -> Result<String, Box<Diagnostic>> {
    let before = read(source)?;
    let unix = with_unix_line_ends(source);
    let Ok(tree) = read(&unix) else { return Ok(source.text.clone()) };
    for is_ordered in [true, false] {
        let text = attempt(&unix.text, &tree, is_ordered);
        let after = Arc::new(Source { path: source.path.clone(), text });
        if read(&after).is_ok_and(|tree| is_same(&before, &tree)) {
            return Ok(after.text.clone());
        }
    }
    Ok(source.text.clone())
}

/// A file whose lines all end as on Unix. YAML reads every kind of line end as the same.
fn with_unix_line_ends(source: &Arc<Source>) -> Arc<Source> {
    if !source.text.contains('\r') {
        return Arc::clone(source);
    }
    let text = source.text.replace("\r\n", "\n").replace('\r', "\n");
    Arc::new(Source { path: source.path.clone(), text })
}

/// Whether two files say the same, in whatever order their keys come.
fn is_same(one: &Tree, other: &Tree) -> bool {
    let (NodeKind::Map(keys), NodeKind::Map(others)) = (&one.kind, &other.kind) else {
        return says_the_same(one, other);
    };
    let is_there = |key: &str, value| other.get(key).is_some_and(|there| says_the_same(value, there));
    keys.len() == others.len() && keys.iter().all(|(key, value)| is_there(&key.value, value))
}

/// A line of a file.
#[derive(Clone)]
struct Line<'a> {
    text: &'a str,
    /// Whether it continues a text, so that every character of it counts.
    is_text: bool,
}

impl Line<'_> {
    fn is_empty(&self) -> bool {
        self.text.is_empty() && !self.is_text
    }

    fn is_comment_at_margin(&self) -> bool {
        self.text.starts_with('#') && !self.is_text
    }
}

/// A key of the file: the comments above it, and the lines of the key and its value.
struct Part<'a> {
    group: usize,
    place: usize,
    comments: Vec<Line<'a>>,
    body: Vec<Line<'a>>,
}

/// Formats a text without asking whether it still says the same.
fn attempt(whole: &str, tree: &Tree, is_ordered: bool) -> String {
    let texts = texts(tree);
    let spaced = spaced(whole, &texts);
    let lines = lines(&spaced, whole, &texts);
    let Some(starts) = key_lines(whole, tree) else { return joined(without_empty_runs(&lines)) };
    let first = starts.first().map_or(lines.len(), |(_, line)| *line);
    let head = lines.iter().take(first).filter(|line| !line.is_empty()).cloned().collect();
    let mut parts = Vec::new();
    let mut above = Vec::new();
    for (at, (key, start)) in starts.iter().enumerate() {
        let end = starts.get(at + 1).map_or(lines.len(), |(_, next)| *next);
        let own = lines.get(*start..end).unwrap_or_default();
        let last = own.iter().rposition(|line| !line.is_empty() && !line.is_comment_at_margin());
        let (body, below) = own.split_at(last.map_or(0, |last| last + 1));
        let (group, place) = place_of(key).unwrap_or((GROUPS.len(), at));
        let comments = std::mem::take(&mut above);
        parts.push(Part { group, place, comments, body: without_empty_runs(body) });
        // What stands between two keys is about the second one.
        above = below.iter().filter(|line| !line.is_empty()).cloned().collect();
    }
    if is_ordered {
        parts.sort_by_key(|part| (part.group, part.place));
    }
    let mut all: Vec<Line<'_>> = head;
    for (at, part) in parts.iter().enumerate() {
        if at > 0 && parts[at - 1].group != part.group {
            all.push(Line { text: "", is_text: false });
        }
        all.extend(part.comments.iter().chain(&part.body).cloned());
    }
    all.extend(above);
    joined(all)
}

fn place_of(key: &str) -> Option<(usize, usize)> {
    GROUPS
        .iter()
        .enumerate()
        .find_map(|(group, keys)| Some((group, keys.iter().position(|one| *one == key)?)))
}

/// The keys of a file with the lines that they begin. `None` if they do not all stand at the margin.
fn key_lines<'a>(whole: &str, tree: &'a Tree) -> Option<Vec<(&'a str, usize)>> {
    let NodeKind::Map(keys) = &tree.kind else { return None };
    let begins = |start: usize| start == 0 || whole.as_bytes().get(start - 1) == Some(&b'\n');
    let line = |start: usize| begins(start).then(|| line_of(whole, start));
    keys.iter().map(|(key, _)| Some((key.value.as_str(), line(key.span.start)?))).collect()
}

fn line_of(whole: &str, at: usize) -> usize {
    whole.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Where the keys and texts of a file are, in order.
fn texts(tree: &Tree) -> Vec<Range<usize>> {
    fn collect(tree: &Tree, into: &mut Vec<Range<usize>>) {
        match &tree.kind {
            NodeKind::Text(_) => into.push(tree.span.start..tree.span.end),
            NodeKind::List(list) => list.iter().for_each(|one| collect(one, into)),
            NodeKind::Map(entries) => entries.iter().for_each(|(key, value)| {
                into.push(key.span.start..key.span.end);
                collect(value, into);
            }),
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Number(_) => {}
        }
    }
    let mut found = Vec::new();
    collect(tree, &mut found);
    found.sort_by_key(|one| one.start);
    found
}

/// The lines of the spaced text, which are as many as those of the original one.
fn lines<'a>(spaced: &'a str, whole: &str, texts: &[Range<usize>]) -> Vec<Line<'a>> {
    let mut continues = vec![false; whole.split('\n').count()];
    for text in texts {
        let (first, last) = (line_of(whole, text.start), line_of(whole, text.end));
        for line in continues.iter_mut().take(last + 1).skip(first + 1) {
            *line = true;
        }
    }
    let line = |(text, is_text): (&'a str, &bool)| {
        let is_text = *is_text;
        Line { text: if is_text { text } else { text.trim_end() }, is_text }
    };
    spaced.split('\n').zip(&continues).map(line).collect()
}

fn without_empty_runs<'a>(lines: &[Line<'a>]) -> Vec<Line<'a>> {
    let mut kept: Vec<Line<'a>> = Vec::new();
    for line in lines {
        if !(line.is_empty() && kept.last().is_none_or(Line::is_empty)) {
            kept.push(line.clone());
        }
    }
    kept
}

fn joined(mut lines: Vec<Line<'_>>) -> String {
    while lines.last().is_some_and(|line| line.text.trim().is_empty()) {
        lines.pop();
    }
    let mut text: String = lines.iter().map(|line| line.text).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

/// The text with equal spacing around the signs of YAML. Keys, texts, comments and indentation stay as they are.
fn spaced(whole: &str, texts: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(whole.len());
    let mut texts = texts.iter().peekable();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(one) = whole.get(at..).and_then(|rest| rest.chars().next()) {
        while texts.next_if(|text| text.start < at).is_some() {}
        if let Some(text) = texts.next_if(|text| text.start == at && text.end > at) {
            out.push_str(whole.get(text.clone()).unwrap_or_default());
            at = text.end;
            continue;
        }
        let rest = &whole[at + one.len_utf8()..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let ends_line = matches!(rest[blanks..].chars().next(), None | Some('\n' | '#'));
        let is_in_line = !out.rsplit('\n').next().unwrap_or_default().trim().is_empty();
        at += one.len_utf8();
        match one {
            '#' if !is_in_line || out.ends_with([' ', '\t']) => {
                let end = rest.find('\n').unwrap_or(rest.len());
                out.push('#');
                out.push_str(&rest[..end]);
                at += end;
            }
            '{' | '[' => {
                depth += 1;
                out.push(one);
                at += if ends_line { 0 } else { blanks };
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if is_in_line {
                    out.truncate(out.trim_end_matches([' ', '\t']).len());
                }
                out.push(one);
            }
            ',' if depth > 0 => {
                if is_in_line {
                    out.truncate(out.trim_end_matches([' ', '\t']).len());
                }
                out.push(',');
                if !ends_line {
                    out.push(' ');
                    at += blanks;
                }
            }
            ' ' | '\t' if is_in_line => {
                out.push(' ');
                at += blanks;
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::scenario::load;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { path: "a.yaml".into(), text: text.into() })
    }

    fn fmt(text: &str) -> String {
        formatted(&source(text)).unwrap()
    }

    #[test]
    fn keys_come_in_the_usual_order_with_their_comments() {
        let text = "# schema\ntags: [ a,b ]\n\n\n# what happens\nsteps:\n  - connect: { as: a }   \n\n\n  # and then\n  - \
                    wait: 1s\n# about it\ntitle:   A\nwhy: B\ndevices: {}\n# the end\n";
        assert_eq!(
            fmt(text),
            "# schema\n# about it\ntitle: A\nwhy: B\ntags: [a, b]\n\ndevices: {}\n\n# what happens\nsteps:\n  - \
             connect: {as: a}\n\n  # and then\n  - wait: 1s\n# the end\n"
        );
    }

    #[test]
    fn texts_keep_every_character() {
        let text = "title: 'a ,  {b'\nwhy: |\n  one,   two  \n\n\n  # three\nsteps: [\"x , y\", a  b]\n";
        assert_eq!(fmt(text).replace("\n\nsteps", "\nsteps"), text);
    }

    #[test]
    fn an_alias_stays_behind_its_anchor() {
        let text = "steps: [&a {x: 1}]\ntitle: t\ndevices: {d: *a}\n";
        assert_eq!(fmt(text), "steps: [&a {x: 1}]\n\ntitle: t\n\ndevices: {d: *a}\n");
    }

    #[test]
    fn broken_yaml_is_not_formatted() {
        assert!(formatted(&source("a: [1\nb: }")).is_err());
    }

    #[test]
    fn lines_end_as_on_unix() {
        let text = "title: a\r\nwhy: >-\r\n  b\r\n  c\rtags: [x]\r";
        assert_eq!(formatted(&source(text)).unwrap(), "title: a\nwhy: >-\n  b\n  c\ntags: [x]\n");
    }

    /// All scenarios of the suite, with their paths.
    static SUITE: LazyLock<Vec<(String, Arc<Source>)>> = LazyLock::new(|| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let files = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().filter_map(Result::ok);
        let yaml = files.filter(|one| one.path().extension().is_some_and(|end| end == "yaml"));
        yaml.map(|one| {
            let path = one.path().strip_prefix(&root).unwrap().with_extension("");
            (path.display().to_string(), source(&std::fs::read_to_string(one.path()).unwrap()))
        })
        .collect()
    });

    #[test]
    fn formatting_changes_nothing_that_the_suite_says_and_does_it_once() {
        let before = &*SUITE;
        let after: Vec<(String, Arc<Source>)> =
            before.iter().map(|(id, text)| (id.clone(), source(&formatted(text).unwrap()))).collect();
        for (id, text) in &after {
            assert_eq!(formatted(text).unwrap(), text.text, "{id}");
        }
        let told = |files: &[(String, Arc<Source>)]| {
            let suite = load(files);
            assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics.first());
            suite.scenarios.iter().map(|one| (one.id.clone(), one.title.clone())).collect::<Vec<_>>()
        };
        assert_eq!(told(before), told(&after));
        for ((id, one), (_, other)) in before.iter().zip(&after) {
            assert!(is_same(&read(one).unwrap(), &read(other).unwrap()), "{id}");
        }
        let changed = before.iter().zip(&after).filter(|(one, other)| one.1.text != other.1.text).count();
        assert!(changed < before.len() / 4, "{changed} files of the suite are not formatted");
    }

    proptest! {
        #[test]
        fn any_file_with_more_blanks_is_formatted_to_the_same(at in 0usize..600, seed in 0usize..10_000) {
            let (id, text) = &SUITE[at % SUITE.len()];
            let once = formatted(text).unwrap();
            // Blanks after the commas of a line, and empty lines between keys.
            let line = once.lines().nth(seed % once.lines().count()).unwrap_or_default();
            let is_plain = !line.contains(['"', '\'']) && line.contains(", ") && line.contains('{');
            let other = if is_plain { once.replacen(line, &line.replace(", ", " ,   "), 1) } else { once.clone() };
            let other = other.replace("\nsteps:", "\n\n\nsteps:");
            if let Ok(twice) = formatted(&source(&other))
                && load(&[(id.clone(), source(&other))]).diagnostics.is_empty()
                && is_same(&read(text).unwrap(), &read(&source(&other)).unwrap())
            {
                prop_assert_eq!(twice, once);
            }
        }

        #[test]
        fn no_text_panics_and_formatting_twice_is_formatting_once(text in "([a-c#:{}\\[\\],\"'|>&*\\- \n\r]|\\PC){0,60}") {
            if let Ok(once) = formatted(&source(&text)) {
                prop_assert_eq!(formatted(&source(&once)).unwrap(), once);
            }
        }
    }
}

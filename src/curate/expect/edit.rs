//! Edits the deviations in the text of a scenario file, and changes no other byte of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::release::ReleaseRange;
use crate::scenario::{DeviationClass, DeviationEntry, Expectation, FlowText, Layout, Source, Span, layout};

/// A deviation that is added to a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NewDeviation {
    pub(super) releases: ReleaseRange,
    /// The rows of the table for which it holds; `None` for all.
    pub(super) rows: Option<Vec<String>>,
    pub(super) steps: Vec<(String, Expectation)>,
}

/// The change of an entry that is in the file already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum DeviationEdit {
    /// The entry gets other releases.
    Releases(ReleaseRange),
    /// The entry is removed.
    Remove,
}

/// Why the text of a file cannot be edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviationEditError {
    /// The deviations are laid out in a way that the editor does not handle.
    #[error("its deviations are written in a way that cannot be changed in place")]
    Layout,
    /// The new text would not mean what it should.
    #[error("with these deviations, the file would not mean what it should")]
    Meaning,
}

/// Replacements of ranges of bytes. An insertion replaces an empty range.
type Edits = Vec<(Range<usize>, String)>;

/// Returns the text with its deviations edited and new ones added at the end. Edits are keyed by the byte at which their
/// entry starts.
///
/// # Errors
/// Fails if the layout of the file is not one that can be edited, or if the new text, read again, does not mean what it
/// should.
pub(super) fn rewrite(
    source: &Arc<Source>,
    changes: &BTreeMap<usize, DeviationEdit>,
    more: &[NewDeviation],
) -> Result<String, DeviationEditError> {
    let layout = layout(source).ok_or(DeviationEditError::Layout)?;
    let page = DeviationEditor { text: &source.text, layout: &layout };
    let mut edits = page.edits(changes, more)?;
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let mut text = String::with_capacity(source.text.len());
    let mut at = 0;
    for (span, new) in edits {
        let kept = source.text.get(at..span.start).ok_or(DeviationEditError::Layout)?;
        text.push_str(kept);
        text.push_str(&new);
        at = span.end;
    }
    text.push_str(source.text.get(at..).ok_or(DeviationEditError::Layout)?);
    verify(source, &layout, &text, changes, more)?;
    Ok(text)
}

/// Reads the new text and compares its meaning with the intended one.
fn verify(
    source: &Source,
    before: &Layout,
    text: &str,
    changes: &BTreeMap<usize, DeviationEdit>,
    more: &[NewDeviation],
) -> Result<(), DeviationEditError> {
    let written = Arc::new(Source { path: source.path.clone(), text: text.to_owned() });
    let after = layout(&written).ok_or(DeviationEditError::Meaning)?;
    let kept: Vec<(&DeviationEntry, Option<&ReleaseRange>)> = before
        .entries
        .iter()
        .filter_map(|entry| match changes.get(&entry.span.start) {
            Some(DeviationEdit::Remove) => None,
            Some(DeviationEdit::Releases(range)) => Some((entry, Some(range))),
            None => Some((entry, None)),
        })
        .collect();
    let same = |(entry, range): &(&DeviationEntry, Option<&ReleaseRange>), now: &DeviationEntry| {
        let releases = match range {
            Some(range) => now.releases_text().and_then(|text| text.parse().ok()) == Some(**range),
            None => entry.releases_text() == now.releases_text(),
        };
        releases && entry.is_same_beside_releases(now)
    };
    let is_new = |entry: &NewDeviation, now: &DeviationEntry| {
        now.deviation().is_some_and(|one| {
            let rows = one.rows.map(|rows| rows.into_iter().map(|row| row.value).collect::<Vec<_>>());
            let steps = one.steps.iter().map(|(id, expectation)| (&id.value, &expectation.value));
            one.releases.value == entry.releases
                && one.class.value == DeviationClass::Unreviewed
                && (one.issue.is_none() && one.why.is_none())
                && rows == entry.rows
                && steps.eq(entry.steps.iter().map(|(id, expectation)| (id, expectation)))
        })
    };
    let fine = before.is_same_beside_deviations(&after)
        && after.entries.len() == kept.len() + more.len()
        && kept.iter().zip(&after.entries).all(|(one, now)| same(one, now))
        && more.iter().zip(&after.entries[kept.len()..]).all(|(one, now)| is_new(one, now));
    if fine { Ok(()) } else { Err(DeviationEditError::Meaning) }
}

/// Edits a text of which the places of its deviations are known.
struct DeviationEditor<'a> {
    text: &'a str,
    layout: &'a Layout,
}

impl DeviationEditor<'_> {
    fn edits(
        &self,
        changes: &BTreeMap<usize, DeviationEdit>,
        more: &[NewDeviation],
    ) -> Result<Edits, DeviationEditError> {
        let mut edits = Edits::new();
        for entry in &self.layout.entries {
            if let Some(DeviationEdit::Releases(range)) = changes.get(&entry.span.start) {
                edits.push(self.new_releases(entry, range)?);
            }
        }
        let goes = |entry: &&DeviationEntry| changes.get(&entry.span.start) == Some(&DeviationEdit::Remove);
        let gone: Vec<&DeviationEntry> = self.layout.entries.iter().filter(goes).collect();
        match self.layout.list {
            None if more.is_empty() => {}
            None => edits.push(self.new_list(more)?),
            Some((key, value)) if self.byte(value.start) == Some(b'[') => {
                self.in_flow_list(key, value, &gone, more, &mut edits)?;
            }
            Some((key, _)) => self.in_block_list(key, &gone, more, &mut edits)?,
        }
        Ok(edits)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Where the line of a byte starts, after a byte order mark.
    fn line_start(&self, at: usize) -> usize {
        let mark = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        self.text[..at].rfind('\n').map_or(mark, |at| at + 1)
    }

    /// Where the line after that of a byte starts.
    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |more| at + more + 1)
    }

    /// The indentation before a byte on its line, if there is nothing else before it.
    fn indent(&self, at: usize) -> Result<&str, DeviationEditError> {
        let before = &self.text[self.line_start(at)..at];
        if before.bytes().all(|byte| byte == b' ') { Ok(before) } else { Err(DeviationEditError::Layout) }
    }

    /// The line break that is used around a byte.
    fn newline(&self, at: usize) -> &'static str {
        let behind = self.text[at..].find('\n').map(|more| at + more);
        let before = || self.text[..at].rfind('\n');
        match behind.or_else(before) {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    fn new_releases(
        &self,
        entry: &DeviationEntry,
        range: &ReleaseRange,
    ) -> Result<(Range<usize>, String), DeviationEditError> {
        let (Some(span), Some(said)) = (entry.releases, entry.releases_text()) else {
            return Err(DeviationEditError::Layout);
        };
        let written = self.text.get(span.start..span.end).ok_or(DeviationEditError::Layout)?;
        let quote = if written.starts_with('\'') { '\'' } else { '"' };
        if written.trim_matches(['"', '\'']) != said {
            return Err(DeviationEditError::Layout);
        }
        Ok((span.start..span.end, format!("{quote}{range}{quote}")))
    }

    /// The position after the colon of a key.
    fn behind_colon(&self, key: Span) -> Result<usize, DeviationEditError> {
        let rest = &self.text[key.end..];
        let colon = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if self.byte(key.end + colon) == Some(b':') {
            Ok(key.end + colon + 1)
        } else {
            Err(DeviationEditError::Layout)
        }
    }

    /// The dash of an entry of a block list.
    fn dash(&self, entry: &DeviationEntry) -> Result<usize, DeviationEditError> {
        let dash = self.text[..entry.span.start].trim_end_matches([' ', '\t', '\r', '\n']).len();
        match dash.checked_sub(1) {
            Some(dash) if self.byte(dash) == Some(b'-') => Ok(dash),
            _ => Err(DeviationEditError::Layout),
        }
    }

    fn in_block_list(
        &self,
        key: Span,
        gone: &[&DeviationEntry],
        more: &[NewDeviation],
        edits: &mut Edits,
    ) -> Result<(), DeviationEditError> {
        let Some(last) = self.layout.entries.last() else { return Err(DeviationEditError::Layout) };
        let end = self.line_end(last.span.end);
        let mut lines = Vec::new();
        for entry in gone {
            let dash = self.dash(entry)?;
            self.indent(dash)?;
            lines.push(self.line_start(dash)..self.line_end(entry.span.end));
        }
        if more.is_empty() && !gone.is_empty() && gone.len() == self.layout.entries.len() {
            return self.without_list(key, end, lines, edits);
        }
        edits.extend(lines.into_iter().map(|lines| (lines, String::new())));
        if !more.is_empty() {
            let indent = self.indent(self.dash(last)?)?;
            edits.push((end..end, self.lines(end, indent, more)));
        }
        Ok(())
    }

    /// Removes a block list of which no entry is left. Comments between its entries stay.
    fn without_list(
        &self,
        key: Span,
        end: usize,
        entries: Vec<Range<usize>>,
        edits: &mut Edits,
    ) -> Result<(), DeviationEditError> {
        self.indent(key.start)?;
        let (start, colon) = (self.line_start(key.start), self.behind_colon(key)?);
        let mut at = colon;
        let mut between = String::new();
        for lines in &entries {
            between.push_str(self.text.get(at..lines.start).ok_or(DeviationEditError::Layout)?);
            at = lines.end;
        }
        if !between.trim().is_empty() {
            edits.push((colon..colon, " []".to_owned()));
            edits.extend(entries.into_iter().map(|lines| (lines, String::new())));
            return Ok(());
        }
        let before = &self.text[..start];
        let blank =
            ["\n\r\n", "\n\n"].into_iter().find(|one| before.ends_with(one)).map_or(0, |one| one.len() - 1);
        edits.push((start - blank..end, String::new()));
        Ok(())
    }

    fn in_flow_list(
        &self,
        key: Span,
        value: Span,
        gone: &[&DeviationEntry],
        more: &[NewDeviation],
        edits: &mut Edits,
    ) -> Result<(), DeviationEditError> {
        let close = value.end.saturating_sub(1);
        if self.byte(close) != Some(b']') {
            return Err(DeviationEditError::Layout);
        }
        let written = more.iter().map(flow).collect::<Vec<_>>().join(", ");
        let last = self.layout.entries.last();
        let last_goes = last.is_some_and(|last| gone.iter().any(|one| one.span == last.span));
        for entry in gone {
            if last_goes && !more.is_empty() && last.is_some_and(|last| last.span == entry.span) {
                edits.push((entry.span.start..entry.span.end, written.clone()));
            } else {
                edits.push((self.with_comma(entry.span, gone), String::new()));
            }
        }
        match last {
            _ if more.is_empty() || last_goes => {}
            Some(last) => edits.push((last.span.end..last.span.end, format!(", {written}"))),
            None if self.text[value.start + 1..close].trim().is_empty() && self.is_block() => {
                let indent = format!("{}  ", self.indent(key.start)?);
                let end = self.line_end(value.end);
                edits.push((self.behind_colon(key)?..value.end, String::new()));
                edits.push((end..end, self.lines(end, &indent, more)));
            }
            None => edits.push((close..close, written)),
        }
        Ok(())
    }

    /// The range of an entry of a flow list with its comma: the one after it, else the one before it, unless the entry
    /// before is removed together with that comma.
    fn with_comma(&self, span: Span, gone: &[&DeviationEntry]) -> Range<usize> {
        let blank = [' ', '\t', '\r', '\n'];
        let behind = self.text[span.end..].trim_start_matches(blank);
        if let Some(rest) = behind.strip_prefix(',') {
            return span.start..self.text.len() - rest.trim_start_matches([' ', '\t']).len();
        }
        let before = self.text[..span.start].trim_end_matches(blank);
        let taken = self.layout.entries.iter().rev().find(|one| one.span.end <= span.start);
        let taken = taken.is_some_and(|one| gone.iter().any(|other| other.span == one.span));
        before.strip_suffix(',').filter(|_| !taken).map_or(span.start, str::len)..span.end
    }

    /// Whether the file is a mapping in block style.
    fn is_block(&self) -> bool {
        self.byte(self.layout.root.start) != Some(b'{')
    }

    /// A new list for a file that has none.
    fn new_list(&self, more: &[NewDeviation]) -> Result<(Range<usize>, String), DeviationEditError> {
        if !self.is_block() {
            return Err(DeviationEditError::Layout);
        }
        let indent = self.indent(self.layout.first_key.start)?;
        let end = self.text.len();
        let newline = self.newline(end);
        let ended = self.text.ends_with('\n');
        let start = if ended { "" } else { newline };
        let lines = self.lines(end, &format!("{indent}  "), more);
        // If the file does not end with a line break, the first one is there already.
        let lines = lines.trim_start_matches(['\r', '\n']);
        Ok((end..end, format!("{start}{newline}{indent}deviations:{newline}{lines}")))
    }

    /// New entries of a block list, to be inserted at the start of a line or at the end of the text.
    fn lines(&self, at: usize, indent: &str, more: &[NewDeviation]) -> String {
        let newline = self.newline(at);
        let lines: Vec<String> = more
            .iter()
            .flat_map(|entry| {
                let keys = keys(entry).into_iter().enumerate();
                keys.map(|(at, (key, value))| {
                    let dash = if at == 0 { "- " } else { "  " };
                    format!("{indent}{dash}{key}: {value}")
                })
            })
            .collect();
        let lines = lines.join(newline);
        // A file without a final line break stays without one.
        if self.text[..at].ends_with('\n') { lines + newline } else { format!("{newline}{lines}") }
    }
}

/// The keys of a new entry, with their values in flow style.
fn keys(entry: &NewDeviation) -> Vec<(&'static str, String)> {
    let mut keys = vec![
        ("releases", format!("\"{}\"", entry.releases)),
        ("class", DeviationClass::Unreviewed.word().to_owned()),
    ];
    if let Some(rows) = &entry.rows {
        let rows: Vec<String> = rows.iter().map(|row| FlowText(row).to_string()).collect();
        keys.push(("rows", format!("[{}]", rows.join(", "))));
    }
    let steps: Vec<String> =
        entry.steps.iter().map(|(step, one)| format!("{}: {one}", FlowText(step))).collect();
    keys.push(("steps", format!("{{{}}}", steps.join(", "))));
    keys
}

/// A new entry in flow style.
fn flow(entry: &NewDeviation) -> String {
    let keys: Vec<String> = keys(entry).into_iter().map(|(key, value)| format!("{key}: {value}")).collect();
    format!("{{{}}}", keys.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::scenario::{ClosedExpectation, ErrorExpectation, Pattern};

    const TEXT: &str = r#"title: t  # keep me
deviations:
  # The first.
  - releases: "<2026.4.2"  # why so
    class: superseded
    steps: {a: hello}
  - {releases: 2026.5.2, class: superseded, steps: {a: hello}}
"#;

    fn entry() -> NewDeviation {
        NewDeviation {
            releases: ">=2026.5.28".parse().unwrap(),
            rows: Some(vec!["one".into()]),
            steps: vec![("a".into(), Expectation::Silence)],
        }
    }

    fn narrower() -> DeviationEdit {
        DeviationEdit::Releases(">=2026.3.28, <2026.4.2".parse().unwrap())
    }

    /// Edits entries by their number.
    fn edit(
        text: &str,
        changes: &[(usize, DeviationEdit)],
        more: &[NewDeviation],
    ) -> Result<String, DeviationEditError> {
        let source = Arc::new(Source { path: "x.yaml".into(), text: text.to_owned() });
        let places = layout(&source).ok_or(DeviationEditError::Layout)?.entries;
        let changes = changes.iter().map(|(at, change)| (places[*at].span.start, *change)).collect();
        rewrite(&source, &changes, more)
    }

    #[test]
    fn comments_and_layout_are_kept() {
        let text = edit(TEXT, &[(0, narrower()), (1, DeviationEdit::Remove)], &[entry()]).unwrap();
        insta::assert_snapshot!(text, @r#"
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
    fn a_file_without_deviations_gets_a_list() {
        insta::assert_snapshot!(edit("title: t\n", &[], &[entry()]).unwrap(), @r#"
        title: t

        deviations:
          - releases: ">=2026.5.28"
            class: unreviewed
            rows: [one]
            steps: {a: silence}
        "#);
    }

    #[rstest]
    #[case::one_line("t: 1\ndeviations: [{releases: \"<2026.4.2\", steps: {a: hello}}]\n")]
    #[case::with_comments(
        "t: 1\ndeviations: [ # all\n  {releases: '<2026.4.2', steps: {a: hello}}, # one\n]\nz: 1"
    )]
    #[case::no_indent("deviations:\n- releases: <2026.4.2\n  steps: {a: hello}\nt: ü")]
    #[case::dash_alone(
        "deviations:\n  -\n    releases: \"<2026.4.2\"\n    why: |\n      a\n\n      b\nt: 1\n"
    )]
    #[case::tab_behind_the_dash("deviations:\n  -\treleases: \"<2026.4.2\"\nt: 1\n")]
    #[case::mark_and_unicode(
        "\u{feff}title: \"\u{1f600} ü\" # ü\ndeviations:\n  - {why: ü, releases: \"<2026.4.2\"} # ü\n# end"
    )]
    #[case::document_start("---\ntitle: t\ndeviations:\n  - releases: \"<2026.4.2\"\n    why: >-\n      x\n")]
    #[case::quoted_keys("\"deviations\": [{\"releases\": \"<2026.4.2\"}]")]
    #[case::comments_between(
        "deviations:\n  # a\n  - releases: \"<2026.4.2\" # b\n    # c\n\n  # d\n# e\nt: 1\n"
    )]
    fn each_layout_is_edited_in_place(#[case] text: &str, #[values("\n", "\r\n")] newline: &str) {
        let text = text.replace('\n', newline);
        let wider = edit(&text, &[(0, narrower())], &[]).unwrap();
        let quote = if text.contains('\'') { '\'' } else { '"' };
        let there = format!("{quote}>=2026.3.28, <2026.4.2{quote}");
        let old = if text.contains(": <2026") {
            "<2026.4.2".to_owned()
        } else {
            format!("{quote}<2026.4.2{quote}")
        };
        assert_eq!(wider.replace(&there, &old), text);

        let more = edit(&text, &[], &[entry(), entry()]).unwrap();
        assert_eq!(more.matches("class: unreviewed").count(), 2, "{more}");
        assert_eq!(more.matches('\n').count(), more.matches(newline).count(), "{more:?}");
        assert_eq!(more.ends_with('\n'), text.ends_with('\n'), "{more:?}");
        // All words of the old text are still there, in their order.
        let mut rest = more.as_str();
        for word in text.split_whitespace().filter(|word| *word != "]" && !word.ends_with("}]")) {
            let at = rest.find(word).unwrap_or_else(|| panic!("{word} in {more}"));
            rest = &rest[at + word.len()..];
        }
        let none = edit(&text, &[(0, DeviationEdit::Remove)], &[]).unwrap();
        assert!(
            !none.contains("2026") && text.matches('#').count() - none.matches('#').count() <= 2,
            "{none}"
        );
        let other = edit(&text, &[(0, DeviationEdit::Remove)], &[entry()]).unwrap();
        assert_eq!(other.matches("2026").count(), 1, "{other}");
    }

    #[rstest]
    #[case(
        "t: 1\ndeviations: []\n",
        "t: 1\ndeviations:\n  - releases: \">=2026.5.28\"\n    class: unreviewed\n    rows: [one]\n    steps: {a: silence}\n"
    )]
    #[case(
        "deviations: [ ] # none\nt: 1\n",
        "deviations: # none\n  - releases: \">=2026.5.28\"\n    class: unreviewed\n    rows: [one]\n    steps: {a: silence}\nt: 1\n"
    )]
    #[case(
        "{deviations: [], t: 1}",
        "{deviations: [{releases: \">=2026.5.28\", class: unreviewed, rows: [one], steps: {a: silence}}], t: 1}"
    )]
    #[case(
        "t: 1",
        "t: 1\n\ndeviations:\n  - releases: \">=2026.5.28\"\n    class: unreviewed\n    rows: [one]\n    steps: {a: silence}"
    )]
    fn an_empty_list_is_filled(#[case] text: &str, #[case] filled: &str) {
        assert_eq!(edit(text, &[], &[entry()]).unwrap(), filled);
    }

    #[rstest]
    #[case::flow_file("{t: 1}")]
    #[case::document_end("t: 1\n...\n")]
    #[case::kept_line_breaks("t: |+\n  a\n\n")]
    #[case::null("t: 1\ndeviations:\n")]
    #[case::two_documents("t: 1\n---\nt: 2\n")]
    #[case::not_yaml("t: [\n")]
    #[case::alias("x: &a {releases: \"<2026.4.2\"}\ndeviations: [*a]\n")]
    fn a_layout_that_cannot_be_edited_is_refused(#[case] text: &str) {
        assert!(edit(text, &[], &[entry()]).is_err());
    }

    #[test]
    fn an_anchor_with_aliases_is_not_changed() {
        let text = "deviations:\n  - releases: &r \"<2026.4.2\"\n    steps: {a: hello}\n  - releases: *r\n    steps: {b: hello}\n";
        assert!(edit(text, &[(0, narrower())], &[]).is_err());
    }

    /// Expectations with any text in them.
    fn any_expectation() -> impl Strategy<Value = Expectation> {
        let is_word = |text: &String| text.starts_with('$');
        let text = "\\PC{0,12}".prop_filter("a word of the pattern language", move |text| !is_word(text));
        let literal = text.prop_map(|text| Pattern::Literal(text.into())).boxed();
        let closed = (literal.clone(), prop::option::of(literal.clone())).prop_map(|(code, reason)| {
            let error = ErrorExpectation::default();
            Expectation::Closed(ClosedExpectation { code: Some(code), reason, error })
        });
        let one = prop_oneof![
            Just(Expectation::Silence),
            literal.clone().prop_map(Expectation::Hello),
            (literal.clone(), literal)
                .prop_map(|(status, body)| Expectation::Http { status, body: Some(body) }),
            closed,
        ];
        let one = one.boxed();
        prop_oneof![3 => one.clone(), 1 => prop::collection::vec(one, 1..3).prop_map(Expectation::AnyOf)]
    }

    proptest! {
        #[test]
        fn a_new_entry_is_read_back_as_it_was(
            rows in prop::option::of(prop::collection::vec("\\PC{1,8}", 1..3)),
            steps in prop::collection::btree_map("[a-z][a-z0-9-]{0,6}", any_expectation(), 1..3),
            in_flow_style in any::<bool>(),
        ) {
            let entry = NewDeviation { rows, steps: steps.into_iter().collect(), ..entry() };
            let text = if in_flow_style { "{t: 1, deviations: []}" } else { "t: 1\n" };
            let written = edit(text, &[], std::slice::from_ref(&entry)).unwrap();
            let source = Arc::new(Source { path: "x.yaml".into(), text: written.clone() });
            let read = layout(&source).unwrap().entries[0].deviation().unwrap();
            let steps: Vec<_> = read.steps.iter().map(|(id, one)| (id.value.clone(), one.value.clone())).collect();
            prop_assert_eq!(&steps, &entry.steps, "{}", written);
            let rows = read.rows.map(|rows| rows.into_iter().map(|row| row.value).collect::<Vec<_>>());
            prop_assert_eq!(rows, entry.rows);
        }

        #[test]
        fn an_edited_text_has_the_intended_entries(
            styles in prop::collection::vec(0..4_u8, 1..5),
            removed in prop::collection::vec(any::<bool>(), 5),
            added in 0..3_usize,
            flow_list in any::<bool>(),
            crlf in any::<bool>(),
            ended in any::<bool>(),
        ) {
            let mut text = String::from("t: 1\ndeviations:");
            if flow_list {
                let one = |style: &u8| format!("{{releases: 2026.4.{}, class: superseded}}", style + 1);
                let entries: Vec<String> = styles.iter().map(one).collect();
                text.extend([" [", &entries.join(",\n  "), "]\n"]);
            } else {
                text.push('\n');
                for style in &styles {
                    text.push_str(match style {
                        0 => "  - releases: 2026.4.1\n    class: superseded\n",
                        1 => "  # x\n  - {releases: 2026.4.2, class: superseded} # y\n\n",
                        2 => "  -\n    releases: 2026.4.3\n    why: |\n      x\n\n",
                        _ => "  - why: >\n      a: b\n    releases: 2026.4.4 # z\n",
                    });
                }
            }
            text.push_str("z: 1\n");
            let text = if ended { text } else { text.trim_end().to_owned() };
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            let changes: Vec<(usize, DeviationEdit)> = (0..styles.len())
                .map(|at| (at, if removed[at] { DeviationEdit::Remove } else { narrower() }))
                .collect();
            let new = edit(&text, &changes, &vec![entry(); added]).unwrap();
            let left = removed.iter().take(styles.len()).filter(|gone| !**gone).count();
            prop_assert_eq!(new.matches("2026.3.28").count(), left);
            prop_assert_eq!(new.matches("2026.5.28").count(), added);
            prop_assert_eq!(new.matches('#').count() + removed.iter().zip(&styles).filter(|(gone, style)| **gone && !flow_list && matches!(style, 1 | 3)).count(), text.matches('#').count());
        }
    }
}

//! As much of Markdown as the checks of documents need.

/// A fenced block of code.
pub(crate) struct Block<'a> {
    /// What stands behind the opening fence.
    pub(crate) language: &'a str,
    /// The last line before it that is not empty.
    pub(crate) before: &'a str,
    pub(crate) lines: Vec<&'a str>,
}

/// The lines outside fenced blocks, and the blocks.
pub(crate) fn split(text: &str) -> (Vec<&str>, Vec<Block<'_>>) {
    let (mut prose, mut blocks) = (Vec::new(), Vec::new());
    let mut open: Option<Block<'_>> = None;
    let mut before = "";
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => open = Some(Block { language, before, lines: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line),
            (None, None) => prose.push(line),
        }
        if !line.trim().is_empty() {
            before = line;
        }
    }
    (prose, blocks)
}

/// The spans of code in a paragraph, and what is outside them.
pub(crate) fn code_spans(paragraph: &str) -> (Vec<&str>, String) {
    let pieces = paragraph.split('`');
    let (code, text): (Vec<_>, Vec<_>) = pieces.enumerate().partition(|(at, _)| at % 2 == 1);
    let code = code.into_iter().map(|(_, piece)| piece).collect();
    (code, text.into_iter().map(|(_, piece)| piece).collect())
}

/// The anchors of a document's headings, as forges make them.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in split(text).0.iter().filter(|line| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|one| one.is_alphanumeric() || [' ', '-', '_'].contains(one));
        let anchor: String = kept.map(|one| if one == ' ' { '-' } else { one }).collect();
        let same = anchors.iter().filter(|one| **one == anchor).count();
        anchors.push(if same == 0 { anchor } else { format!("{anchor}-{same}") });
    }
    anchors
}

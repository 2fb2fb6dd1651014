//! Fits texts to a width.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::Regex;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The number of columns that a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A text on one line, without colours and control characters.
pub(crate) fn one_line(text: &str) -> String {
    let bare = anstream::adapter::strip_str(text).to_string();
    bare.chars().map(|one| if one.is_control() { ' ' } else { one }).collect()
}

/// An id that is different each time.
static ID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").ok());

/// A line of a log as [`one_line`], with the placeholder of outcomes for ids that are different each time.
pub(crate) fn log_line(text: &str) -> String {
    let line = one_line(text);
    let masked = ID.as_ref().map(|id| id.replace_all(&line, "‹id›"));
    masked.map_or_else(|| line.clone(), Cow::into_owned)
}

/// A text of at most `most` columns; a longer one is cut and ends in `…`.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut kept = start_of(text, most.saturating_sub(1)).to_owned();
    kept.push('…');
    kept
}

/// A text of at most `most` columns; the middle of a longer one is replaced by `…`.
pub(crate) fn cut_middle(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let start = start_of(text, room / 3);
    let mut taken = 0;
    let mut from = text.len();
    for (at, one) in text.char_indices().rev() {
        taken += one.width().unwrap_or(0);
        if taken > room - room / 3 {
            break;
        }
        from = at;
    }
    format!("{start}…{}", &text[from..])
}

fn start_of(text: &str, most: usize) -> &str {
    let mut taken = 0;
    for (at, one) in text.char_indices() {
        taken += one.width().unwrap_or(0);
        if taken > most {
            return &text[..at];
        }
    }
    text
}

/// A text, padded with blanks to `wanted` columns.
pub(crate) fn padded(text: &str, wanted: usize) -> String {
    format!("{text}{}", " ".repeat(wanted.saturating_sub(width(text))))
}

/// Breaks a text between words into lines of at most `most` columns. Longer words are not broken.
pub(crate) fn wrap(text: &str, most: usize) -> Vec<String> {
    joined(&text.split_whitespace().collect::<Vec<_>>(), " ", most)
}

/// Joins parts by `between` into lines of at most `most` columns. Parts are not broken.
pub(crate) fn joined(parts: &[impl AsRef<str>], between: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts.iter().map(AsRef::as_ref) {
        match lines.last_mut() {
            Some(line) if width(line) + width(between) + width(part) <= most => {
                line.push_str(between);
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

/// A duration in milliseconds, for people.
pub(crate) fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// A number with its noun in the right form.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(999, "999 ms")]
    #[case(1_250, "1.2 s")]
    #[case(59_999, "59.9 s")]
    #[case(185_000, "3 min 05 s")]
    fn durations_read_easily(#[case] ms: u64, #[case] text: &str) {
        assert_eq!(duration(ms), text);
    }

    #[test]
    fn a_long_id_keeps_both_ends() {
        assert_eq!(cut_middle("pairing/legacy-empty-token-map", 20), "pairin…pty-token-map");
        assert_eq!(cut_middle("pairing/short", 20), "pairing/short");
    }

    #[test]
    fn ids_of_log_lines_are_masked_as_in_outcomes() {
        assert_eq!(
            log_line("[ws] conn=3c73b8e5-c03f-4410-b902-ca749bf0f635 code=1008"),
            "[ws] conn=‹id› code=1008"
        );
        assert_eq!(log_line("device=1c4198a1049c160b705d"), "device=1c4198a1049c160b705d");
    }

    #[test]
    fn colours_and_breaks_of_a_log_line_are_dropped() {
        assert_eq!(one_line("\u{1b}[31mred\u{1b}[0m\tand\nmore"), "red and more");
    }

    proptest! {
        #[test]
        fn what_is_cut_fits(text in "\\PC{0,60}", most in 1usize..40) {
            prop_assert!(width(&cut(&text, most)) <= most);
            prop_assert!(width(&cut_middle(&text, most)) <= most);
        }

        #[test]
        fn wrapping_keeps_every_word(words in prop::collection::vec("[a-z]{1,12}", 0..20), most in 12usize..40) {
            let lines = wrap(&words.join(" "), most);
            prop_assert_eq!(lines.join(" "), words.join(" "));
            prop_assert!(lines.iter().all(|line| width(line) <= most));
        }
    }
}

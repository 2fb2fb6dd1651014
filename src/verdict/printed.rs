//! The line that tells best what a program or a tool printed.

use serde_json::Value;

/// Where a JSON document says what went wrong, the most telling place first.
const MESSAGES: [&str; 6] = ["/error/message", "/message", "/error/type", "/error/code", "/error", "/reason"];

/// The message of the JSON documents that a text begins with, else its first line with words. `None` where a text has
/// neither, such as a JSON document without a message.
pub(crate) fn telling_line(text: &str) -> Option<String> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some((document, length)) = leading_json(rest) {
            let message = MESSAGES.iter().find_map(|place| document.pointer(place)?.as_str());
            if let Some(line) = message.and_then(first_line_with_words) {
                return Some(line.to_owned());
            }
            rest = rest.get(length..).unwrap_or_default().trim_start();
            continue;
        }
        let line = rest.lines().next().unwrap_or_default();
        if has_words(line) {
            return Some(line.trim().to_owned());
        }
        rest = rest.get(line.len()..).unwrap_or_default().trim_start();
    }
    None
}

/// The JSON object or list at the beginning of a text, and how many bytes it takes.
fn leading_json(text: &str) -> Option<(Value, usize)> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let document = documents.next()?.ok()?;
    Some((document, documents.byte_offset()))
}

fn first_line_with_words(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| has_words(line))
}

/// Whether a line has a word: at least two letters side by side.
fn has_words(line: &str) -> bool {
    line.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().nth(1).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_line("\n  pairing required: ask an operator\nmore", Some("pairing required: ask an operator"))]
    #[case::a_rule_above("-----\n==\nError: no gateway", Some("Error: no gateway"))]
    #[case::an_error_object(
        r#"{"ok": false, "error": {"code": "X", "message": "no such device"}}"#,
        Some("no such device")
    )]
    #[case::an_error_text("{\n  \"error\": \"role-upgrade\"\n}", Some("role-upgrade"))]
    #[case::no_message(r#"{"ok": false}"#, None)]
    #[case::text_after_json("{\"ok\": false}\nError: refused", Some("Error: refused"))]
    #[case::a_log_prefix("[gateway] starting", Some("[gateway] starting"))]
    #[case::brackets_only("{\n[\n}\n", None)]
    #[case::nothing("", None)]
    fn the_telling_line_is_found(#[case] text: &str, #[case] line: Option<&str>) {
        assert_eq!(telling_line(text).as_deref(), line);
    }

    proptest! {
        #[test]
        fn any_text_ends_with_a_line_that_has_words_or_with_none(text in "[\\PC\n]{0,60}") {
            prop_assert!(telling_line(&text).is_none_or(|line| has_words(&line)));
        }
    }
}

//! Names and texts of a bundle, without what the bundler added.

/// A text on one line, without the numbers that a bundler appends to make names unique (`withLock$2`).
pub fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let behind_a_name = out.ends_with(|last: char| last.is_alphanumeric() || last == '_');
        if character == '$' && behind_a_name && rest.peek().is_some_and(char::is_ascii_digit) {
            while rest.peek().is_some_and(char::is_ascii_digit) {
                rest.next();
            }
        } else if character.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// The beginning of a text, on one line.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 90;
    let line = without_numbers(text);
    let line = line.trim();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::numbered("withLock$2(a$b, c$10)", "withLock(a$b, c)")]
    #[case::over_lines("a\n\t\tb", "a b")]
    #[case::a_template("`$5 ${x}`", "`$5 ${x}`")]
    fn numbers_of_the_bundler_are_removed(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(without_numbers(text), expected);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(short(&"é".repeat(91)), format!("{}…", "é".repeat(90)));
        assert_eq!(short(&format!(" {} ", "é".repeat(90))), "é".repeat(90));
    }
}

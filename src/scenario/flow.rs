//! Writes values in YAML flow style, on one line. The output parses to the same value.

use std::fmt::{self, Write as _};

use serde_json::Value;

/// A text in flow style: bare if it cannot be misread, otherwise in double quotes.
pub struct FlowText<'a>(pub &'a str);

/// A JSON value in flow style.
pub struct FlowValue<'a>(pub &'a Value);

/// Words that YAML, or an older version of it, does not read as text.
const NOT_TEXT: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"];

impl FlowText<'_> {
    fn is_bare(&self) -> bool {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        self.0.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.0.chars().all(allowed)
            && !NOT_TEXT.iter().any(|word| self.0.eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for FlowText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_bare() {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_plain(c) => f.write_char(c)?,
                c if u32::from(c) <= 0xff => write!(f, "\\x{:02x}", u32::from(c))?,
                c if u32::from(c) <= 0xffff => write!(f, "\\u{:04x}", u32::from(c))?,
                c => write!(f, "\\U{:08x}", u32::from(c))?,
            }
        }
        f.write_char('"')
    }
}

/// Whether a character is visible and may be written without an escape.
fn is_plain(c: char) -> bool {
    let invisible = matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
    let not_a_character =
        matches!(c, '\u{feff}' | '\u{fff0}'..='\u{ffff}') || u32::from(c) & 0xfffe == 0xfffe;
    !c.is_control() && !invisible && !not_a_character
}

impl fmt::Display for FlowValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => write!(f, "{}", FlowText(text)),
            Value::Array(items) => write_list(f, items.iter().map(FlowValue)),
            Value::Object(entries) => {
                write_map(f, entries.iter().map(|(key, value)| (key.as_str(), FlowValue(value))))
            }
            other => write!(f, "{other}"),
        }
    }
}

/// `[a, b]`
pub(super) fn write_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    f.write_str("[")?;
    for (at, one) in items.into_iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{one}")?;
    }
    f.write_str("]")
}

/// `{a: 1, b: 2}`
pub(super) fn write_map<'a, T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    entries: impl IntoIterator<Item = (&'a str, T)>,
) -> fmt::Result {
    f.write_str("{")?;
    for (at, (key, one)) in entries.into_iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{}: {one}", FlowText(key))?;
    }
    f.write_str("}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("node: x", r#""node: x""#)]
    #[case("true", r#""true""#)]
    #[case("NULL", r#""NULL""#)]
    #[case("device.pair.list", "device.pair.list")]
    #[case("1008", r#""1008""#)]
    #[case("", r#""""#)]
    #[case("a\u{85}\u{2028}\u{1f600}\"\\\n", r#""a\x85\u2028😀\"\\\n""#)]
    fn a_text_that_could_be_misread_is_quoted(#[case] text: &str, #[case] written: &str) {
        assert_eq!(FlowText(text).to_string(), written);
    }
}

//! Changes to a referenced text, written after it: `${gateway.token|drop_last:1}`.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Accepts base64 with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A change to a referenced value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// `upper`: converts to upper case.
    Upper,
    /// `lower`: converts to lower case.
    Lower,
    /// `swap_case`: swaps upper and lower case.
    SwapCase,
    /// `trim`: removes surrounding white space.
    Trim,
    /// `first:N`: keeps the first N characters.
    First(usize),
    /// `last:N`: keeps the last N characters.
    Last(usize),
    /// `drop_first:N`: drops the first N characters.
    DropFirst(usize),
    /// `drop_last:N`: drops the last N characters.
    DropLast(usize),
    /// `base64`: encodes as base64 with the URL-safe alphabet, without padding.
    Base64,
    /// `decode_base64`: decodes base64 in either alphabet.
    DecodeBase64,
    /// `json:/POINTER`: parses the text as JSON and takes the value at the pointer.
    Json(String),
}

/// The changes as they are written, for messages and suggestions.
pub const CHANGES: &[&str] = &[
    "upper",
    "lower",
    "swap_case",
    "trim",
    "first:N",
    "last:N",
    "drop_first:N",
    "drop_last:N",
    "base64",
    "decode_base64",
    "json:/POINTER",
];

impl Change {
    /// Parses one change; `None` if it is unknown.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest)));
        let number = || rest.and_then(|digits| digits.parse().ok());
        Some(match (word, rest) {
            ("upper", None) => Self::Upper,
            ("lower", None) => Self::Lower,
            ("swap_case", None) => Self::SwapCase,
            ("trim", None) => Self::Trim,
            ("first", Some(_)) => Self::First(number()?),
            ("last", Some(_)) => Self::Last(number()?),
            ("drop_first", Some(_)) => Self::DropFirst(number()?),
            ("drop_last", Some(_)) => Self::DropLast(number()?),
            ("base64", None) => Self::Base64,
            ("decode_base64", None) => Self::DecodeBase64,
            ("json", Some(pointer)) if pointer.starts_with('/') => Self::Json(pointer.to_owned()),
            _ => return None,
        })
    }

    /// Applies the change.
    ///
    /// # Errors
    /// Fails with what the value would have to be for the change to apply.
    pub(super) fn apply(&self, value: &Value) -> Result<Value, &'static str> {
        let Some(text) = value.as_str() else { return Err("a text") };
        let length = text.chars().count();
        let part = |from: usize, many: usize| text.chars().skip(from).take(many).collect::<String>();
        Ok(Value::String(match self {
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::SwapCase => text.chars().map(swapped).collect(),
            Self::Trim => text.trim().to_owned(),
            Self::First(many) => part(0, *many),
            Self::Last(many) => part(length.saturating_sub(*many), *many),
            Self::DropFirst(many) => part(*many, length),
            Self::DropLast(many) => part(0, length.saturating_sub(*many)),
            Self::Base64 => URL_SAFE_NO_PAD.encode(text),
            Self::DecodeBase64 => {
                let standard = text.trim().replace('-', "+").replace('_', "/");
                let bytes = LENIENT.decode(standard).map_err(|_| "base64")?;
                String::from_utf8(bytes).map_err(|_| "base64 of a text")?
            }
            Self::Json(pointer) => {
                let document: Value = serde_json::from_str(text).map_err(|_| "JSON")?;
                return document.pointer(pointer).cloned().ok_or("JSON with a value at this pointer");
            }
        }))
    }
}

fn swapped(one: char) -> char {
    if one.is_ascii_lowercase() { one.to_ascii_uppercase() } else { one.to_ascii_lowercase() }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upper => f.write_str("upper"),
            Self::Lower => f.write_str("lower"),
            Self::SwapCase => f.write_str("swap_case"),
            Self::Trim => f.write_str("trim"),
            Self::First(many) => write!(f, "first:{many}"),
            Self::Last(many) => write!(f, "last:{many}"),
            Self::DropFirst(many) => write!(f, "drop_first:{many}"),
            Self::DropLast(many) => write!(f, "drop_last:{many}"),
            Self::Base64 => f.write_str("base64"),
            Self::DecodeBase64 => f.write_str("decode_base64"),
            Self::Json(pointer) => write!(f, "json:{pointer}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("upper", "aB1", json!("AB1"))]
    #[case("lower", "aB1", json!("ab1"))]
    #[case("swap_case", "aB1", json!("Ab1"))]
    #[case("trim", " a b\n", json!("a b"))]
    #[case("first:2", "äöü", json!("äö"))]
    #[case("last:2", "äöü", json!("öü"))]
    #[case("drop_first:1", "äöü", json!("öü"))]
    #[case("drop_last:1", "äöü", json!("äö"))]
    #[case("drop_last:9", "abc", json!(""))]
    #[case("base64", "a?b>", json!("YT9iPg"))]
    #[case("decode_base64", "eyJhIjoxfQ", json!("{\"a\":1}"))]
    #[case("decode_base64", "eyJhIjoxfQ==", json!("{\"a\":1}"))]
    #[case("json:/a/1", "{\"a\":[1,{\"b\":2}]}", json!({"b": 2}))]
    fn a_change_applies_and_prints_as_written(
        #[case] written: &str,
        #[case] text: &str,
        #[case] changed: Value,
    ) {
        let change = Change::parse(written).unwrap();
        assert_eq!(change.to_string(), written);
        assert_eq!(change.apply(&json!(text)), Ok(changed));
    }

    #[rstest]
    #[case("cut:5")]
    #[case("first")]
    #[case("first:-1")]
    #[case("upper:1")]
    #[case("json:a")]
    #[case("")]
    fn unknown_changes_are_rejected(#[case] written: &str) {
        assert_eq!(Change::parse(written), None);
    }

    #[rstest]
    #[case("upper", json!(1), "a text")]
    #[case("decode_base64", json!("?"), "base64")]
    #[case("json:/a", json!("{"), "JSON")]
    #[case("json:/a", json!("{}"), "JSON with a value at this pointer")]
    fn a_change_that_does_not_apply_says_what_it_needs(
        #[case] written: &str,
        #[case] value: Value,
        #[case] wanted: &str,
    ) {
        assert_eq!(Change::parse(written).unwrap().apply(&value), Err(wanted));
    }
}

//! The text of a project file as settings.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::{Spanned, Value};

use super::key::{KEYS, Key};
use crate::suggest::question;

/// A key with its values.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Setting {
    pub(super) key: &'static Key,
    /// The values; one, unless the key is a list.
    pub(super) values: Vec<String>,
    /// The line in the file, counted from 1.
    pub(super) line: usize,
}

/// Why a text is not a project file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::cli) enum SettingsError {
    /// It is not TOML.
    #[error("it is not TOML: {0}")]
    Syntax(String),
    /// There is no such key.
    #[error("line {line}: there is no key `{name}`")]
    Unknown {
        /// The line.
        line: usize,
        /// The key.
        name: String,
        /// The key that was probably meant, or all of them.
        advice: String,
    },
    /// The value of a key is not right.
    #[error("line {line}: `{name}`: {problem}")]
    Value {
        /// The line.
        line: usize,
        /// The key.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl SettingsError {
    /// What to do about it.
    pub(super) fn advice(&self) -> &str {
        match self {
            Self::Unknown { advice, .. } => advice,
            Self::Syntax(_) | Self::Value { .. } => "`gatecrash config` lists all keys",
        }
    }
}

/// Reads the text of a project file.
pub(super) fn settings(text: &str) -> Result<Vec<Setting>, SettingsError> {
    let entries: BTreeMap<Spanned<String>, Spanned<Value>> =
        toml::from_str(text).map_err(|error| SettingsError::Syntax(error.to_string().trim().to_owned()))?;
    entries.iter().map(|(name, value)| setting(text, name, value)).collect()
}

fn setting(text: &str, name: &Spanned<String>, value: &Spanned<Value>) -> Result<Setting, SettingsError> {
    let line = line_of(text, &name.span());
    let name = name.as_ref().as_str();
    let Some(key) = KEYS.iter().find(|key| key.name == name) else {
        let names = || KEYS.iter().map(|key| key.name);
        let advice = question(name, names())
            .unwrap_or_else(|| format!("the keys are {}", names().collect::<Vec<_>>().join(", ")));
        return Err(SettingsError::Unknown { line, name: name.to_owned(), advice });
    };
    let wrong = |problem: String| SettingsError::Value { line, name: key.name, problem };
    let values = match (value.as_ref(), key.list) {
        (Value::Array(list), true) => list.iter().map(scalar).collect::<Option<Vec<_>>>(),
        (one, true) => scalar(one).map(|one| vec![one]),
        (one, false) => scalar(one).map(|one| vec![one]),
    };
    let values = values.ok_or_else(|| {
        wrong(
            if key.list { "a list of texts is expected" } else { "one text or number is expected" }
                .to_owned(),
        )
    })?;
    for value in &values {
        (key.check)(value).map_err(wrong)?;
    }
    Ok(Setting { key, values, line })
}

/// A text or number as an option would take it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.as_bytes().iter().take(span.start).filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[test]
    fn keys_have_their_values_and_lines() {
        let found = settings("# mine\ngateways = [\"2026.3.28\", \"latest\"]\n\nseed = 7\n").unwrap();
        let found: Vec<_> = found.iter().map(|one| (one.key.name, one.values.join(" "), one.line)).collect();
        let expected = [("gateways", "2026.3.28 latest".to_owned(), 2), ("seed", "7".to_owned(), 4)];
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case::typo("sed = 7", "line 1: there is no key `sed`", "did you mean `seed`?")]
    #[case::number("\nseed = \"x\"", "line 2: `seed`: ", "lists all keys")]
    #[case::negative("seed = -1", "line 1: `seed`: ", "lists all keys")]
    #[case::duration("timeout = \"10\"", "line 1: `timeout`: ", "lists all keys")]
    #[case::list("gateway = [\"a\"]", "one text or number is expected", "lists all keys")]
    #[case::table("[gateway]\nname = 1", "one text or number is expected", "lists all keys")]
    #[case::report("reports = [\"jnit=x\"]", "did you mean `junit`?", "lists all keys")]
    #[case::release("gateway = \"2026.3.x\"", "`gateway`: ", "lists all keys")]
    #[case::syntax("seed =", "it is not TOML: ", "lists all keys")]
    #[case::twice("seed = 1\nseed = 2", "it is not TOML: ", "lists all keys")]
    fn a_mistake_is_named_with_its_line(#[case] text: &str, #[case] says: &str, #[case] advice: &str) {
        let error = settings(text).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.advice().contains(advice), "{}", error.advice());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = settings(&text);
        }
    }
}

//! Replaces secrets before anything is shown or stored.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::frame::document;

/// Keys whose values are always secrets.
pub(super) const SECRET_KEYS: &[&str] = &[
    "token",
    "deviceToken",
    "bootstrapToken",
    "password",
    "signature",
    "privateKey",
    "privateKeyPem",
    "apiKey",
];

/// The shortest text that is replaced by value: shorter ones would match innocent text.
const SHORTEST: usize = 8;

/// Replaces secrets: by their key in JSON, and by their value in any text.
///
/// Each known secret has a name (`‹gateway token›`), so that a reader can tell two of them apart.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    known: BTreeMap<String, String>,
}

impl Masker {
    /// Remembers a secret and the name to show instead. Very short texts are ignored.
    pub fn learn(&mut self, secret: &str, name: &str) {
        if secret.len() >= SHORTEST && !self.known.contains_key(secret) {
            self.known.insert(secret.to_owned(), format!("‹{name}›"));
        }
    }

    /// Remembers every value of a secret key in a document.
    pub fn learn_from(&mut self, value: &Value) {
        match value {
            Value::Object(entries) => {
                for (key, inner) in entries {
                    match inner {
                        Value::String(text) if SECRET_KEYS.contains(&key.as_str()) => self.learn(text, key),
                        _ => self.learn_from(inner),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|inner| self.learn_from(inner)),
            _ => {}
        }
    }

    /// A text with all known secrets replaced.
    pub fn text(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for (secret, name) in &self.known {
            if masked.contains(secret.as_str()) {
                masked = masked.replace(secret.as_str(), name);
            }
        }
        masked
    }

    /// A value with known secrets and the values of secret keys replaced.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|inner| self.value(inner)).collect()),
            Value::Object(entries) => Value::Object(self.entries(entries)),
            other => other.clone(),
        }
    }

    fn entries(&self, entries: &Map<String, Value>) -> Map<String, Value> {
        entries
            .iter()
            .map(|(key, inner)| match inner {
                Value::String(text) if SECRET_KEYS.contains(&key.as_str()) && !text.is_empty() => {
                    let named = self.known.get(text).cloned().unwrap_or_else(|| format!("‹{key}›"));
                    (key.clone(), Value::String(named))
                }
                _ => (key.clone(), self.value(inner)),
            })
            .collect()
    }

    /// The text of a frame with secrets replaced: by key and value if it is JSON, else by value.
    pub fn frame(&self, text: &str) -> String {
        match document(text) {
            Some(value) => self.value(&value).to_string(),
            None => self.text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_known_secret_is_replaced_by_its_name() {
        let mut masker = Masker::default();
        masker.learn("abcdefgh12345", "gateway token");
        assert_eq!(masker.text("a abcdefgh12345 b"), "a ‹gateway token› b");
        assert_eq!(
            masker.value(&json!({"auth": {"token": "abcdefgh12345"}})),
            json!({"auth": {"token": "‹gateway token›"}})
        );
    }

    #[test]
    fn an_unknown_secret_is_replaced_by_its_key() {
        let masked = Masker::default().frame(r#"{"device":{"signature":"s3cr3t","nonce":"n"}}"#);
        assert_eq!(masked, r#"{"device":{"signature":"‹signature›","nonce":"n"}}"#);
    }

    proptest! {
        #[test]
        fn a_secret_of_a_document_is_masked_in_any_text(secret in "[a-zA-Z0-9_-]{8,60}", around in "\\PC{0,20}") {
            let mut masker = Masker::default();
            masker.learn_from(&json!([{"deviceToken": secret}]));
            let masked = masker.text(&format!("{around}{secret}{around}"));
            prop_assert!(!masked.contains(&secret) || around.contains(&secret) || "‹deviceToken›".contains(&secret));
        }
    }
}

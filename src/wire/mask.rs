//! Replaces secrets before anything is shown or stored.

use serde_json::{Map, Value};

use super::frame::document;
use super::secret_forms::SecretForms;
use super::secret_keys::{each_secret, is_secret_key};
use super::secret_looks::{by_look, by_shape};

/// Replaces secrets: by their key in JSON, and by their value in any text, in every usual form.
///
/// Each known secret has a name (`‹gateway token›`), so that a reader can tell two of them apart.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    known: SecretForms,
}

impl Masker {
    /// Remembers a secret and the name to show instead. Very short texts are ignored.
    pub fn learn(&mut self, secret: &str, name: &str) {
        self.known.learn(secret, &format!("‹{name}›"));
    }

    /// Remembers every value of a secret key in a document.
    pub fn learn_from(&mut self, value: &Value) {
        each_secret(value, &mut |key, text| self.learn(text, key));
    }

    /// Remembers the secrets of a document that a scenario writes; references stand for values that are known elsewhere.
    pub fn learn_written(&mut self, value: &Value) {
        each_secret(value, &mut |key, text| {
            if !text.contains("${") {
                self.learn(text, key);
            }
        });
    }

    /// Remembers the values of variables with the names of secrets.
    pub fn learn_variables<'a>(&mut self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) {
        for (name, value) in
            variables.into_iter().filter(|(name, value)| is_secret_key(name) && !value.contains("${"))
        {
            self.learn(value, name);
        }
    }

    /// A text with all known secrets replaced, and those that are recognised by their shape.
    pub fn text(&self, text: &str) -> String {
        by_shape(self.known.replace(text))
    }

    /// A line of a log, a command line or a message: also without what looks like a secret.
    pub fn line(&self, text: &str) -> String {
        by_look(self.known.replace(text))
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
        let masked = |key: &String, inner: &Value| match inner {
            Value::String(_) | Value::Array(_) if is_secret_key(key) => self.of_secret_key(key, inner),
            _ => self.value(inner),
        };
        entries.iter().map(|(key, inner)| (self.text(key), masked(key, inner))).collect()
    }

    fn of_secret_key(&self, key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) if !text.is_empty() => {
                // What is masked already keeps its name.
                let is_masked = text.starts_with('‹') && text.ends_with('›');
                let named = self.known.shown(text).map(str::to_owned);
                Value::String(
                    named.unwrap_or_else(|| if is_masked { text.clone() } else { format!("‹{key}›") }),
                )
            }
            Value::Array(items) => items.iter().map(|inner| self.of_secret_key(key, inner)).collect(),
            other => self.value(other),
        }
    }

    /// The text of a frame with secrets replaced: by key and value if it is JSON, else as in a line.
    pub fn frame(&self, text: &str) -> String {
        match document(text) {
            Some(value @ (Value::Object(_) | Value::Array(_))) => self.value(&value).to_string(),
            _ => self.line(text),
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

    #[test]
    fn values_are_secret_by_the_family_of_their_key() {
        let masker = Masker::default();
        let masked = masker.value(&json!({
            "access_token": "a", "X-Api-Key": "b", "secret": "c", "tokens": ["d", "e"], "Authorization": "f",
            "tokens2": {"operator": {"token": "g"}}, "maxTokens": 5, "mode": "token", "publicKey": "h",
        }));
        assert_eq!(
            masked,
            json!({
                "access_token": "‹access_token›", "X-Api-Key": "‹X-Api-Key›", "secret": "‹secret›",
                "tokens": ["‹tokens›", "‹tokens›"], "Authorization": "‹Authorization›",
                "tokens2": {"operator": {"token": "‹token›"}}, "maxTokens": 5, "mode": "token", "publicKey": "h",
            })
        );
        assert_eq!(masker.value(&masked), masked, "masking again changes nothing");
    }
}

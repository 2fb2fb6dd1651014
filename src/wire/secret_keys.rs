//! Recognises secrets by the key under which they stand.

use serde_json::Value;

/// Endings of keys whose values are secrets, without `_` and `-` and in lower case.
const SECRET_ENDINGS: &[&str] = &[
    "token",
    "tokens",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "signature",
    "privatekey",
    "privatekeypem",
    "apikey",
    "apikeys",
    "accesskey",
    "secretkey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
];

/// Whether the value of a key is a secret: `token`, `access_token`, `X-Api-Key`.
pub(super) fn is_secret_key(key: &str) -> bool {
    let letters: String =
        key.chars().filter(|c| *c != '_' && *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    SECRET_ENDINGS.iter().any(|ending| letters.ends_with(ending))
}

/// Calls `found` with each secret of a document by its key, and with the key.
pub(super) fn each_secret(value: &Value, found: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(entries) => {
            for (key, inner) in entries {
                let texts: Vec<&str> = if is_secret_key(key) { texts_of(inner) } else { Vec::new() };
                for text in texts {
                    found(key, text);
                }
                each_secret(inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| each_secret(inner, found)),
        _ => {}
    }
}

/// A text, or the texts of a list.
fn texts_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

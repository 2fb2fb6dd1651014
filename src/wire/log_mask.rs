//! Keeps secrets out of the log: whatever is written there passes through one mask.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use regex_lite::Regex;
use serde_json::Value;

use super::mask::SECRET_KEYS;

/// The mask of this process's log.
pub static LOG_MASK: LogMask = LogMask::new();

/// What is shown in place of a secret.
const MASK: &str = "‹masked›";

/// The length by which secrets are looked up. Shorter texts are not masked by value: they would hit innocent words.
const START: usize = 8;

/// The secrets that are masked by value, whatever form they have, and the places that are masked by their look.
///
/// It is off until a log is written: then nobody learns anything, and it costs nothing.
pub struct LogMask {
    on: AtomicBool,
    /// Every form of every secret, by its first bytes.
    known: Mutex<BTreeMap<[u8; START], Vec<String>>>,
}

impl LogMask {
    const fn new() -> Self {
        Self { on: AtomicBool::new(false), known: Mutex::new(BTreeMap::new()) }
    }

    /// From here on secrets are remembered. Call it before anything is logged.
    pub fn turn_on(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    /// Remembers a secret.
    pub fn learn(&self, secret: &str) {
        if !self.on.load(Ordering::Relaxed) || secret.len() < START {
            return;
        }
        let mut known = self.known.lock();
        for form in forms(secret) {
            let Some(start) = form.as_bytes().first_chunk::<START>() else { continue };
            let alike = known.entry(*start).or_default();
            if !alike.contains(&form) {
                alike.push(form);
            }
        }
    }

    /// Remembers every secret of a document: the texts under keys such as `token` and `password`.
    pub fn learn_from(&self, value: &Value) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        match value {
            Value::Object(entries) => {
                for (key, inner) in entries {
                    match inner {
                        Value::String(text) if SECRET_KEYS.contains(&key.as_str()) => self.learn(text),
                        _ => self.learn_from(inner),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|inner| self.learn_from(inner)),
            _ => {}
        }
    }

    /// A text without secrets.
    pub fn mask(&self, text: &str) -> String {
        let known = self.known.lock();
        let bytes = text.as_bytes();
        let (mut masked, mut copied, mut at) = (String::with_capacity(text.len()), 0, 0);
        while let Some(start) = bytes[at..].first_chunk::<START>() {
            let alike = known.get(start).into_iter().flatten();
            let longest =
                alike.filter(|form| bytes[at..].starts_with(form.as_bytes())).map(String::len).max();
            if let Some(length) = longest {
                // Both ends of a match are ends of characters, as those of the secret are.
                masked.push_str(text.get(copied..at).unwrap_or_default());
                masked.push_str(MASK);
                at += length;
                copied = at;
            } else {
                at += 1;
            }
        }
        drop(known);
        masked.push_str(text.get(copied..).unwrap_or_default());
        by_look(masked)
    }
}

/// A secret as it may stand in a log: as it is, in JSON, in an address, and encoded.
fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string();
    let percent = secret.bytes().fold(String::new(), |text, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            text + &char::from(byte).to_string()
        }
        other => format!("{text}%{other:02X}"),
    });
    vec![
        secret.to_owned(),
        quoted.trim_matches('"').to_owned(),
        Value::from(quoted.as_str()).to_string().trim_matches(['"', '\\']).to_owned(),
        percent,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex::encode(secret),
        hex::encode_upper(secret),
    ]
}

/// Words without which nothing in a text looks like a secret.
const WORDS: [&str; 8] =
    ["token", "password", "secret", "signature", "key", "authorization", "private", "://"];

/// Places that look like a secret, and what is put there.
static LOOKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    const NAMES: &str = "(?:token|password|secret|signature|private[_-]?key(?:pem)?|api[_-]?key)";
    let looks = [
        (
            "-----BEGIN [A-Z ]*PRIVATE KEY-----[\\s\\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)".to_owned(),
            "‹masked›",
        ),
        (format!(r#"(?i)("[\w.-]*{NAMES}"\s*:\s*)"(?:\\.|[^"\\])*""#), "$1\"‹masked›\""),
        (format!(r#"(?i)(\\+"[\w.-]*{NAMES}\\+"\s*:\s*\\+")[^"\\]*"#), "$1‹masked›"),
        (r#"(?i)(authorization\\*"?\s*[:=]\s*\\*"?)[^"\\\r\n]+"#.to_owned(), "$1‹masked›"),
        (format!(r#"(?i)({NAMES}\s*[:=]\s*(?:Some\()?\\*["']?)[^\s"'\\,;&)}}\]]+"#), "$1‹masked›"),
        (format!(r"(?i)(--[\w-]*{NAMES}\s+)\S+"), "$1‹masked›"),
        (r"(://)[^/\s:@]+:[^/\s@]+@".to_owned(), "$1‹masked›@"),
    ];
    // The expressions are constant, and a test applies each of them.
    looks.into_iter().filter_map(|(look, put)| Some((Regex::new(&look).ok()?, put))).collect()
});

fn by_look(mut text: String) -> String {
    let lower = text.to_ascii_lowercase();
    if !WORDS.iter().any(|word| lower.contains(word)) {
        return text;
    }
    for (look, put) in LOOKS.iter() {
        if let Cow::Owned(masked) = look.replace_all(&text, *put) {
            text = masked;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn mask_of(secret: &str) -> LogMask {
        let mask = LogMask::new();
        mask.turn_on();
        mask.learn_from(&json!({"devices": [{"deviceToken": secret}]}));
        mask
    }

    #[test]
    fn a_known_secret_is_masked_in_every_form() {
        let secret = "q\"uoted/secret+42";
        let mask = mask_of(secret);
        let quoted = json!(secret).to_string();
        for text in [
            secret.to_owned(),
            quoted.clone(),
            json!(quoted).to_string(),
            format!("{secret:?}"),
            "q%22uoted%2Fsecret%2B42".to_owned(),
            STANDARD_NO_PAD.encode(secret),
            hex::encode(secret),
        ] {
            let masked = mask.mask(&format!("before {text} after"));
            assert!(masked.starts_with("before ") && masked.ends_with(" after"), "{masked}");
            assert!(masked.contains(MASK) && !masked.contains("uoted") && !masked.contains("42"), "{masked}");
        }
    }

    #[rstest]
    #[case::json(r#"{"auth":{"token":"s3cr3t"}}"#)]
    #[case::a_quote_in_json(r#"{"password":"a\"s3cr3t"}"#)]
    #[case::json_in_json(r#"{"text":"{\"deviceToken\":\"s3cr3t\"}"}"#)]
    #[case::header("Authorization: Bearer s3cr3t")]
    #[case::header_in_json(r#"{"authorization":"Basic s3cr3t"}"#)]
    #[case::environment("OPENCLAW_GATEWAY_TOKEN=s3cr3t")]
    #[case::debug(r#"Request { token: Some("s3cr3t") }"#)]
    #[case::option("openclaw node run --token s3cr3t")]
    #[case::option_with_equals("openclaw node run --gateway-password=s3cr3t")]
    #[case::query("ws://127.0.0.1:1/?token=s3cr3t&a=b")]
    #[case::address("https://user:s3cr3t@registry.example/")]
    #[case::pem("-----BEGIN PRIVATE KEY-----\ns3cr3t\n-----END PRIVATE KEY-----")]
    fn what_looks_like_a_secret_is_masked(#[case] text: &str) {
        let masked = LogMask::new().mask(text);
        assert!(masked.contains(MASK) && !masked.contains("s3cr3t"), "{masked}");
    }

    #[rstest]
    #[case(r#"{"auth":{"mode":"token"},"tokens":{}}"#)]
    #[case("the gateway refuses a token of another device")]
    #[case("ws://127.0.0.1:18789/")]
    fn innocent_texts_stay_as_they_are(#[case] text: &str) {
        assert_eq!(LogMask::new().mask(text), text);
    }

    #[test]
    fn a_mask_that_is_off_learns_nothing() {
        let mask = LogMask::new();
        mask.learn("a long enough secret");
        assert_eq!(mask.mask("a long enough secret"), "a long enough secret");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_known_secret_shows(
            secret in "\\PC{8,30}", before in "\\PC{0,20}", after in "\\PC{0,20}",
        ) {
            let masked = mask_of(&secret).mask(&format!("{before}{secret}{after}"));
            let around = format!("{before}{MASK}{after}");
            prop_assert!(!masked.contains(&secret) || around.contains(&secret) || secret.len() < START);
        }
    }
}

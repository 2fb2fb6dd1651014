//! Keeps secrets out of the log: whatever is written there passes through one mask.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::Value;

use super::secret_forms::SecretForms;
use super::secret_keys::{each_secret, is_secret_key};
use super::secret_looks::by_look;

/// The mask of this process's log.
pub static LOG_MASK: LogMask = LogMask::new();

/// What is shown in place of a secret.
const MASK: &str = "‹masked›";

/// The secrets that are masked by value, whatever form they have, and the places that are masked by their look.
///
/// It is off until a log is written: then nobody learns anything, and it costs nothing.
pub struct LogMask {
    on: AtomicBool,
    known: LazyLock<Mutex<SecretForms>>,
}

impl LogMask {
    const fn new() -> Self {
        Self { on: AtomicBool::new(false), known: LazyLock::new(Mutex::default) }
    }

    /// From here on secrets are remembered. Call it before anything is logged.
    pub fn turn_on(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    /// Remembers a secret.
    pub fn learn(&self, secret: &str) {
        if self.on.load(Ordering::Relaxed) {
            self.known.lock().learn(secret, MASK);
        }
    }

    /// Remembers every secret of a document: the texts under keys such as `token` and `password`.
    pub fn learn_from(&self, value: &Value) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        each_secret(value, &mut |_, text| self.learn(text));
    }

    /// Remembers the values of variables with the names of secrets.
    pub fn learn_variables(&self, variables: &[(String, String)]) {
        variables.iter().filter(|(name, _)| is_secret_key(name)).for_each(|(_, value)| self.learn(value));
    }

    /// A text without secrets.
    pub fn mask(&self, text: &str) -> String {
        let masked = self.known.lock().replace(text);
        by_look(masked)
    }
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
    fn a_known_secret_is_masked() {
        let mask = mask_of("q\"uoted/secret+42");
        assert_eq!(mask.mask("before q%22uoted%2Fsecret%2B42 after"), format!("before {MASK} after"));
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
    #[case::cookie("Cookie: session=s3cr3t; a=b")]
    #[case::api_key("X-Api-Key: s3cr3t")]
    #[case::access_token("access_token=s3cr3t")]
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
            prop_assert!(!masked.contains(&secret) || around.contains(&secret) || secret.len() < 4);
        }
    }
}

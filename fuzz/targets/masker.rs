//! Secrets in texts, frames and documents.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bolero::check;
use gatecrash::wire::Masker;
use serde_json::{Value, json};

use crate::sprout::Sprout;

/// Letters of secrets: those that forms write differently, and such that a secret can hardly stand in a text by chance.
const LETTERS: &[u8] = b"abcxyzABC019-_+/=.~%\"\\ ";

fn secret(sprout: &mut Sprout<'_>) -> String {
    let letters = (0..8 + sprout.below(24)).map(|_| char::from(LETTERS[sprout.below(LETTERS.len())]));
    letters.collect::<String>()
}

/// A secret as a text may have it.
fn form(secret: &str, number: usize) -> String {
    let each = |write: fn(u8) -> String| secret.bytes().map(write).collect::<Vec<_>>().concat();
    let quoted = Value::from(secret).to_string();
    match number {
        0 => STANDARD.encode(secret),
        1 => STANDARD_NO_PAD.encode(secret),
        2 => URL_SAFE_NO_PAD.encode(secret),
        3 => each(|byte| format!("{byte:02x}")),
        4 => each(|byte| format!("{byte:02X}")),
        5 => quoted[1..quoted.len() - 1].to_owned(),
        6 => each(|byte| format!("%{byte:02X}")),
        7 => each(|byte| format!("\\u{byte:04x}")),
        8 => STANDARD.encode(format!("user:{secret}")),
        _ => secret.to_owned(),
    }
}

#[test]
fn no_known_secret_is_shown_in_any_form() {
    check!().for_each(|bytes: &[u8]| {
        let mut sprout = Sprout::new(bytes);
        let secrets: Vec<String> = (0..=sprout.below(3)).map(|_| secret(&mut sprout)).collect();
        let mut masker = Masker::default();
        for (number, secret) in secrets.iter().enumerate() {
            masker.learn(secret, &number.to_string());
        }
        let mut text = String::new();
        let mut planted = Vec::new();
        for _ in 0..=sprout.below(4) {
            let form = form(&secrets[sprout.below(secrets.len())], sprout.below(12));
            // A form ends where a blank or a quote stands: what is glued to it can be part of another code.
            let end = [" ", "\"", "\n", "'"][sprout.below(4)];
            text.push_str(&sprout.text());
            text.push_str(end);
            text.push_str(&form);
            text.push_str(end);
            planted.push(form);
        }
        let shown = [masker.text(&text), masker.line(&text), masker.frame(&text)];
        let whole = masker.value(&json!({"a": text.as_str()}));
        for masked in shown.iter().map(String::as_str).chain(whole["a"].as_str()) {
            for hidden in secrets.iter().chain(&planted) {
                assert!(!masked.contains(hidden.as_str()), "{hidden:?} of {text:?} is in {masked:?}");
            }
        }
        assert_eq!(masker.text(&shown[0]), shown[0], "masking again changes nothing");
    });
}

#[test]
fn what_a_secret_key_holds_is_not_shown() {
    check!().for_each(|bytes: &[u8]| {
        let mut sprout = Sprout::new(bytes);
        let secret = secret(&mut sprout);
        let key = ["token", "password", "Authorization", "access_token", "X-Api-Key", "clientSecret"];
        let (before, after) = (sprout.value(), sprout.value());
        let quoted = Value::from(secret.as_str()).to_string();
        // What stands elsewhere, too, is not known to be a secret there.
        if before.to_string().contains(&quoted) || after.to_string().contains(&quoted) {
            return;
        }
        let frame = json!({"a": before, key[sprout.below(key.len())]: [secret], "b": after});
        let masked = Masker::default().frame(&frame.to_string());
        assert!(!masked.contains(&quoted), "{quoted} of {frame} is in {masked}");
        let again: Value = serde_json::from_str(&masked).expect("a masked frame is JSON");
        assert_eq!(Masker::default().value(&again), again, "masking again changes nothing");
    });
}

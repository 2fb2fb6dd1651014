//! Finds known secrets in a text, in whatever form they stand there.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// The length by which secrets are looked up. Shorter ones are masked by their key only.
const START: usize = 4;

/// Shorter secrets are masked as whole words only: they would hit innocent ones.
const DISTINCT: usize = 8;

/// The longest text that is decoded to look into it.
const LONGEST_CODE: usize = 64 << 10;

/// Secrets in all of their forms, each with the text to show instead.
#[derive(Clone, Debug, Default)]
pub(super) struct SecretForms {
    /// The forms by their first bytes.
    forms: HashMap<[u8; START], Vec<Form>>,
    /// Which first bytes may be those of a form, one bit for each [`slot`]: most places of a text are passed by it.
    starts: Vec<u64>,
    /// The secrets themselves, longest first.
    secrets: Vec<(String, Arc<str>)>,
}

/// The number of slots for first bytes.
const SLOTS: usize = 4096;

/// The slot of the first bytes of a form.
const fn slot(start: [u8; START]) -> usize {
    (u32::from_le_bytes(start).wrapping_mul(0x9E37_79B1) >> 20) as usize
}

#[derive(Clone, Debug)]
struct Form {
    text: String,
    shown: Arc<str>,
    whole_word: bool,
}

impl SecretForms {
    /// Remembers a secret and what to show instead. The first name of a secret stays.
    pub(super) fn learn(&mut self, secret: &str, shown: &str) {
        if secret.len() < START || self.secrets.iter().any(|(known, _)| known == secret) {
            return;
        }
        let shown: Arc<str> = shown.into();
        for text in forms(secret) {
            let Some(start) = text.as_bytes().first_chunk::<START>() else { continue };
            self.starts.resize(SLOTS / 64, 0);
            let slot = slot(*start);
            self.starts[slot / 64] |= 1 << (slot % 64);
            let alike = self.forms.entry(*start).or_default();
            if !alike.iter().any(|one| one.text == text) {
                let whole_word = secret.len() < DISTINCT;
                alike.push(Form { text, shown: Arc::clone(&shown), whole_word });
            }
        }
        let at = self.secrets.partition_point(|(known, _)| known.len() >= secret.len());
        self.secrets.insert(at, (secret.to_owned(), shown));
    }

    /// What is shown instead of exactly this secret.
    pub(super) fn shown(&self, secret: &str) -> Option<&str> {
        self.secrets.iter().find(|(known, _)| known == secret).map(|(_, shown)| &**shown)
    }

    /// A text without the secrets. Of several that begin at one place the longest counts.
    pub(super) fn replace(&self, text: &str) -> String {
        if self.secrets.is_empty() {
            return text.to_owned();
        }
        let plain = without(text, &self.find(text.as_bytes())).unwrap_or_else(|| text.to_owned());
        let in_addresses = self.replace_escaped(plain, b'%', percent_escape);
        let in_json = self.replace_escaped(in_addresses, b'\\', json_escape);
        self.replace_codes(in_json)
    }

    /// Where secrets stand, from the first to the last, and what to show instead.
    fn find(&self, bytes: &[u8]) -> Vec<(Range<usize>, &str)> {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(start) = bytes[at..].first_chunk::<START>() {
            let slot = slot(*start);
            if self.starts.get(slot / 64).is_none_or(|bits| bits >> (slot % 64) & 1 == 0) {
                at += 1;
                continue;
            }
            let fits = |one: &&Form| {
                bytes[at..].starts_with(one.text.as_bytes())
                    && (!one.whole_word || is_word(bytes, at, at + one.text.len()))
            };
            let alike = self.forms.get(start).into_iter().flatten();
            if let Some(form) = alike.filter(fits).max_by_key(|one| one.text.len()) {
                found.push((at..at + form.text.len(), &*form.shown));
                at += form.text.len();
            } else {
                at += 1;
            }
        }
        found
    }

    /// Replaces secrets of which any characters are escaped, not only those that have to be.
    fn replace_escaped(&self, text: String, escape: u8, read: Escape) -> String {
        if !text.as_bytes().contains(&escape) {
            return text;
        }
        let bytes = text.as_bytes();
        // The text as it is meant, and where each of its bytes is written.
        let (mut meant, mut written, mut at) = (Vec::with_capacity(bytes.len()), Vec::new(), 0);
        while at < bytes.len() {
            let length = if bytes[at] == escape { read(&bytes[at..], &mut meant) } else { None };
            if length.is_none() {
                meant.push(bytes[at]);
            }
            written.resize(meant.len(), at);
            at += length.unwrap_or(1);
        }
        written.push(bytes.len());
        let found = self.find(&meant).into_iter();
        let found: Vec<_> =
            found.map(|(range, shown)| (written[range.start]..written[range.end], shown)).collect();
        without(&text, &found).unwrap_or(text)
    }

    /// Replaces words in base64 that contain a secret, such as those of `Basic` authentication.
    fn replace_codes(&self, text: String) -> String {
        let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
        let bytes = text.as_bytes();
        let (mut masked, mut copied, mut at) = (String::new(), 0, 0);
        while at < bytes.len() {
            let length = bytes[at..].iter().take_while(|byte| is_code(**byte)).count();
            if let Some(shown) = text.get(at..at + length).and_then(|word| self.within_code(word)) {
                masked.push_str(text.get(copied..at).unwrap_or_default());
                masked.push_str(shown);
                copied = at + length;
            }
            at += length.max(1);
        }
        if copied == 0 {
            return text;
        }
        masked.push_str(text.get(copied..).unwrap_or_default());
        masked
    }

    /// What to show instead of a word that is base64 and contains a secret.
    fn within_code(&self, word: &str) -> Option<&str> {
        let word = word.trim_matches('=');
        // `key=code`
        let word = word.rsplit('=').next().unwrap_or(word);
        let shortest = self.secrets.last()?.0.len();
        // Three bytes are four characters of base64.
        if word.len() < (shortest.max(START) * 4).div_ceil(3) || word.len() > LONGEST_CODE {
            return None;
        }
        let config = GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let alphabet = if word.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
        let decoded = GeneralPurpose::new(alphabet, config).decode(word).ok()?;
        let found = |(secret, _): &&(String, Arc<str>)| {
            decoded.windows(secret.len()).enumerate().any(|(at, window)| {
                window == secret.as_bytes()
                    && (secret.len() >= DISTINCT || is_word(&decoded, at, at + secret.len()))
            })
        };
        self.secrets.iter().find(found).map(|(_, shown)| &**shown)
    }
}

/// A text with something else in these places; none if nothing is replaced.
fn without(text: &str, found: &[(Range<usize>, &str)]) -> Option<String> {
    let (mut masked, mut copied) = (String::with_capacity(text.len()), 0);
    for (range, shown) in found {
        // Both ends of a match are ends of characters, as those of the secret are.
        masked.push_str(text.get(copied..range.start).unwrap_or_default());
        masked.push_str(shown);
        copied = range.end;
    }
    if copied == 0 {
        return None;
    }
    masked.push_str(text.get(copied..).unwrap_or_default());
    Some(masked)
}

/// Adds what an escape sequence at the beginning of a text means, and returns the length of the sequence.
type Escape = fn(&[u8], &mut Vec<u8>) -> Option<usize>;

/// A byte as `%2F`.
fn percent_escape(bytes: &[u8], meant: &mut Vec<u8>) -> Option<usize> {
    meant.push(u8::try_from(hex_digits(bytes.get(1..3)?)?).ok()?);
    Some(3)
}

/// A character as `\u002f` or `\/`.
fn json_escape(bytes: &[u8], meant: &mut Vec<u8>) -> Option<usize> {
    let short = match bytes.get(1)? {
        b'u' => {
            let character = char::from_u32(hex_digits(bytes.get(2..6)?)?)?;
            meant.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(6);
        }
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        other @ (b'"' | b'\\' | b'/') => *other,
        _ => return None,
    };
    meant.push(short);
    Some(2)
}

fn hex_digits(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

/// Whether no letter or digit touches this part of a text.
fn is_word(bytes: &[u8], from: usize, to: usize) -> bool {
    let touches = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80);
    let before = from.checked_sub(1).and_then(|at| bytes.get(at));
    !touches(before) && !touches(bytes.get(to))
}

/// A secret as it may stand in a text: as it is, in JSON, in JSON within JSON, in an address, and encoded.
fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string();
    let in_quotes =
        |text: &str| text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned);
    let inner = in_quotes(&quoted).unwrap_or_default();
    let twice = in_quotes(&Value::from(inner.as_str()).to_string()).unwrap_or_default();
    let percent = secret.bytes().fold(String::new(), |text, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            text + &char::from(byte).to_string()
        }
        other => format!("{text}%{other:02X}"),
    });
    let lower = secret.bytes().fold(String::new(), |text, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            text + &char::from(byte).to_string()
        }
        other => format!("{text}%{other:02x}"),
    });
    let form_data = percent.replace("%20", "+");
    vec![
        secret.to_owned(),
        inner,
        twice,
        format!("{secret:?}").trim_matches('"').to_owned(),
        percent,
        lower,
        form_data,
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex::encode(secret),
        hex::encode_upper(secret),
    ]
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn known(secrets: &[&str]) -> SecretForms {
        let mut forms = SecretForms::default();
        for secret in secrets {
            forms.learn(secret, &format!("‹{}›", secret.len()));
        }
        forms
    }

    fn escaped(secret: &str, escape: fn(u8) -> String) -> String {
        secret.bytes().map(escape).collect::<Vec<_>>().concat()
    }

    #[rstest]
    #[case::as_it_is(|secret: &str| secret.to_owned())]
    #[case::json(|secret: &str| json!({"a": secret}).to_string())]
    #[case::json_in_json(|secret: &str| json!({"a": json!({"b": secret}).to_string()}).to_string())]
    #[case::debug(|secret: &str| format!("{secret:?}"))]
    #[case::percent(|secret: &str| secret.replace('"', "%22").replace('\\', "%5C").replace('+', "%2B"))]
    #[case::percent_throughout(|secret: &str| escaped(secret, |byte| format!("%{byte:02x}")))]
    #[case::json_escaped(|secret: &str| escaped(secret, |byte| format!("\\u{byte:04x}")))]
    #[case::json_slash(|secret: &str| json!(secret).to_string().replace('e', "\\u0065"))]
    #[case::base64(|secret: &str| STANDARD.encode(secret))]
    #[case::base64_of_addresses(|secret: &str| URL_SAFE.encode(secret))]
    #[case::basic(|secret: &str| format!("Basic {}", STANDARD.encode(format!("user:{secret}"))))]
    #[case::basic_shifted(|secret: &str| format!("Basic {}", STANDARD.encode(format!("a-user:{secret}!"))))]
    #[case::hex(|secret: &str| hex::encode(secret))]
    #[case::capital_hex(|secret: &str| hex::encode_upper(format!("x{secret}")))]
    fn a_secret_is_found_in_every_form(#[case] form: fn(&str) -> String) {
        for secret in ["tail+of\"the\\secret", "Pa55w0rd"] {
            let text = format!("before {} after", form(secret));
            let masked = known(&[secret]).replace(&text);
            assert!(
                masked.contains('‹') && masked.starts_with("before ") && masked.ends_with(" after"),
                "{masked}"
            );
            assert!(!masked.contains("the") && !masked.contains("55w0"), "{masked}");
        }
    }

    #[test]
    fn the_longest_secret_counts() {
        let forms = known(&["prefix-12345", "prefix-12345-and-its-tail"]);
        assert_eq!(forms.replace("x prefix-12345-and-its-tail y"), "x ‹25› y");
        assert_eq!(forms.replace("x prefix-12345-or-not y"), "x ‹12›-or-not y");
    }

    #[test]
    fn short_secrets_are_masked_as_words() {
        let forms = known(&["hush", "abc"]);
        assert_eq!(forms.replace("hush, hushed and \"hush\""), "‹4›, hushed and \"‹4›\"");
        assert_eq!(forms.replace("abc"), "abc", "three letters are masked by their key only");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_no_secret_shows(
            secret in "\\PC{8,30}", before in "\\PC{0,20}", after in "\\PC{0,20}",
        ) {
            let masked = known(&[&secret]).replace(&format!("{before}{secret}{after}"));
            let around = format!("{before}‹{}›{after}", secret.len());
            prop_assert!(!masked.contains(&secret) || around.contains(&secret) || secret.len() < START);
        }

        #[test]
        fn basic_authentication_hides_it(secret in "[ -~]{8,30}", user in "[a-z]{0,9}") {
            let code = STANDARD.encode(format!("{user}:{secret}"));
            let masked = known(&[&secret]).replace(&format!("Authorization: Basic {code}"));
            prop_assert!(!masked.contains(code.trim_end_matches('=')));
        }
    }
}

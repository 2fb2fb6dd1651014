//! Recognises secrets that nobody knows, by what stands beside them or by their shape.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::Regex;

/// Words without which nothing in a text looks like a secret.
const WORDS: [&str; 12] = [
    "token",
    "password",
    "secret",
    "signature",
    "key",
    "authorization",
    "private",
    "://",
    "bearer",
    "cookie",
    "eyj",
    "sk-",
];

/// Places that look like a secret, and what is put there.
static LOOKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    const NAMES: &str =
        "(?:tokens?|passwords?|passwd|secrets?|signature|private[_-]?key(?:pem)?|(?:api|access)[_-]?key)";
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
        (r"(://)[^/\s:@]*:[^/\s@]+@".to_owned(), "$1‹masked›@"),
        (r#"(?i)((?:set-)?cookie\\*"?\s*[:=]\s*\\*"?)[^"\\\r\n]+"#.to_owned(), "$1‹masked›"),
    ];
    // The expressions are constant, and a test applies each of them.
    looks.into_iter().filter_map(|(look, put)| Some((Regex::new(&look).ok()?, put))).collect()
});

/// A text with everything masked that looks like a secret by what stands beside it.
pub(super) fn by_look(text: String) -> String {
    by(&LOOKS, &WORDS, by_shape(text))
}

/// A text with everything masked that looks like a secret by itself.
pub(super) fn by_shape(text: String) -> String {
    if text.len() < SHORTEST_SHAPE {
        return text;
    }
    by(&SHAPES, &SHAPE_WORDS, text)
}

/// The length of the shortest text that one of the shapes fits: `sk-` and sixteen characters.
const SHORTEST_SHAPE: usize = 19;

/// Words without which none of the shapes is in a text.
const SHAPE_WORDS: [&str; 8] = ["private key", "eyj", "sk-", "pk-", "rk-", "gh", "bearer", "basic"];

/// Secrets that are recognised by their shape: JSON Web Tokens, keys of well-known services, PEM.
static SHAPES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let shapes = [
        ("-----BEGIN [A-Z ]*PRIVATE KEY-----[\\s\\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", "‹masked›"),
        (r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*", "‹masked›"),
        (r"\b(?:sk|pk|rk)-[\w-]{16,}", "‹masked›"),
        (r"\bgh[pousr]_\w{20,}", "‹masked›"),
        (r"(?i)\b((?:bearer|basic)\s+)[\w+/.~-]{16,}=*", "$1‹masked›"),
    ];
    shapes.into_iter().filter_map(|(shape, put)| Some((Regex::new(shape).ok()?, put))).collect()
});

/// A text with what looks like this masked; at least one of the words is in every text that does.
fn by(looks: &[(Regex, &str)], words: &[&str], mut text: String) -> String {
    let lower = text.to_ascii_lowercase();
    if !words.iter().any(|word| lower.contains(word)) {
        return text;
    }
    for (look, put) in looks {
        if let Cow::Owned(masked) = look.replace_all(&text, *put) {
            text = masked;
        }
    }
    text
}

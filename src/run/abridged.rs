//! Keeps what is stored of large outcomes small.

use serde_json::Value;

use crate::verdict::Outcome;

/// What is kept of the outcomes of a case together, in bytes of text.
const CASE: usize = 1 << 20;

/// What is kept of an outcome once that is used up.
const LEAST: usize = 4 << 10;

/// The longest text that is kept within an outcome.
const TEXT: usize = 64 << 10;

/// How much the outcomes of a case may still take.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Default for Allowance {
    fn default() -> Self {
        Self(CASE)
    }
}

impl Allowance {
    /// The outcome with texts, lists and mappings cut that are too large. It has been judged already.
    pub(super) fn abridge(&mut self, outcome: Outcome) -> Outcome {
        let mut left = self.0.max(LEAST);
        let before = left;
        let outcome = outcome.map_texts_and_values(&mut |text| cut(text, TEXT), &mut |mut value| {
            abridge(&mut value, &mut left);
            value
        });
        self.0 = self.0.saturating_sub(before - left);
        outcome
    }
}

fn abridge(value: &mut Value, left: &mut usize) {
    const VALUE: usize = 8;
    *left = left.saturating_sub(VALUE);
    match value {
        Value::String(text) => {
            if text.len() > TEXT.min(*left) {
                *text = cut(std::mem::take(text), TEXT.min(*left));
            }
            *left = left.saturating_sub(text.len());
        }
        Value::Array(items) => {
            let mut kept = 0;
            for item in items.iter_mut() {
                abridge(item, left);
                kept += 1;
                if *left == 0 {
                    break;
                }
            }
            if kept < items.len() {
                let more = items.len() - kept;
                items.truncate(kept);
                items.push(format!("… ({more} more)").into());
                items.shrink_to_fit();
            }
        }
        Value::Object(entries) => {
            let all = entries.len();
            let mut kept = serde_json::Map::new();
            for (key, mut inner) in std::mem::take(entries) {
                if *left == 0 && !kept.is_empty() {
                    break;
                }
                *left = left.saturating_sub(key.len());
                abridge(&mut inner, left);
                kept.insert(key, inner);
            }
            if kept.len() < all {
                kept.insert("…".to_owned(), format!("({} more)", all - kept.len()).into());
            }
            *entries = kept;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text up to about this length, not cut within a word: masking would not recognise half of a secret.
fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let end = text.floor_char_boundary(most);
    let in_word = |c: char| c.is_alphanumeric() || "-_+/=.%".contains(c);
    let end = text[..end].rfind(|c| !in_word(c)).unwrap_or(0);
    format!("{}… ({} bytes)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn ok(payload: Value) -> Outcome {
        Outcome::Ok { payload }
    }

    #[test]
    fn a_usual_outcome_stays_as_it_is() {
        let payload = json!({"a": [1, null, "x"], "b": {"c": "text"}});
        assert_eq!(Allowance::default().abridge(ok(payload.clone())), ok(payload));
    }

    #[test]
    fn large_outcomes_are_cut_and_say_so() {
        let many = json!(vec![0; CASE]);
        let Outcome::Ok { payload } = Allowance::default().abridge(ok(many)) else { panic!("another kind") };
        assert!(payload.to_string().len() < CASE);
        assert!(payload.as_array().unwrap().last().unwrap().as_str().unwrap().ends_with("more)"));
        let words = json!({"text": "word ".repeat(CASE)});
        let Outcome::Ok { payload } = Allowance::default().abridge(ok(words)) else { panic!("another kind") };
        assert!(payload["text"].as_str().unwrap().ends_with("bytes)"));
    }

    #[test]
    fn many_outcomes_take_less_and_less() {
        let mut allowance = Allowance::default();
        let bytes: usize = (0..100)
            .map(|_| {
                serde_json::to_string(&allowance.abridge(ok(json!("word ".repeat(20_000))))).unwrap().len()
            })
            .sum();
        assert!(bytes < 2 * CASE, "{bytes}");
    }

    proptest! {
        #[test]
        fn a_text_is_never_cut_within_a_word(text in "[a-z é]{0,200}", most in 0_usize..150) {
            let cut = cut(text.clone(), most);
            if let Some((kept, _)) = cut.split_once('…') {
                let rest = text.strip_prefix(kept).unwrap();
                prop_assert!(kept.is_empty() || rest.starts_with(' '), "{kept:?} {rest:?}");
            } else {
                prop_assert_eq!(cut, text);
            }
        }
    }
}

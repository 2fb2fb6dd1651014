//! How a gateway refuses a client.

use serde_json::{Value, json};

/// The longest close reason, in bytes.
const LONGEST_REASON: usize = 120;

/// An error response, a close, or both.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The `error` of the response; `None` where the gateway closes without a response.
    pub(super) error: Option<Value>,
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Refusal {
    /// A refusal with an error response and a close.
    pub(super) fn close_with(error: Value, code: u16, reason: &str) -> Self {
        Self { error: Some(error), code, reason: close_reason(reason) }
    }

    /// A refusal with a close alone.
    pub(super) fn close(code: u16, reason: &str) -> Self {
        Self { error: None, code, reason: close_reason(reason) }
    }
}

/// The `error` of a response.
pub(super) fn error(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message})
}

/// The `error` of a response with details, of which null values are left out.
pub(super) fn error_with(code: &str, message: &str, mut details: Value) -> Value {
    if let Some(entries) = details.as_object_mut() {
        entries.retain(|_, value| !value.is_null());
    }
    json!({"code": code, "message": message, "details": details})
}

/// A close reason, cut to the length that a gateway sends.
fn close_reason(text: &str) -> String {
    let bytes = text.as_bytes();
    let kept = bytes.get(..LONGEST_REASON).unwrap_or(bytes);
    String::from_utf8_lossy(kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut() {
        assert_eq!(Refusal::close(1008, &"x".repeat(200)).reason.len(), 120);
        assert_eq!(Refusal::close(1008, "short").reason, "short");
    }

    #[test]
    fn null_details_are_left_out() {
        assert_eq!(error_with("C", "m", json!({"a": null, "b": 1}))["details"], json!({"b": 1}));
    }
}

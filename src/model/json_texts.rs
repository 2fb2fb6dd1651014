//! Reading lists of texts from JSON.

use serde_json::Value;

/// The texts of a JSON list; other items, and values that are not lists, are skipped.
pub(super) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

//! Writes values as YAML in the flow style of the suite.

use std::fmt::Write as _;

use serde_json::Value;

/// Words that YAML does not read as texts.
const RESERVED: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A value on one line, such as `{as: node, scopes: [operator.read]}`.
pub fn flow(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

fn write_value(value: &Value, into: &mut String) {
    match value {
        Value::String(text) if is_plain(text) => into.push_str(text),
        Value::Array(items) => {
            into.push('[');
            for (at, item) in items.iter().enumerate() {
                into.push_str(if at == 0 { "" } else { ", " });
                write_value(item, into);
            }
            into.push(']');
        }
        Value::Object(entries) => {
            into.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                into.push_str(if at == 0 { "" } else { ", " });
                // The key of callers, which every reader of YAML 1.2 takes as a text.
                if key == "on" {
                    into.push_str(key);
                } else {
                    write_value(&Value::from(key.as_str()), into);
                }
                into.push_str(": ");
                write_value(item, into);
            }
            into.push('}');
        }
        // A JSON text in quotes is one in YAML, too.
        other => {
            let _ = write!(into, "{other}");
        }
    }
}

/// Whether a text needs no quotes.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '$'));
    let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    first && text.chars().skip(1).all(rest) && !RESERVED.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_like_the_suite() {
        let value = json!({"as": "node", "X-Real-IP": "203.0.113.9", "scopes": ["operator.read"], "id": "${a}", "times": 1});
        assert_eq!(
            flow(&value),
            r#"{as: node, X-Real-IP: "203.0.113.9", scopes: [operator.read], id: "${a}", times: 1}"#
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~]{0,8}".prop_map(Value::from),
            prop::sample::select(vec!["no", "On", "~", "1e3", "0x1", "a: b", "- a", "${x}", "#", ""])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{1,6}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in any_value()) {
            let read: Value = serde_saphyr::from_str(&format!("a: {}\n", flow(&value))).unwrap();
            prop_assert_eq!(&read["a"], &value);
        }
    }
}

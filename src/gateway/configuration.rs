//! The configuration of a gateway: the smallest one that boots everywhere, and what a scenario changes of it.

use serde_json::{Value, json};

/// Changes to a configuration, in the order in which they were made. They are kept apart because a `null`
/// among them takes away what only the whole configuration has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<Value>);

impl Changes {
    /// Makes one more change.
    pub fn add(&mut self, change: Value) {
        self.0.push(change);
    }

    /// The configuration with all changes made.
    pub(super) fn of(&self, mut config: Value) -> Value {
        for change in &self.0 {
            merge(&mut config, change);
        }
        config
    }
}

impl From<Value> for Changes {
    fn from(change: Value) -> Self {
        Self(vec![change])
    }
}

/// The smallest configuration that boots everywhere.
pub(super) fn smallest(token: &str) -> Value {
    json!({"gateway": {
        "mode": "local",
        "bind": "loopback",
        "auth": {"mode": "token", "token": token},
        "controlUi": {"enabled": false},
    }})
}

/// Merges a change into a configuration: objects key by key, `null` removes a key, anything else replaces.
pub fn merge(into: &mut Value, change: &Value) {
    let Value::Object(changes) = change else { return };
    if !into.is_object() {
        *into = json!({});
    }
    let Value::Object(fields) = into else { return };
    for (key, change) in changes {
        match change {
            Value::Null => {
                fields.shift_remove(key);
            }
            Value::Object(_) => merge(fields.entry(key).or_insert_with(|| json!({})), change),
            other => {
                fields.insert(key.clone(), other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn after(changes: &[Value]) -> Value {
        Changes(changes.to_vec()).of(smallest("secret"))
    }

    #[rstest]
    #[case(json!({}), "/gateway/auth/token", json!("secret"))]
    #[case(json!({"gateway": {"auth": {"mode": "password"}}}), "/gateway/auth/mode", json!("password"))]
    #[case(json!({"gateway": {"auth": {"mode": "password"}}}), "/gateway/auth/token", json!("secret"))]
    #[case(json!({"gateway": {"port": 1}}), "/gateway/mode", json!("local"))]
    #[case(json!({"gateway": {"mode": {"deep": {"er": 1}}}}), "/gateway/mode/deep/er", json!(1))]
    fn a_change_is_merged_into_the_smallest_configuration(
        #[case] change: Value,
        #[case] place: &str,
        #[case] value: Value,
    ) {
        assert_eq!(after(&[change]).pointer(place), Some(&value));
    }

    #[test]
    fn null_removes_a_key() {
        let config = after(&[json!({"gateway": {"auth": null, "new": {"key": null}}})]);
        assert_eq!(
            (config.pointer("/gateway/auth"), config.pointer("/gateway/new")),
            (None, Some(&json!({})))
        );
    }

    #[test]
    fn a_later_null_removes_what_every_gateway_is_given() {
        let first = json!({"gateway": {"auth": {"mode": "trusted-proxy"}}});
        let config = after(&[first, json!({"gateway": {"auth": {"token": null}}})]);
        assert_eq!(config["gateway"]["auth"], json!({"mode": "trusted-proxy"}));
    }

    #[test]
    fn what_was_removed_starts_anew() {
        let removed = json!({"gateway": {"auth": null}});
        let config = after(&[removed, json!({"gateway": {"auth": {"mode": "none"}}})]);
        assert_eq!(config["gateway"]["auth"], json!({"mode": "none"}));
    }
}

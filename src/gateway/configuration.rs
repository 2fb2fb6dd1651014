//! The configuration of a gateway: the smallest one that boots every release, and what a scenario changes in it.

use serde_json::{Value, json};

/// Changes to a configuration in the order in which they were made. They are kept apart because a `null` among them may
/// remove a key that only the whole configuration has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes(Vec<Value>);

impl Changes {
    /// Adds a change.
    pub fn add(&mut self, change: Value) {
        self.0.push(change);
    }

    /// The configuration with all changes applied.
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

/// The smallest configuration that boots every release.
pub(super) fn smallest(token: &str) -> Value {
    json!({"gateway": {
        "mode": "local",
        "bind": "loopback",
        "auth": {"mode": "token", "token": token},
        "controlUi": {"enabled": false},
    }})
}

/// Merges a change into a configuration by RFC 7396: objects key by key, `null` removes a key, anything else replaces. A
/// change that is not an object, such as `null` for none at all, changes nothing.
pub fn merge(into: &mut Value, change: &Value) {
    if change.is_object() {
        json_patch::merge(into, change);
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
    fn a_later_null_removes_a_default_key() {
        let first = json!({"gateway": {"auth": {"mode": "trusted-proxy"}}});
        let config = after(&[first, json!({"gateway": {"auth": {"token": null}}})]);
        assert_eq!(config["gateway"]["auth"], json!({"mode": "trusted-proxy"}));
    }

    #[test]
    fn a_change_that_is_not_an_object_changes_nothing() {
        assert_eq!(after(&[Value::Null, json!("text")]), smallest("secret"));
    }

    #[test]
    fn a_removed_object_can_be_set_again() {
        let removed = json!({"gateway": {"auth": null}});
        let config = after(&[removed, json!({"gateway": {"auth": {"mode": "none"}}})]);
        assert_eq!(config["gateway"]["auth"], json!({"mode": "none"}));
    }
}

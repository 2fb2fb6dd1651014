//! The configuration of a gateway: the smallest one that boots every release, and what a scenario changes in it.

use serde_json::{Map, Value, json};

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

/// Makes a configuration differ from the one before in a key for which every release restarts, without changing what it
/// means: no base path and an empty one are the same.
pub(super) fn mark_for_restart(config: &mut Value, marked: bool) {
    let gateway = object_in(config.as_object_mut(), "gateway");
    let Some(page) = object_in(gateway, "controlUi") else { return };
    let is_own = page.get("basePath").is_some_and(|path| path != "");
    if marked && !is_own {
        page.insert("basePath".to_owned(), json!(""));
    } else if !is_own {
        page.shift_remove("basePath");
    }
}

/// The object at a key, made if nothing is there; `None` if something else is.
fn object_in<'a>(map: Option<&'a mut Map<String, Value>>, key: &str) -> Option<&'a mut Map<String, Value>> {
    map?.entry(key).or_insert_with(|| json!({})).as_object_mut()
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

    #[rstest]
    #[case::with_a_page(json!({"gateway": {"controlUi": {"enabled": false}}}))]
    #[case::without(json!({"gateway": {"mode": "local"}}))]
    #[case::nothing(json!({}))]
    fn a_mark_makes_a_configuration_differ_and_says_nothing(#[case] config: Value) {
        let marked = |marked: bool| {
            let mut config = config.clone();
            mark_for_restart(&mut config, marked);
            config
        };
        assert_ne!(marked(true), marked(false));
        assert_eq!(marked(true).pointer("/gateway/controlUi/basePath"), Some(&json!("")));
        assert_eq!(marked(false).pointer("/gateway/controlUi/basePath"), None);
    }

    #[rstest]
    #[case::base_path(json!({"gateway": {"controlUi": {"basePath": "/x"}}}))]
    #[case::no_object(json!({"gateway": {"controlUi": true}}))]
    #[case::no_gateway(json!({"gateway": []}))]
    #[case::no_configuration(json!("text"))]
    fn what_a_scenario_sets_is_not_marked(#[case] own: Value, #[values(true, false)] marked: bool) {
        let mut config = own.clone();
        mark_for_restart(&mut config, marked);
        assert_eq!(config, own);
    }

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

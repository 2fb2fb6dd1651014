//! The `edit_state` verb: a file of the state directory, changed while the gateway is stopped.

use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verb::{Site, Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::span::Spanned;

/// Changes a file of the state directory while the gateway is stopped. The next step that needs the gateway
/// starts it again; an `upgrade` starts another release instead.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditState {
    /// Name of this step. Default: `edit_state`.
    pub id: Option<Spanned<String>>,
    /// The file, relative to the state directory, such as `devices/paired.json`.
    pub file: Spanned<String>,
    /// JSON patch (RFC 6902): operations such as `{op: replace, path: /a/b, value: 1}`. Texts may hold references.
    pub patch: Spanned<Vec<PatchOperation>>,
}

/// One operation of a JSON patch.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchOperation {
    /// What to do.
    pub op: PatchVerb,
    /// JSON pointer to the place.
    pub path: String,
    /// The value to add, replace with, or test for.
    pub value: Option<Value>,
    /// JSON pointer to the place to move or copy from.
    pub from: Option<String>,
}

/// What an operation of a JSON patch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchVerb {
    /// Adds a key or an element.
    Add,
    /// Removes what is there.
    Remove,
    /// Replaces what is there.
    Replace,
    /// Moves it from another place.
    Move,
    /// Copies it from another place.
    Copy,
    /// Fails unless this value is there.
    Test,
}

impl PatchVerb {
    /// As RFC 6902 writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Test => "test",
        }
    }
}

impl Verb for EditState {
    envelope!(id);

    fn stops_the_gateway(&self) -> bool {
        true
    }

    fn changes_the_home(&self) -> bool {
        true
    }

    fn makes_home_identity(&self) -> bool {
        self.file.value == HOME_IDENTITY
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Upgrade]
    }

    fn check(&self, site: &Site<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let file = Path::new(&self.file.value);
        if self.file.value.is_empty() || !file.components().all(|part| matches!(part, Component::Normal(_))) {
            let message = format!("`{}` is not a file of the state directory", self.file.value);
            let error = site.error("bad-edit", message, self.file.span);
            found.push(
                error.label("leads elsewhere").help("write a relative path such as `devices/paired.json`"),
            );
        }
        for one in &self.patch.value {
            let (key, missing) = match one.op {
                PatchVerb::Add | PatchVerb::Replace | PatchVerb::Test => ("value", one.value.is_none()),
                PatchVerb::Move | PatchVerb::Copy => ("from", one.from.is_none()),
                PatchVerb::Remove => continue,
            };
            if missing {
                let message = format!("the operation `{}` needs `{key}`", one.op.word());
                let error = site.error("bad-edit", message, self.patch.span);
                found.push(error.label(format!("no `{key}`")));
            }
        }
        found
    }
}

/// The file with the identity that the programs of a home share.
pub(crate) const HOME_IDENTITY: &str = "identity/device.json";

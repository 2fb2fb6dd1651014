//! The `edit_state` verb: changes a file of the state directory while the gateway is stopped.

use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verb::{StepSite, Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::span::Spanned;

/// Changes a file of the state directory while the gateway is stopped. The next step that needs the gateway
/// starts it again; an `upgrade` starts a different release instead.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditState {
    /// Name of this step. Default: `edit_state`.
    pub id: Option<Spanned<String>>,
    /// The file, relative to the state directory, such as `devices/paired.json`.
    pub file: Spanned<String>,
    /// JSON Patch (RFC 6902): operations such as `{op: replace, path: /a/b, value: 1}`. Texts may contain references.
    pub patch: Spanned<Vec<PatchOperation>>,
}

/// One operation of a JSON Patch.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchOperation {
    /// The operation.
    pub op: PatchVerb,
    /// JSON pointer to the target.
    pub path: String,
    /// The value to add, replace with, or test for.
    pub value: Option<Value>,
    /// JSON pointer to the source of a move or copy.
    pub from: Option<String>,
}

/// The kinds of operation of a JSON Patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PatchVerb {
    /// Adds a key or an element.
    Add,
    /// Removes the value.
    Remove,
    /// Replaces the value.
    Replace,
    /// Moves a value from elsewhere.
    Move,
    /// Copies a value from elsewhere.
    Copy,
    /// Fails unless the value is equal to this one.
    Test,
}

impl PatchVerb {
    /// The name in RFC 6902.
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

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let file = Path::new(&self.file.value);
        if self.file.value.is_empty()
            || self.file.value.contains('\0')
            || !file.components().all(|part| matches!(part, Component::Normal(_)))
        {
            let message = format!("`{}` is not a path within the state directory", self.file.value);
            let error = site.error("bad-edit", message, self.file.span);
            found.push(error.label("outside").help("write a relative path such as `devices/paired.json`"));
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
                found.push(error.label(format!("missing `{key}`")));
            }
        }
        found
    }
}

/// The file with the identity that is shared by the programs of a home.
pub(crate) const HOME_IDENTITY: &str = "identity/device.json";

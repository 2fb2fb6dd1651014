//! The `state` verb: reads what the gateway has stored.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::{Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::saved::Saved;
use crate::scenario::span::Spanned;

/// Reads what the gateway has stored.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Name of this step. Default: `state`.
    pub id: Option<Spanned<String>>,
    /// The device whose records are read. Default: the identity that is shared by the programs of the gateway's home.
    /// The document has `paired` (the record, if any) and `pending` (a list of requests).
    pub device: Option<Spanned<String>>,
    /// The outcome that is right: `state: PATTERN`.
    pub expect: Spanned<Expectation>,
    /// Parts of the document to save, as JSON pointers by name.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for State {
    envelope!(id, save);

    fn expect(&self) -> Option<&Spanned<Expectation>> {
        Some(&self.expect)
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        &[ExpectationKind::State]
    }

    fn device(&self) -> Option<&Spanned<String>> {
        self.device.as_ref()
    }

    fn uses_home_identity(&self) -> bool {
        self.device.is_none()
    }

    fn is_of_a_program(&self) -> bool {
        self.device.is_none()
    }

    fn needs(&self) -> Vec<Capability> {
        let mut needs = vec![Capability::State];
        needs.extend(self.is_of_a_program().then_some(Capability::Programs));
        needs
    }
}

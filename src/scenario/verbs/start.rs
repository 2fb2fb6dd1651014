//! The `start` verb: another gateway of the same release beside this one.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::connection::check_name;
use super::verb::{Site, Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::lifecycle::Ready;
use crate::scenario::pattern::Pattern;
use crate::scenario::span::Spanned;

/// Starts another gateway of the same release beside this one, to see whether it comes up.
///
/// It has a home of its own and is stopped again at once, or with a name (`as`) when the scenario ends. Where it comes up the outcome is `ok`; where it ends
/// instead, an error with the code `EXITED`, its last lines as the message, and `{exit: CODE}` as the details. One
/// that neither ends nor is ready in its time is `silence`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Name of the gateway, and of this step. It runs until the scenario ends, and later steps reach it with `to`.
    #[serde(rename = "as")]
    pub name: Option<Spanned<String>>,
    /// Name of this step. Default: the gateway's name, else `start`.
    pub id: Option<Spanned<String>>,
    /// Keys of its configuration, merged over the minimal one; `null` removes a key.
    pub config: Option<Value>,
    /// Files to place in its state directory, as the file's `files` are.
    pub files: Option<Map<String, Value>>,
    /// Its environment, over what the harness sets.
    #[serde(default)]
    pub env: Entries<String>,
    /// What counts as coming up. Default: a connect would be answered.
    #[serde(default)]
    pub ready: Ready,
    /// The outcome that is right: `ok`, or an `error`. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
}

impl Verb for Start {
    fn id(&self) -> Option<&Spanned<String>> {
        self.id.as_ref().or(self.name.as_ref())
    }

    envelope!(expect);

    fn starts_gateway(&self) -> Option<&Spanned<String>> {
        self.name.as_ref()
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Ok(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Error, Ok, Silence};
        &[Ok, Error, Silence]
    }

    fn needs(&self) -> Vec<Capability> {
        vec![Capability::Config, Capability::Real]
    }

    fn check(&self, site: &Site<'_>) -> Vec<Diagnostic> {
        let wrong = self.name.as_ref().and_then(|name| check_name(name, "gateway", site.source));
        wrong.into_iter().collect()
    }
}

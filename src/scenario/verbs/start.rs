//! The `start` verb: starts another gateway of the same release next to this one.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::connection::check_name;
use super::verb::{StepSite, Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::lifecycle::Ready;
use crate::scenario::pattern::Pattern;
use crate::scenario::span::Spanned;

/// Starts another gateway of the same release next to this one, to see whether it comes up.
///
/// It has its own home. With a name (`as`) it runs until the scenario ends, otherwise it is stopped again immediately. If
/// it comes up, the outcome is `ok`. If it exits instead, the outcome is an error with the code `EXITED`, its last lines
/// as the message, and `{exit: CODE}` as the details. If it neither exits nor is ready in time, the outcome is `silence`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Name of the gateway, and of this step. The gateway runs until the scenario ends, and later steps can connect to it
    /// with `to`.
    #[serde(rename = "as")]
    pub name: Option<Spanned<String>>,
    /// Name of this step. Default: the name of the gateway, otherwise `start`.
    pub id: Option<Spanned<String>>,
    /// Keys of its configuration, merged into the minimal one; `null` removes a key.
    pub config: Option<Value>,
    /// Files to place in its state directory, like `files` at the top of a scenario.
    pub files: Option<Map<String, Value>>,
    /// Environment variables, in addition to those that the harness sets.
    #[serde(default)]
    pub env: Entries<String>,
    /// When it counts as up. Default: once a connect would be answered.
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

    fn awaits(&self) -> &'static str {
        "the other gateway"
    }

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

    fn check(&self, site: &StepSite<'_>) -> Vec<Diagnostic> {
        let error = self.name.as_ref().and_then(|name| check_name(name, "gateway", site.source));
        error.into_iter().collect()
    }
}

//! The `call` verb: calls a method of the gateway.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::verb::{Verb, envelope};
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::saved::Saved;
use crate::scenario::span::Spanned;

/// Calls a method of the gateway.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The connection to call on.
    pub on: Spanned<String>,
    /// Name of this step. Default: the method.
    pub id: Option<Spanned<String>>,
    /// The method, such as `device.pair.list`.
    pub method: Spanned<String>,
    /// Its parameters; texts may contain references.
    pub params: Option<Spanned<Value>>,
    /// How long to wait for the answer. Default: the timeout of the run.
    pub within: Option<Millis>,
    /// The outcome that is right. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
    /// Parts of the answer to save, as JSON pointers by name.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for Call {
    envelope!(id, expect, save, within);

    fn awaits(&self) -> &'static str {
        "the response to its call"
    }

    fn implied_id(&self) -> Option<&str> {
        Some(&self.method.value)
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Ok(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, Error, Ok, ProtocolError, Silence};
        &[Ok, Error, Closed, ProtocolError, Silence]
    }

    fn works_on(&self) -> Option<&Spanned<String>> {
        Some(&self.on)
    }
}

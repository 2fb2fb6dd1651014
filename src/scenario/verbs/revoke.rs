//! The `revoke` verb: revokes a device's token for a role.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::{Verb, envelope};
use crate::scenario::capability::Capability;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::span::Spanned;

/// Revokes a device's token for a role, on a connection or with the command line.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Name of this step. Default: `revoke`.
    pub id: Option<Spanned<String>>,
    /// The connection to revoke on. Default: none; `openclaw devices revoke` is run instead.
    pub on: Option<Spanned<String>>,
    /// The device. Default: the identity that the programs of the gateway's home share.
    pub device: Option<Spanned<String>>,
    /// The role of the token.
    pub role: Spanned<String>,
    /// The outcome that is right. Default: `ok`.
    pub expect: Option<Spanned<Expectation>>,
}

impl Verb for Revoke {
    envelope!(id, expect);

    fn awaits(&self) -> &'static str {
        "the answer to its revocation"
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Ok(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Closed, Error, Exit, Ok, Silence};
        &[Ok, Error, Exit, Closed, Silence]
    }

    fn works_on(&self) -> Option<&Spanned<String>> {
        self.on.as_ref()
    }

    fn device(&self) -> Option<&Spanned<String>> {
        self.device.as_ref()
    }

    fn uses_home_identity(&self) -> bool {
        self.device.is_none() && self.on.is_some()
    }

    // Without a connection, the command line is used.
    fn makes_home_identity(&self) -> bool {
        self.on.is_none()
    }

    fn is_of_a_program(&self) -> bool {
        self.device.is_none() || self.on.is_none()
    }

    fn needs(&self) -> Vec<Capability> {
        Vec::from_iter(self.is_of_a_program().then_some(Capability::Programs))
    }
}

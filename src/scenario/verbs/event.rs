//! The `event` verb: waits for an event of the gateway, or for its absence.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::{Verb, envelope};
use crate::scenario::duration::Millis;
use crate::scenario::entries::Entries;
use crate::scenario::expect::{Expectation, ExpectationKind};
use crate::scenario::pattern::Pattern;
use crate::scenario::saved::Saved;
use crate::scenario::span::Spanned;

/// Waits for an event.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitEvent {
    /// The connection that should receive it.
    pub on: Spanned<String>,
    /// Name of this step. Default: the event.
    pub id: Option<Spanned<String>>,
    /// The event, such as `device.pair.requested`.
    pub event: Spanned<String>,
    /// Only consider events whose payload matches.
    pub payload: Option<Spanned<Pattern>>,
    /// Only consider events whose whole frame matches: `{seq: 1, stateVersion: {presence: $any}}`.
    pub frame: Option<Spanned<Pattern>>,
    /// How long to wait. Default: the timeout of the run, or one second if silence is expected.
    pub within: Option<Millis>,
    /// The outcome that is right. Default: `arrives`.
    pub expect: Option<Spanned<Expectation>>,
    /// Parts of the payload to save, as JSON pointers by name.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for AwaitEvent {
    envelope!(id, expect, save, within);

    fn awaits(&self) -> &'static str {
        "the event"
    }

    fn implied_id(&self) -> Option<&str> {
        Some(&self.event.value)
    }

    fn default_expectation(&self) -> Option<Expectation> {
        Some(Expectation::Arrives(Pattern::Any))
    }

    fn outcomes(&self) -> &'static [ExpectationKind] {
        use ExpectationKind::{Arrives, Closed, ProtocolError, Silence};
        &[Arrives, Silence, Closed, ProtocolError]
    }

    fn works_on(&self) -> Option<&Spanned<String>> {
        Some(&self.on)
    }
}

//! The `event` verb: an event of the gateway, or its absence.

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
    /// The connection that should get it.
    pub on: Spanned<String>,
    /// Name of this step. Default: the event.
    pub id: Option<Spanned<String>>,
    /// The event, such as `device.pair.requested`.
    pub event: Spanned<String>,
    /// Which of several: only events whose payload matches are looked at.
    pub payload: Option<Spanned<Pattern>>,
    /// Which of several, by the whole frame: `{seq: 1, stateVersion: {presence: $any}}`.
    pub frame: Option<Spanned<Pattern>>,
    /// How long to wait. Default: the run's time-out, or one second where silence is expected.
    pub within: Option<Millis>,
    /// The outcome that is right. Default: `arrives`.
    pub expect: Option<Spanned<Expectation>>,
    /// Names for parts of the payload, by JSON pointer.
    #[serde(default)]
    pub save: Entries<Spanned<Saved>>,
}

impl Verb for AwaitEvent {
    envelope!(id, expect, save);

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

//! The `pause` and `resume` verbs: a client that stops reading, and reads again.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::Verb;
use crate::scenario::span::Spanned;

/// Stops reading from a connection, so that what the gateway sends piles up on its side.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// The connection to stop reading from. Frames can still be sent on it.
    pub on: Spanned<String>,
}

/// Reads from a paused connection again.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// The connection to read from again.
    pub on: Spanned<String>,
}

impl Verb for Pause {
    fn works_on(&self) -> Option<&Spanned<String>> {
        Some(&self.on)
    }
}

impl Verb for Resume {
    fn works_on(&self) -> Option<&Spanned<String>> {
        Some(&self.on)
    }
}

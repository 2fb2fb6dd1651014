//! The `disconnect` verb: ends a connection from the client's side.

use schemars::JsonSchema;
use serde::Deserialize;

use super::verb::Verb;
use crate::scenario::span::Spanned;

/// Ends a connection from the client's side.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disconnect {
    /// The connection to end.
    pub on: Spanned<String>,
    /// Close code to send. Default: 1000.
    pub code: Option<u16>,
    /// Drop the TCP connection without a close frame.
    #[serde(default)]
    pub abort: bool,
}

impl Verb for Disconnect {
    fn works_on(&self) -> Option<&Spanned<String>> {
        Some(&self.on)
    }

    fn ends(&self) -> Option<&Spanned<String>> {
        Some(&self.on)
    }
}

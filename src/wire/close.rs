//! The end of a connection.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The end of a connection as the peer announced it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Close {
    /// The close code; none if the connection ended without a close frame or the frame had no code.
    pub code: Option<u16>,
    /// The close reason; empty if none was given.
    #[serde(default)]
    pub reason: String,
    /// Whether there was a close frame. Without one the TCP connection just ended.
    #[serde(default)]
    pub clean: bool,
}

impl Close {
    /// A connection that ended without a close frame.
    pub const DROPPED: Self = Self { code: None, reason: String::new(), clean: false };

    /// A connection that ended with a close frame.
    pub fn frame(code: Option<u16>, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), clean: true }
    }
}

/// How a connection ended that this side did not close on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// The peer closed or dropped it.
    Closed(Close),
    /// This side ended it because the peer violated RFC 6455; the text says how.
    ProtocolError(String),
}

impl fmt::Display for ConnectionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(close) => close.fmt(f),
            Self::ProtocolError(what) => write!(f, "protocol error: {what}"),
        }
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.clean) {
            (Some(code), _) if self.reason.is_empty() => write!(f, "{code}"),
            (Some(code), _) => write!(f, "{code} {:?}", self.reason),
            (None, true) => f.write_str("without a code"),
            (None, false) => f.write_str("without a close frame"),
        }
    }
}

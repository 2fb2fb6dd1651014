//! How a connection ends.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The end of a connection as the peer announced it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Close {
    /// Close code; none where the connection ended without a close frame, or the frame had no code.
    pub code: Option<u16>,
    /// Close reason; empty where none was given.
    #[serde(default)]
    pub reason: String,
    /// Whether a close frame came. Without one the TCP connection just ended.
    #[serde(default)]
    pub clean: bool,
}

impl Close {
    /// A connection that ended without a close frame.
    pub const DROPPED: Self = Self { code: None, reason: String::new(), clean: false };

    /// A close frame.
    pub fn frame(code: Option<u16>, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), clean: true }
    }
}

/// How a connection ended that this side did not mean to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer closed or dropped it.
    Closed(Close),
    /// This side ended it, because what came breaks RFC 6455; the text says what was wrong.
    ProtocolError(String),
}

impl fmt::Display for End {
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

//! The kinds of listed deviation that fail a run: `--deny`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of listed deviation that fails the run nevertheless: `--deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deny {
    /// Regressions, including security regressions.
    Regression,
    /// Deviations that grant or reveal something that should be refused, whatever their class.
    Security,
    /// Superseded contracts.
    Superseded,
    /// Features that a release lacks.
    Unsupported,
    /// Deviations that nobody has reviewed.
    Unreviewed,
}

/// A word is not a kind of deviation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of deviation: use regression, security, superseded, unsupported or unreviewed")]
pub struct ParseDenyError(String);

impl Deny {
    /// All kinds of deviation.
    pub const ALL: [Self; 5] =
        [Self::Regression, Self::Security, Self::Superseded, Self::Unsupported, Self::Unreviewed];

    /// The word used on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Regression => "regression",
            Self::Security => "security",
            Self::Superseded => "superseded",
            Self::Unsupported => "unsupported",
            Self::Unreviewed => "unreviewed",
        }
    }
}

impl fmt::Display for Deny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Deny {
    type Err = ParseDenyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|one| one.word() == text);
        found.ok_or_else(|| ParseDenyError(text.to_owned()))
    }
}

//! Which of the listed deviations fail a run all the same.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Listed deviations that fail a run all the same: `--deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deny {
    /// Regressions, those of security among them.
    Regression,
    /// What lets in, keeps in, shows or grants what is to be refused, whatever its class.
    Security,
    /// Contracts of before.
    Superseded,
    /// What a release lacks.
    Unsupported,
    /// What nobody has looked at.
    Unreviewed,
}

/// A word that names no deviations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no deviations: there are regression, security, superseded, unsupported and unreviewed")]
pub struct ParseDenyError(String);

impl Deny {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Regression, Self::Security, Self::Superseded, Self::Unsupported, Self::Unreviewed];

    /// The word on the command line.
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

//! What the answers of two releases mean for a device.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::devices::Token;

/// What a release answers to a device that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Answer {
    /// It is let in.
    Ok,
    /// It has to be approved again.
    PairingRequired {
        /// Why: `role-upgrade`, `scope-upgrade`, `metadata-upgrade` or `not-paired`.
        reason: String,
    },
    /// It is refused for another reason.
    Refused {
        /// The detail code of the refusal, or what was seen of it.
        code: String,
    },
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::PairingRequired { reason } if reason == "not-paired" => f.write_str("lost"),
            Self::PairingRequired { reason } => write!(f, "pairing required: {reason}"),
            Self::Refused { code } => write!(f, "refused: {code}"),
        }
    }
}

/// What an upgrade does to a device in a role. The variants stand in the order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It works and goes on working.
    Keeps,
    /// It did not work and works then.
    Heals,
    /// It was revoked and stays out.
    StaysOut,
    /// It does not work, before or after.
    StaysRefused,
    /// It was revoked, worked nevertheless, and stays out then.
    GoesOut,
    /// It was revoked, and is let in.
    ComesBack,
    /// It works and would not then.
    Breaks,
}

impl Fate {
    /// In words, for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keeps => "keeps working",
            Self::Heals => "works again",
            Self::StaysOut => "stays revoked",
            Self::StaysRefused => "refused before too",
            Self::GoesOut => "revocation takes effect",
            Self::ComesBack => "REVOKED, BUT LET IN",
            Self::Breaks => "BREAKS",
        }
    }
}

/// Judges the answers that a device gets before and after an upgrade. Without an answer from before, what
/// was approved counts as working.
pub fn judge(approved: bool, token: Token, before: Option<&Answer>, after: &Answer) -> Fate {
    let worked = before.map_or(approved && token != Token::Revoked, |before| *before == Answer::Ok);
    match (token, *after == Answer::Ok) {
        (Token::Revoked, true) => Fate::ComesBack,
        (Token::Revoked, false) if worked => Fate::GoesOut,
        (Token::Revoked, false) => Fate::StaysOut,
        (_, true) if worked => Fate::Keeps,
        (_, true) => Fate::Heals,
        (_, false) if worked => Fate::Breaks,
        (_, false) => Fate::StaysRefused,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn upgrade() -> Answer {
        Answer::PairingRequired { reason: "role-upgrade".into() }
    }

    #[rstest]
    #[case(Token::Active, Some(Answer::Ok), Answer::Ok, Fate::Keeps)]
    #[case(Token::None, Some(Answer::Ok), upgrade(), Fate::Breaks)]
    #[case(Token::None, Some(upgrade()), upgrade(), Fate::StaysRefused)]
    #[case(Token::None, Some(upgrade()), Answer::Ok, Fate::Heals)]
    #[case(Token::Revoked, Some(Answer::Ok), upgrade(), Fate::GoesOut)]
    #[case(Token::Revoked, Some(upgrade()), upgrade(), Fate::StaysOut)]
    #[case(Token::Revoked, Some(upgrade()), Answer::Ok, Fate::ComesBack)]
    #[case(Token::None, None, upgrade(), Fate::Breaks)]
    #[case(Token::Revoked, None, upgrade(), Fate::StaysOut)]
    fn only_what_works_and_was_not_revoked_can_break(
        #[case] token: Token,
        #[case] before: Option<Answer>,
        #[case] after: Answer,
        #[case] fate: Fate,
    ) {
        assert_eq!(judge(true, token, before.as_ref(), &after), fate);
    }
}

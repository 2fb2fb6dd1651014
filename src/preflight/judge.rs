//! What an upgrade does to a device, judged by the answers of two releases.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::devices::TokenState;

/// What a release answers to a device that reconnects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ReconnectAnswer {
    /// The device is let in.
    Ok,
    /// The device has to be approved again.
    PairingRequired {
        /// The reason: `role-upgrade`, `scope-upgrade`, `metadata-upgrade` or `not-paired`.
        reason: String,
    },
    /// The device is refused for another reason.
    Refused {
        /// The detail code of the refusal, or how the connection ended.
        code: String,
    },
}

impl fmt::Display for ReconnectAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::PairingRequired { reason } if reason == "not-paired" => f.write_str("lost"),
            Self::PairingRequired { reason } => write!(f, "pairing required: {reason}"),
            Self::Refused { code } => write!(f, "refused: {code}"),
        }
    }
}

/// What an upgrade does to a device in a role, in order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeEffect {
    /// It works and keeps working.
    Keeps,
    /// It does not work now and works after the upgrade.
    Heals,
    /// It was revoked and stays out.
    StaysOut,
    /// It works neither before nor after.
    StaysRefused,
    /// It was revoked and works all the same; the upgrade keeps it out.
    GoesOut,
    /// It was revoked, and the upgrade lets it in.
    ComesBack,
    /// It works now and does not after the upgrade.
    Breaks,
}

impl UpgradeEffect {
    /// How texts call it.
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

/// Judges the answers that a device gets before and after an upgrade. Without an answer from before, an approved role
/// counts as working.
pub(super) fn upgrade_effect(
    approved: bool,
    token: TokenState,
    before: Option<&ReconnectAnswer>,
    after: &ReconnectAnswer,
) -> UpgradeEffect {
    let worked =
        before.map_or(approved && token != TokenState::Revoked, |before| *before == ReconnectAnswer::Ok);
    match (token, *after == ReconnectAnswer::Ok) {
        (TokenState::Revoked, true) => UpgradeEffect::ComesBack,
        (TokenState::Revoked, false) if worked => UpgradeEffect::GoesOut,
        (TokenState::Revoked, false) => UpgradeEffect::StaysOut,
        (_, true) if worked => UpgradeEffect::Keeps,
        (_, true) => UpgradeEffect::Heals,
        (_, false) if worked => UpgradeEffect::Breaks,
        (_, false) => UpgradeEffect::StaysRefused,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn upgrade() -> ReconnectAnswer {
        ReconnectAnswer::PairingRequired { reason: "role-upgrade".into() }
    }

    #[rstest]
    #[case(TokenState::Active, Some(ReconnectAnswer::Ok), ReconnectAnswer::Ok, UpgradeEffect::Keeps)]
    #[case(TokenState::None, Some(ReconnectAnswer::Ok), upgrade(), UpgradeEffect::Breaks)]
    #[case(TokenState::None, Some(upgrade()), upgrade(), UpgradeEffect::StaysRefused)]
    #[case(TokenState::None, Some(upgrade()), ReconnectAnswer::Ok, UpgradeEffect::Heals)]
    #[case(TokenState::Revoked, Some(ReconnectAnswer::Ok), upgrade(), UpgradeEffect::GoesOut)]
    #[case(TokenState::Revoked, Some(upgrade()), upgrade(), UpgradeEffect::StaysOut)]
    #[case(TokenState::Revoked, Some(upgrade()), ReconnectAnswer::Ok, UpgradeEffect::ComesBack)]
    #[case(TokenState::None, None, upgrade(), UpgradeEffect::Breaks)]
    #[case(TokenState::Revoked, None, upgrade(), UpgradeEffect::StaysOut)]
    fn only_a_working_device_that_is_not_revoked_can_break(
        #[case] token: TokenState,
        #[case] before: Option<ReconnectAnswer>,
        #[case] after: ReconnectAnswer,
        #[case] effect: UpgradeEffect,
    ) {
        assert_eq!(upgrade_effect(true, token, before.as_ref(), &after), effect);
    }
}

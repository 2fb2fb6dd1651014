//! The list of laws, as it stands in `suite-data/laws.yaml`.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::release::{Release, ReleaseRange};

/// The list that is built in.
pub const BUILT_IN: &str = include_str!("../../suite-data/laws.yaml");

/// A law by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LawName {
    /// A token that was revoked, rotated away or removed never lets in again.
    EndedTokenStaysOut,
    /// A revoked role comes back only by an approval.
    RevokedRoleStaysOut,
    /// Nobody has a role or scope that nothing gave it.
    NothingWithoutApproval,
    /// Remote clients and pages are never let in for something that was not approved.
    RemoteNeedsApproval,
    /// A wrong credential never lets in.
    WrongCredentialStaysOut,
    /// A refused client leaves nothing but a request.
    RefusedLeavesARequest,
    /// A restart changes no answer.
    RestartChangesNothing,
    /// Asking twice gives the same answer.
    AskingTwiceIsAskingOnce,
    /// An approval is about one device.
    ApprovalServesOneDevice,
    /// The order of independent devices does not matter.
    IndependentDevicesCommute,
    /// An unrelated device does not matter.
    UnrelatedDeviceChangesNothing,
}

impl LawName {
    /// Those that one story can break by itself; see [`breaches`](super::breaches).
    pub const OF_ONE_STORY: [Self; 6] = [
        Self::EndedTokenStaysOut,
        Self::RevokedRoleStaysOut,
        Self::NothingWithoutApproval,
        Self::RemoteNeedsApproval,
        Self::WrongCredentialStaysOut,
        Self::RefusedLeavesARequest,
    ];

    /// Those that say that two stories have the same answers.
    pub const OF_TWO_STORIES: [Self; 5] = [
        Self::RestartChangesNothing,
        Self::AskingTwiceIsAskingOnce,
        Self::ApprovalServesOneDevice,
        Self::IndependentDevicesCommute,
        Self::UnrelatedDeviceChangesNothing,
    ];
}

impl fmt::Display for LawName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = serde_json::to_value(self).unwrap_or_default();
        f.write_str(name.as_str().unwrap_or_default())
    }
}

/// A law with its ground.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// Its name.
    #[serde(rename = "law")]
    pub name: LawName,
    /// What it says, as the title of a scenario.
    pub says: String,
    /// Why it has to hold.
    pub ground: String,
    /// Where it does not hold by a documented choice of upstream.
    #[serde(default)]
    pub narrowed: Vec<Narrowing>,
    /// Where releases are known to break it.
    #[serde(default)]
    pub broken: Vec<KnownBreach>,
}

/// A situation in which a law does not hold by a documented choice of upstream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrowing {
    /// The words that the situation of the step has.
    pub when: BTreeSet<String>,
    /// The kinds of steps, such as `stored`; all if none are named.
    #[serde(default)]
    pub kinds: BTreeSet<String>,
    /// The releases; all if none are named.
    #[serde(default)]
    pub releases: Option<ReleaseRange>,
    /// What upstream chose, and where that is documented.
    pub source: String,
}

/// A situation in which releases are known to break a law.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownBreach {
    /// The words that the situation of the step has.
    #[serde(default)]
    pub when: BTreeSet<String>,
    /// The releases.
    pub releases: ReleaseRange,
    /// The scenario of the suite that shows it.
    pub scenario: String,
}

/// All laws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawBook(Vec<Law>);

/// Why a list of laws cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the laws cannot be read: {0}")]
pub struct LawBookError(String);

impl LawBook {
    /// Reads a list of laws.
    ///
    /// # Errors
    /// Fails if the text is not YAML, or if a law has an unknown name or key, or stands there twice.
    pub fn read(text: &str) -> Result<Self, LawBookError> {
        let laws: Vec<Law> = serde_saphyr::from_str(text).map_err(|error| LawBookError(error.to_string()))?;
        let mut seen = BTreeSet::new();
        match laws.iter().find(|law| !seen.insert(law.name)) {
            Some(twice) => Err(LawBookError(format!("`{}` stands there twice", twice.name))),
            None => Ok(Self(laws)),
        }
    }

    /// The laws, in the order of the list.
    pub fn laws(&self) -> &[Law] {
        &self.0
    }

    /// A law by its name, if the list has it.
    pub fn law(&self, name: LawName) -> Option<&Law> {
        self.0.iter().find(|law| law.name == name)
    }

    /// Whether a law holds in a situation of a kind of step; one that is not in the list never does.
    pub fn holds(
        &self,
        name: LawName,
        kind: &str,
        situation: &BTreeSet<String>,
        release: Option<&Release>,
    ) -> bool {
        let Some(law) = self.law(name) else { return false };
        let of_release = |range: &ReleaseRange| release.is_some_and(|release| range.contains(release));
        !law.narrowed.iter().any(|one| {
            one.when.is_subset(situation)
                && (one.kinds.is_empty() || one.kinds.contains(kind))
                && one.releases.as_ref().is_none_or(of_release)
        })
    }

    /// The scenario of the suite that shows how a release breaks a law in a situation, if that is known.
    pub fn known_breach(
        &self,
        name: LawName,
        situation: &BTreeSet<String>,
        release: &Release,
    ) -> Option<&str> {
        let known = |one: &&KnownBreach| one.when.is_subset(situation) && one.releases.contains(release);
        self.law(name)?.broken.iter().find(known).map(|one| one.scenario.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_law_stands_in_the_list_once_with_a_ground() {
        let book = LawBook::read(BUILT_IN).unwrap();
        for name in LawName::OF_ONE_STORY.into_iter().chain(LawName::OF_TWO_STORIES) {
            let law = book.law(name).unwrap();
            assert!(law.ground.len() > 20, "{name}");
            assert!(law.narrowed.iter().all(|one| one.source.len() > 20), "{name}");
        }
        assert_eq!(book.laws().len(), LawName::OF_ONE_STORY.len() + LawName::OF_TWO_STORIES.len());
    }

    #[test]
    fn a_law_may_be_narrowed_by_situation_kind_and_release() {
        let text = "- law: remote-needs-approval\n  says: It\n  ground: Why\n  narrowed:\n  - {when: [route:own-page], kinds: [connect], releases: '<2026.4.2', source: docs}\n";
        let book = LawBook::read(text).unwrap();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
        let old: Release = "2026.3.31".parse().unwrap();
        let new: Release = "2026.4.2".parse().unwrap();
        let holds = |kind: &str, situation: &[&str], release: &Release| {
            book.holds(LawName::RemoteNeedsApproval, kind, &words(situation), Some(release))
        };
        assert!(!holds("connect", &["route:own-page", "paired"], &old));
        assert!(holds("connect", &["paired"], &old));
        assert!(holds("stored", &["route:own-page"], &old));
        assert!(holds("connect", &["route:own-page"], &new));
        assert!(!book.holds(LawName::RestartChangesNothing, "connect", &words(&[]), Some(&new)));
    }

    #[test]
    fn a_law_that_stands_there_twice_is_refused() {
        let one = "- {law: restart-changes-nothing, says: It, ground: Why}\n";
        assert!(LawBook::read(&one.repeat(2)).unwrap_err().to_string().contains("twice"));
        assert!(LawBook::read("- {law: unheard-of, says: It, ground: Why}").is_err());
    }
}

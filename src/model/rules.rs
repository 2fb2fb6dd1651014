//! What decisions ask: the rules of the release, and the planted fault.

use super::mutants::Fault;
use super::profile::Profile;
use super::rulebook::Rule;

/// The rules that hold in one model: those of a release, with at most one of them broken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules {
    /// The rules of the release.
    pub(super) profile: Profile,
    /// The rule that is broken.
    pub(super) fault: Option<Fault>,
}

impl Rules {
    /// The rules of a release, unbroken.
    #[cfg(test)]
    pub(super) const fn plain(profile: Profile) -> Self {
        Self { profile, fault: None }
    }

    /// Whether the rule holds.
    pub(super) const fn has(&self, rule: Rule) -> bool {
        self.profile.has(rule)
    }

    /// Whether this fault is planted.
    pub(super) fn broken(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

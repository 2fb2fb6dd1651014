//! The rules that the decisions of the model follow: those of a release, and the planted fault.

use super::mutants::Fault;
use super::profile::Profile;
use super::rulebook::Rule;

/// The rules of a release, of which at most one is broken by a planted fault.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rules {
    /// The rules of the release.
    pub(super) profile: Profile,
    /// The planted fault, if any.
    pub(super) fault: Option<Fault>,
}

impl Rules {
    /// The rules of a release without a fault.
    #[cfg(test)]
    pub(super) const fn plain(profile: Profile) -> Self {
        Self { profile, fault: None }
    }

    /// Whether the rule holds.
    pub(super) const fn has(&self, rule: Rule) -> bool {
        self.profile.has(rule)
    }

    /// Whether this fault is planted.
    pub(super) fn has_fault(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// The build id that the release's own Control UI has.
    pub(super) fn build_id(&self) -> String {
        format!("embedded-{}", self.profile.release())
    }
}

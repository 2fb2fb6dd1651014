//! The rules that the decisions of the model follow: those of a release, and the planted fault.

use std::cell::Cell;

use serde::{Deserialize, Serialize};

use super::mutants::Fault;
use super::profile::Profile;
use super::rulebook::Rule;

/// The rules of a release, of which at most one is broken by a planted fault.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The rules of the release.
    pub(super) profile: Profile,
    /// The planted fault, if any.
    pub(super) fault: Option<Fault>,
    /// The rules that decided something so far.
    fired: Cell<RuleSet>,
}

/// A set of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuleSet([u64; 3]);

impl RuleSet {
    /// Adds a rule.
    fn insert(&mut self, rule: Rule) {
        let number = rule as usize;
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether a rule is among them.
    pub fn contains(&self, rule: Rule) -> bool {
        let number = rule as usize;
        self.0.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
    }

    /// Adds the rules of another set; returns whether any of them is new.
    pub fn extend(&mut self, other: &Self) -> bool {
        let before = *self;
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        *self != before
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Rules {
    /// The rules of a release, with a fault if one is planted.
    pub(super) fn new(profile: Profile, fault: Option<Fault>) -> Self {
        Self { profile, fault, fired: Cell::default() }
    }

    /// The rules of a release without a fault.
    #[cfg(test)]
    pub(super) fn plain(profile: Profile) -> Self {
        Self::new(profile, None)
    }

    /// Whether the rule holds, which a decision depends on.
    pub(super) fn has(&self, rule: Rule) -> bool {
        let holds = self.profile.has(rule);
        if holds {
            let mut fired = self.fired.get();
            fired.insert(rule);
            self.fired.set(fired);
        }
        holds
    }

    /// The rules that held whenever a decision depended on them so far.
    pub(super) const fn fired(&self) -> RuleSet {
        self.fired.get()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_fires_if_it_holds_and_is_asked_for() {
        let rules = Rules::plain(Profile::of("2026.3.31".parse().unwrap()));
        assert!(rules.fired().is_empty());
        assert!(rules.has(Rule::FirstFrameLimit));
        assert!(!rules.has(Rule::ProxyAttribution));
        let fired = rules.fired();
        assert!(fired.contains(Rule::FirstFrameLimit) && !fired.contains(Rule::ProxyAttribution));
        let mut all = RuleSet::default();
        assert!(all.extend(&fired));
        assert!(!all.extend(&fired));
        assert_eq!(all.len(), 1);
    }
}

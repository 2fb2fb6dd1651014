//! Changes of behaviour between releases: which release broke what, as far as a run can tell.

use crate::release::{Release, span_of_change};
use crate::run::RunRecord;

/// A change in the behaviour of a scenario from one release to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BehaviourChange<'a> {
    /// The first measured release with the new behaviour.
    pub release: Release,
    /// The last measured release with the old behaviour.
    pub since: Release,
    /// What was measured, if not published releases: `embedded`, or the name of a target.
    pub of: &'a str,
    /// The id of the scenario.
    pub scenario: &'a str,
    /// The behaviour before the change.
    pub before: &'a str,
    /// The behaviour since the change.
    pub after: &'a str,
}

/// Whether a change made things better or worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeDirection {
    /// The behaviour was right and no longer is.
    Broke,
    /// The behaviour was wrong and is now wrong in another way.
    Changed,
    /// The behaviour was wrong and is right now.
    Mended,
}

impl ChangeDirection {
    /// The word that reports use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broke => "broke",
            Self::Changed => "changed",
            Self::Mended => "mended",
        }
    }
}

impl BehaviourChange<'_> {
    /// Where the change happened: in a release, or between two if those in between were not run. Anything but a published
    /// release is named.
    pub fn place(&self) -> String {
        let span = span_of_change(self.since, self.release);
        if self.of.is_empty() { span } else { format!("{span} ({})", self.of) }
    }

    /// Whether the change made things better or worse.
    pub fn direction(&self) -> ChangeDirection {
        match (self.before, self.after) {
            ("ok", _) => ChangeDirection::Broke,
            (_, "ok") => ChangeDirection::Mended,
            _ => ChangeDirection::Changed,
        }
    }
}

/// All changes in the order of releases, breakages first within a release.
///
/// Releases without a result are skipped.
pub fn changes(record: &RunRecord) -> Vec<BehaviourChange<'_>> {
    let mut found = Vec::new();
    for timeline in &record.timelines {
        let known: Vec<_> = timeline.stretches.iter().filter(|stretch| stretch.behaviour != "?").collect();
        for pair in known.windows(2).filter(|pair| pair[0].behaviour != pair[1].behaviour) {
            found.push(BehaviourChange {
                release: pair[1].first,
                since: pair[0].last,
                of: &timeline.of,
                scenario: &timeline.scenario,
                before: &pair[0].behaviour,
                after: &pair[1].behaviour,
            });
        }
    }
    found.sort_by_key(|change| (change.release, change.since, change.of, change.direction()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_change_is_attributed_to_a_release_only_if_its_predecessor_was_run() {
        let record = RunRecord::of(&sample::events());
        let found: Vec<String> = changes(&record)
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}: {} → {}",
                    one.place(),
                    one.direction().word(),
                    one.scenario,
                    one.before,
                    one.after
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                "2026.3.31 broke pairing/legacy-empty-token-map: ok → role-upgrade",
                "2026.4.1 broke state/restart-keeps-pairing: ok → flaky",
                "2026.4.2 broke pairing/revoked-node-stays-out: ok → hello",
                "2026.4.2 mended pairing/legacy-empty-token-map: role-upgrade → ok",
                "2026.4.2 mended state/restart-keeps-pairing: flaky → ok",
                "between 2026.4.2 and 2026.9.6 broke pairing/legacy-empty-token-map: ok → role-upgrade",
                "between 2026.4.2 and 2026.9.6 broke pairing/remote-role-upgrade: ok → http 403",
                "between 2026.4.2 and 2026.9.6 mended pairing/revoked-node-stays-out: hello → ok",
            ]
        );
    }
}

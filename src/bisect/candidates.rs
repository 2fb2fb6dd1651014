//! The releases that a bisect is over, and where they probably change.

use super::entry::{Candidate, Reading, SoughtChange};
use super::error::BisectError;
use super::evidence::{KnownCells, release_build};
use super::reading::read;
use crate::gateway::TargetProvider;
use crate::gateway::install::{InstallError, Refresh};
use crate::release::{Release, are_neighbours};
use crate::scenario::{DeviationClass, Scenario, StoryDeviation};

/// All stable releases in order of time, with their dates; offline, only those that are installed.
pub(super) fn stable_releases(provider: &TargetProvider) -> Result<Vec<Candidate>, InstallError> {
    let offline = provider.cache().is_offline();
    let mut all: Vec<Candidate> = if offline {
        provider.installed()?.into_iter().map(|release| candidate(release, None)).collect()
    } else {
        let known = provider.cache().available(Refresh::WhenOld)?;
        let date = |one: jiff::Timestamp| one.strftime("%Y-%m-%d").to_string();
        known.into_iter().map(|one| candidate(one.release, one.published.map(date))).collect()
    };
    all.retain(|one| one.release.is_some_and(|release| !release.is_beta()));
    all.sort_by_key(|one| one.release);
    if offline {
        mark_gaps(&mut all);
    }
    Ok(all)
}

/// Marks candidates that do not directly follow the previous one among all published releases.
fn mark_gaps(all: &mut [Candidate]) {
    let mut before = None;
    for one in all {
        one.gap_before = matches!((before, one.release), (Some(before), Some(release)) if !are_neighbours(before, release));
        before = one.release;
    }
}

fn candidate(release: Release, date: Option<String>) -> Candidate {
    Candidate { name: release.to_string(), release: Some(release), date, subject: None, gap_before: false }
}

/// The releases from one end to the other.
pub(super) fn between(
    all: Vec<Candidate>,
    good: Release,
    bad: Release,
    find: SoughtChange,
) -> Result<Vec<Candidate>, BisectError> {
    if good == bad {
        return Err(BisectError::SameEnds(good));
    }
    match (find, good < bad) {
        (SoughtChange::Regression, true) | (SoughtChange::Fix, false) => {}
        (SoughtChange::Regression, false) => return Err(BisectError::GoodIsLater { good, bad }),
        (SoughtChange::Fix, true) => return Err(BisectError::BadIsLater { good, bad }),
    }
    for end in [good, bad] {
        if !all.iter().any(|one| one.release == Some(end)) {
            let next = all.iter().filter_map(|one| one.release).find(|one| *one > end);
            return Err(BisectError::NoSuchRelease { release: end, next });
        }
    }
    let (first, last) = (good.min(bad), good.max(bad));
    let inside = |one: &Candidate| one.release.is_some_and(|release| (first..=last).contains(&release));
    Ok(all.into_iter().filter(inside).collect())
}

/// The numbers of candidates at which a change was measured, or is listed by the scenario: measured ones first, and the
/// latest of each first. Without `find`, changes of both kinds count.
pub(super) fn known_changes(
    all: &[Candidate],
    known: &KnownCells,
    scenario: &Scenario,
    step: Option<&str>,
    find: Option<SoughtChange>,
) -> Vec<usize> {
    let measured = |release: Release| match read(known.cell(&release_build(release))?, step) {
        Reading::Right => Some(true),
        Reading::Wrong(_) => Some(false),
        Reading::Unclear(_) => None,
    };
    let mut found = changes(all, measured, find);
    for change in changes(all, |release| listed(scenario, step, release), find) {
        if !found.contains(&change) {
            found.push(change);
        }
    }
    found
}

/// Whether a release behaves as expected according to the scenario; none if the release lacks the feature.
fn listed(scenario: &Scenario, step: Option<&str>, release: Release) -> Option<bool> {
    let applies = |one: &&StoryDeviation| {
        let named = step.is_none_or(|step| one.steps.iter().any(|(name, _)| name.value == step));
        named && one.releases.contains(&release)
    };
    match scenario.deviations.iter().find(applies).map(|one| one.class) {
        None => Some(true),
        Some(DeviationClass::Unsupported) => None,
        Some(_) => Some(false),
    }
}

/// The second of each two neighbours that differ in the wanted way, the latest first. Unclear candidates are skipped.
fn changes(
    all: &[Candidate],
    right: impl Fn(Release) -> Option<bool>,
    find: Option<SoughtChange>,
) -> Vec<usize> {
    let clear: Vec<(usize, bool)> =
        all.iter().enumerate().filter_map(|(at, one)| Some((at, right(one.release?)?))).collect();
    let wanted = |before: bool, after: bool| match find {
        None => before != after,
        Some(SoughtChange::Regression) => before && !after,
        Some(SoughtChange::Fix) => !before && after,
    };
    let pairs = clear.windows(2).rev();
    pairs.filter(|pair| wanted(pair[0].1, pair[1].1)).map(|pair| pair[1].0).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use std::sync::Arc;

    use super::*;
    use crate::bisect::conditions::Conditions;
    use crate::bisect::evidence::EvidenceStore;
    use crate::run::test_support::cell;
    use crate::scenario::{Source, load};
    use crate::verdict::{Signature, Verdict};

    fn all() -> Vec<Candidate> {
        ["2026.3.24", "2026.3.28", "2026.3.31", "2026.4.1", "2026.4.2"]
            .map(|text| candidate(text.parse().unwrap(), None))
            .to_vec()
    }

    fn range(good: &str, bad: &str, find: SoughtChange) -> Result<Vec<String>, BisectError> {
        let found = between(all(), good.parse().unwrap(), bad.parse().unwrap(), find)?;
        Ok(found.into_iter().map(|one| one.name).collect())
    }

    #[test]
    fn a_range_holds_both_ends() {
        let wanted = ["2026.3.28", "2026.3.31", "2026.4.1"];
        assert_eq!(range("2026.3.28", "2026.4.1", SoughtChange::Regression).unwrap(), wanted);
        assert_eq!(range("2026.4.1", "2026.3.28", SoughtChange::Fix).unwrap(), wanted);
    }

    #[test]
    fn gaps_between_installed_releases_are_marked() {
        let mut installed: Vec<Candidate> = ["2026.3.28", "2026.3.31", "2026.4.2", "2026.9.6"]
            .map(|text| candidate(text.parse().unwrap(), None))
            .to_vec();
        mark_gaps(&mut installed);
        let marks: Vec<bool> = installed.iter().map(|one| one.gap_before).collect();
        assert_eq!(marks, [false, false, true, true]);
    }

    const LISTED: &str = "
title: A device keeps its role
why: It was approved.
devices: {laptop: {paired: {roles: [operator]}}}
steps:
  - connect: {as: back, device: laptop, persona: cli, expect: hello}
deviations:
  - releases: '>=2026.3.31, <2026.4.2'
    class: regression
    issue: openclaw#1
    steps: {back: {closed: 1008}}
";

    #[rstest]
    #[case(Some(SoughtChange::Regression), None, &[2])]
    #[case(Some(SoughtChange::Fix), None, &[4])]
    #[case(None, Some("back"), &[4, 2])]
    #[case(None, Some("other"), &[])]
    fn a_listed_deviation_is_a_known_change(
        #[case] find: Option<SoughtChange>,
        #[case] step: Option<&str>,
        #[case] wanted: &[usize],
    ) {
        let source = Arc::new(Source { path: "scenarios/a.yaml".into(), text: LISTED.into() });
        let suite = load(&[("a".to_owned(), source)]);
        assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
        assert_eq!(known_changes(&all(), &KnownCells::default(), &suite.scenarios[0], step, find), wanted);
    }

    #[test]
    fn measured_changes_come_before_listed_ones() {
        let source = Arc::new(Source { path: "scenarios/a.yaml".into(), text: LISTED.into() });
        let scenario = load(&[("a".to_owned(), source)]).scenarios.remove(0);
        let dir = tempfile::tempdir().unwrap();
        let settings = crate::run::Settings::new(7, std::time::Duration::from_secs(30), Arc::new(|| 0));
        let store = EvidenceStore::below(dir.path(), Conditions::of(&settings, 1));
        for (release, verdict) in [("2026.3.24", Verdict::Pass), ("2026.3.28", Verdict::Fail)] {
            let mut cell = cell("a", release, verdict);
            cell.signature = (verdict == Verdict::Fail).then(|| Signature {
                step: "back".into(),
                class: "closed".into(),
                code: None,
                detail: None,
                reason: None,
            });
            store.keep(&scenario, &release_build(release.parse().unwrap()), &cell).unwrap();
        }
        let known = store.known(&scenario).unwrap();
        assert_eq!(known_changes(&all(), &known, &scenario, None, Some(SoughtChange::Regression)), [1, 2]);
    }

    #[test]
    fn impossible_ends_are_refused() {
        let error = |good, bad, find| range(good, bad, find).unwrap_err();
        let swapped = error("2026.4.1", "2026.3.28", SoughtChange::Regression);
        assert!(matches!(swapped, BisectError::GoodIsLater { .. }));
        let swapped = error("2026.3.28", "2026.4.1", SoughtChange::Fix);
        assert!(matches!(swapped, BisectError::BadIsLater { .. }));
        let unknown = error("2026.3.29", "2026.4.1", SoughtChange::Regression);
        let next = "2026.3.31".parse().ok();
        assert!(matches!(unknown, BisectError::NoSuchRelease { next: found, .. } if found == next));
    }
}

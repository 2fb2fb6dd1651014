//! Which releases a bisect is over.

use crate::bisect::{Candidate, Find, Known, Reading, read, release_build};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::gateway::TargetProvider;
use crate::gateway::install::Refresh;
use crate::release::{Release, are_neighbours};
use crate::scenario::{DeviationClass, Scenario, StoryDeviation};

/// All stable releases in the order of time, with their dates; only installed ones where nothing may be
/// fetched.
pub(super) fn releases(context: &Context, provider: &TargetProvider) -> Result<Vec<Candidate>, Failure> {
    let mut all: Vec<Candidate> = if context.offline {
        let installed = provider.installed().map_err(Failure::broke)?;
        installed.into_iter().map(|release| candidate(release, None)).collect()
    } else {
        let known = provider.cache().available(Refresh::WhenOld).map_err(Failure::broke)?;
        let date = |one: jiff::Timestamp| one.strftime("%Y-%m-%d").to_string();
        known.into_iter().map(|one| candidate(one.release, one.published.map(date))).collect()
    };
    all.retain(|one| one.release.is_some_and(|release| !release.is_beta()));
    all.sort_by_key(|one| one.release);
    if context.offline {
        mark_gaps(&mut all);
    }
    Ok(all)
}

/// Marks candidates that do not follow on the one before them among all that were published.
fn mark_gaps(all: &mut [Candidate]) {
    let mut before = None;
    for one in all {
        one.gap_before = matches!((before, one.release), (Some(before), Some(release)) if !are_neighbours(before, release));
        before = one.release;
    }
}

fn candidate(release: Release, date: Option<String>) -> Candidate {
    Candidate { name: release.to_string(), release: Some(release), date, prepared: None, gap_before: false }
}

/// The part of all releases from one end to the other.
pub(super) fn between(
    all: Vec<Candidate>,
    good: Release,
    bad: Release,
    find: Find,
) -> Result<Vec<Candidate>, Failure> {
    if good == bad {
        return Err(Failure::usage(format!("{good} cannot be both good and bad")));
    }
    match (find, good < bad) {
        (Find::Regression, true) | (Find::Fix, false) => {}
        (Find::Regression, false) => {
            return Err(Failure::usage(format!("the good release {good} is later than the bad one, {bad}"))
                .hint("to find where it was put right, say --find fix"));
        }
        (Find::Fix, true) => {
            return Err(Failure::usage(format!(
                "a fix comes after the failure, but {bad} is later than {good}"
            ))
            .hint("to find where it broke, leave --find out"));
        }
    }
    for end in [good, bad] {
        if !all.iter().any(|one| one.release == Some(end)) {
            let near = all.iter().filter_map(|one| one.release).find(|one| *one > end);
            let near = near.map_or_else(String::new, |near| format!("the next one is {near}; "));
            return Err(Failure::usage(format!("there is no stable release {end} to test"))
                .hint(format!("{near}see `gatecrash releases list --available`")));
        }
    }
    let (first, last) = (good.min(bad), good.max(bad));
    Ok(all
        .into_iter()
        .filter(|one| one.release.is_some_and(|release| (first..=last).contains(&release)))
        .collect())
}

/// Where changes are known to be, or listed by the scenario: numbers of the first release of each, the
/// latest first, and what was measured before what is only listed. None for all kinds of change.
pub(super) fn changes(
    all: &[Candidate],
    known: &Known,
    scenario: &Scenario,
    step: Option<&str>,
    find: Option<Find>,
) -> Vec<usize> {
    let measured = |release: Release| match read(known.cell(&release_build(release))?, step) {
        Reading::Right => Some(true),
        Reading::Wrong(_) => Some(false),
        Reading::Unclear(_) => None,
    };
    let mut found = turns(all, measured, find);
    for turn in turns(all, |release| listed(scenario, step, release), find) {
        if !found.contains(&turn) {
            found.push(turn);
        }
    }
    found
}

/// Whether the scenario says that a release does what is right; none where the release lacks the thing.
fn listed(scenario: &Scenario, step: Option<&str>, release: Release) -> Option<bool> {
    let concerns = |one: &&StoryDeviation| {
        let named = step.is_none_or(|step| one.steps.iter().any(|(name, _)| name.value == step));
        named && one.releases.contains(&release)
    };
    match scenario.deviations.iter().find(concerns).map(|one| one.class) {
        None => Some(true),
        Some(DeviationClass::Unsupported) => None,
        Some(_) => Some(false),
    }
}

/// Neighbours that differ in the wanted way, the latest first. What cannot be told is passed over.
fn turns(all: &[Candidate], right: impl Fn(Release) -> Option<bool>, find: Option<Find>) -> Vec<usize> {
    let told: Vec<(usize, bool)> =
        all.iter().enumerate().filter_map(|(at, one)| Some((at, right(one.release?)?))).collect();
    let wanted = |before: bool, after: bool| match find {
        None => before != after,
        Some(Find::Regression) => before && !after,
        Some(Find::Fix) => !before && after,
    };
    let pairs = told.windows(2).rev();
    pairs.filter(|pair| wanted(pair[0].1, pair[1].1)).map(|pair| pair[1].0).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use std::sync::Arc;

    use super::*;
    use crate::bisect::{Conditions, Evidence};
    use crate::run::test_support::cell;
    use crate::scenario::{Source, load};
    use crate::verdict::{Signature, Verdict};

    fn all() -> Vec<Candidate> {
        ["2026.3.24", "2026.3.28", "2026.3.31", "2026.4.1", "2026.4.2"]
            .map(|text| candidate(text.parse().unwrap(), None))
            .to_vec()
    }

    fn range(good: &str, bad: &str, find: Find) -> Result<Vec<String>, Failure> {
        let found = between(all(), good.parse().unwrap(), bad.parse().unwrap(), find)?;
        Ok(found.into_iter().map(|one| one.name).collect())
    }

    #[test]
    fn a_range_holds_both_ends() {
        let wanted = ["2026.3.28", "2026.3.31", "2026.4.1"];
        assert_eq!(range("2026.3.28", "2026.4.1", Find::Regression).unwrap(), wanted);
        assert_eq!(range("2026.4.1", "2026.3.28", Find::Fix).unwrap(), wanted);
    }

    #[test]
    fn among_installed_releases_those_that_are_no_neighbours_are_marked() {
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
    #[case(Some(Find::Regression), None, &[2])]
    #[case(Some(Find::Fix), None, &[4])]
    #[case(None, Some("back"), &[4, 2])]
    #[case(None, Some("other"), &[])]
    fn a_listed_deviation_says_where_to_look_first(
        #[case] find: Option<Find>,
        #[case] step: Option<&str>,
        #[case] wanted: &[usize],
    ) {
        let source = Arc::new(Source { path: "scenarios/a.yaml".into(), text: LISTED.into() });
        let suite = load(&[("a".to_owned(), source)]);
        assert!(suite.diagnostics.is_empty(), "{:?}", suite.diagnostics);
        assert_eq!(changes(&all(), &Known::default(), &suite.scenarios[0], step, find), wanted);
    }

    #[test]
    fn what_was_measured_says_where_to_look_before_what_is_listed() {
        let source = Arc::new(Source { path: "scenarios/a.yaml".into(), text: LISTED.into() });
        let scenario = load(&[("a".to_owned(), source)]).scenarios.remove(0);
        let dir = tempfile::tempdir().unwrap();
        let settings = crate::run::Settings::new(7, std::time::Duration::from_secs(30), Arc::new(|| 0));
        let store = Evidence::below(dir.path(), Conditions::of(&settings, 1));
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
        assert_eq!(changes(&all(), &known, &scenario, None, Some(Find::Regression)), [1, 2]);
    }

    #[rstest]
    #[case("2026.4.1", "2026.3.28", Find::Regression, "--find fix")]
    #[case("2026.3.28", "2026.4.1", Find::Fix, "leave --find out")]
    #[case("2026.3.29", "2026.4.1", Find::Regression, "2026.3.31")]
    fn other_ends_are_refused_with_advice(
        #[case] good: &str,
        #[case] bad: &str,
        #[case] find: Find,
        #[case] hint: &str,
    ) {
        let failure = range(good, bad, find).unwrap_err();
        assert!(failure.hint.unwrap().contains(hint));
    }
}

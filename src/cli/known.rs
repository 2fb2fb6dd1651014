//! Releases that are known, so that a mistyped one is told before anything is installed or judged by it.

use std::collections::BTreeSet;

use super::failure::Failure;
use crate::curate::timeline::{BUILT_IN, read};
use crate::gateway::install::Refresh;
use crate::gateway::{EmbeddedTarget, Target, TargetProvider};
use crate::release::Release;
use crate::scenario::did_you_mean;

/// The releases that this version of the program has measured: all stable ones from the first to the last.
pub(super) fn measured() -> BTreeSet<Release> {
    let history = read(BUILT_IN).map(|history| history.releases.into_iter().chain(history.between));
    history.into_iter().flatten().collect()
}

/// Refuses targets that do not exist: releases to install, to start on, to model and to judge by, and folders.
pub(super) fn check_targets(
    provider: &TargetProvider,
    targets: &[Target],
    origins: &[Release],
    assumed: Option<Release>,
) -> Result<(), Failure> {
    for target in targets {
        if let Target::Path(dir) = target
            && !dir.exists()
        {
            return Err(Failure::usage(format!("there is no folder {}", dir.display()))
                .hint("path: names a checkout, or an unpacked package"));
        }
    }
    let published = targets.iter().filter_map(|target| match target {
        Target::Release(release) => Some(*release),
        _ => None,
    });
    let installed = provider.installed().map_err(Failure::broke)?;
    let to_install: Vec<Release> =
        published.chain(origins.iter().copied()).filter(|one| !installed.contains(one)).collect();
    if !to_install.is_empty() {
        are_published(provider, &to_install)?;
    }
    let modelled = targets.iter().filter_map(|target| match target {
        Target::Embedded(EmbeddedTarget { release, .. }) => *release,
        _ => None,
    });
    let named: Vec<Release> = modelled.chain(assumed).collect();
    if named.is_empty() {
        return Ok(());
    }
    let mut known = measured();
    known.extend(installed);
    known.extend(provider.cache().listed().into_iter().map(|one| one.release));
    named.into_iter().try_for_each(|release| {
        if is_certainly_none(release, &known) { Err(no_release(release, &known)) } else { Ok(()) }
    })
}

fn are_published(provider: &TargetProvider, releases: &[Release]) -> Result<(), Failure> {
    for refresh in [Refresh::WhenOld, Refresh::Now] {
        let Ok(list) = provider.cache().available(refresh) else { break };
        let known: BTreeSet<Release> = list.into_iter().map(|one| one.release).collect();
        let missing = releases.iter().find(|one| !known.contains(one));
        match missing {
            None => return Ok(()),
            // The list may be a day old.
            Some(_) if refresh == Refresh::WhenOld && !provider.cache().is_offline() => {}
            // Without a network nobody can tell whether it is newer than the list.
            Some(release)
                if provider.cache().is_offline() && known.last().is_some_and(|last| last < release) =>
            {
                break;
            }
            Some(release) => return Err(no_release(*release, &known)),
        }
    }
    let known = measured();
    releases.iter().try_for_each(|release| {
        if is_certainly_none(*release, &known) { Err(no_release(*release, &known)) } else { Ok(()) }
    })
}

/// Whether no release can be meant: between the first and the last that are known, and none of them. Betas are
/// not all known.
fn is_certainly_none(release: Release, known: &BTreeSet<Release>) -> bool {
    let inside = known.first().is_some_and(|first| *first < release)
        && known.last().is_some_and(|last| release < *last);
    inside && !release.is_beta() && !known.contains(&release)
}

/// Why a release that does not exist is refused, with the one that was most likely meant.
fn no_release(release: Release, known: &BTreeSet<Release>) -> Failure {
    Failure::usage(format!("there is no release {release}")).hint(advice(&release.to_string(), known))
}

/// What to do about a text that names no release.
pub(super) fn advice(text: &str, known: &BTreeSet<Release>) -> String {
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    let list = "`gatecrash releases list --available` shows all releases";
    did_you_mean(text, names.iter().map(String::as_str))
        .map_or_else(|| list.to_owned(), |near| format!("did you mean `{near}`? {list}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::digit_too_many("2026.3.311", true, "2026.3.31")]
    #[case::day_without_release("2026.3.30", true, "2026.3.31")]
    #[case::there("2026.3.31", false, "")]
    #[case::respin("2026.3.23-1", false, "")]
    #[case::beta("2026.4.2-beta.9", false, "")]
    #[case::before_all_that_are_known("2026.2.2", false, "")]
    #[case::newer_than_all_that_are_known("2027.1.1", false, "")]
    fn a_release_that_cannot_exist_is_refused(
        #[case] text: &str,
        #[case] refused: bool,
        #[case] meant: &str,
    ) {
        let known = measured();
        let release = text.parse().unwrap();
        assert_eq!(is_certainly_none(release, &known), refused);
        if refused {
            let hint = no_release(release, &known).hint.unwrap();
            assert!(hint.contains(&format!("did you mean `{meant}`?")), "{hint}");
        }
    }

    #[test]
    fn the_measured_releases_reach_to_the_newest_model() {
        assert!(measured().contains(&crate::model::NEWEST));
    }
}

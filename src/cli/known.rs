//! Known releases, so that a mistyped one is refused before anything is installed or judged by it.

use std::collections::BTreeSet;

use super::failure::Failure;
use crate::curate::timeline::{BUILT_IN, read};
use crate::gateway::install::Refresh;
use crate::gateway::{EmbeddedTarget, Target, TargetProvider};
use crate::release::Release;
use crate::suggest::question;

/// The releases that were measured for this version of gatecrash: all stable ones from the first to the last.
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
        if let Target::Tarball(file) = target
            && !file.is_file()
        {
            return Err(Failure::usage(format!("there is no file {}", file.display()))
                .hint("tgz: takes a package as `npm pack` makes it"));
        }
        if let Target::Path(dir) = target
            && !dir.exists()
        {
            return Err(Failure::usage(format!("there is no folder {}", dir.display()))
                .hint("path: takes a checkout or an unpacked package"));
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
        if certainly_does_not_exist(release, &known) { Err(no_release(release, &known)) } else { Ok(()) }
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
            // Offline it is unknown whether the release is newer than the list.
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
        if certainly_does_not_exist(*release, &known) { Err(no_release(*release, &known)) } else { Ok(()) }
    })
}

/// Whether a release certainly does not exist: it lies between known releases and is not one of them. Betas may exist without
/// being known.
fn certainly_does_not_exist(release: Release, known: &BTreeSet<Release>) -> bool {
    let inside = known.first().is_some_and(|first| *first < release)
        && known.last().is_some_and(|last| release < *last);
    inside && !release.is_beta() && !known.contains(&release)
}

/// The failure for a release that does not exist, with the one that was probably meant.
fn no_release(release: Release, known: &BTreeSet<Release>) -> Failure {
    Failure::usage(format!("there is no release {release}")).hint(advice(&release.to_string(), known))
}

/// Advice for a text that is not a release.
pub(super) fn advice(text: &str, known: &BTreeSet<Release>) -> String {
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    let list = "`gatecrash releases list --available` shows all releases";
    question(text, names.iter().map(String::as_str))
        .map_or_else(|| list.to_owned(), |question| format!("{question} {list}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::digit_too_many("2026.3.311", true, "2026.3.31")]
    #[case::day_without_release("2026.3.30", true, "2026.3.31")]
    #[case::existing("2026.3.31", false, "")]
    #[case::respin("2026.3.23-1", false, "")]
    #[case::beta("2026.4.2-beta.9", false, "")]
    #[case::before_all_known_ones("2026.2.2", false, "")]
    #[case::newer_than_all_known_ones("2027.1.1", false, "")]
    fn a_release_that_cannot_exist_is_refused(
        #[case] text: &str,
        #[case] refused: bool,
        #[case] meant: &str,
    ) {
        let known = measured();
        let release = text.parse().unwrap();
        assert_eq!(certainly_does_not_exist(release, &known), refused);
        if refused {
            let failure = no_release(release, &known);
            let hint = failure.advice();
            assert!(hint.contains(&format!("did you mean `{meant}`?")), "{hint}");
        }
    }

    #[test]
    fn the_measured_releases_reach_to_the_newest_model() {
        assert!(measured().contains(&crate::model::NEWEST));
    }
}

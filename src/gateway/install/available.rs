//! The published releases, as the registry last listed them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::command::Cancel;
use super::error::{At, InstallError};
use super::manifest::FormatVersion;
use super::npm;
use super::site::InstallSite;
use crate::release::Release;

/// A list older than this is fetched again if there is a network.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

const FORMAT: FormatVersion = FormatVersion { major: 1, minor: 0 };

/// When to ask the registry for the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// If there is no stored list, or it is older than a day. Without a network an old one still serves.
    WhenOld,
    /// At once, however new the stored list is.
    Now,
}

/// One published release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailableRelease {
    /// The release, which may be a beta; see [`Release::is_beta`].
    pub release: Release,
    /// When it was published, if the registry says so.
    pub published: Option<Timestamp>,
}

/// The stored list.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    format: FormatVersion,
    fetched: Timestamp,
    releases: Vec<AvailableRelease>,
}

/// All published releases in chronological order, betas included.
pub(super) fn available(site: &InstallSite, refresh: Refresh) -> Result<Vec<AvailableRelease>, InstallError> {
    let stored = stored_list(site)?;
    let age = |list: &List| site.tools.now().duration_since(list.fetched);
    let young = |list: &List| age(list) < MAX_AGE && age(list) > -MAX_AGE;
    match stored {
        Some(list) if site.tools.offline() || (refresh == Refresh::WhenOld && young(&list)) => {
            Ok(list.releases)
        }
        None if site.tools.offline() => {
            Err(InstallError::Offline { what: "the list of published releases".to_owned() })
        }
        old => match (fetch_list(site), old, refresh) {
            (Err(_), Some(old), Refresh::WhenOld) => Ok(old.releases),
            (fetched, _, _) => fetched,
        },
    }
}

/// The stored list, however old it is; the network is not used.
pub(super) fn listed(site: &InstallSite) -> Vec<AvailableRelease> {
    stored_list(site).ok().flatten().map(|list| list.releases).unwrap_or_default()
}

/// The newest stable release.
pub(super) fn latest(site: &InstallSite) -> Result<Release, InstallError> {
    available(site, Refresh::WhenOld)?
        .iter()
        .map(|one| one.release)
        .filter(|release| !release.is_beta())
        .max()
        .ok_or(InstallError::NoStableRelease)
}

/// The release that the registry has under a tag or version.
pub(super) fn tagged(site: &InstallSite, spec: &str) -> Result<Release, InstallError> {
    let what = format!("openclaw@{spec}");
    if site.tools.offline() {
        return Err(InstallError::Offline { what: format!("the release that npm calls {what}") });
    }
    let unknown = || InstallError::Unusable {
        what: what.clone(),
        problem: "the registry has no release under that name".to_owned(),
    };
    let answer =
        npm::view(&site.tools, &site.layout, &what, &["version"], &Cancel::default()).map_err(|error| {
            if npm::says_not_published(&error) { unknown() } else { InstallError::List(error) }
        })?;
    // A range has several versions, of which the last is the newest.
    let version = answer.as_str().or_else(|| answer.as_array()?.last()?.as_str());
    version.and_then(|text| text.parse().ok()).ok_or_else(unknown)
}

fn stored_list(site: &InstallSite) -> Result<Option<List>, InstallError> {
    let path = site.layout.available();
    let Ok(text) = std::fs::read(&path) else { return Ok(None) };
    let Some(format) = FormatVersion::read(&text) else { return Ok(None) };
    if format.major > FORMAT.major {
        return Err(InstallError::Newer { path, major: format.major, known: FORMAT.major });
    }
    // A list that cannot be read is fetched again.
    Ok(serde_json::from_slice(&text).ok())
}

fn fetch_list(site: &InstallSite) -> Result<Vec<AvailableRelease>, InstallError> {
    let fields = ["versions", "time"];
    let answer = npm::view(&site.tools, &site.layout, "openclaw", &fields, &Cancel::default())
        .map_err(InstallError::List)?;
    let releases = read_answer(&answer);
    if releases.is_empty() {
        return Err(InstallError::NoReleases);
    }
    let list = List { format: FORMAT, fetched: site.tools.now(), releases };
    let path = site.layout.available();
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let text = serde_json::to_vec(&list)
        .map_err(|error| InstallError::Io { path: path.clone(), source: error.into() })?;
    std::fs::write(&part, text).at(&part)?;
    std::fs::rename(&part, &path).at(&path)?;
    Ok(list.releases)
}

/// Reads what `npm view openclaw versions time --json` says; versions of other shapes are not gateways.
fn read_answer(answer: &Value) -> Vec<AvailableRelease> {
    let versions = answer["versions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut releases: Vec<AvailableRelease> = versions
        .filter_map(|version| {
            let published = answer["time"][version].as_str().and_then(|text| text.parse().ok());
            Some(AvailableRelease { release: version.parse().ok()?, published })
        })
        .collect();
    releases.sort_by_key(|one| one.release);
    releases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_answer_becomes_a_chronological_list() {
        let answer = serde_json::json!({
            "versions": ["0.0.1", "2026.2.2-3", "2026.2.2", "2026.2.2-beta.1", "2026.2.3-alpha"],
            "time": {"2026.2.2": "2026-02-03T14:03:13.667000+00:00", "modified": "2026-09-01T00:00:00Z"},
        });
        let list = read_answer(&answer);
        let names: Vec<String> = list.iter().map(|one| one.release.to_string()).collect();
        assert_eq!(names, ["2026.2.2-beta.1", "2026.2.2", "2026.2.2-3"]);
        assert!(list[1].published.is_some() && list[2].published.is_none());
    }
}

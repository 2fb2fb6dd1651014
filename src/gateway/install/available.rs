//! The releases that are published, as the registry last told.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cache::Cache;
use super::command::Cancel;
use super::error::{At, InstallError};
use super::manifest::Format;
use super::npm;
use crate::release::Release;

/// After this the list is asked for again where there is a network.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

const FORMAT: Format = Format { major: 1, minor: 0 };

/// When the registry is asked for the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// When there is none, or it is older than a day. An old one still serves without a network.
    WhenOld,
    /// Now.
    Now,
}

/// One published release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailableRelease {
    /// The release; betas are among them, see [`Release::is_beta`].
    pub release: Release,
    /// When the registry got it, where it says so.
    pub published: Option<Timestamp>,
}

/// The stored list.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    format: Format,
    fetched: Timestamp,
    releases: Vec<AvailableRelease>,
}

impl Cache {
    /// All published releases in the order of time, betas included.
    pub fn available(&self, refresh: Refresh) -> Result<Vec<AvailableRelease>, InstallError> {
        let stored = self.stored_list()?;
        let age = |list: &List| self.site.tools.now().duration_since(list.fetched);
        let young = |list: &List| age(list) < MAX_AGE && age(list) > -MAX_AGE;
        match stored {
            Some(list) if self.site.tools.offline() || (refresh == Refresh::WhenOld && young(&list)) => {
                Ok(list.releases)
            }
            None if self.site.tools.offline() => {
                Err(InstallError::Offline { what: "the list of published releases".to_owned() })
            }
            old => match (self.fetch_list(), old, refresh) {
                (Err(_), Some(old), Refresh::WhenOld) => Ok(old.releases),
                (fetched, _, _) => fetched,
            },
        }
    }

    /// The list as it was stored last, however old it is; nothing is asked for.
    pub fn listed(&self) -> Vec<AvailableRelease> {
        self.stored_list().ok().flatten().map(|list| list.releases).unwrap_or_default()
    }

    /// Whether nothing may be fetched.
    pub fn is_offline(&self) -> bool {
        self.site.tools.offline()
    }

    /// The newest stable release.
    pub fn latest(&self) -> Result<Release, InstallError> {
        self.available(Refresh::WhenOld)?
            .iter()
            .map(|one| one.release)
            .filter(|release| !release.is_beta())
            .max()
            .ok_or_else(|| InstallError::List("the registry has no stable release".to_owned()))
    }

    fn stored_list(&self) -> Result<Option<List>, InstallError> {
        #[derive(Deserialize)]
        struct Head {
            format: Format,
        }
        let path = self.site.layout.available();
        let Ok(text) = std::fs::read(&path) else { return Ok(None) };
        let Ok(Head { format }) = serde_json::from_slice(&text) else { return Ok(None) };
        if format.major > FORMAT.major {
            return Err(InstallError::Newer { path, major: format.major, known: FORMAT.major });
        }
        // A list that cannot be read is asked for again.
        Ok(serde_json::from_slice(&text).ok())
    }

    fn fetch_list(&self) -> Result<Vec<AvailableRelease>, InstallError> {
        let fields = ["versions", "time"];
        let answer = npm::view(&self.site.tools, &self.site.layout, "openclaw", &fields, &Cancel::default())
            .map_err(|error| InstallError::List(error.to_string()))?;
        let releases = read_answer(&answer);
        if releases.is_empty() {
            return Err(InstallError::List("npm named no releases of openclaw".to_owned()));
        }
        let list = List { format: FORMAT, fetched: self.site.tools.now(), releases };
        let path = self.site.layout.available();
        let part = path.with_extension(format!("{}.part", std::process::id()));
        let text = serde_json::to_vec(&list)
            .map_err(|error| InstallError::Io { path: path.clone(), source: error.into() })?;
        std::fs::write(&part, text).at(&part)?;
        std::fs::rename(&part, &path).at(&path)?;
        Ok(list.releases)
    }
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
    fn the_registrys_answer_becomes_a_list_in_the_order_of_time() {
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

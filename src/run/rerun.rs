//! What has to be said again to see a cell again.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::release::Release;
use crate::scenario::Millis;

/// How long a step waits where neither the scenario nor the user says.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// What of a run's command line decides about its cells, besides scenario, target and seed.
///
/// It travels in the run's first event, so that a stored run tells as well how to see a cell again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Rerun {
    /// The folders that ids are counted from.
    #[serde(skip_serializing_if = "Folders::is_empty")]
    pub folders: Folders,
    /// How long a step waits, in milliseconds; none where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How long a gateway may take to boot, in milliseconds, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_timeout_ms: Option<u64>,
    /// The release to judge targets by that do not tell theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assume_release: Option<Release>,
    /// Whether the target may be on another machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_remote: bool,
}

/// The folders that scenario ids are counted from, as a command line names them; none for the suite that is
/// found without a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Folders {
    /// The folder of all scenarios that are not below.
    #[serde(skip_serializing_if = "Option::is_none")]
    common: Option<String>,
    /// The folders of single scenarios, where not all are of one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    of: BTreeMap<String, String>,
}

impl Folders {
    /// The folders of these scenarios, of so many in all.
    pub fn of(of: BTreeMap<String, String>, all: usize) -> Self {
        let common = of.values().next().cloned();
        match common {
            Some(common) if of.len() == all && of.values().all(|one| *one == common) => {
                Self { common: Some(common), of: BTreeMap::new() }
            }
            _ => Self { common: None, of },
        }
    }

    /// The folder of a scenario.
    pub fn folder(&self, scenario: &str) -> Option<&str> {
        self.of.get(scenario).or(self.common.as_ref()).map(String::as_str)
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A cell to see again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellName<'a> {
    /// Id of the scenario.
    pub scenario: &'a str,
    /// The target.
    pub target: &'a str,
    /// Seed of the run; none for any.
    pub seed: Option<u64>,
    /// How often it has to be run to show the same.
    pub times: u32,
}

impl Rerun {
    /// The words of the command line that shows a cell again.
    pub fn words(&self, cell: &CellName<'_>) -> Vec<String> {
        let mut words: Vec<String> = ["gatecrash", "run", cell.scenario].map(str::to_owned).into();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), value]);
            }
        };
        let millis = |ms: u64| Millis(i64::try_from(ms).unwrap_or(i64::MAX)).to_string();
        add("--folder", self.folders.folder(cell.scenario).map(str::to_owned));
        add("--gateway", Some(cell.target.to_owned()));
        add("--assume-release", self.assume_release.map(|release| release.to_string()));
        let usual = u64::try_from(STEP_TIMEOUT.as_millis()).ok();
        add("--timeout", self.timeout_ms.filter(|ms| Some(*ms) != usual).map(millis));
        add("--boot-timeout", self.boot_timeout_ms.map(millis));
        add("--seed", cell.seed.map(|seed| seed.to_string()));
        add("--repeat", (cell.times > 1).then(|| cell.times.to_string()));
        if self.allow_remote {
            words.push("--allow-remote".to_owned());
        }
        words
    }

    /// Whether two parts of a run were made in the same way, as far as both tell.
    pub fn is_like(&self, other: &Self) -> bool {
        let told = |one: &Self| one.timeout_ms.is_some();
        let terms = |one: &Self| (one.timeout_ms, one.boot_timeout_ms, one.assume_release, one.allow_remote);
        !told(self) || !told(other) || terms(self) == terms(other)
    }

    /// The same with the folders of another part of the run; the scenarios of both parts are named.
    pub fn join(&mut self, other: &Self, own: &[String], theirs: &[String]) {
        let folder = |one: &Self, id: &String| Some((id.clone(), one.folders.folder(id)?.to_owned()));
        let mut of: BTreeMap<String, String> = theirs.iter().filter_map(|id| folder(other, id)).collect();
        of.extend(own.iter().filter_map(|id| folder(self, id)));
        let mut all: Vec<&String> = own.iter().chain(theirs).collect();
        all.sort_unstable();
        all.dedup();
        let folders = Folders::of(of, all.len());
        if self.timeout_ms.is_none() {
            *self = other.clone();
        }
        self.folders = folders;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: CellName<'_> = CellName { scenario: "a/x", target: "2026.3.31", seed: Some(7), times: 1 };

    fn folders(of: &[(&str, &str)], all: usize) -> Folders {
        Folders::of(of.iter().map(|(id, folder)| ((*id).to_owned(), (*folder).to_owned())).collect(), all)
    }

    #[test]
    fn what_is_usual_is_not_said() {
        let usual = Rerun { timeout_ms: Some(30_000), ..Rerun::default() };
        let words = ["gatecrash", "run", "a/x", "--gateway", "2026.3.31", "--seed", "7"];
        assert_eq!(usual.words(&CELL), words);
        assert_eq!(Rerun::default().words(&CELL), words);
    }

    #[test]
    fn whatever_decides_is_said() {
        let rerun = Rerun {
            folders: folders(&[("a/x", "my suite"), ("b", "other")], 2),
            timeout_ms: Some(1500),
            boot_timeout_ms: Some(60_000),
            assume_release: "2026.4.2".parse().ok(),
            allow_remote: true,
        };
        assert_eq!(
            rerun.words(&CellName { times: 20, ..CELL }).join(" "),
            "gatecrash run a/x --folder my suite --gateway 2026.3.31 --assume-release 2026.4.2 \
             --timeout 1500ms --boot-timeout 60s --seed 7 --repeat 20 --allow-remote"
        );
    }

    #[test]
    fn one_folder_for_all_is_kept_once() {
        let one = folders(&[("a", "dir"), ("b", "dir")], 2);
        assert_eq!(serde_json::to_value(&one).unwrap(), serde_json::json!({"common": "dir"}));
        let some = folders(&[("a", "dir")], 2);
        assert_eq!((some.folder("a"), some.folder("b")), (Some("dir"), None));
    }

    #[test]
    fn parts_keep_their_folders() {
        let mut one = Rerun { folders: folders(&[("a", "dir")], 1), ..Rerun::default() };
        let other = Rerun { timeout_ms: Some(1), ..Rerun::default() };
        one.join(&other, &["a".to_owned()], &["b".to_owned()]);
        assert_eq!((one.folders.folder("a"), one.folders.folder("b")), (Some("dir"), None));
        assert_eq!(one.timeout_ms, Some(1));
        assert!(!one.is_like(&Rerun { timeout_ms: Some(2), ..Rerun::default() }));
        assert!(one.is_like(&Rerun::default()), "an older part does not tell");
    }
}

//! The command line that reproduces a cell.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::release::Release;
use crate::scenario::Millis;

/// How long a step waits by default.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// The options of a run that affect its cells, in addition to scenario, target and seed.
///
/// They are part of the run's first event, so that cells of a stored run can be reproduced as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Rerun {
    /// The folders that scenario ids are relative to.
    #[serde(skip_serializing_if = "Folders::is_empty")]
    pub folders: Folders,
    /// How long a step waits, in milliseconds; `None` if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How long a case may take as a whole, in milliseconds, if the user set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case_timeout_ms: Option<u64>,
    /// How long a gateway may take to boot, in milliseconds, if the user set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_timeout_ms: Option<u64>,
    /// The release to assume for targets that do not report theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assume_release: Option<Release>,
    /// Values that the user gave for variables of scenarios, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
    /// Which of these variables a scenario has, by its id; none for a scenario that is not listed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vars_of: BTreeMap<String, Vec<String>>,
    /// The seed of the faults that were injected between clients and gateways, if any were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chaos: Option<u64>,
    /// Whether the target may be on another machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_remote: bool,
    /// Whether scenarios and builds may leave their homes and loopback.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_outside: bool,
}

/// The folders that scenario ids are relative to, as given on the command line; empty for the default suite.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Folders {
    /// The folder of all scenarios that are not listed in `of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    common: Option<String>,
    /// The folders of individual scenarios, if they are not all in the same one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    of: BTreeMap<String, String>,
}

impl Folders {
    /// Creates the folders of scenarios; `all` is the total number of scenarios.
    pub fn of(of: BTreeMap<String, String>, all: usize) -> Self {
        let common = of.values().next().cloned();
        match common {
            Some(common) if of.len() == all && of.values().all(|one| *one == common) => {
                Self { common: Some(common), of: BTreeMap::new() }
            }
            _ => Self { common: None, of },
        }
    }

    /// The folder of a scenario, unless it is in the default suite.
    pub fn folder(&self, scenario: &str) -> Option<&str> {
        self.of.get(scenario).or(self.common.as_ref()).map(String::as_str)
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A cell to reproduce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellName<'a> {
    /// Id of the scenario.
    pub scenario: &'a str,
    /// The target.
    pub target: &'a str,
    /// Seed of the run; `None` for any seed.
    pub seed: Option<u64>,
    /// How often it has to be run to show the same result.
    pub times: u32,
}

impl Rerun {
    /// The variables of a scenario that were given on the command line, as `--var` takes them.
    pub fn given_vars<'a>(&'a self, scenario: &str) -> impl Iterator<Item = String> + 'a {
        let names = self.vars_of.get(scenario).into_iter().flatten();
        names.filter_map(|name| Some(format!("{name}={}", self.vars.get(name)?)))
    }

    /// The words of the command line that reproduces a cell.
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
        for given in self.given_vars(cell.scenario) {
            add("--var", Some(given));
        }
        let usual = u64::try_from(STEP_TIMEOUT.as_millis()).ok();
        add("--timeout", self.timeout_ms.filter(|ms| Some(*ms) != usual).map(millis));
        add("--case-timeout", self.case_timeout_ms.map(millis));
        add("--boot-timeout", self.boot_timeout_ms.map(millis));
        add("--seed", cell.seed.map(|seed| seed.to_string()));
        add("--chaos", self.chaos.map(|seed| seed.to_string()));
        add("--repeat", (cell.times > 1).then(|| cell.times.to_string()));
        if self.allow_remote {
            words.push("--allow-remote".to_owned());
        }
        if self.allow_outside {
            words.push("--allow-outside".to_owned());
        }
        words
    }

    /// Whether two parts of a run used the same options, as far as both record them.
    pub fn is_like(&self, other: &Self) -> bool {
        let is_known = |one: &Self| one.timeout_ms.is_some();
        let terms = |one: &Self| {
            let limits = (one.timeout_ms, one.case_timeout_ms, one.boot_timeout_ms);
            (limits, one.chaos, one.assume_release, one.vars.clone(), one.allow_remote, one.allow_outside)
        };
        !is_known(self) || !is_known(other) || terms(self) == terms(other)
    }

    /// Adds the folders of another part of the run, given the scenarios of both parts.
    pub fn join(&mut self, other: &Self, own: &[String], theirs: &[String]) {
        let folder = |one: &Self, id: &String| Some((id.clone(), one.folders.folder(id)?.to_owned()));
        let mut of: BTreeMap<String, String> = theirs.iter().filter_map(|id| folder(other, id)).collect();
        of.extend(own.iter().filter_map(|id| folder(self, id)));
        let mut all: Vec<&String> = own.iter().chain(theirs).collect();
        all.sort_unstable();
        all.dedup();
        let folders = Folders::of(of, all.len());
        let mut vars_of = std::mem::take(&mut self.vars_of);
        vars_of.extend(other.vars_of.clone());
        if self.timeout_ms.is_none() {
            *self = other.clone();
        }
        self.vars_of = vars_of;
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
    fn default_options_are_omitted() {
        let usual = Rerun { timeout_ms: Some(30_000), ..Rerun::default() };
        let words = ["gatecrash", "run", "a/x", "--gateway", "2026.3.31", "--seed", "7"];
        assert_eq!(usual.words(&CELL), words);
        assert_eq!(Rerun::default().words(&CELL), words);
    }

    #[test]
    fn all_other_options_are_included() {
        let rerun = Rerun {
            folders: folders(&[("a/x", "my suite"), ("b", "other")], 2),
            timeout_ms: Some(1500),
            case_timeout_ms: Some(90_000),
            boot_timeout_ms: Some(60_000),
            assume_release: "2026.4.2".parse().ok(),
            vars: [("host", "my host"), ("other", "1")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            vars_of: BTreeMap::from([("a/x".to_owned(), vec!["host".to_owned()])]),
            chaos: Some(9),
            allow_remote: true,
            allow_outside: true,
        };
        assert_eq!(
            rerun.words(&CellName { times: 20, ..CELL }).join(" "),
            "gatecrash run a/x --folder my suite --gateway 2026.3.31 --assume-release 2026.4.2 \
             --var host=my host --timeout 1500ms --case-timeout 90s --boot-timeout 60s --seed 7 --chaos 9 --repeat 20 --allow-remote --allow-outside"
        );
    }

    #[test]
    fn a_common_folder_is_stored_once() {
        let one = folders(&[("a", "dir"), ("b", "dir")], 2);
        assert_eq!(serde_json::to_value(&one).unwrap(), serde_json::json!({"common": "dir"}));
        let some = folders(&[("a", "dir")], 2);
        assert_eq!((some.folder("a"), some.folder("b")), (Some("dir"), None));
    }

    #[test]
    fn joined_parts_keep_their_folders() {
        let mut one = Rerun { folders: folders(&[("a", "dir")], 1), ..Rerun::default() };
        let vars_of = BTreeMap::from([("b".to_owned(), vec!["host".to_owned()])]);
        let other = Rerun { timeout_ms: Some(1), vars_of: vars_of.clone(), ..Rerun::default() };
        one.join(&other, &["a".to_owned()], &["b".to_owned()]);
        assert_eq!((one.folders.folder("a"), one.folders.folder("b")), (Some("dir"), None));
        assert_eq!((one.timeout_ms, &one.vars_of), (Some(1), &vars_of));
        let vars = BTreeMap::from([("host".to_owned(), "h".to_owned())]);
        assert!(!one.is_like(&Rerun { vars, ..one.clone() }), "other values are another run");
        assert!(!one.is_like(&Rerun { timeout_ms: Some(2), ..Rerun::default() }));
        assert!(one.is_like(&Rerun::default()), "an older part does not record its options");
    }
}

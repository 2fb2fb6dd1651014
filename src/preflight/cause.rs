//! Why the answers of two releases differ, as far as the recorded history tells.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judge::ReconnectAnswer;
use crate::curate::timeline::History;
use crate::model::HISTORY;
use crate::release::Release;
use crate::report::explain::explain;
use crate::run::{Stretch, Timeline};

/// How many rules and scenarios are named.
const FEW: usize = 3;

/// Sections of the suite that are about devices which come back, the most telling first.
const SECTIONS: [&str; 4] = ["roles/", "tokens/", "scopes/", "upgrade/"];

/// Why a device is answered differently after an upgrade.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The refusal that comes or goes, such as `role-upgrade`.
    pub word: String,
    /// Changed rules that can be behind it, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<ChangedRule>,
    /// Scenarios of the suite that changed in the same way between the two releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ChangedScenario>,
}

/// A rule of the gateway that changed between the two releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedRule {
    /// Its name, as `gatecrash rules` lists it.
    pub rule: String,
    /// The release that changed it.
    pub since: Release,
    /// What holds since.
    pub about: String,
}

/// A scenario of the suite that changed in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangedScenario {
    /// Its id.
    pub scenario: String,
    /// The first release that was seen to behave so.
    pub since: Release,
    /// The first later release that was seen to behave as is right again; none if none does.
    pub right_again: Option<Release>,
}

/// The cause of a changed answer between two releases. `None` if the answer did not change, if either is not a release,
/// or if the history tells nothing.
pub(super) fn cause(
    role: &str,
    before: Option<&ReconnectAnswer>,
    after: &ReconnectAnswer,
    ends: Option<(Release, Release)>,
    history: &History,
) -> Option<Cause> {
    let (from, to) = ends?;
    let before = before.unwrap_or(&ReconnectAnswer::Ok);
    if before == after {
        return None;
    }
    let word = refusal(after).or_else(|| refusal(before))?.to_owned();
    let (low, high) = (from.min(to), from.max(to));
    let names: Vec<&str> = explain(&word).iter().flat_map(|topic| topic.rules.iter().copied()).collect();
    let mut rules: Vec<ChangedRule> = HISTORY
        .iter()
        .filter(|one| one.since > low && one.since <= high && names.contains(&one.set.name().as_str()))
        .map(|one| ChangedRule { rule: one.set.name(), since: one.since, about: one.about.to_owned() })
        .collect();
    rules.reverse();
    rules.truncate(FEW);
    let comes = refusal(after).is_some();
    let scenarios = scenarios(role, &word, (from, to), comes, history);
    (!rules.is_empty() || !scenarios.is_empty()).then_some(Cause { word, rules, scenarios })
}

/// The word of a refusal; none if the device is let in.
fn refusal(answer: &ReconnectAnswer) -> Option<&str> {
    match answer {
        ReconnectAnswer::Ok => None,
        ReconnectAnswer::PairingRequired { reason } => Some(reason),
        ReconnectAnswer::Refused { code } => Some(code),
    }
}

/// Scenarios in which the refusal comes, or goes, between the two releases.
fn scenarios(
    role: &str,
    word: &str,
    (from, to): (Release, Release),
    comes: bool,
    history: &History,
) -> Vec<ChangedScenario> {
    let is_it = |stretch: &Stretch| stretch.behaviour == word;
    let mut found: Vec<(usize, bool, ChangedScenario)> = Vec::new();
    for one in history.timelines.iter().filter(|one| one.of.is_empty()) {
        let (Some(before), Some(after)) = (at(one, from), at(one, to)) else { continue };
        if is_it(before) == is_it(after) || is_it(after) != comes {
            continue;
        }
        let section = SECTIONS.iter().position(|section| one.scenario.starts_with(section));
        let Some(section) = section else { continue };
        let later = one.stretches.iter().find(|later| later.first > after.last && later.behaviour == "ok");
        let changed = ChangedScenario {
            scenario: one.scenario.clone(),
            since: after.first,
            right_again: later.filter(|_| comes).map(|later| later.first),
        };
        found.push((section, !one.scenario.contains(role), changed));
    }
    found.sort_by(|a, b| (a.1, a.0, &a.2.scenario).cmp(&(b.1, b.0, &b.2.scenario)));
    found.into_iter().take(FEW).map(|(.., changed)| changed).collect()
}

/// The stretch of a timeline that a release is in; none before the first one.
fn at(timeline: &Timeline, release: Release) -> Option<&Stretch> {
    timeline.stretches.iter().rfind(|stretch| stretch.first <= release)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curate::timeline::{BUILT_IN, read};

    fn role_upgrade() -> ReconnectAnswer {
        ReconnectAnswer::PairingRequired { reason: "role-upgrade".into() }
    }

    fn ask(from: &str, to: &str, before: &ReconnectAnswer, after: &ReconnectAnswer) -> Option<Cause> {
        let ends = Some((from.parse().unwrap(), to.parse().unwrap()));
        cause("node", Some(before), after, ends, &read(BUILT_IN).unwrap())
    }

    #[test]
    fn the_founding_case_has_its_rule_and_its_scenario() {
        let cause = ask("2026.3.28", "2026.3.31", &ReconnectAnswer::Ok, &role_upgrade()).unwrap();
        assert_eq!(cause.word, "role-upgrade");
        assert_eq!(cause.rules[0].rule, "Roles");
        assert_eq!(cause.rules[0].since.to_string(), "2026.3.31");
        let seen = cause.scenarios.iter().find(|one| one.scenario == "roles/legacy-empty-token-map/node");
        let seen = seen.unwrap_or_else(|| panic!("{:?}", cause.scenarios));
        assert_eq!(seen.since.to_string(), "2026.3.31");
        assert_eq!(seen.right_again.unwrap().to_string(), "2026.4.2");
    }

    #[test]
    fn what_did_not_change_has_no_cause() {
        assert_eq!(ask("2026.3.28", "2026.3.31", &role_upgrade(), &role_upgrade()), None);
        assert_eq!(ask("2026.3.28", "2026.3.28", &ReconnectAnswer::Ok, &role_upgrade()), None);
        let unknown = ReconnectAnswer::Refused { code: "WHAT_IS_THIS".into() };
        assert_eq!(ask("2026.3.28", "2026.9.6", &ReconnectAnswer::Ok, &unknown), None);
    }

    #[test]
    fn what_heals_has_a_cause_too() {
        let cause = ask("2026.3.31", "2026.4.2", &role_upgrade(), &ReconnectAnswer::Ok).unwrap();
        assert!(cause.scenarios.iter().all(|one| one.right_again.is_none()), "{cause:?}");
        assert!(cause.rules.iter().all(|one| one.since.to_string() == "2026.4.2"), "{cause:?}");
    }
}

//! Timelines: how the behaviour of a scenario changes over the releases.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{Cell, ScenarioInfo};
use crate::release::{Release, are_neighbours};
use crate::verdict::Verdict;

/// The behaviour of a scenario over the releases, in chronological order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Id of the scenario.
    pub scenario: String,
    /// What was measured: empty for published releases, otherwise the kind of target (such as `embedded`), or a single
    /// target if several of its kind have the same release.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// Ranges of releases with equal behaviour.
    pub stretches: Vec<Stretch>,
}

/// Consecutive measured releases with equal behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// First measured release.
    pub first: Release,
    /// Last measured release.
    pub last: Release,
    /// Their behaviour: `ok`, the word of the signature, or `?` if it is unknown.
    pub behaviour: String,
}

/// Separates two stretches if releases between them were not measured, or may exist.
pub const GAP: &str = "…";

/// Which targets form a timeline together.
///
/// Releases form a chronological series, and so do models of releases. A release, its model and a checkout of the same
/// version are different things, so each kind of target has its own timelines. Two targets of the same kind and release
/// cannot be ordered, so each of them gets a timeline of its own.
#[derive(Clone, Debug, Default)]
pub struct Series(HashMap<String, String>);

impl Series {
    /// Groups the targets of these cells.
    pub fn of(cells: &[Cell]) -> Self {
        let mut targets: BTreeMap<(String, Release), BTreeSet<&str>> = BTreeMap::new();
        for cell in cells {
            if let Some(release) = cell.release {
                targets.entry((kind(&cell.target), release)).or_default().insert(&cell.target);
            }
        }
        let mut labels = HashMap::new();
        for ((kind, _), same) in targets {
            let alone = same.len() == 1;
            let label = |target: &str| if alone { kind.clone() } else { target.to_owned() };
            labels.extend(same.iter().map(|target| ((*target).to_owned(), label(target))));
        }
        Self(labels)
    }

    /// The label of a target's timelines, empty for published releases; `None` if its release is unknown.
    pub fn label(&self, target: &str) -> Option<&str> {
        self.0.get(target).map(String::as_str)
    }

    fn labels(&self) -> BTreeSet<&str> {
        self.0.values().map(String::as_str).collect()
    }
}

/// The kind of a target; empty for a published release. A model with a planted fault is a kind of its own.
fn kind(target: &str) -> String {
    if target.parse::<Release>().is_ok() {
        return String::new();
    }
    let (word, rest) = target.split_once(':').unwrap_or((target, ""));
    match rest.split_once('+').filter(|_| word == "embedded") {
        Some((_, fault)) => format!("{word}+{fault}"),
        None => word.to_owned(),
    }
}

/// The timelines of all scenarios that were measured on at least one release, one for each kind of target.
pub fn timelines(scenarios: &[ScenarioInfo], cells: &[Cell]) -> Vec<Timeline> {
    let series = Series::of(cells);
    let labels = series.labels();
    let mut of_scenario: HashMap<&str, Vec<&Cell>> = HashMap::new();
    for cell in cells {
        of_scenario.entry(&cell.scenario).or_default().push(cell);
    }
    scenarios
        .iter()
        .flat_map(|scenario| labels.iter().map(move |label| (scenario, *label)))
        .filter_map(|(scenario, label)| {
            let mut measured: Vec<(Release, String)> = of_scenario
                .get(scenario.id.as_str())
                .into_iter()
                .flatten()
                .filter(|cell| series.label(&cell.target) == Some(label))
                .filter_map(|cell| Some((cell.release?, behaviour(cell))))
                .collect();
            measured.sort_by_key(|(release, _)| *release);
            let stretches = stretches(&measured);
            let (scenario, of) = (scenario.id.clone(), label.to_owned());
            (!stretches.is_empty()).then_some(Timeline { scenario, of, stretches })
        })
        .collect()
}

/// The behaviour that a cell shows, as a word.
pub fn behaviour(cell: &Cell) -> String {
    match (&cell.signature, cell.verdict) {
        (_, Verdict::Untestable | Verdict::Error) => "?".to_owned(),
        (_, Verdict::Flaky) => "flaky".to_owned(),
        (Some(signature), _) => signature.word(),
        (None, _) => "ok".to_owned(),
    }
}

/// Groups releases in chronological order into stretches of equal behaviour.
pub fn stretches(measured: &[(Release, String)]) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (release, behaviour) in measured {
        match stretches.last_mut() {
            Some(open) if open.behaviour == *behaviour => open.last = *release,
            _ => stretches.push(Stretch { first: *release, last: *release, behaviour: behaviour.clone() }),
        }
    }
    stretches
}

impl Timeline {
    /// The scenario, followed by what was measured unless that is published releases: `a/b (embedded)`.
    pub fn name(&self) -> String {
        if self.of.is_empty() { self.scenario.clone() } else { format!("{} ({})", self.scenario, self.of) }
    }

    /// Whether any change lies between releases that are not known to be adjacent.
    pub fn has_gaps(&self) -> bool {
        self.stretches.windows(2).any(|pair| !are_neighbours(pair[0].last, pair[1].first))
    }

    /// The stretches in words, with a [`GAP`] (and no stretch) between two that are not known to be adjacent.
    pub fn parts(&self) -> Vec<(Option<&Stretch>, String)> {
        let count = self.stretches.len();
        let mut parts = Vec::new();
        let mut before: Option<&Stretch> = None;
        for (at, stretch) in self.stretches.iter().enumerate() {
            if before.is_some_and(|before| !are_neighbours(before.last, stretch.first)) {
                parts.push((None, GAP.to_owned()));
            }
            let (first, last) = (stretch.first.short(), stretch.last.short());
            let span = match at {
                _ if first == last => first,
                0 => format!("≤{last}"),
                _ if at + 1 == count => format!("≥{first}"),
                _ => format!("{first}–{last}"),
            };
            parts.push((Some(stretch), format!("{} {span}", stretch.behaviour)));
            before = Some(stretch);
        }
        parts
    }
}

impl fmt::Display for Timeline {
    /// Formats as `ok ≤3.28 │ role-upgrade 3.31–4.1 │ ok ≥4.2`, or as `ok ≤7.1 │ … │ role-upgrade ≥9.1` if releases in
    /// between were not measured.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.parts().into_iter().map(|(_, text)| text).collect();
        f.write_str(&parts.join(" │ "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::event::Event;
    use crate::run::test_support::{cell, started};

    fn timeline(words: &[(&str, &str)]) -> Timeline {
        let measured: Vec<_> =
            words.iter().map(|(release, word)| (release.parse().unwrap(), (*word).to_owned())).collect();
        Timeline { scenario: "x".into(), of: String::new(), stretches: stretches(&measured) }
    }

    #[test]
    fn a_timeline_prints_its_stretches_in_order() {
        let founding = timeline(&[
            ("2026.3.24", "ok"),
            ("2026.3.28", "ok"),
            ("2026.3.31", "role-upgrade"),
            ("2026.4.1", "role-upgrade"),
            ("2026.4.2", "ok"),
            ("2026.5.12", "ok"),
            ("2026.5.18", "role-upgrade"),
            ("2026.9.6", "role-upgrade"),
        ]);
        assert_eq!(
            founding.to_string(),
            "ok ≤3.28 │ role-upgrade 3.31–4.1 │ ok 4.2–5.12 │ role-upgrade ≥5.18"
        );
        assert_eq!(timeline(&[("2026.3.28", "ok")]).to_string(), "ok 3.28");
    }

    #[test]
    fn unmeasured_releases_show_as_a_gap() {
        let jump = timeline(&[("2026.6.35", "ok"), ("2026.7.1", "ok"), ("2026.9.6", "role-upgrade")]);
        assert_eq!(jump.to_string(), "ok ≤7.1 │ … │ role-upgrade 9.6");
        assert!(jump.has_gaps());
        assert!(!timeline(&[("2026.9.5", "ok"), ("2026.9.6", "role-upgrade")]).has_gaps());
    }

    fn described(cells: &[(&str, &str, Verdict)]) -> Vec<String> {
        let mut run = vec![started(&["a"], &[])];
        let mut all = Vec::new();
        for (target, release, verdict) in cells {
            let release = release.parse().ok();
            all.push(Cell { release, ..cell("a", target, *verdict) });
        }
        let Some(Event::RunStarted(started)) = run.pop() else { return Vec::new() };
        timelines(&started.scenarios, &all).iter().map(|one| format!("{}: {one}", one.name())).collect()
    }

    #[test]
    fn each_kind_of_target_has_its_own_timeline() {
        use Verdict::{Flaky, Pass};
        let cells = [
            ("2026.3.28", "2026.3.28", Pass),
            ("2026.3.31", "2026.3.31", Flaky),
            ("embedded:2026.3.31", "2026.3.31", Pass),
            ("embedded:2026.4.1", "2026.4.1", Pass),
            ("embedded:2026.4.1+SLOW", "2026.4.1", Flaky),
        ];
        let wanted = ["a: ok 3.28 │ flaky 3.31", "a (embedded): ok ≤4.1", "a (embedded+SLOW): flaky 4.1"];
        assert_eq!(described(&cells), wanted);
    }

    #[test]
    fn checkouts_of_the_same_release_have_separate_timelines() {
        use Verdict::{Flaky, Pass};
        let cells = [
            ("path:/old", "2026.3.28", Pass),
            ("path:/one", "2026.3.31", Pass),
            ("path:/two", "2026.3.31", Flaky),
        ];
        let wanted = ["a (path): ok 3.28", "a (path:/one): ok 3.31", "a (path:/two): flaky 3.31"];
        assert_eq!(described(&cells), wanted);
    }

    proptest! {
        #[test]
        fn adjacent_stretches_differ_and_cover_all_releases(words in prop::collection::vec(0u8..3, 1..20)) {
            let measured: Vec<_> =
                words.iter().zip(1u16..).map(|(word, day)| (Release::new(2026, 3, day), word.to_string())).collect();
            let found = stretches(&measured);
            prop_assert!(found.windows(2).all(|pair| pair[0].behaviour != pair[1].behaviour));
            prop_assert_eq!(found[0].first, measured[0].0);
            prop_assert_eq!(found[found.len() - 1].last, measured[measured.len() - 1].0);
        }
    }
}

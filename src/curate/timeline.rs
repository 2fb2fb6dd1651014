//! The behavioural history of the gateway: the timelines of all cases, in a form that is small enough to be stored.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::release::Release;
use crate::run::{
    Cell, Format, GAP, RunRecord, ScenarioInfo, Series, Timeline, behaviour, stretches, timelines,
};

/// The history of this version, for a gatecrash that does not run in its repository.
pub const BUILT_IN: &str = include_str!("../../coverage/timelines.json");

/// Version of the stored form.
const FORMAT: Format = Format { major: 1, minor: 1 };

/// The timelines of all cases, without the runs that they were measured in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Version of the stored form.
    pub format: Format,
    /// The releases on which the whole suite was measured, in order.
    pub releases: Vec<Release>,
    /// Releases in between that were measured only for cases that change there, to find the exact release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub between: Vec<Release>,
    /// The timeline of each scenario, in the order of ids.
    pub timelines: Vec<Timeline>,
}

/// Why a stored history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The text is not a history.
    #[error("not a stored history")]
    Unreadable(#[from] serde_json::Error),
    /// A newer gatecrash wrote it.
    #[error("the history has format {0}, which is newer than this gatecrash")]
    Newer(u32),
}

/// Reads a stored history.
///
/// # Errors
/// Fails if the text is not a history, or if it has a newer major format.
pub fn read(text: &str) -> Result<History, HistoryError> {
    #[derive(Deserialize)]
    struct Version {
        format: Format,
    }
    // A newer major may have another shape, so the version is read by itself first.
    let Version { format } = serde_json::from_str(text)?;
    if format.major > FORMAT.major {
        return Err(HistoryError::Newer(format.major));
    }
    Ok(serde_json::from_str(text)?)
}

/// Combines runs into a history. Later runs replace the cells of earlier ones.
pub fn history(runs: &[RunRecord]) -> History {
    let mut cells: BTreeMap<(String, String), Cell> = BTreeMap::new();
    let mut scenarios: BTreeMap<String, ScenarioInfo> = BTreeMap::new();
    for run in runs {
        scenarios.extend(run.scenarios.iter().map(|one| (one.id.clone(), one.clone())));
        let with_release = run.cells.iter().filter(|cell| cell.release.is_some());
        cells.extend(with_release.map(|cell| ((cell.scenario.clone(), cell.target.clone()), cell.clone())));
    }
    let mut cases: BTreeMap<Release, BTreeSet<&str>> = BTreeMap::new();
    for cell in cells.values() {
        if let Some(release) = cell.release {
            cases.entry(release).or_default().insert(&cell.scenario);
        }
    }
    let counts = cases.into_iter().map(|(release, cases)| (release, cases.len())).collect();
    let (releases, between) = split(&counts);
    let scenarios: Vec<ScenarioInfo> = scenarios.into_values().collect();
    let cells: Vec<Cell> = cells.into_values().collect();
    History { format: FORMAT, releases, between, timelines: timelines(&scenarios, &cells) }
}

/// Updates a stored history with runs, which take precedence. What the runs did not measure stays as it was stored, so a
/// scenario that has changed its meaning should be measured on all releases.
pub fn put_over(older: &History, runs: &[RunRecord]) -> History {
    let mut measured: BTreeMap<(String, String), BTreeMap<Release, String>> = BTreeMap::new();
    let all: Vec<Release> = older.releases.iter().chain(&older.between).copied().collect();
    for one in &older.timelines {
        let cells = measured.entry((one.scenario.clone(), one.of.clone())).or_default();
        for stretch in &one.stretches {
            let within = all.iter().filter(|release| (stretch.first..=stretch.last).contains(release));
            let ends = [&stretch.first, &stretch.last];
            cells.extend(within.chain(ends).map(|release| (*release, stretch.behaviour.clone())));
        }
    }
    for run in runs {
        let series = Series::of(&run.cells);
        for cell in &run.cells {
            if let (Some(release), Some(label)) = (cell.release, series.label(&cell.target)) {
                let cells = measured.entry((cell.scenario.clone(), label.to_owned())).or_default();
                cells.insert(release, behaviour(cell));
            }
        }
    }
    let mut cases: BTreeMap<Release, usize> = BTreeMap::new();
    for ((_, of), cells) in &measured {
        for release in cells.keys().filter(|_| of.is_empty()) {
            *cases.entry(*release).or_default() += 1;
        }
    }
    let (releases, between) = split(&cases);
    let one = |((scenario, of), cells): ((String, String), BTreeMap<Release, String>)| {
        let cells: Vec<(Release, String)> = cells.into_iter().collect();
        Timeline { scenario, of, stretches: stretches(&cells) }
    };
    History { format: FORMAT, releases, between, timelines: measured.into_iter().map(one).collect() }
}

/// The releases on which more than half of the suite was measured, and the others.
fn split(cases: &BTreeMap<Release, usize>) -> (Vec<Release>, Vec<Release>) {
    let most = cases.values().max().copied().unwrap_or_default();
    let (whole, part): (Vec<_>, Vec<_>) = cases.iter().partition(|(_, count)| **count * 2 > most);
    let releases = |list: Vec<(&Release, &usize)>| list.into_iter().map(|(release, _)| *release).collect();
    (releases(whole), releases(part))
}

/// The history as the document that the repository keeps.
pub fn markdown(history: &History) -> String {
    let names = |releases: &[Release]| releases.iter().map(Release::short).collect::<Vec<_>>().join(", ");
    let mut text = String::from(
        "# The behavioural history of the gateway\n\nGenerated by `gatecrash timeline`; a test keeps it true. \
         `ok` is the outcome that the scenario says is right,\nother words tell what happened instead, `?` that a \
         release cannot show it.\n\n",
    );
    // Writing to a string cannot fail.
    let cases: BTreeSet<&str> = history.timelines.iter().map(|one| one.scenario.as_str()).collect();
    let _ = writeln!(text, "{} cases, measured on {}.", cases.len(), names(&history.releases));
    let partly = history.timelines.iter().filter(|one| is_measured_partly(one, &history.releases)).count();
    if partly > 0 {
        let _ =
            writeln!(text, "\n{partly} of them are newer and were measured on a few of these releases only.");
    }
    if !history.between.is_empty() {
        let _ = writeln!(text, "\nWhere a case changes, also on {}.", names(&history.between));
    }
    if history.timelines.iter().any(Timeline::has_gaps) {
        let _ = writeln!(
            text,
            "\n`{GAP}` stands where releases between were not measured: the change came somewhere between."
        );
    }
    let mut sections: BTreeMap<&str, Vec<&Timeline>> = BTreeMap::new();
    for one in &history.timelines {
        let section = one.scenario.split_once('/').map_or(one.scenario.as_str(), |(section, _)| section);
        sections.entry(section).or_default().push(one);
    }
    for (section, all) in sections {
        let always = |one: &&&Timeline| {
            one.stretches.iter().all(|stretch| stretch.behaviour == "ok" || stretch.behaviour == "?")
        };
        let steady = all.iter().filter(always).count();
        let newer =
            all.iter().filter(always).filter(|one| is_measured_partly(one, &history.releases)).count();
        let _ = writeln!(text, "\n## {section}\n");
        if steady < all.len() {
            let _ = writeln!(text, "| case | timeline |\n|---|---|");
            for one in all.iter().filter(|one| !always(one)) {
                let _ = writeln!(text, "| `{}` | {one} |", one.name());
            }
            let _ = writeln!(text);
        }
        let further = if steady < all.len() { " further" } else { "" };
        let cases = if steady == 1 { "case is" } else { "cases are" };
        let _ = write!(text, "{steady}{further} {cases} ok on every release that can show it");
        let _ = match newer {
            0 => writeln!(text, "."),
            _ => writeln!(text, "; {newer} of them were measured on a few releases only."),
        };
    }
    text
}

/// Whether a case was not measured on both the first and the last release of the history.
fn is_measured_partly(timeline: &Timeline, releases: &[Release]) -> bool {
    let (Some(first), Some(last)) = (timeline.stretches.first(), timeline.stretches.last()) else {
        return false;
    };
    timeline.of.is_empty()
        && (releases.first().is_some_and(|release| *release < first.first)
            || releases.last().is_some_and(|release| *release > last.last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::PUBLISHED;
    use crate::run::test_support::{cell, finished, started};
    use crate::run::{Event, Stretch};
    use crate::verdict::Verdict;

    fn timeline(scenario: &str, stretches: &[(&str, &str, &str)]) -> Timeline {
        let stretch = |(first, last, behaviour): &(&str, &str, &str)| Stretch {
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
            behaviour: (*behaviour).to_owned(),
        };
        Timeline {
            scenario: scenario.into(),
            of: String::new(),
            stretches: stretches.iter().map(stretch).collect(),
        }
    }

    fn sample() -> History {
        History {
            format: FORMAT,
            releases: ["2026.3.28", "2026.3.31"].map(|one| one.parse().unwrap()).to_vec(),
            between: vec!["2026.3.30".parse().unwrap()],
            timelines: vec![
                timeline(
                    "roles/a",
                    &[("2026.3.28", "2026.3.28", "ok"), ("2026.3.31", "2026.3.31", "role-upgrade")],
                ),
                timeline("roles/b", &[("2026.3.28", "2026.3.31", "ok")]),
            ],
        }
    }

    #[test]
    fn changing_cases_are_listed_and_the_others_counted() {
        let text = markdown(&sample());
        assert!(text.contains("2 cases, measured on 3.28, 3.31."), "{text}");
        assert!(text.contains("Where a case changes, also on 3.30."), "{text}");
        assert!(
            text.contains("| `roles/a` | ok 3.28 │ role-upgrade 3.31 |")
                || text.contains("role-upgrade ≥3.31 |"),
            "{text}"
        );
        assert!(text.contains("1 further case is ok on every release"), "{text}");
        assert!(!text.contains("a few of these releases"), "{text}");
        let mut newer = sample();
        newer.timelines.push(timeline("roles/c", &[("2026.3.31", "2026.3.31", "ok")]));
        let text = markdown(&newer);
        assert!(text.contains("\n1 of them are newer and were measured on a few"), "{text}");
        assert!(text.contains("that can show it; 1 of them were measured on a few releases only."), "{text}");
    }

    #[test]
    fn a_change_across_unmeasured_releases_is_not_attributed_to_one() {
        let mut history = sample();
        history.timelines[0] =
            timeline("roles/a", &[("2026.3.28", "2026.7.1", "ok"), ("2026.9.6", "2026.9.6", "role-upgrade")]);
        let text = markdown(&history);
        assert!(text.contains("| `roles/a` | ok ≤7.1 │ … │ role-upgrade 9.6 |"), "{text}");
        assert!(text.contains("\n`…` stands where releases between were not measured"), "{text}");
    }

    #[test]
    fn a_release_and_its_model_have_a_timeline_each() {
        let events = |target: &str, verdict| {
            let release = "2026.3.31".parse().ok();
            let cell = Cell { release, ..cell("roles/a", target, verdict) };
            [started(&["roles/a"], &[target]), Event::CellFinished(Box::new(cell)), finished()]
        };
        let runs = [events("2026.3.31", Verdict::Flaky), events("embedded:2026.3.31", Verdict::Pass)];
        let history = history(&runs.map(|events| RunRecord::of(&events)));
        let told: Vec<String> =
            history.timelines.iter().map(|one| format!("{}: {one}", one.name())).collect();
        assert_eq!(told, ["roles/a: flaky 3.31", "roles/a (embedded): ok 3.31"]);
        assert!(markdown(&history).contains("1 cases, measured on 3.31"));
    }

    #[test]
    fn every_release_of_the_history_is_published() {
        let history = read(BUILT_IN).unwrap();
        let unknown: Vec<_> =
            history.releases.iter().chain(&history.between).filter(|one| !PUBLISHED.contains(one)).collect();
        assert!(unknown.is_empty(), "add to src/release/published.rs: {unknown:?}");
    }

    #[test]
    fn releases_with_few_cases_are_listed_separately() {
        let cases = [("2026.3.28", 560), ("2026.3.31", 565), ("2026.3.30", 14)];
        let cases = cases.map(|(release, count)| (release.parse().unwrap(), count)).into();
        let names = |list: Vec<Release>| list.iter().map(Release::short).collect::<Vec<_>>();
        let (whole, part) = split(&cases);
        assert_eq!(
            (names(whole), names(part)),
            (vec!["3.28".into(), "3.31".into()], vec!["3.30".to_owned()])
        );
    }

    #[test]
    fn a_stored_history_is_read_back_and_a_newer_one_refused() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert_eq!(read(&text).unwrap(), sample());
        let newer = text.replace("\"major\":1", "\"major\":2");
        assert!(matches!(read(&newer), Err(HistoryError::Newer(2))));
        let of_another_shape = r#"{"format": {"major": 2, "minor": 0}, "lines": []}"#;
        assert!(matches!(read(of_another_shape), Err(HistoryError::Newer(2))));
    }

    #[test]
    fn newer_runs_replace_what_is_stored() {
        let run = |scenario: &str, target: &str, verdict| {
            let cell = Cell { release: target.parse().ok(), ..cell(scenario, target, verdict) };
            RunRecord::of(&[started(&[scenario], &[target]), Event::CellFinished(Box::new(cell)), finished()])
        };
        let older = History {
            format: FORMAT,
            releases: ["2026.3.28", "2026.3.31", "2026.4.2"].map(|one| one.parse().unwrap()).into(),
            between: Vec::new(),
            timelines: vec![
                timeline("roles/a", &[("2026.3.28", "2026.4.2", "ok")]),
                timeline("roles/b", &[("2026.3.28", "2026.4.2", "ok")]),
            ],
        };
        let runs = [
            run("roles/a", "2026.3.31", Verdict::Flaky),
            run("roles/b", "2026.4.5", Verdict::Flaky),
            run("roles/c", "2026.4.2", Verdict::Pass),
        ];
        let told: Vec<String> =
            put_over(&older, &runs).timelines.iter().map(|one| format!("{}: {one}", one.scenario)).collect();
        assert_eq!(
            told,
            ["roles/a: ok 3.28 │ flaky 3.31 │ … │ ok 4.2", "roles/b: ok ≤4.2 │ flaky 4.5", "roles/c: ok 4.2"]
        );
        assert_eq!(put_over(&older, &[]), older);
    }
}

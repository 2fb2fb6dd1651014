//! Which deviations the runs show, beside those that are listed.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::describe;
use super::edit::{Change, Entry, flow, rewrite};
use super::measured::{Measured, Site, measure};
use super::spans::ranges;
use crate::release::{Release, ReleaseRange};
use crate::run::RunRecord;
use crate::scenario::{Expectation, Scenario};
use crate::verdict::{Outcome, satisfies};

/// A scenario file with other deviations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpdate {
    /// The file.
    pub path: String,
    /// Its new text.
    pub text: String,
    /// Deviations that were added.
    pub added: usize,
    /// Deviations whose releases changed, or that are gone.
    pub changed: usize,
}

/// A deviation that has to be looked at by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// The file.
    pub path: String,
    /// The line, where there is one.
    pub line: Option<usize>,
    /// Why.
    pub problem: Problem,
}

/// Why a deviation cannot be written by a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// An entry holds for some rows, steps or releases, and for others it does not.
    #[error("this deviation holds for some of its rows, steps or releases only: split it by hand")]
    HoldsInPart,
    /// Nothing short tells the outcome from the right one.
    #[error("`{step}` of {scenario} on {release} differs in a way that no short expectation can tell")]
    Indescribable {
        /// The scenario.
        scenario: String,
        /// The step.
        step: String,
        /// The first such release.
        release: Release,
    },
}

type Wanted<'a> = BTreeMap<Site<'a>, Vec<(ReleaseRange, Expectation)>>;

/// The deviations of the files of these scenarios, as the runs show them. Later runs replace earlier ones.
///
/// Only files that change come back. Every new deviation has the class `unreviewed`.
pub fn update(scenarios: &[Scenario], runs: &[RunRecord]) -> (Vec<FileUpdate>, Vec<LeftAlone>) {
    let mut files: BTreeMap<&str, Vec<&Scenario>> = BTreeMap::new();
    for one in scenarios {
        files.entry(one.source.path.as_str()).or_default().push(one);
    }
    let mut updates = Vec::new();
    let mut left = Vec::new();
    for (path, cases) in files {
        let file = File { path, measured: measure(&cases, runs), cases };
        updates.extend(file.update(&mut left));
    }
    (updates, left)
}

struct File<'a> {
    path: &'a str,
    cases: Vec<&'a Scenario>,
    measured: Measured<'a>,
}

/// What a site does in a range: nothing to list, or an expectation in text and data.
type Listing = Option<(String, Expectation)>;

impl<'a> File<'a> {
    fn update(&self, left: &mut Vec<LeftAlone>) -> Option<FileUpdate> {
        let mut wanted = Wanted::new();
        for (site, releases) in &self.measured {
            let listed: Vec<(Release, Listing)> =
                releases.keys().map(|release| (*release, self.listing(*site, *release, left))).collect();
            let holds = ranges(&listed).into_iter();
            let holds = holds.filter_map(|(range, one)| Some((range, one.as_ref()?.1.clone())));
            wanted.insert(*site, holds.collect());
        }
        let mut changes = Vec::new();
        for line in self.entries() {
            match self.settle(line, &mut wanted) {
                Ok(change) => changes.extend(change.map(|change| (line, change))),
                Err(problem) => {
                    left.push(LeftAlone { path: self.path.to_owned(), line: Some(line), problem });
                }
            }
        }
        let more = self.merged(&wanted);
        if changes.is_empty() && more.is_empty() {
            return None;
        }
        let text = rewrite(&self.cases[0].source.text, &changes, &more);
        Some(FileUpdate { path: self.path.to_owned(), text, added: more.len(), changed: changes.len() })
    }

    /// What has to be listed for a site on a release.
    fn listing(&self, site: Site<'_>, release: Release, left: &mut Vec<LeftAlone>) -> Listing {
        let seen = &self.measured[&site][&release];
        let case = self.cases.iter().find(|one| one.id == site.0)?;
        let here = case.deviation(site.1, &release).map(|(_, one)| &one.value);
        let fits = |one: &&Expectation| satisfies(seen.outcome, one);
        if seen.right {
            // One of several listed outcomes: the release does not always go wrong, and this time it did not.
            let several = |one: &&Expectation| matches!(one, Expectation::AnyOf(_));
            return here.filter(several).filter(fits).map(|one| (flow(one), one.clone()));
        }
        let listed =
            case.deviations.iter().flat_map(|entry| &entry.steps).filter(|(step, _)| step.value == site.1);
        // References have no value in a stored run, so what holds them is taken as it stands.
        if let Some(one) = here.filter(|one| one.to_string().contains("${")) {
            return Some((flow(one), one.clone()));
        }
        let known = listed.map(|(_, one)| &one.value).find(fits);
        let right: Vec<&Outcome> =
            self.measured[&site].values().filter(|one| one.right).map(|one| one.outcome).collect();
        let one = known.cloned().or_else(|| describe(seen.outcome, seen.mismatch, &right));
        if one.is_none() {
            let problem = Problem::Indescribable { scenario: site.0.into(), step: site.1.into(), release };
            left.push(LeftAlone { path: self.path.to_owned(), line: None, problem });
        }
        one.map(|one| (flow(&one), one))
    }

    /// The lines of the entries that are written already.
    fn entries(&self) -> BTreeSet<usize> {
        let all = self.cases.iter().flat_map(|case| &case.deviations);
        all.map(|entry| entry.source.line(entry.span)).collect()
    }

    /// Compares an entry with what is wanted, and takes out of that what the entry says.
    fn settle(&self, line: usize, wanted: &mut Wanted<'a>) -> Result<Option<Change>, Problem> {
        let mut says: Vec<(Site<'a>, &Expectation, ReleaseRange)> = Vec::new();
        for case in &self.cases {
            for entry in case.deviations.iter().filter(|one| one.source.line(one.span) == line) {
                let steps = entry
                    .steps
                    .iter()
                    .map(|(step, one)| ((case.id.as_str(), step.value.as_str()), &one.value, entry.releases));
                says.extend(steps);
            }
        }
        let inside = |site: &Site<'_>, range: &ReleaseRange| -> Vec<Release> {
            let all = self.measured.get(site).into_iter().flat_map(BTreeMap::keys);
            all.filter(|release| range.contains(release)).copied().collect()
        };
        let mut proposals: Vec<Option<ReleaseRange>> = Vec::new();
        for (site, one, range) in &says {
            if inside(site, range).is_empty() {
                continue;
            }
            let there = wanted.get(site).into_iter().flatten();
            let fits = there.filter(|(wanted, expected)| expected == *one && wanted.overlaps(range));
            let fits: Vec<ReleaseRange> = fits
                .map(|(wanted, _)| *wanted)
                .filter(|wanted| inside(site, wanted).iter().any(|one| range.contains(one)))
                .collect();
            match fits.as_slice() {
                [] => proposals.push(None),
                [wanted] if inside(site, wanted) == inside(site, range) => proposals.push(Some(*range)),
                [wanted] => proposals.push(Some(*wanted)),
                _ => return Err(Problem::HoldsInPart),
            }
        }
        let Some(first) = proposals.first() else { return Ok(None) };
        if proposals.iter().any(|one| one != first) {
            return Err(Problem::HoldsInPart);
        }
        for (site, one, range) in &says {
            if let Some(list) = wanted.get_mut(site) {
                let covered = first.as_ref().unwrap_or(range);
                list.retain(|(wanted, expected)| expected != *one || !wanted.overlaps(covered));
            }
        }
        let unchanged = says.first().is_some_and(|(_, _, range)| *first == Some(*range));
        Ok(match first {
            None => Some(Change::Remove),
            Some(_) if unchanged => None,
            Some(range) => Some(Change::Releases(*range)),
        })
    }

    /// New entries: what holds on the same releases stands together.
    fn merged(&self, wanted: &Wanted<'_>) -> Vec<Entry> {
        /// What holds on these releases, and in which rows.
        type Held = (ReleaseRange, Expectation, Vec<String>);

        let base = self.base();
        let mut by_step: BTreeMap<(String, &str, String), Held> = BTreeMap::new();
        for ((case, step), list) in wanted {
            for (range, one) in list {
                let key = (range.to_string(), *step, flow(one));
                let (_, _, rows) = by_step.entry(key).or_insert_with(|| (*range, one.clone(), Vec::new()));
                let row = case.strip_prefix(base).map_or("", |row| row.trim_start_matches('/'));
                rows.push(row.to_owned());
            }
        }
        let mut entries: Vec<Entry> = Vec::new();
        for ((_, step, _), (releases, one, rows)) in by_step {
            let of_all = rows.len() == self.cases.len();
            let rows = (!of_all).then_some(rows);
            let same = entries.iter_mut().find(|entry| {
                entry.releases == releases
                    && entry.rows == rows
                    && entry.steps.iter().all(|(id, _)| id != step)
            });
            match same {
                Some(entry) => entry.steps.push((step.to_owned(), one)),
                None => entries.push(Entry { releases, rows, steps: vec![(step.to_owned(), one)] }),
            }
        }
        let measured: BTreeSet<Release> = self.measured.values().flat_map(BTreeMap::keys).copied().collect();
        let stretch = |entry: &Entry| {
            let mut inside =
                measured.iter().enumerate().filter(|(_, one)| entry.releases.contains(one)).map(|(at, _)| at);
            let first = inside.next();
            (first, inside.next_back().or(first))
        };
        entries.sort_by_key(stretch);
        entries
    }

    /// The id that all cases of the file begin with.
    fn base(&self) -> &str {
        let path = self.path.trim_end_matches(".yaml").trim_end_matches(".yml");
        let id = self.cases[0].id.as_str();
        let parent = id.rsplit_once('/').map_or(id, |(parent, _)| parent);
        if path.ends_with(id) { id } else { parent }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::run::Cell;
    use crate::scenario::{Source, load};

    const TEXT: &str = "\
title: t
why: w
devices: {d: {}}
each:
  - {name: one, scope: operator.read}
  - {name: two, scope: operator.admin}
steps:
  - connect: {as: c, device: d, scopes: [\"${each.scope}\"]}
";

    fn suite(text: &str) -> Vec<Scenario> {
        let source = Arc::new(Source { path: "scenarios/x.yaml".into(), text: text.to_owned() });
        let suite = load(&[("x".to_owned(), source)]);
        assert_eq!(suite.scenarios.len(), 2, "{:?}", suite.diagnostics);
        suite.scenarios
    }

    fn cell(row: &str, release: &str, verdict: &str, outcome: &Value) -> Cell {
        serde_json::from_value(json!({
            "scenario": format!("x/{row}"), "target": release, "release": release, "attempt": 1,
            "verdict": verdict, "duration_ms": 1, "transcript": [], "log": [],
            "steps": [{"id": "c", "verb": "connect", "path": "x", "line": 1, "verdict": verdict,
                "outcome": outcome, "duration_ms": 1, "first_entry": 0}],
        }))
        .unwrap()
    }

    fn run(cells: Vec<Cell>) -> RunRecord {
        RunRecord { cells, ..RunRecord::of(&[]) }
    }

    fn refused() -> Value {
        json!({"kind": "closed", "close": {"code": 1008},
            "error": {"code": "NOT_PAIRED", "message": "no"},
            "details": {"code": "PAIRING_REQUIRED", "reason": "scope-upgrade"}})
    }

    fn measured() -> RunRecord {
        let hello = json!({"kind": "hello", "payload": {}});
        run(vec![
            cell("one", "2026.3.24", "pass", &hello),
            cell("one", "2026.3.28", "fail", &refused()),
            cell("one", "2026.4.2", "pass", &hello),
            cell("two", "2026.3.24", "pass", &hello),
            cell("two", "2026.3.28", "fail", &refused()),
            cell("two", "2026.4.2", "fail", &refused()),
        ])
    }

    #[test]
    fn what_runs_show_is_listed_in_the_fewest_entries() {
        let (updates, left) = update(&suite(TEXT), &[measured()]);
        assert_eq!(left, []);
        insta::assert_snapshot!(updates[0].text.strip_prefix(TEXT).unwrap(), @r#"

        deviations:
          - releases: ">=2026.3.28, <2026.4.2"
            class: unreviewed
            rows: [one]
            steps: {c: {closed: 1008, details: {code: PAIRING_REQUIRED, reason: scope-upgrade}}}
          - releases: ">=2026.3.28"
            class: unreviewed
            rows: [two]
            steps: {c: {closed: 1008, details: {code: PAIRING_REQUIRED, reason: scope-upgrade}}}
        "#);
    }

    #[test]
    fn what_is_listed_already_is_not_written_twice() {
        let (updates, _) = update(&suite(TEXT), &[measured()]);
        assert_eq!(update(&suite(&updates[0].text), &[measured()]), (vec![], vec![]));
    }

    #[test]
    fn an_entry_that_holds_elsewhere_gets_other_releases() {
        let (updates, _) = update(&suite(TEXT), &[measured()]);
        let wider =
            updates[0].text.replace(">=2026.3.28, <2026.4.2", "*").replace("unreviewed", "superseded");
        let (again, left) = update(&suite(&wider), &[measured()]);
        assert_eq!(left, []);
        assert_eq!((again[0].added, again[0].changed), (0, 1));
        assert_eq!(again[0].text, updates[0].text.replace("unreviewed", "superseded"));
    }

    #[test]
    fn a_release_that_does_not_always_go_wrong_stays_listed_when_it_goes_right() {
        let text = format!(
            "{TEXT}deviations:\n  - releases: \">=2026.3.28\"\n    class: regression\n    steps: {{c: {{any_of: \
             [hello, {{closed: 1008}}]}}}}\n"
        );
        let hello = json!({"kind": "hello", "payload": {}});
        let all = ["2026.3.24", "2026.3.28", "2026.4.2"];
        let right = all.iter().flat_map(|at| ["one", "two"].map(|row| cell(row, at, "pass", &hello)));
        assert_eq!(update(&suite(&text), &[run(right.collect())]), (vec![], vec![]));
        let wrong = ["one", "two"].map(|row| cell(row, "2026.4.2", "known", &refused()));
        assert_eq!(update(&suite(&text), &[run(wrong.to_vec())]), (vec![], vec![]));
    }

    #[test]
    fn an_entry_that_holds_nowhere_goes() {
        let hello = json!({"kind": "hello", "payload": {}});
        let all = ["2026.3.24", "2026.3.28", "2026.4.2"];
        let fixed =
            all.iter().flat_map(|release| ["one", "two"].map(|row| cell(row, release, "fixed", &hello)));
        let (updates, _) = update(&suite(TEXT), &[measured()]);
        let (again, _) = update(&suite(&updates[0].text), &[run(fixed.collect())]);
        assert_eq!(again[0].text, TEXT);
    }
}

//! Compares the deviations that runs show with those that are listed, and proposes updates of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::candidate::describe;
use super::edit::{DeviationEdit, DeviationEditError, NewDeviation, rewrite};
use super::measured::{CaseStep, Measurements, measure};
use super::spans::spans;
use crate::release::{Release, ReleaseRange};
use crate::run::RunRecord;
use crate::scenario::{Diagnostic, Expectation, Scenario, Severity, Source, StoryDeviation, check, load};
use crate::verdict::{Outcome, satisfies};

/// A scenario file with updated deviations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpdate {
    /// The file before the update.
    pub source: Arc<Source>,
    /// The text after the update.
    pub text: String,
    /// The number of deviations that were added.
    pub added: usize,
    /// The number of deviations that were removed or got other releases.
    pub changed: usize,
}

/// A deviation that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// The path of the file.
    pub path: String,
    /// The line of the deviation; `None` if the problem is not one of a single entry.
    pub line: Option<usize>,
    /// Why a program cannot write it.
    pub problem: Problem,
}

/// Why a program cannot write a deviation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// An entry is true for some of its rows, steps or releases only.
    #[error("this deviation is true for some of its rows, steps or releases only: split it by hand")]
    HoldsInPart,
    /// No short expectation distinguishes the outcome from the right one.
    #[error("`{step}` of {scenario} on {release} differs in a way that no short expectation can describe")]
    Indescribable {
        /// The id of the scenario.
        scenario: String,
        /// The id of the step.
        step: String,
        /// The first release on which it happens.
        release: Release,
    },
    /// The layout of the file cannot be edited.
    #[error("the file was not changed: {0}")]
    NotEditable(DeviationEditError),
    /// `gatecrash check` would refuse the new text.
    #[error(
        "the file was not changed: with the deviations that the runs show, `gatecrash check` would refuse it ({0})"
    )]
    Refused(String),
}

/// Updates the deviations of the chosen scenarios to what the runs show. Later runs replace earlier ones.
///
/// `chosen` has the ids of scenarios out of all that the sources hold. Only files that change are returned, each read
/// again and checked. New deviations have the class `unreviewed`. A deviation is only listed for releases on which the
/// step was seen to deviate.
pub fn update(
    sources: &[(String, Arc<Source>)],
    chosen: &BTreeSet<&str>,
    runs: &[RunRecord],
) -> (Vec<FileUpdate>, Vec<LeftAlone>) {
    let suite = load(sources);
    let known: BTreeSet<String> = errors(sources).iter().map(summary).collect();
    let mut updates = Vec::new();
    let mut left = Vec::new();
    for (id, source) in sources {
        let cases: Vec<&Scenario> =
            suite.scenarios.iter().filter(|case| case.source.path == source.path).collect();
        let of_runs: Vec<&Scenario> =
            cases.iter().filter(|case| chosen.contains(case.id.as_str())).copied().collect();
        if !of_runs.is_empty() {
            let file = MeasuredFile { id, source, measured: measure(&of_runs, runs), cases };
            updates.extend(file.update(&mut left));
        }
    }
    drop_refused(sources, &known, &mut updates, &mut left);
    (updates, left)
}

/// Checks the suite with all updates, and drops the updates that introduce an error.
fn drop_refused(
    sources: &[(String, Arc<Source>)],
    known: &BTreeSet<String>,
    updates: &mut Vec<FileUpdate>,
    left: &mut Vec<LeftAlone>,
) {
    while !updates.is_empty() {
        let mut changed = sources.to_vec();
        for (_, source) in &mut changed {
            if let Some(one) = updates.iter().find(|one| one.source.path == source.path) {
                *source = Arc::new(Source { path: source.path.clone(), text: one.text.clone() });
            }
        }
        let found = errors(&changed).into_iter().find(|one| !known.contains(&summary(one)));
        let Some(error) = found else { return };
        let places: Vec<&str> = std::iter::once(&error.source)
            .chain(error.related.iter().map(|one| &one.source))
            .map(|source| source.path.as_str())
            .collect();
        // The update of the file with the error, else of one that the error is related to.
        let at = places
            .iter()
            .find_map(|path| updates.iter().position(|one| one.source.path == *path))
            .unwrap_or_default();
        let path = updates.remove(at).source.path.clone();
        left.push(LeftAlone { path, line: None, problem: Problem::Refused(error.message.clone()) });
    }
}

fn errors(sources: &[(String, Arc<Source>)]) -> Vec<Diagnostic> {
    check(&load(sources), false).into_iter().filter(|one| one.severity == Severity::Error).collect()
}

fn summary(error: &Diagnostic) -> String {
    format!("{} {} {}", error.source.path, error.code, error.message)
}

struct MeasuredFile<'a> {
    id: &'a str,
    source: &'a Arc<Source>,
    /// All cases of the file, whether or not they were measured.
    cases: Vec<&'a Scenario>,
    measured: Measurements<'a>,
}

/// The outcome that has to be listed for a step on a release; `None` if its outcome is right.
type Listing = Option<Expectation>;
/// What has to be listed for each step, by release.
type Listings<'a> = BTreeMap<CaseStep<'a>, BTreeMap<Release, Listing>>;

/// What should happen to an entry according to one of its steps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Proposal {
    Keep,
    Widen(ReleaseRange),
    Narrow(ReleaseRange),
    Remove,
}

impl<'a> MeasuredFile<'a> {
    fn update(&self, left: &mut Vec<LeftAlone>) -> Option<FileUpdate> {
        let path = &self.source.path;
        let mut wanted = Listings::new();
        for (site, releases) in &self.measured.observed {
            let listed =
                releases.keys().map(|release| (*release, self.listing(*site, *release, left))).collect();
            wanted.insert(*site, listed);
        }
        let mut changes = BTreeMap::new();
        for start in self.entries() {
            match self.settle(start, &wanted) {
                Ok(change) => changes.extend(change.map(|change| (start, change))),
                Err(problem) => {
                    let line = self.source.text.get(..start).map(|text| text.matches('\n').count() + 1);
                    left.push(LeftAlone { path: path.clone(), line, problem });
                }
            }
        }
        let more = self.merged(&self.missing(&wanted, &changes));
        if changes.is_empty() && more.is_empty() {
            return None;
        }
        match rewrite(self.source, &changes, &more) {
            Ok(text) => Some(FileUpdate {
                source: Arc::clone(self.source),
                text,
                added: more.len(),
                changed: changes.len(),
            }),
            Err(error) => {
                let problem = Problem::NotEditable(error);
                left.push(LeftAlone { path: path.clone(), line: None, problem });
                None
            }
        }
    }

    /// The outcome that has to be listed for a step on a release.
    fn listing(&self, site: CaseStep<'_>, release: Release, left: &mut Vec<LeftAlone>) -> Listing {
        let of_site = &self.measured.observed[&site];
        let seen = &of_site[&release];
        let case = self.cases.iter().find(|one| one.id == site.0)?;
        let here = case.deviation(site.1, &release).map(|(_, one)| &one.value);
        let fits = |one: &&Expectation| satisfies(seen.outcome, one);
        if seen.right {
            // The entry lists several outcomes: the release goes wrong only now and again, and this time it was right.
            let several = |one: &&Expectation| matches!(one, Expectation::AnyOf(_));
            return here.filter(several).filter(fits).cloned();
        }
        let listed =
            case.deviations.iter().flat_map(|entry| &entry.steps).filter(|(step, _)| step.value == site.1);
        // A stored run has no values for references, so an expectation with one is kept as it is.
        if let Some(one) = here.filter(|one| one.to_string().contains("${")) {
            return Some(one.clone());
        }
        let known = here.filter(fits).or_else(|| listed.map(|(_, one)| &one.value).find(fits));
        let right: Vec<&Outcome> = of_site.values().filter(|one| one.right).map(|one| one.outcome).collect();
        let one = known.cloned().or_else(|| describe(seen.outcome, seen.mismatch, &right));
        if one.is_none() {
            let problem = Problem::Indescribable { scenario: site.0.into(), step: site.1.into(), release };
            left.push(LeftAlone { path: self.source.path.clone(), line: None, problem });
        }
        one
    }

    /// The deviations of a case that are written in this file, without those of scenarios that it uses.
    fn own<'c>(&self, case: &'c Scenario) -> impl Iterator<Item = &'c StoryDeviation> + use<'c, '_, 'a> {
        let path = self.source.path.as_str();
        case.deviations.iter().filter(move |entry| entry.source.path == path)
    }

    /// The bytes at which the existing entries start.
    fn entries(&self) -> BTreeSet<usize> {
        self.cases.iter().flat_map(|case| self.own(case)).map(|entry| entry.span.start).collect()
    }

    /// Decides what happens to an entry, by the outcomes of all its steps.
    fn settle(&self, start: usize, wanted: &Listings<'a>) -> Result<Option<DeviationEdit>, Problem> {
        let mut proposals = Vec::new();
        let mut written = BTreeSet::new();
        let mut says = None;
        for case in &self.cases {
            for entry in self.own(case).filter(|one| one.span.start == start) {
                written.insert(entry.releases.to_string());
                says = Some(entry.releases);
                for (step, one) in &entry.steps {
                    let site = (case.id.as_str(), step.value.as_str());
                    proposals.extend(self.propose(site, &one.value, entry.releases, wanted)?);
                }
            }
        }
        let Some(says) = says else { return Ok(None) };
        let first = |kept: &Proposal| proposals.iter().find(|one| *one != kept).copied();
        let Some(change) = first(&Proposal::Keep) else { return Ok(None) };
        let all = proposals.iter().all(|one| *one == change);
        let releases = match change {
            // The other steps or rows may not be wider. Then the rest becomes an entry of its own.
            Proposal::Widen(range) if all => range,
            _ if proposals.iter().all(|one| matches!(one, Proposal::Keep | Proposal::Widen(_))) => {
                return Ok(None);
            }
            Proposal::Narrow(range) if all => range,
            Proposal::Remove if all => return Ok(Some(DeviationEdit::Remove)),
            _ => return Err(Problem::HoldsInPart),
        };
        if written.len() > 1 {
            // Its releases come from a table, so each row has others.
            return Err(Problem::HoldsInPart);
        }
        Ok((releases != says).then_some(DeviationEdit::Releases(releases)))
    }

    /// What should happen to an entry by the outcomes of one of its steps; `None` if the step was not seen.
    fn propose(
        &self,
        site: CaseStep<'a>,
        one: &Expectation,
        range: ReleaseRange,
        wanted: &Listings<'a>,
    ) -> Result<Option<Proposal>, Problem> {
        let Some(seen) = wanted.get(&site) else { return Ok(None) };
        let agrees = |listing: &Listing| listing.as_ref() == Some(one);
        let inside: Vec<(Release, bool)> = seen
            .iter()
            .filter(|(release, _)| range.contains(release))
            .map(|(release, listing)| (*release, agrees(listing)))
            .collect();
        let with = |agrees: bool| inside.iter().filter(move |(_, one)| *one == agrees).map(|(at, _)| *at);
        let (Some(first), Some(last)) = (with(true).min(), with(true).max()) else {
            return with(false).min().map(|_| true_nowhere(range, &inside)).transpose();
        };
        let below = with(false).any(|release| release < first);
        let above = with(false).any(|release| release > last);
        if with(false).any(|release| release > first && release < last) {
            return Err(Problem::HoldsInPart);
        }
        let run = self.run(site, seen);
        let run = spans(&run);
        let around = |release: Release| {
            run.iter()
                .find(|one| one.first <= release && release <= one.last)
                .map(super::spans::ReleaseSpan::range)
        };
        let (Some(low), Some(high)) = (around(first), around(last)) else { return Ok(Some(Proposal::Keep)) };
        let low = if below { low } else { range.hull(&low) };
        let high = if above { high } else { range.hull(&high) };
        let new = ReleaseRange::between(&low, &high).unwrap_or(range);
        // If nothing more was seen outside, a bound that covers the same releases that were run is kept.
        let outside =
            seen.iter().any(|(at, listing)| agrees(listing) && !range.contains(at) && new.contains(at));
        Ok(Some(match (below || above, outside) {
            (false, false) => Proposal::Keep,
            (false, true) => Proposal::Widen(new),
            (true, _) => Proposal::Narrow(new),
        }))
    }

    /// The releases on which a case was run, with what has to be listed for a step where it was seen.
    fn run(&self, site: CaseStep<'a>, seen: &BTreeMap<Release, Listing>) -> Vec<(Release, Option<Listing>)> {
        let run_on = self.measured.run_on.get(site.0).into_iter().flatten();
        run_on.map(|release| (*release, seen.get(release).cloned())).collect()
    }

    /// What has to be listed and is not, once the edits are made, in ranges that no entry covers.
    fn missing(
        &self,
        wanted: &Listings<'a>,
        changes: &BTreeMap<usize, DeviationEdit>,
    ) -> Vec<(CaseStep<'a>, ReleaseRange, Expectation)> {
        let mut missing = Vec::new();
        for (site, seen) in wanted {
            let Some(case) = self.cases.iter().find(|one| one.id == site.0) else { continue };
            let of_site =
                case.deviations.iter().filter(|one| one.steps.iter().any(|(id, _)| id.value == site.1));
            let listed: Vec<ReleaseRange> = of_site
                .filter_map(|entry| {
                    let own = entry.source.path == self.source.path;
                    match changes.get(&entry.span.start).filter(|_| own) {
                        Some(DeviationEdit::Remove) => None,
                        Some(DeviationEdit::Releases(range)) => Some(*range),
                        None => Some(entry.releases),
                    }
                })
                .collect();
            // A release that an entry covers needs no new one: either the entry is right, or it is left to a person.
            let run: Vec<(Release, Option<Listing>)> = self
                .run(*site, seen)
                .into_iter()
                .map(|(release, value)| {
                    let spoken_of = listed.iter().any(|range| range.contains(&release));
                    (release, if spoken_of { Some(None) } else { value })
                })
                .collect();
            for span in spans(&run) {
                let Some(one) = span.value else { continue };
                let free = |range: &ReleaseRange| !listed.iter().any(|other| other.overlaps(range));
                let range = [span.range(), span.closed()].into_iter().find(free);
                missing.extend(range.map(|range| (*site, range, one.clone())));
            }
        }
        missing
    }

    /// The new entries. Steps and rows with the same releases share an entry.
    fn merged(&self, missing: &[(CaseStep<'_>, ReleaseRange, Expectation)]) -> Vec<NewDeviation> {
        /// What holds on these releases, and in which rows.
        type Regrouped = (ReleaseRange, Expectation, Vec<String>);

        let mut by_step: BTreeMap<(String, &str, String), Regrouped> = BTreeMap::new();
        for ((case, step), range, one) in missing {
            let key = (range.to_string(), *step, one.to_string());
            let (_, _, rows) = by_step.entry(key).or_insert_with(|| (*range, one.clone(), Vec::new()));
            let row = case.strip_prefix(self.id).map_or("", |row| row.trim_start_matches('/'));
            rows.push(row.to_owned());
        }
        let mut entries: Vec<NewDeviation> = Vec::new();
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
                None => entries.push(NewDeviation { releases, rows, steps: vec![(step.to_owned(), one)] }),
            }
        }
        let run_on: BTreeSet<Release> = self.measured.run_on.values().flatten().copied().collect();
        let stretch = |entry: &NewDeviation| {
            let mut inside =
                run_on.iter().enumerate().filter(|(_, one)| entry.releases.contains(one)).map(|(at, _)| at);
            let first = inside.next();
            (first, inside.next_back().or(first))
        };
        entries.sort_by_key(stretch);
        entries
    }
}

/// What happens to an entry that was true on none of the releases that were run. It may still be true on others, so it is
/// removed only if both ends of its range were run.
fn true_nowhere(range: ReleaseRange, inside: &[(Release, bool)]) -> Result<Proposal, Problem> {
    let seen = |release: &Release| inside.iter().any(|(one, _)| one == release);
    let low = match range.low() {
        Bound::Included(first) => seen(&first),
        Bound::Excluded(_) => true,
        Bound::Unbounded => false,
    };
    // Releases that are not published yet do not keep a range without an end.
    let high = match range.high() {
        Bound::Included(last) => seen(&last),
        Bound::Excluded(_) | Bound::Unbounded => true,
    };
    let Some((first, _)) = inside.first() else { return Ok(Proposal::Keep) };
    match (low, high) {
        (true, true) => Ok(Proposal::Remove),
        (false, true) => {
            let until = ReleaseRange::from_until(None, Some(*first));
            range.intersection(&until).map(Proposal::Narrow).ok_or(Problem::HoldsInPart)
        }
        _ => Err(Problem::HoldsInPart),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::run::Cell;

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

    fn sources(text: &str) -> Vec<(String, Arc<Source>)> {
        let source = Source { path: "scenarios/x.yaml".into(), text: text.to_owned() };
        vec![("x".to_owned(), Arc::new(source))]
    }

    /// Updates a file with all its cases chosen.
    fn update(text: &str, runs: &[RunRecord]) -> (Vec<FileUpdate>, Vec<LeftAlone>) {
        let sources = sources(text);
        let suite = load(&sources);
        assert_eq!(suite.diagnostics, []);
        super::update(&sources, &suite.scenarios.iter().map(|case| case.id.as_str()).collect(), runs)
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
    fn runs_are_listed_in_as_few_entries_as_possible() {
        let (updates, left) = update(TEXT, &[measured()]);
        assert_eq!(left, []);
        insta::assert_snapshot!(updates[0].text.strip_prefix(TEXT).unwrap(), @r#"

        deviations:
          - releases: ">=2026.3.28, <2026.4.2"
            class: unreviewed
            rows: [one]
            steps: {c: {closed: 1008, details: {code: PAIRING_REQUIRED, reason: scope-upgrade}}}
          - releases: ">=2026.3.28, <=2026.4.2"
            class: unreviewed
            rows: [two]
            steps: {c: {closed: 1008, details: {code: PAIRING_REQUIRED, reason: scope-upgrade}}}
        "#);
    }

    #[test]
    fn a_listed_deviation_is_not_written_again() {
        let (updates, _) = update(TEXT, &[measured()]);
        assert_eq!(update(&updates[0].text, &[measured()]), (vec![], vec![]));
    }

    #[test]
    fn an_entry_gets_the_releases_on_which_it_is_true() {
        let (updates, _) = update(TEXT, &[measured()]);
        let wider =
            updates[0].text.replace(">=2026.3.28, <2026.4.2", "*").replace("unreviewed", "superseded");
        let (again, left) = update(&wider, &[measured()]);
        assert_eq!(left, []);
        assert_eq!((again[0].added, again[0].changed), (0, 1));
        assert_eq!(again[0].text, updates[0].text.replace("unreviewed", "superseded"));
    }

    #[test]
    fn a_release_that_goes_wrong_now_and_again_stays_listed_when_it_is_right() {
        let text = format!(
            "{TEXT}deviations:\n  - releases: \">=2026.3.28\"\n    class: superseded\n    steps: {{c: {{any_of: \
             [hello, {{closed: 1008}}]}}}}\n"
        );
        let hello = json!({"kind": "hello", "payload": {}});
        let all = ["2026.3.24", "2026.3.28", "2026.4.2"];
        let right = all.iter().flat_map(|at| ["one", "two"].map(|row| cell(row, at, "pass", &hello)));
        assert_eq!(update(&text, &[run(right.collect())]), (vec![], vec![]));
        let wrong = ["one", "two"].map(|row| cell(row, "2026.4.2", "known", &refused()));
        assert_eq!(update(&text, &[run(wrong.to_vec())]), (vec![], vec![]));
    }

    #[test]
    fn an_entry_that_is_true_nowhere_is_removed() {
        let hello = json!({"kind": "hello", "payload": {}});
        let all = ["2026.3.24", "2026.3.28", "2026.4.2"];
        let fixed =
            all.iter().flat_map(|release| ["one", "two"].map(|row| cell(row, release, "fixed", &hello)));
        let (updates, _) = update(TEXT, &[measured()]);
        let (again, _) = update(&updates[0].text, &[run(fixed.collect())]);
        assert_eq!(again[0].text, TEXT);
    }

    /// One case with two steps, of which the second is skipped if the first goes wrong.
    const PLAIN: &str = "\
title: t
why: w
devices: {d: {}}
steps:
  - connect: {as: c, device: d}
  - call: {on: c, id: s, method: status}
";

    fn plain(release: &str, c: &str, s: &str) -> Cell {
        let step = |id: &str, verdict: &str| {
            let outcome = match verdict {
                "pass" | "fixed" => json!({"kind": "ok", "payload": {}}),
                "skipped" => Value::Null,
                _ => json!({"kind": "refused", "error": {"code": "INVALID_REQUEST", "message": "no"}}),
            };
            let mut step = json!({"id": id, "verb": "call", "path": "x", "line": 1, "verdict": verdict,
                "duration_ms": 1, "first_entry": 0});
            if !outcome.is_null() {
                step["outcome"] = outcome;
            }
            step
        };
        serde_json::from_value(json!({
            "scenario": "x", "target": release, "release": release, "attempt": 1,
            "verdict": if s == "skipped" { c } else { s }, "duration_ms": 1, "transcript": [], "log": [],
            "steps": [step("c", c), step("s", s)],
        }))
        .unwrap()
    }

    fn listed(text: &str) -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("releases:") || line.contains("steps: {"));
        lines.map(|line| line.trim().trim_start_matches("- ").to_owned()).collect()
    }

    #[test]
    fn no_range_covers_releases_on_which_the_step_did_not_run() {
        let runs = [run(vec![
            plain("2026.3.24", "pass", "pass"),
            plain("2026.3.28", "pass", "fail"),
            plain("2026.3.31", "fail", "skipped"),
            plain("2026.4.1", "pass", "fail"),
            plain("2026.4.2", "pass", "fail"),
        ])];
        let (updates, left) = update(PLAIN, &runs);
        assert_eq!(left, []);
        let text = &updates[0].text;
        assert_eq!(
            listed(text),
            [
                r#"releases: "2026.3.28""#,
                "steps: {s: {error: INVALID_REQUEST}}",
                r#"releases: ">=2026.3.31, <2026.4.1""#,
                "steps: {c: {error: INVALID_REQUEST}}",
                r#"releases: ">=2026.4.1, <=2026.4.2""#,
                "steps: {s: {error: INVALID_REQUEST}}",
            ],
            "{text}"
        );
    }

    #[test]
    fn a_new_entry_does_not_overlap_one_that_was_not_measured() {
        let text = format!(
            "{PLAIN}deviations:\n  - {{releases: \">=2026.3.31, <2026.4.2\", class: superseded, steps: {{s: \
             silence}}}}\n"
        );
        let runs = [run(vec![plain("2026.3.28", "pass", "fail"), plain("2026.4.2", "pass", "pass")])];
        let text = text.replace("s: silence", "s: {error: OTHER}");
        let (updates, left) = update(&text, &runs);
        assert_eq!(left, []);
        assert_eq!(
            listed(&updates[0].text)[1..],
            [r#"releases: "2026.3.28""#, "steps: {s: {error: INVALID_REQUEST}}"]
        );
    }

    #[test]
    fn an_entry_is_widened_only_over_releases_that_were_seen() {
        let listing = |range: &str| {
            format!(
                "{PLAIN}deviations:\n  - {{releases: \"{range}\", class: superseded, steps: {{s: {{error: \
                 INVALID_REQUEST}}}}}}\n"
            )
        };
        let runs = [run(vec![
            plain("2026.3.24", "pass", "pass"),
            plain("2026.3.28", "pass", "fail"),
            plain("2026.3.31", "pass", "known"),
            plain("2026.4.1", "fail", "skipped"),
            plain("2026.4.2", "pass", "fail"),
        ])];
        let (updates, _) = update(&listing("2026.3.31"), &runs);
        let releases: Vec<String> =
            listed(&updates[0].text).into_iter().filter(|line| line.contains("s:")).collect();
        assert!(releases[0].contains(r#"releases: ">=2026.3.28, <=2026.3.31""#), "{releases:?}");
        assert!(releases.iter().any(|line| line == r#"releases: "2026.4.2""#), "{releases:?}");
    }

    #[rstest::rstest]
    #[case("<2026.9.6", &[("2026.9.5", "fixed")], Some(r#"releases: "<2026.9.5""#))]
    #[case(">=2026.3.2, <2026.9.6", &[("2026.9.5", "fixed")], Some(r#"releases: ">=2026.3.2, <2026.9.5""#))]
    #[case(">=2026.3.2, <=2026.9.6", &[("2026.9.5", "fixed")], None)]
    #[case("2026.9.5", &[("2026.9.5", "fixed")], Some("title: t"))]
    fn a_run_on_a_few_releases_keeps_what_is_listed_for_others(
        #[case] range: &str,
        #[case] cells: &[(&str, &str)],
        #[case] now: Option<&str>,
    ) {
        let text = format!(
            "{PLAIN}deviations:\n  - releases: \"{range}\"\n    class: superseded\n    steps: {{s: {{error: \
             INVALID_REQUEST}}}}\n"
        );
        let cells = cells.iter().map(|(release, verdict)| plain(release, "pass", verdict)).collect();
        let (updates, left) = update(&text, &[run(cells)]);
        match now {
            Some(line) if line.starts_with("releases") => assert_eq!(listed(&updates[0].text)[0], line),
            Some(_) => assert_eq!(updates[0].text, PLAIN),
            None => {
                assert_eq!(updates, []);
                assert_eq!(left[0].problem, Problem::HoldsInPart);
            }
        }
    }

    #[test]
    fn entries_on_one_line_are_edited_separately() {
        let text = format!(
            "{PLAIN}deviations: [{{releases: 2026.3.28, class: superseded, steps: {{s: {{error: INVALID_REQUEST}}}}}}, \
             {{releases: 2026.3.31, class: superseded, steps: {{s: {{error: INVALID_REQUEST}}}}}}] # both\r\n"
        );
        let runs = [run(vec![plain("2026.3.28", "pass", "known"), plain("2026.3.31", "pass", "fixed")])];
        let (updates, left) = update(&text, &runs);
        assert_eq!(left, []);
        assert!(updates[0].text.ends_with("error: INVALID_REQUEST}}}] # both\r\n"), "{}", updates[0].text);
        assert!(updates[0].text.contains("2026.3.28") && !updates[0].text.contains("2026.3.31"));
    }

    #[test]
    fn a_row_that_was_not_chosen_is_not_updated() {
        let sources = sources(TEXT);
        let (updates, _) = super::update(&sources, &BTreeSet::from(["x/one"]), &[measured()]);
        assert!(updates[0].text.contains("rows: [one]"), "{}", updates[0].text);
    }

    #[test]
    fn an_update_that_check_would_refuse_is_dropped() {
        // A scenario that is used lists what the other one would list again.
        let used = ("a".to_owned(), Source { path: "scenarios/a.yaml".into(), text: PLAIN.to_owned() });
        let text =
            "title: t\nwhy: w\nuse: [a]\nsteps:\n  - call: {on: c, id: z, method: health}\n".to_owned();
        let user = ("b".to_owned(), Source { path: "scenarios/b.yaml".into(), text });
        let sources: Vec<(String, Arc<Source>)> =
            [used, user].into_iter().map(|(id, source)| (id, Arc::new(source))).collect();
        let cells = ["a", "b"].map(|id| Cell { scenario: id.into(), ..plain("2026.3.28", "pass", "fail") });
        let (updates, left) = super::update(&sources, &BTreeSet::from(["a", "b"]), &[run(cells.to_vec())]);
        assert_eq!(updates.len(), 1);
        assert_eq!(updates[0].source.path, "scenarios/a.yaml");
        assert!(
            matches!(&left[0], LeftAlone { path, problem: Problem::Refused(_), .. } if path == "scenarios/b.yaml")
        );
    }

    #[test]
    fn a_file_with_aliases_among_its_deviations_is_not_changed() {
        let text = PLAIN.replace("title: t", "title: &x t").replace("why: w", "why: *x");
        let runs = [run(vec![plain("2026.3.28", "pass", "fail")])];
        let (updates, left) = update(&text, &runs);
        assert_eq!((updates.len(), left.len()), (1, 0), "an alias elsewhere does not matter");
        let text = format!(
            "{PLAIN}deviations:\n  - &a {{releases: 2026.3.31, class: superseded, steps: {{s: silence}}}}\n  - *a\n"
        );
        let text = text.replace("s: silence", "s: {error: OTHER}");
        let (updates, left) = super::update(&sources(&text), &BTreeSet::from(["x"]), &runs);
        assert_eq!(updates, []);
        assert!(
            matches!(left.last().unwrap().problem, Problem::NotEditable(_) | Problem::Refused(_)),
            "{left:?}"
        );
    }
}

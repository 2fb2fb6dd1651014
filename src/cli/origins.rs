//! `--upgrade-from`: the same stories from other origins.

use crate::release::Release;
use crate::scenario::Scenario;

/// The scenarios that begin on another release than the target, each on each of these origins. A table over
/// origins keeps the rows that are asked for; other origins get rows of their own.
pub(super) fn from_origins(scenarios: Vec<Scenario>, origins: &[Release]) -> Vec<Scenario> {
    let mut files: Vec<Vec<(Release, Scenario)>> = Vec::new();
    for scenario in scenarios {
        let Some(start) = scenario.starts_on else { continue };
        let of_file = files.iter_mut().find(|file| file[0].1.source.path == scenario.source.path);
        match of_file {
            Some(file) => file.push((start, scenario)),
            None => files.push(vec![(start, scenario)]),
        }
    }
    let mut rows = Vec::new();
    for file in files {
        if file.iter().any(|(start, _)| *start != file[0].0) {
            rows.extend(origins.iter().filter_map(|origin| nearest(&file, *origin)));
        } else {
            let cells =
                file.iter().flat_map(|(start, one)| origins.iter().map(move |origin| (start, one, origin)));
            rows.extend(cells.map(|(start, one, origin)| moved(one, *start, *origin, &one.id)));
        }
    }
    rows
}

/// The row of a table over origins that is, or is most like, the row of this origin.
fn nearest(file: &[(Release, Scenario)], origin: Release) -> Option<Scenario> {
    let before = file.iter().filter(|(start, _)| *start <= origin).max_by_key(|(start, _)| *start);
    let (start, scenario) = before.or_else(|| file.iter().min_by_key(|(start, _)| *start))?;
    let table = scenario.id.rsplit_once('/').map_or(scenario.id.as_str(), |(table, _)| table);
    Some(moved(scenario, *start, origin, table))
}

/// A scenario as it is, or with another origin and an id that tells it.
fn moved(scenario: &Scenario, start: Release, origin: Release, id: &str) -> Scenario {
    let mut copy = scenario.clone();
    if start != origin {
        copy.id = format!("{id}/from-{}", origin.short().replace('.', "-"));
        copy.title = copy.title.replace(&start.to_string(), &origin.to_string());
        copy.starts_on = Some(origin);
    }
    copy
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scenario::{Source, load};

    fn suite() -> Vec<Scenario> {
        let steps = "why: w\nsteps:\n  - upgrade: {to: target}\n";
        let texts = [
            (
                "up/table",
                format!(
                    "title: From ${{each.o}}\nstarts_on: \"${{each.o}}\"\neach:\n  - {{name: from-3-2, o: 2026.3.2}}\n  - {{name: from-3-24, o: 2026.3.24}}\n{steps}"
                ),
            ),
            ("up/one", format!("title: t\nstarts_on: 2026.3.28\n{steps}")),
            ("other", format!("title: t\n{steps}")),
        ];
        let sources: Vec<_> = texts
            .into_iter()
            .map(|(id, text)| (id.to_owned(), Arc::new(Source { path: format!("{id}.yaml"), text })))
            .collect();
        let suite = load(&sources);
        assert_eq!(suite.diagnostics.len(), 0, "{:?}", suite.diagnostics);
        suite.scenarios
    }

    #[test]
    fn rows_are_stories_from_origins() {
        let origins = ["2026.3.24", "2026.3.28"].map(|one| one.parse().unwrap());
        let rows = from_origins(suite(), &origins);
        let seen: Vec<_> = rows
            .iter()
            .map(|one| (one.id.as_str(), one.starts_on.unwrap().short(), one.title.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("up/table/from-3-24", "3.24".to_owned(), "From 2026.3.24"),
                ("up/table/from-3-28", "3.28".to_owned(), "From 2026.3.28"),
                ("up/one/from-3-24", "3.24".to_owned(), "t"),
                ("up/one", "3.28".to_owned(), "t"),
            ]
        );
    }
}

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

/// What stands before the origin in the id of a row that was made for it.
const FROM: &str = "/from-";

/// The story that an id of `--upgrade-from` names, made of a scenario or a table as `--upgrade-from` would.
pub(super) fn from_id(id: &str, scenarios: &[Scenario]) -> Option<Scenario> {
    // A row that is written with such a name is a scenario like any other.
    if scenarios.iter().any(|one| one.id == id) {
        return None;
    }
    let (base, origin) = id.rsplit_once(FROM)?;
    let below = format!("{base}/");
    let of_base = |one: &&Scenario| one.id == base || one.id.starts_with(&below);
    let of_base: Vec<Scenario> = scenarios.iter().filter(of_base).cloned().collect();
    let mut years: Vec<u16> = of_base.iter().filter_map(|one| Some(one.starts_on?.year)).collect();
    years.dedup();
    let origins = years.into_iter().filter_map(|year| release_of(origin, year));
    origins.flat_map(|origin| from_origins(of_base.clone(), &[origin])).find(|one| one.id == id)
}

/// The part of an id that tells the origin, such as `3-24`; with its year where that is another one.
fn word_of(origin: Release, year: u16) -> String {
    let whole = if origin.year == year { origin.short() } else { origin.to_string() };
    whole.replace('.', "-")
}

/// The release that a part of an id tells.
fn release_of(word: &str, year: u16) -> Option<Release> {
    let parts: Vec<&str> = word.split('-').collect();
    let has_year = parts.first().is_some_and(|first| first.len() == 4);
    let year = year.to_string();
    let parts: Vec<&str> = if has_year { parts } else { std::iter::once(&*year).chain(parts).collect() };
    let [year, month, day, suffix @ ..] = &parts[..] else { return None };
    let suffix = match suffix {
        [] => String::new(),
        ["beta", number] => format!("-beta.{number}"),
        [number] => format!("-{number}"),
        _ => return None,
    };
    format!("{year}.{month}.{day}{suffix}").parse().ok()
}

/// A scenario as it is, or with another origin and an id that tells it.
fn moved(scenario: &Scenario, start: Release, origin: Release, id: &str) -> Scenario {
    let mut copy = scenario.clone();
    if start != origin {
        copy.id = format!("{id}{FROM}{}", word_of(origin, start.year));
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

    #[test]
    fn each_row_is_found_by_its_id() {
        let origins = ["2026.3.2", "2026.3.24", "2026.7.1-beta.2", "2026.2.2-3", "2027.3.24"];
        let rows = from_origins(suite(), &origins.map(|one| one.parse().unwrap()));
        assert_eq!(rows.len(), 2 * origins.len());
        for row in rows {
            let made = from_id(&row.id, &suite());
            let is_written = suite().iter().any(|one| one.id == row.id);
            assert_eq!(made.is_none(), is_written, "{}", row.id);
            if let Some(made) = made {
                assert_eq!((made.starts_on, made.title), (row.starts_on, row.title), "{}", row.id);
            }
        }
        for other in
            ["up/one/from-", "up/one/from-3", "up/one/from-x-y", "other/from-3-24", "nothing/from-3-24"]
        {
            assert!(from_id(other, &suite()).is_none(), "{other}");
        }
    }
}

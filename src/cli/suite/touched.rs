//! The scenarios that a changed file concerns.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::root::is_defaults_name;
use crate::scenario::Scenario;

/// The scenarios that changed files concern: those written in one of them, those that reuse steps or deviations of one, and
/// those below a folder whose defaults changed. Displayed paths of scenarios are relative to `working_dir`; changed paths are
/// absolute.
pub(in crate::cli) fn touched<'a>(
    scenarios: &'a [Scenario],
    changed: &'a BTreeSet<PathBuf>,
    working_dir: &'a Path,
) -> impl Iterator<Item = &'a Scenario> {
    let defaults: Vec<&Path> =
        changed.iter().filter(|path| is_defaults_name(path)).filter_map(|path| path.parent()).collect();
    scenarios.iter().filter(move |scenario| {
        files_of(scenario).any(|file| {
            let file = real(&working_dir.join(file));
            changed.contains(&file) || defaults.iter().any(|folder| file.starts_with(folder))
        })
    })
}

/// The path by which a file is compared: links in its folder followed. A deleted file keeps its name.
pub(in crate::cli) fn real(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// The files that a scenario is made of, as they are displayed.
fn files_of(scenario: &Scenario) -> impl Iterator<Item = &str> {
    let steps = scenario.steps.iter().chain(&scenario.finally).map(|step| &step.source);
    let deviations = scenario.deviations.iter().map(|entry| &entry.source);
    let reused = steps.chain(deviations).map(|source| source.path.as_str());
    std::iter::once(scenario.source.path.as_str()).chain(reused).collect::<BTreeSet<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::scenario::{Source, load};

    const BASE: &str = "title: T\nwhy: W\nsource: [own]\ntags: [a]\nsteps: [connect: {as: a}]\n";
    const USES: &str =
        "title: T\nwhy: W\nsource: [own]\ntags: [a]\nuse: [a/base]\nsteps: [connect: {as: b}]\n";

    #[rstest]
    #[case::itself(&["a/other.yaml"], &["a/other"])]
    #[case::what_it_reuses(&["a/base.yaml"], &["a/base", "b/uses"])]
    #[case::defaults(&["b/_defaults.yaml"], &["b/uses"])]
    #[case::defaults_of_all(&["_defaults.yaml"], &["a/base", "a/other", "b/uses"])]
    #[case::something_else(&["README.md"], &[])]
    fn a_scenario_is_touched_through_all_its_files(#[case] changed: &[&str], #[case] ids: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let texts = [("a/base", BASE), ("a/other", BASE), ("b/uses", USES)];
        let sources = texts.map(|(id, text)| {
            (id.to_owned(), Arc::new(Source { path: format!("{id}.yaml"), text: text.to_owned() }))
        });
        for folder_name in ["a", "b"] {
            std::fs::create_dir(folder.path().join(folder_name)).unwrap();
        }
        let suite = load(&sources);
        assert_eq!(suite.diagnostics, Vec::new());
        let changed = changed.iter().map(|path| real(&folder.path().join(path))).collect();
        let found: Vec<&str> =
            touched(&suite.scenarios, &changed, folder.path()).map(|one| one.id.as_str()).collect();
        assert_eq!(found, ids);
    }
}

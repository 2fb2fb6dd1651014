//! Selects scenarios by names and tags. A name or tag that selects nothing is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::catalogue::{Catalogue, Named};
use super::names::Pick;
use super::root::FOLDER;
use super::shelf::{File, SLOW, Shelf};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::vars::refuse_unknown;
use crate::report::{diagnostic::render, text::count as counted};
use crate::run::Folders;
use crate::scenario::{Diagnostic, GivenVars, OUTSIDE, Scenario, Severity, Source, check};
use crate::suggest::question;

/// What selects scenarios.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Selection<'a> {
    /// The folder that ids are relative to, if it is named.
    pub(in crate::cli) folder: Option<&'a Path>,
    /// Ids, globs of ids, files or folders; none for all.
    pub(in crate::cli) names: &'a [String],
    /// Globs of ids; matching scenarios are skipped.
    pub(in crate::cli) exclude: &'a [String],
    /// Tags, at least one of which a scenario must have; none for all.
    pub(in crate::cli) tags: &'a [String],
    /// Values for variables; none for their defaults.
    pub(in crate::cli) vars: Option<&'a GivenVars>,
}

/// Selected scenarios; there is at least one.
#[derive(Debug)]
pub(in crate::cli) struct Chosen {
    /// The scenarios in order of their suites.
    pub(in crate::cli) scenarios: Vec<Scenario>,
    /// The folders that their ids are relative to.
    pub(in crate::cli) folders: Folders,
    /// Every file of their suites, by id.
    pub(in crate::cli) sources: Vec<(String, Arc<Source>)>,
}

impl Chosen {
    /// Replaces the scenarios by others whose ids are the old ones or below them.
    pub(in crate::cli) fn map(self, change: impl FnOnce(Vec<Scenario>) -> Vec<Scenario>) -> Self {
        let before: Vec<String> = self.scenarios.iter().map(|one| one.id.clone()).collect();
        let scenarios = change(self.scenarios);
        let folder = |id: &str| {
            let table = id.rsplit_once('/').map_or(id, |(table, _)| table);
            let of = before
                .iter()
                .find(|old| *old == id || *old == table || old.starts_with(&format!("{table}/")));
            Some(self.folders.folder(of?)?.to_owned())
        };
        let folders = scenarios.iter().filter_map(|one| Some((one.id.clone(), folder(&one.id)?))).collect();
        Self { folders: Folders::of(folders, scenarios.len()), scenarios, sources: self.sources }
    }
}

/// The result of checking files.
#[derive(Debug)]
pub(in crate::cli) struct Checked {
    /// Number of scenarios.
    pub(in crate::cli) scenarios: usize,
    /// Mistakes in the files.
    pub(in crate::cli) found: Vec<Diagnostic>,
}

/// The selected scenarios alone.
pub(in crate::cli) fn scenarios(
    context: &Context,
    selection: &Selection<'_>,
) -> Result<Vec<Scenario>, Failure> {
    select(context, selection).map(|chosen| chosen.scenarios)
}

/// Loads and selects scenarios; a selected file with mistakes is an error.
///
/// # Errors
///
/// Also when nothing is selected by one of the names, by one of the tags, or by all of them together.
pub(in crate::cli) fn select(context: &Context, selection: &Selection<'_>) -> Result<Chosen, Failure> {
    context.progress.stage("reading scenarios");
    let chosen = selected(context, selection);
    context.progress.done();
    chosen
}

fn selected(context: &Context, selection: &Selection<'_>) -> Result<Chosen, Failure> {
    let vars = selection.vars.cloned().unwrap_or_default();
    let mut catalogue = Catalogue::open(context, selection.folder)?.with_vars(vars);
    let named = named_with_note(&mut catalogue, selection.names)?;
    let mut errors = errors_of(&catalogue, &named);
    if context.allow_outside {
        errors.retain(|one| one.code != OUTSIDE);
    }
    if !errors.is_empty() {
        let shown: Vec<String> =
            errors.iter().map(|one| render(one, context.color_of_errors, context.width)).collect();
        return Err(Failure::usage(format!("the scenarios have errors\n\n{}", shown.join("\n")))
            .hint("`gatecrash check` shows all that is wrong"));
    }
    let picked = picked(&catalogue, &named, selection)?;
    unique(&picked)?;
    let mut folders = BTreeMap::new();
    for (shelf, scenario) in &picked {
        if let Some(folder) = catalogue.folder(*shelf) {
            folders.insert(scenario.id.clone(), folder);
        }
    }
    let suites: BTreeSet<usize> = picked.iter().map(|(shelf, _)| *shelf).collect();
    let files = suites.into_iter().flat_map(|shelf| &catalogue.shelves[shelf].files);
    let sources = files.map(|file| (file.id.clone(), Arc::clone(&file.source))).collect();
    let scenarios: Vec<Scenario> = picked.into_iter().map(|(_, scenario)| scenario).collect();
    Ok(Chosen { folders: Folders::of(folders, scenarios.len()), scenarios, sources })
}

/// The mistakes in the files that names select, or in the whole suite.
pub(in crate::cli) fn check_files(
    context: &Context,
    folder: Option<&Path>,
    names: &[String],
    vars: &GivenVars,
    strict: bool,
) -> Result<Checked, Failure> {
    context.progress.stage("checking scenarios");
    let checked = checked(context, folder, names, vars, strict);
    context.progress.done();
    checked
}

fn checked(
    context: &Context,
    folder: Option<&Path>,
    names: &[String],
    vars: &GivenVars,
    strict: bool,
) -> Result<Checked, Failure> {
    let mut catalogue = Catalogue::open(context, folder)?.with_vars(vars.clone());
    let named = named_with_note(&mut catalogue, names)?;
    let mut checked = Checked { scenarios: 0, found: Vec::new() };
    let mut all_checked = Vec::new();
    for (at, shelf) in catalogue.shelves.iter().enumerate() {
        let Some(suite) = shelf.suite() else { continue };
        let picks: Vec<&Pick> = picks_of(&named, at).collect();
        let is_asked_for = |source: &Arc<Source>| {
            shelf.files.iter().any(|file| {
                Arc::ptr_eq(&file.source, source)
                    && picks.iter().any(|pick| pick.concerns(&file.id, &file.source))
            })
        };
        let mut all = check(suite, strict);
        if context.allow_outside {
            all.retain(|one| one.code != OUTSIDE);
        }
        let is_broken_elsewhere = is_broken_elsewhere(shelf, &picks, &all);
        all_checked.extend(suite.scenarios.iter().filter(|one| is_asked_for(&one.source)).cloned());
        checked.found.extend(all.into_iter().filter(|one| {
            is_asked_for(&one.source) || (is_broken_elsewhere && one.severity == Severity::Error)
        }));
    }
    all_checked
        .extend(named.iter().filter_map(|one| one.made.as_ref()).map(|(_, made)| made.as_ref().clone()));
    checked.scenarios = all_checked.len();
    if checked.found.is_empty() {
        refuse_unknown(vars, &all_checked)?;
    }
    if checked.scenarios == 0 && checked.found.is_empty() {
        return Err(Failure::nothing("the names contain no scenario")
            .hint("a table without rows contains none, either"));
    }
    Ok(checked)
}

/// The files that names select, or all of the suite, with their texts. Files of the built-in suite are not among them.
pub(in crate::cli) fn files(
    context: &Context,
    folder: Option<&Path>,
    names: &[String],
) -> Result<Vec<(PathBuf, Arc<Source>)>, Failure> {
    let mut catalogue = Catalogue::open(context, folder)?;
    let named = named_with_note(&mut catalogue, names)?;
    let mut found = Vec::new();
    for (at, shelf) in catalogue.shelves.iter().enumerate() {
        let picks: Vec<&Pick> = picks_of(&named, at).collect();
        let is_named = |file: &&File| picks.iter().any(|pick| pick.concerns(&file.id, &file.source));
        found.extend(
            shelf
                .files
                .iter()
                .filter(is_named)
                .filter_map(|file| Some((file.place.clone()?, Arc::clone(&file.source)))),
        );
    }
    Ok(found)
}

/// What all names refer to, after a remark on the suite if its choice may surprise.
fn named_with_note(catalogue: &mut Catalogue<'_>, names: &[String]) -> Result<Vec<Named>, Failure> {
    let named = all_named(catalogue, names);
    if let Some(note) = catalogue.note() {
        catalogue.say(&format!("note: {note}"));
    }
    named
}

/// What all names refer to; without names, the whole first suite.
fn all_named(catalogue: &mut Catalogue<'_>, names: &[String]) -> Result<Vec<Named>, Failure> {
    if names.is_empty() {
        let first = catalogue.whole()?;
        if catalogue.shelves[first].files.is_empty() {
            return Err(empty(catalogue, first));
        }
        return Ok(vec![Named { picks: vec![(first, Pick::All)], made: None }]);
    }
    let mut all = Vec::new();
    catalogue.expect(names)?;
    for name in names {
        let named = catalogue.resolve(name)?;
        let picks_one = |(at, pick): &(usize, Pick)| {
            let shelf = &catalogue.shelves[*at];
            shelf.files.iter().any(|one| pick.concerns(&one.id, &one.source))
                || shelf.scenarios().iter().any(|one| pick.picks(&one.id, &one.source))
        };
        if named.made.is_none() && !named.picks.iter().any(picks_one) {
            if let [(only, _)] = named.picks[..]
                && catalogue.shelves[only].files.is_empty()
            {
                return Err(empty(catalogue, only));
            }
            return Err(Failure::nothing(format!("no scenario matches `{name}`"))
                .hint("`gatecrash list` shows all scenarios"));
        }
        all.push(named);
    }
    Ok(all)
}

/// The failure for a suite without scenario files.
fn empty(catalogue: &Catalogue<'_>, shelf: usize) -> Failure {
    let folder = catalogue.folder(shelf).unwrap_or_else(|| FOLDER.to_owned());
    Failure::nothing(format!("there is no scenario file below {folder}"))
        .hint("`gatecrash new scenario` writes one")
}

fn picks_of(named: &[Named], shelf: usize) -> impl Iterator<Item = &Pick> {
    named.iter().flat_map(|one| &one.picks).filter(move |(at, _)| *at == shelf).map(|(_, pick)| pick)
}

/// Whether a selected file gives no scenario although it has no mistakes itself: then a scenario that it uses has some.
fn is_broken_elsewhere(shelf: &Shelf, picks: &[&Pick], found: &[Diagnostic]) -> bool {
    shelf.files.iter().any(|file| {
        picks.iter().any(|pick| pick.concerns(&file.id, &file.source))
            && !shelf.scenarios().iter().any(|one| Arc::ptr_eq(&one.source, &file.source))
            && !found
                .iter()
                .any(|one| one.severity == Severity::Error && Arc::ptr_eq(&one.source, &file.source))
    })
}

/// The errors in the files that names select, and in those that they use.
fn errors_of(catalogue: &Catalogue<'_>, named: &[Named]) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for (at, shelf) in catalogue.shelves.iter().enumerate() {
        let Some(suite) = shelf.suite() else { continue };
        let picks: Vec<&Pick> = picks_of(named, at).collect();
        let all: Vec<Diagnostic> =
            check(suite, false).into_iter().filter(|one| one.severity == Severity::Error).collect();
        let is_broken_elsewhere = is_broken_elsewhere(shelf, &picks, &all);
        let is_asked_for = |source: &Arc<Source>| {
            shelf.files.iter().any(|file| {
                Arc::ptr_eq(&file.source, source)
                    && picks.iter().any(|pick| pick.concerns(&file.id, &file.source))
            })
        };
        errors.extend(all.into_iter().filter(|one| is_broken_elsewhere || is_asked_for(&one.source)));
    }
    errors
}

/// The scenarios that names and tags select, with the number of their suite.
fn picked(
    catalogue: &Catalogue<'_>,
    named: &[Named],
    selection: &Selection<'_>,
) -> Result<Vec<(usize, Scenario)>, Failure> {
    let mut all: Vec<(usize, Scenario)> = Vec::new();
    for (at, shelf) in catalogue.shelves.iter().enumerate() {
        let picks: Vec<&Pick> = picks_of(named, at).collect();
        let is_picked = |one: &&Scenario| picks.iter().any(|pick| pick.picks(&one.id, &one.source));
        all.extend(shelf.scenarios().iter().filter(is_picked).map(|one| (at, one.clone())));
    }
    for (at, made) in named.iter().filter_map(|one| one.made.as_ref()) {
        if !all.iter().any(|(shelf, one)| shelf == at && one.id == made.id) {
            all.push((*at, made.as_ref().clone()));
        }
    }
    if all.is_empty() {
        let names = selection.names.join(", ");
        let what = if names.is_empty() { "the suite".to_owned() } else { format!("`{names}`") };
        return Err(Failure::nothing(format!("there is no scenario in {what}"))
            .hint("a table without rows contains none, either"));
    }
    for glob in selection.exclude {
        let Pick::Glob(left_out) = Pick::glob(glob)? else { continue };
        let before = all.len();
        all.retain(|(_, one)| !left_out.is_match(&one.id));
        if all.len() == before {
            return Err(Failure::nothing(format!("--exclude `{glob}` excludes nothing"))
                .hint("it is a glob of ids, such as 'upgrade/*'; `gatecrash list` shows them"));
        }
    }
    if all.is_empty() {
        return Err(Failure::nothing("--exclude excludes every scenario"));
    }
    let count = all.len();
    if selection.tags.is_empty() {
        if selection.names.is_empty() {
            all.retain(|(_, one)| !one.tags.iter().any(|tag| tag == SLOW));
        }
        if all.is_empty() {
            return Err(Failure::nothing(format!("all {count} scenarios have the tag `{SLOW}`"))
                .hint(format!("name them, or add --tag {SLOW}")));
        }
        return Ok(all);
    }
    known_tags(catalogue, selection.tags)?;
    all.retain(|(_, one)| selection.tags.iter().any(|tag| one.tags.contains(tag)));
    if all.is_empty() {
        let tags = selection.tags.join("` or `");
        return Err(Failure::nothing(format!("none of {} has the tag `{tags}`", counted(count, "scenario")))
            .hint("`gatecrash list` shows the tags of scenarios"));
    }
    Ok(all)
}

/// Refuses a tag that no scenario has.
fn known_tags(catalogue: &Catalogue<'_>, tags: &[String]) -> Result<(), Failure> {
    let scenarios = catalogue.shelves.iter().flat_map(Shelf::scenarios);
    let known: Vec<&str> = scenarios.flat_map(|one| &one.tags).map(String::as_str).collect();
    for tag in tags {
        if !known.contains(&tag.as_str()) {
            let failure = Failure::nothing(format!("no scenario has the tag `{tag}`"));
            let hint = question(tag, known.iter().copied());
            return Err(failure
                .hint(hint.unwrap_or_else(|| "`gatecrash list` shows the tags of scenarios".to_owned())));
        }
    }
    Ok(())
}

/// Refuses two scenarios with the same id, which a report could not tell apart.
fn unique(picked: &[(usize, Scenario)]) -> Result<(), Failure> {
    let mut seen: BTreeMap<&str, &Scenario> = BTreeMap::new();
    for (_, one) in picked {
        if let Some(other) = seen.insert(&one.id, one) {
            let (one_path, other_path) = (&one.source.path, &other.source.path);
            if Arc::ptr_eq(&one.source, &other.source) {
                continue;
            }
            return Err(Failure::usage(format!(
                "two scenarios are called `{}`: {other_path} and {one_path}",
                one.id
            ))
            .hint("run them one after the other, or name a folder above both with --folder"));
        }
    }
    Ok(())
}

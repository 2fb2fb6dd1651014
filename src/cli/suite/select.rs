//! Selecting scenarios by names and tags. Whatever names nothing, or leaves nothing, is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::catalogue::{Catalogue, Named};
use super::names::Pick;
use super::root::FOLDER;
use super::shelf::{SLOW, Shelf};
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::report::{diagnostic::render, text::count as counted};
use crate::run::Folders;
use crate::scenario::{Diagnostic, Scenario, Severity, Source, check, did_you_mean};

/// Which scenarios.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct Selection<'a> {
    /// The folder that ids are counted from, where it is named.
    pub(in crate::cli) folder: Option<&'a Path>,
    /// Ids, globs of ids, files or folders; none for all.
    pub(in crate::cli) names: &'a [String],
    /// Globs of ids; what fits one of them is left out.
    pub(in crate::cli) exclude: &'a [String],
    /// Tags, of which a scenario must have one; none for all.
    pub(in crate::cli) tags: &'a [String],
}

/// Scenarios that were selected; there is at least one.
#[derive(Debug)]
pub(in crate::cli) struct Chosen {
    /// The scenarios in the order of their suites.
    pub(in crate::cli) scenarios: Vec<Scenario>,
    /// The folders that their ids are counted from.
    pub(in crate::cli) folders: Folders,
    /// Every file of the suites that they are of, by id.
    pub(in crate::cli) sources: Vec<(String, Arc<Source>)>,
}

impl Chosen {
    /// The same with other scenarios, whose ids are those of the old ones or stand below them.
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

/// What was found in files.
#[derive(Debug)]
pub(in crate::cli) struct Looked {
    /// Number of scenarios.
    pub(in crate::cli) scenarios: usize,
    /// What is wrong.
    pub(in crate::cli) found: Vec<Diagnostic>,
}

/// The selected scenarios, where nothing else of them matters.
pub(in crate::cli) fn scenarios(
    context: &Context,
    selection: &Selection<'_>,
) -> Result<Vec<Scenario>, Failure> {
    select(context, selection).map(|chosen| chosen.scenarios)
}

/// Loads and selects scenarios; a faulty file is an error where it is among the selected ones.
///
/// # Errors
///
/// Also where nothing is selected: by one of the names, by one of the tags, or by all of them together.
pub(in crate::cli) fn select(context: &Context, selection: &Selection<'_>) -> Result<Chosen, Failure> {
    let mut catalogue = Catalogue::open(context, selection.folder)?;
    let named = noted(&mut catalogue, selection.names)?;
    let faults = faults_of(&catalogue, &named);
    if !faults.is_empty() {
        let shown: Vec<String> =
            faults.iter().map(|one| render(one, context.color_of_errors, context.width)).collect();
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

/// What is wrong with files: with those that names pick, or with all of the suite.
pub(in crate::cli) fn look_at(
    context: &Context,
    folder: Option<&Path>,
    names: &[String],
    strict: bool,
) -> Result<Looked, Failure> {
    let mut catalogue = Catalogue::open(context, folder)?;
    let named = noted(&mut catalogue, names)?;
    let mut looked = Looked { scenarios: 0, found: Vec::new() };
    for (at, shelf) in catalogue.shelves.iter().enumerate() {
        let Some(suite) = shelf.suite() else { continue };
        let picks: Vec<&Pick> = picks_of(&named, at).collect();
        let is_asked_for = |source: &Arc<Source>| {
            shelf.files.iter().any(|file| {
                Arc::ptr_eq(&file.source, source)
                    && picks.iter().any(|pick| pick.concerns(&file.id, &file.source))
            })
        };
        let all = check(suite, strict);
        let unsaid = unsaid(shelf, &picks, &all);
        looked.scenarios += suite.scenarios.iter().filter(|one| is_asked_for(&one.source)).count();
        looked.found.extend(
            all.into_iter()
                .filter(|one| is_asked_for(&one.source) || (unsaid && one.severity == Severity::Error)),
        );
    }
    for (_, made) in named.iter().filter_map(|one| one.made.as_ref()) {
        looked.scenarios += usize::from(!made.id.is_empty());
    }
    if looked.scenarios == 0 && looked.found.is_empty() {
        return Err(Failure::nothing("there is no scenario in what was named")
            .hint("a table without rows holds none, either"));
    }
    Ok(looked)
}

/// What all names mean, after a word on the suite where its choice may surprise.
fn noted(catalogue: &mut Catalogue<'_>, names: &[String]) -> Result<Vec<Named>, Failure> {
    let named = all_named(catalogue, names);
    if let Some(note) = catalogue.note() {
        anstream::eprintln!("note: {note}");
    }
    named
}

/// What all names mean; without names, the whole first suite.
fn all_named(catalogue: &mut Catalogue<'_>, names: &[String]) -> Result<Vec<Named>, Failure> {
    if names.is_empty() {
        let first = catalogue.whole()?;
        if catalogue.shelves[first].files.is_empty() {
            return Err(empty(catalogue, first));
        }
        return Ok(vec![Named { picks: vec![(first, Pick::All)], made: None }]);
    }
    let mut all = Vec::new();
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
            return Err(Failure::nothing(format!("no scenario fits `{name}`"))
                .hint("`gatecrash list` shows all scenarios"));
        }
        all.push(named);
    }
    Ok(all)
}

/// There is a suite, and no scenario file in it.
fn empty(catalogue: &Catalogue<'_>, shelf: usize) -> Failure {
    let folder = catalogue.folder(shelf).unwrap_or_else(|| FOLDER.to_owned());
    Failure::nothing(format!("no scenario file is below {folder}"))
        .hint("`gatecrash new scenario` writes one")
}

fn picks_of(named: &[Named], shelf: usize) -> impl Iterator<Item = &Pick> {
    named.iter().flat_map(|one| &one.picks).filter(move |(at, _)| *at == shelf).map(|(_, pick)| pick)
}

/// Whether a file that is picked gives no scenario, and nothing that is wrong with it says why: then what is
/// wrong elsewhere does, in a scenario that it uses.
fn unsaid(shelf: &Shelf, picks: &[&Pick], found: &[Diagnostic]) -> bool {
    shelf.files.iter().any(|file| {
        picks.iter().any(|pick| pick.concerns(&file.id, &file.source))
            && !shelf.scenarios().iter().any(|one| Arc::ptr_eq(&one.source, &file.source))
            && !found
                .iter()
                .any(|one| one.severity == Severity::Error && Arc::ptr_eq(&one.source, &file.source))
    })
}

/// The errors of the files that names pick, and of those that these use.
fn faults_of(catalogue: &Catalogue<'_>, named: &[Named]) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for (at, shelf) in catalogue.shelves.iter().enumerate() {
        let Some(suite) = shelf.suite() else { continue };
        let picks: Vec<&Pick> = picks_of(named, at).collect();
        let errors: Vec<Diagnostic> =
            check(suite, false).into_iter().filter(|one| one.severity == Severity::Error).collect();
        let unsaid = unsaid(shelf, &picks, &errors);
        let is_asked_for = |source: &Arc<Source>| {
            shelf.files.iter().any(|file| {
                Arc::ptr_eq(&file.source, source)
                    && picks.iter().any(|pick| pick.concerns(&file.id, &file.source))
            })
        };
        faults.extend(errors.into_iter().filter(|one| unsaid || is_asked_for(&one.source)));
    }
    faults
}

/// The scenarios that names and tags pick, with the number of their suite.
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
            .hint("a table without rows holds none, either"));
    }
    for glob in selection.exclude {
        let Pick::Glob(left_out) = Pick::glob(glob)? else { continue };
        let before = all.len();
        all.retain(|(_, one)| !left_out.is_match(&one.id));
        if all.len() == before {
            return Err(Failure::nothing(format!("--exclude `{glob}` leaves out nothing"))
                .hint("it is a glob of ids, such as 'upgrade/*'; `gatecrash list` shows them"));
        }
    }
    if all.is_empty() {
        return Err(Failure::nothing("--exclude leaves no scenario"));
    }
    let count = all.len();
    if selection.tags.is_empty() {
        if selection.names.is_empty() {
            all.retain(|(_, one)| !one.tags.iter().any(|tag| tag == SLOW));
        }
        if all.is_empty() {
            return Err(Failure::nothing(format!("all {count} scenarios have the tag `{SLOW}`"))
                .hint(format!("name them, or say --tag {SLOW}")));
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
            return Err(match did_you_mean(tag, known.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("`gatecrash list` shows the tags of scenarios"),
            });
        }
    }
    Ok(())
}

/// Refuses two scenarios of one id: a report could not tell them apart.
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

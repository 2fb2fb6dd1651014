//! Finding scenario files, and selecting scenarios of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::Glob;
use include_dir::{Dir, include_dir};

use super::context::Context;
use super::failure::Failure;
use crate::report::diagnostic::render;
use crate::scenario::{Diagnostic, Scenario, Severity, Source, Suite, check, did_you_mean, load};

/// The suite of this version, for a gatecrash that is installed somewhere else than its repository.
static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// The folder that is read where there is one.
const FOLDER: &str = "scenarios";

/// Scenarios with this tag are left out unless they are asked for.
const SLOW: &str = "slow";

/// Scenario texts with their ids.
pub(super) type Sources = Vec<(String, Arc<Source>)>;

/// Which scenarios.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Selection<'a> {
    /// Ids, globs of ids, files or folders; none for all.
    pub(super) names: &'a [String],
    /// Tags, of which a scenario must have one; none for all.
    pub(super) tags: &'a [String],
}

/// Reads all scenario files below `scenarios`, or the built-in ones where there is no such folder, and
/// those of further paths.
pub(super) fn read(context: &Context, paths: &[&Path]) -> Result<Sources, Failure> {
    let folder = context.working_dir.join(FOLDER);
    let mut sources = Vec::new();
    if folder.is_dir() {
        read_below(&folder, &folder, Path::new(FOLDER), &mut sources)?;
    } else {
        built_in(&BUILT_IN, &mut sources);
    }
    let known: Vec<PathBuf> = sources
        .iter()
        .filter_map(|(_, source)| context.working_dir.join(&source.path).canonicalize().ok())
        .collect();
    for path in paths {
        let mut more = Vec::new();
        let path_there = context.working_dir.join(path);
        let root = root_of(&path_there);
        let shown = path.strip_prefix(&root).map_or_else(|_| root_of(path), |_| PathBuf::new());
        read_below(&path_there, &root, &shown, &mut more)?;
        more.retain(|(_, source)| {
            let place = context.working_dir.join(&source.path).canonicalize();
            place.is_ok_and(|place| !known.contains(&place))
        });
        sources.extend(more);
    }
    Ok(sources)
}

/// The folder that ids are counted from: the innermost one called `scenarios`, else the file's own.
fn root_of(path: &Path) -> PathBuf {
    let named = path.ancestors().find(|one| one.file_name().is_some_and(|name| name == FOLDER));
    let own = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    named.unwrap_or(own).to_owned()
}

fn read_below(path: &Path, root: &Path, shown: &Path, into: &mut Sources) -> Result<(), Failure> {
    let unreadable =
        |error: std::io::Error| Failure::usage(format!("cannot read {}: {error}", path.display()));
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .map_err(unreadable)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(unreadable)?;
        entries.sort();
        for entry in entries {
            if entry.is_dir() || is_scenario(&entry) {
                read_below(&entry, root, shown, into)?;
            }
        }
        return Ok(());
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let below = path.strip_prefix(root).unwrap_or(path);
    let source = Source { path: shown.join(below).display().to_string(), text };
    into.push((id_of(below), Arc::new(source)));
    Ok(())
}

fn built_in(dir: &Dir<'_>, into: &mut Sources) {
    for entry in dir.entries() {
        match entry {
            include_dir::DirEntry::Dir(dir) => built_in(dir, into),
            include_dir::DirEntry::File(file) => {
                if let Some(text) = file.contents_utf8().filter(|_| is_scenario(file.path())) {
                    let path = Path::new(FOLDER).join(file.path()).display().to_string();
                    into.push((id_of(file.path()), Arc::new(Source { path, text: text.to_owned() })));
                }
            }
        }
    }
}

fn is_scenario(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn id_of(below_root: &Path) -> String {
    below_root.with_extension("").to_string_lossy().replace('\\', "/")
}

/// Loads and selects scenarios; a faulty file is an error where it is among the selected ones.
pub(super) fn select(context: &Context, selection: &Selection<'_>) -> Result<Vec<Scenario>, Failure> {
    select_with_sources(context, selection).map(|(scenarios, _)| scenarios)
}

/// The same, with the texts of all scenarios that were read.
pub(super) fn select_with_sources(
    context: &Context,
    selection: &Selection<'_>,
) -> Result<(Vec<Scenario>, Sources), Failure> {
    let on_disk: Vec<&Path> = selection
        .names
        .iter()
        .map(Path::new)
        .filter(|path| path.extension().is_some() && context.working_dir.join(path).exists())
        .collect();
    let sources = read(context, &on_disk)?;
    let suite = load(&sources);
    let errors: Vec<Diagnostic> =
        check(&suite, false).into_iter().filter(|one| one.severity == Severity::Error).collect();
    let (chosen, complete) = choose(&suite, &sources, selection, context)?;
    // A faulty file may be why a scenario that was asked for cannot be loaded.
    let concerns = |diagnostic: &&Diagnostic| {
        selection.names.is_empty()
            || !complete
            || chosen.iter().any(|one| one.source.path == diagnostic.source.path)
    };
    let shown: Vec<String> = errors
        .iter()
        .filter(concerns)
        .map(|one| render(one, context.color_of_errors, context.width))
        .collect();
    if shown.is_empty() {
        return Ok((chosen, sources));
    }
    Err(Failure::usage(format!("the scenarios have errors\n\n{}", shown.join("\n")))
        .hint("`gatecrash check` shows all that is wrong"))
}

/// The chosen scenarios, and whether all that are named could be loaded.
fn choose(
    suite: &Suite,
    sources: &Sources,
    selection: &Selection<'_>,
    context: &Context,
) -> Result<(Vec<Scenario>, bool), Failure> {
    let mut wanted = vec![false; suite.scenarios.len()];
    let mut complete = true;
    for name in selection.names {
        let test = matcher(name, context)?;
        let mut found = false;
        for (scenario, wanted) in suite.scenarios.iter().zip(&mut wanted) {
            if test(&scenario.id, &scenario.source) {
                *wanted = true;
                found = true;
            }
        }
        let loaded = |id: &str| {
            let below = format!("{id}/");
            suite.scenarios.iter().any(|one| one.id == id || one.id.starts_with(&below))
        };
        let faulty = sources.iter().any(|(id, source)| {
            let row_of_it = name.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with('/'));
            (test(id, source) || row_of_it) && !loaded(id)
        });
        complete &= !faulty;
        if !found && !faulty {
            let ids: Vec<&str> = suite.scenarios.iter().map(|one| one.id.as_str()).collect();
            let hint = did_you_mean(name, ids.iter().copied()).map_or_else(
                || "`gatecrash list` shows all scenarios".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Failure::usage(format!("no scenario is called `{name}`")).hint(hint));
        }
    }
    let tagged = |one: &Scenario| selection.tags.iter().any(|tag| one.tags.contains(tag));
    let by_default = |one: &Scenario| selection.names.is_empty() && !one.tags.iter().any(|tag| tag == SLOW);
    let chosen: Vec<Scenario> = suite
        .scenarios
        .iter()
        .zip(wanted)
        .filter(|(one, wanted)| {
            if selection.tags.is_empty() {
                *wanted || by_default(one)
            } else {
                tagged(one) && (*wanted || selection.names.is_empty())
            }
        })
        .map(|(one, _)| one.clone())
        .collect();
    if chosen.is_empty() && complete && suite.diagnostics.is_empty() {
        let tags = selection.tags.join(", ");
        return Err(
            Failure::usage(format!("no scenario has the tag {tags}")).hint("`gatecrash list` shows all tags")
        );
    }
    Ok((chosen, complete))
}

type Test = Box<dyn Fn(&str, &Source) -> bool>;

/// A name selects the scenario of that id, all rows of a table, all below a folder, or what a glob matches.
fn matcher(name: &str, context: &Context) -> Result<Test, Failure> {
    if name.contains(['*', '?', '[', '{']) {
        let glob =
            Glob::new(name).map_err(|error| Failure::usage(format!("`{name}` is not a glob: {error}")))?;
        let glob = glob.compile_matcher();
        return Ok(Box::new(move |id, _| glob.is_match(id)));
    }
    let below = format!("{}/", name.trim_end_matches('/'));
    let by_id = name.to_owned();
    let place = context.working_dir.join(name).canonicalize().ok();
    let working_dir = context.working_dir.clone();
    Ok(Box::new(move |id, source| {
        let by_place = place.as_ref().is_some_and(|place| {
            let source = working_dir.join(&source.path).canonicalize();
            source.is_ok_and(|source| source.starts_with(place))
        });
        id == by_id || id.starts_with(&below) || by_place
    }))
}

/// Ids of all scenarios below a folder, for tests that make one test of each. Slow ones are left out.
pub fn scenario_ids(root: &Path) -> Result<Vec<String>, Failure> {
    let mut sources = Vec::new();
    read_below(root, root, Path::new(FOLDER), &mut sources)?;
    let quick = load(&sources).scenarios.into_iter().filter(|one| !one.tags.iter().any(|tag| tag == SLOW));
    Ok(quick.map(|one| one.id).collect())
}

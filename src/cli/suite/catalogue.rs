//! All suites that a command can reach, and what its names mean in them.

use std::path::{Path, PathBuf};

use super::names::{Pick, is_glob, is_path};
use super::root::{
    FOLDER, Root, absolute, found_from, is_scenario_name, is_suite_folder, scenario_files, shown, suite_above,
};
use super::shelf::Shelf;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::origins;
use crate::scenario::{BUILT_IN, GivenVars, Scenario};
use crate::suggest::{did_you_mean, question};

/// Where all scenarios can be found.
const LISTED: &str = "`gatecrash list` shows all scenarios";

/// All suites that a command can reach.
///
/// Ids without a prefix belong to the first suite: the folder that `--folder` names, the folder `scenarios` if it contains
/// scenarios, the suite that contains the working directory, or the built-in one. Files elsewhere belong to suites of their
/// own.
pub(in crate::cli) struct Catalogue<'a> {
    context: &'a Context,
    /// Whether the first suite was named.
    is_named: bool,
    /// The first suite is the one of ids without a prefix.
    pub(super) shelves: Vec<Shelf>,
    /// Whether all files of the first suite were added.
    is_whole: bool,
    /// A remark on the choice of the suite.
    note: Option<String>,
    /// Values for variables of scenarios.
    vars: GivenVars,
}

/// What a name refers to.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What it selects in each suite.
    pub(super) picks: Vec<(usize, Pick)>,
    /// A generated scenario: one from another origin.
    pub(super) made: Option<(usize, Box<Scenario>)>,
}

impl<'a> Catalogue<'a> {
    /// Finds the suite of ids without a prefix.
    pub(in crate::cli) fn open(context: &'a Context, folder: Option<&Path>) -> Result<Self, Failure> {
        let here = &context.working_dir;
        let mut note = None;
        let shelf = if let Some(folder) = folder {
            let place = absolute(here, folder);
            if !place.is_dir() {
                let what = if place.exists() { "is not a folder" } else { "does not exist" };
                return Err(Failure::usage(format!("the folder {} {what}", folder.display()))
                    .hint("--folder names the folder that scenario ids are relative to"));
            }
            Shelf::below(&place, here)
        } else if let Some(found) = found_from(here) {
            Shelf::below(&found, here)
        } else {
            if here.join(FOLDER).is_dir() {
                note = Some(format!(
                    "the folder `{FOLDER}` contains no scenario, so the built-in suite is used"
                ));
            }
            Shelf::built_in(false)
        };
        let shelves = vec![shelf];
        let vars = GivenVars::new();
        Ok(Self { context, is_named: folder.is_some(), shelves, is_whole: false, note, vars })
    }

    /// Gives values for variables, before anything is loaded.
    #[must_use]
    pub(super) fn with_vars(mut self, vars: GivenVars) -> Self {
        self.shelves = self.shelves.into_iter().map(|one| one.with_vars(vars.clone())).collect();
        self.vars = vars;
        self
    }

    /// The remark on the choice of the first suite, if that suite was used.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref().filter(|_| self.is_whole)
    }

    /// A line on standard error.
    pub(super) fn say(&self, line: &str) {
        self.context.say(line);
    }

    /// Whether ids without a prefix belong to the built-in suite.
    fn is_built_in(&self) -> bool {
        self.shelves[0].root == Root::BuiltIn
    }

    /// The number of the first suite, with all its files.
    pub(super) fn whole(&mut self) -> Result<usize, Failure> {
        if !self.is_whole {
            self.shelves[0].add_all()?;
            self.is_whole = true;
        }
        self.shelves[0].load()?;
        Ok(0)
    }

    /// Ids of all scenarios, including those of the built-in suite.
    pub(in crate::cli) fn ids(&mut self) -> Result<Vec<String>, Failure> {
        let suites = [self.whole()?, self.built_in()?];
        let mut ids: Vec<String> =
            suites.iter().flat_map(|at| self.shelves[*at].scenarios()).map(|one| one.id.clone()).collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Tags of the scenarios in the first suite.
    pub(in crate::cli) fn tags(&mut self) -> Result<Vec<String>, Failure> {
        let first = self.whole()?;
        let scenarios = self.shelves[first].scenarios();
        let mut tags: Vec<String> = scenarios.iter().flat_map(|one| one.tags.clone()).collect();
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    /// The folder that ids of a suite are relative to, as a command line names it; none for the suite that is found by
    /// default.
    pub(super) fn folder(&self, shelf: usize) -> Option<String> {
        match &self.shelves.get(shelf)?.root {
            Root::Folder(root) if shelf > 0 || self.is_named => {
                Some(shown(&self.context.working_dir, root).display().to_string())
            }
            // Its ids have the prefix `builtin:` next to the named suite.
            Root::BuiltIn if self.is_named => self.folder(0),
            _ => None,
        }
    }

    fn built_in(&mut self) -> Result<usize, Failure> {
        if self.is_built_in() {
            return self.whole();
        }
        let at = self.shelves.iter().position(|one| one.root == Root::BuiltIn).unwrap_or_else(|| {
            self.shelves.push(Shelf::built_in(true).with_vars(self.vars.clone()));
            self.shelves.len() - 1
        });
        self.shelves[at].load()?;
        Ok(at)
    }

    fn below(&mut self, root: &Path) -> usize {
        let wanted = Root::Folder(root.to_owned());
        self.shelves.iter().position(|one| one.root == wanted).unwrap_or_else(|| {
            let shelf = Shelf::below(root, &self.context.working_dir);
            self.shelves.push(shelf.with_vars(self.vars.clone()));
            self.shelves.len() - 1
        })
    }

    /// Adds the files of all these names that are ids, so that the files are not loaded again for each of them.
    pub(super) fn expect(&mut self, names: &[String]) -> Result<(), Failure> {
        if self.is_named && !self.is_whole {
            for name in
                names.iter().filter(|name| !name.starts_with(BUILT_IN) && !is_path(name) && !is_glob(name))
            {
                self.shelves[0].add_id(name.trim_end_matches('/'))?;
            }
        }
        Ok(())
    }

    /// What a name refers to: a path, a glob or an id; after `builtin:`, an id or a glob of the built-in suite.
    pub(super) fn resolve(&mut self, name: &str) -> Result<Named, Failure> {
        let named = |picks| Named { picks, made: None };
        if let Some(rest) = name.strip_prefix(BUILT_IN) {
            return self.resolve_built_in(name, rest);
        }
        let place = absolute(&self.context.working_dir, Path::new(name));
        if is_path(name) {
            if place.exists() {
                return Ok(named(self.files_of(name, &place)?));
            }
            // `roles/x.yaml` is found below the root, too.
            let bare = name.trim_start_matches("./");
            let id = bare.strip_suffix(".yaml").or_else(|| bare.strip_suffix(".yml")).unwrap_or(bare);
            let first = self.whole()?;
            let is_file = |id: &str| self.shelves[first].files.iter().any(|one| one.id == id);
            if is_file(id) && is_scenario_name(Path::new(name)) && !is_glob(name) {
                return Ok(named(vec![(first, Pick::Id(id.to_owned()))]));
            }
            if !is_glob(name) {
                return Err(self.no_such_path(name, &place));
            }
        }
        if is_glob(name) && !place.exists() {
            let first = self.whole()?;
            return Ok(named(vec![(first, Pick::glob(name)?)]));
        }
        self.resolve_word(name, &place)
    }

    fn resolve_built_in(&mut self, name: &str, rest: &str) -> Result<Named, Failure> {
        let at = self.built_in()?;
        let prefix = if self.is_built_in() { "" } else { BUILT_IN };
        let rest = rest.trim_end_matches('/');
        let bare = rest.strip_suffix(".yaml").or_else(|| rest.strip_suffix(".yml")).unwrap_or(rest);
        let id = format!("{prefix}{bare}");
        let pick = match rest {
            "" => Pick::All,
            rest if is_glob(rest) => Pick::glob(&format!("{prefix}{rest}"))?,
            _ => Pick::Id(id.clone()),
        };
        let named = |picks, made| Named { picks, made };
        let shelf = &self.shelves[at];
        if matches!(pick, Pick::Id(_)) && !shelf.files.iter().any(|one| pick.concerns(&one.id, &one.source)) {
            return Err(self.unknown(name));
        }
        if matches!(pick, Pick::Id(_))
            && !shelf.scenarios().iter().any(|one| pick.picks(&one.id, &one.source))
        {
            let made = origins::from_id(&id, shelf.scenarios()).ok_or_else(|| self.unknown(name))?;
            return Ok(named(Vec::new(), Some((at, Box::new(made)))));
        }
        Ok(named(vec![(at, pick)], None))
    }

    /// A word: an id of the first suite, or a file or folder.
    fn resolve_word(&mut self, name: &str, place: &Path) -> Result<Named, Failure> {
        let named = |picks| Named { picks, made: None };
        let word = name.trim_end_matches('/');
        let pick = Pick::Id(word.to_owned());
        // A named folder may contain much else, so only the requested file is read.
        if self.is_named && !self.is_whole && self.shelves[0].add_id(word)? {
            self.shelves[0].load()?;
        } else {
            self.whole()?;
        }
        let shelf = &self.shelves[0];
        let is_whole_id = shelf.scenarios().iter().any(|one| one.id == word)
            || shelf.files.iter().any(|one| one.id == word);
        let is_section = shelf.files.iter().any(|one| pick.picks(&one.id, &one.source))
            || shelf.scenarios().iter().any(|one| pick.picks(&one.id, &one.source));
        if is_whole_id || (is_section && (self.is_named || !place.exists())) {
            return Ok(named(vec![(0, pick)]));
        }
        if let Some(made) = origins::from_id(word, shelf.scenarios()) {
            return Ok(Named { picks: Vec::new(), made: Some((0, Box::new(made))) });
        }
        // It may be a row of a table that does not load.
        if !is_section && shelf.files.iter().any(|one| pick.concerns(&one.id, &one.source)) {
            let has_rows = shelf.scenarios().iter().any(|one| {
                shelf.files.iter().any(|file| {
                    std::sync::Arc::ptr_eq(&file.source, &one.source) && pick.concerns(&file.id, &file.source)
                })
            });
            if !has_rows {
                return Ok(named(vec![(0, pick)]));
            }
            return Err(self.unknown(name));
        }
        if !place.exists() {
            return Err(self.unknown(name));
        }
        let holds_scenarios = is_suite_folder(place);
        if is_section && holds_scenarios && !self.is_of_first(place) {
            let folder = shown(&self.context.working_dir, place);
            let other = match &self.shelves[0].root {
                Root::BuiltIn => format!("`{BUILT_IN}{word}`"),
                Root::Folder(root) => {
                    format!("`{}`", shown(&self.context.working_dir, &root.join(word)).display())
                }
            };
            return Err(Failure::usage(format!(
                "`{name}` is a folder of scenarios and a section of the suite"
            ))
            .hint(format!("write `./{}` for the folder, or {other} for the section", folder.display())));
        }
        if is_section && !holds_scenarios {
            return Ok(named(vec![(0, pick)]));
        }
        Ok(named(self.files_of(name, place)?))
    }

    fn is_of_first(&self, place: &Path) -> bool {
        matches!(&self.shelves[0].root, Root::Folder(root) if place.starts_with(root))
    }

    /// The scenario files at a path, by the suites they belong to.
    fn files_of(&mut self, name: &str, place: &Path) -> Result<Vec<(usize, Pick)>, Failure> {
        let is_dir = place.is_dir();
        if !is_dir && !is_scenario_name(place) {
            return Err(Failure::usage(format!("`{name}` is not a scenario file"))
                .hint("the name of a scenario file ends in .yaml or .yml"));
        }
        let files = if is_dir { scenario_files(place)? } else { vec![place.to_owned()] };
        if files.is_empty() {
            return Err(Failure::nothing(format!("there is no scenario file below {name}"))
                .hint("a scenario file ends in .yaml or .yml; `gatecrash new scenario` writes one"));
        }
        let own = if is_dir { Some(place) } else { place.parent() };
        let mut picks: Vec<(usize, Pick)> = Vec::new();
        for file in files {
            let (at, file) = self.home_of(&file, own.unwrap_or(place))?;
            let source = self.shelves[at].add(&file)?;
            match picks.iter_mut().find(|(shelf, _)| *shelf == at) {
                Some((_, Pick::Files(sources))) => sources.push(source),
                _ => picks.push((at, Pick::Files(vec![source]))),
            }
        }
        for (at, _) in &picks {
            self.shelves[*at].load()?;
        }
        Ok(picks)
    }

    /// The suite of a file, and the file's path in it. A link to a file of a suite is that file.
    fn home_of(&mut self, file: &Path, own: &Path) -> Result<(usize, PathBuf), Failure> {
        let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        if let Root::Folder(root) = &self.shelves[0].root {
            let real_root = root.canonicalize().unwrap_or_else(|_| root.clone());
            let inside = match (file.strip_prefix(root), real.strip_prefix(&real_root)) {
                (Ok(_), _) => Some(file.to_owned()),
                (_, Ok(below)) => Some(root.join(below)),
                _ => None,
            };
            if let Some(inside) = inside {
                if !self.is_named {
                    self.whole()?;
                }
                return Ok((0, inside));
            }
        }
        let above = |place: &Path| suite_above(place).map(Path::to_owned);
        let (root, path) = match (above(file), above(&real)) {
            (Some(root), _) => (root, file.to_owned()),
            (None, Some(root)) => (root, real),
            (None, None) => (own.to_owned(), file.to_owned()),
        };
        Ok((self.below(&root), path))
    }

    fn no_such_path(&self, name: &str, place: &Path) -> Failure {
        let failure = Failure::usage(format!("there is no file or folder `{name}`"));
        let folder = place.parent().filter(|folder| folder.is_dir());
        let beside: Vec<String> = folder
            .and_then(|folder| std::fs::read_dir(folder).ok())
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let word = place.file_name().unwrap_or_default().to_string_lossy();
        let near = did_you_mean(&word, beside.iter().map(String::as_str));
        if let (Some(near), Some(folder)) = (near, folder) {
            let near = shown(&self.context.working_dir, &folder.join(near));
            return failure.hint(format!("did you mean `{}`?", near.display()));
        }
        let files = self.shelves.iter().flat_map(|shelf| &shelf.files).map(|one| one.source.path.as_str());
        failure.hint(question(name, files).unwrap_or_else(|| LISTED.to_owned()))
    }

    fn unknown(&mut self, name: &str) -> Failure {
        let failure = Failure::usage(format!("no scenario is called `{name}`"));
        // Without readable suites there is nothing to suggest.
        if self.whole().is_err() {
            return failure;
        }
        let bare = name.strip_prefix(BUILT_IN).unwrap_or(name);
        let prefix = if self.is_built_in() { "" } else { BUILT_IN };
        let own: Vec<String> = self.shelves[0].scenarios().iter().map(|one| one.id.clone()).collect();
        let built_in: Vec<String> = match self.built_in() {
            Ok(at) => self.shelves[at].scenarios().iter().map(|one| one.id.clone()).collect(),
            Err(_) => Vec::new(),
        };
        let exact = format!("{BUILT_IN}{bare}");
        let is_built_in = |id: &String| *id == exact || id.starts_with(&format!("{exact}/"));
        if !prefix.is_empty() && built_in.iter().any(is_built_in) {
            return failure.hint(format!("did you mean `{exact}`, of the built-in suite?"));
        }
        let hint = question(name, own.iter().map(String::as_str))
            .or_else(|| question(name, built_in.iter().map(String::as_str)));
        failure.hint(hint.unwrap_or_else(|| LISTED.to_owned()))
    }
}

//! The files of one suite and the scenarios in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::built_in;
use super::root::{DEFAULTS_NAME, LARGEST, Root, is_read, scenario_files, shown};
use crate::bounded_read;
use crate::cli::failure::Failure;
use crate::scenario::{
    BUILT_IN, Diagnostic, GivenVars, Scenario, Source, Span, Suite, is_of_defaults, load_with,
};

/// Scenarios with this tag run only on request.
pub(super) const SLOW: &str = "slow";

/// A file of a suite.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its path below the root, without the extension.
    pub(super) id: String,
    pub(super) source: Arc<Source>,
    /// The file itself, links followed; none for a built-in one.
    pub(super) place: Option<PathBuf>,
}

/// The files of one suite that have been requested so far.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) root: Root,
    pub(super) files: Vec<File>,
    /// The defaults of its folders.
    defaults: Vec<File>,
    /// The files among them that cannot be read, with the reason.
    unreadable: Vec<Diagnostic>,
    /// Displayed paths are relative to it.
    working_dir: PathBuf,
    /// Values for variables of its scenarios.
    vars: GivenVars,
    loaded: Option<Suite>,
}

impl Shelf {
    /// The built-in suite; its ids have the prefix `builtin:` if there is another suite.
    pub(super) fn built_in(beside: bool) -> Self {
        let prefix = if beside { BUILT_IN } else { "" };
        let file = |(path, text): (String, String)| {
            let id = format!("{prefix}{}", id_of(Path::new(&path)));
            let source = Arc::new(Source { path: format!("{BUILT_IN}{path}"), text });
            File { id, source, place: None }
        };
        let files = built_in::files().into_iter().filter(|(path, _)| is_read(Path::new(path)));
        let (defaults, files) = files.map(file).partition(|one| is_of_defaults(&one.id));
        Self {
            root: Root::BuiltIn,
            files,
            defaults,
            unreadable: Vec::new(),
            working_dir: PathBuf::new(),
            vars: GivenVars::new(),
            loaded: None,
        }
    }

    /// Gives values for variables, before anything is loaded.
    #[must_use]
    pub(super) fn with_vars(mut self, vars: GivenVars) -> Self {
        self.vars = vars;
        self
    }

    /// A suite below a folder, without files at first.
    pub(super) fn below(root: &Path, working_dir: &Path) -> Self {
        Self {
            root: Root::Folder(root.to_owned()),
            files: Vec::new(),
            defaults: Vec::new(),
            unreadable: Vec::new(),
            working_dir: working_dir.to_owned(),
            vars: GivenVars::new(),
            loaded: None,
        }
    }

    /// Adds a file of the suite, unless it was added before.
    pub(super) fn add(&mut self, path: &Path) -> Result<Arc<Source>, Failure> {
        // A link that leads nowhere is told of like every other file that cannot be read.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(known) = self.files.iter().find(|one| one.place.as_ref() == Some(&place)) {
            return Ok(Arc::clone(&known.source));
        }
        let Root::Folder(root) = &self.root else {
            return Err(Failure::usage(format!("{} is not a file of the built-in suite", path.display())));
        };
        let below = path.strip_prefix(root).unwrap_or(path);
        let root = root.clone();
        let source = self.read(path);
        self.files.push(File { id: id_of(below), source: Arc::clone(&source), place: Some(place) });
        self.loaded = None;
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&root)) {
            self.add_defaults(&root, &folder.join(DEFAULTS_NAME));
        }
        Ok(source)
    }

    /// Reads a file. One that cannot be read has no text and is a diagnostic.
    fn read(&mut self, path: &Path) -> Arc<Source> {
        let read = bounded_read::read_to_string(path, LARGEST);
        let (text, error) = match read {
            Ok(text) => (text, None),
            Err(error) => (String::new(), Some(error)),
        };
        let source = Arc::new(Source { path: shown(&self.working_dir, path).display().to_string(), text });
        if let Some(error) = error {
            let message = format!("the file cannot be read: {error}");
            let diagnostic = Diagnostic::error("unreadable", message, &source, Span::default());
            self.unreadable.push(diagnostic.help("a scenario is a text file in UTF-8"));
        }
        source
    }

    /// Adds the defaults of a folder, if it has any.
    fn add_defaults(&mut self, root: &Path, path: &Path) {
        let id = id_of(path.strip_prefix(root).unwrap_or(path));
        if !path.is_file() || self.defaults.iter().any(|one| one.id == id) {
            return;
        }
        let source = self.read(path);
        self.defaults.push(File { id, source, place: None });
    }

    /// Adds all files of the suite.
    pub(super) fn add_all(&mut self) -> Result<(), Failure> {
        if let Root::Folder(root) = self.root.clone() {
            for file in scenario_files(&root)? {
                self.add(&file)?;
            }
        }
        Ok(())
    }

    /// Adds the file of an id, its own or that of its table; whether there is one.
    pub(super) fn add_id(&mut self, id: &str) -> Result<bool, Failure> {
        let Root::Folder(root) = self.root.clone() else { return Ok(false) };
        let tables = std::iter::successors(Some(id), |id| id.rsplit_once('/').map(|(table, _)| table));
        for id in tables
            .filter(|id| Path::new(id).components().all(|one| matches!(one, std::path::Component::Normal(_))))
        {
            for extension in ["yaml", "yml"] {
                let path = root.join(format!("{id}.{extension}"));
                if path.is_file() {
                    self.add(&path)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Loads the scenarios of all added files, and adds the files that they use.
    pub(super) fn load(&mut self) -> Result<&Suite, Failure> {
        if self.loaded.is_none() {
            let mut suite = self.load_readable();
            while self.add_used(&suite)? {
                suite = self.load_readable();
            }
            self.loaded = Some(suite);
        }
        Ok(self.loaded.get_or_insert_default())
    }

    /// The suite of all files that can be read, and what is wrong with the others.
    fn load_readable(&self) -> Suite {
        let mut suite = load_with(&self.sources(), &self.vars);
        suite.diagnostics.extend(self.unreadable.iter().cloned());
        suite
    }

    /// The loaded scenarios.
    pub(super) fn scenarios(&self) -> &[Scenario] {
        self.loaded.as_ref().map_or(&[], |suite| &suite.scenarios)
    }

    /// The loaded suite.
    pub(super) fn suite(&self) -> Option<&Suite> {
        self.loaded.as_ref()
    }

    /// Texts with their ids, including the built-in ones if a text may use them.
    fn sources(&self) -> Vec<(String, Arc<Source>)> {
        let mut sources: Vec<(String, Arc<Source>)> = self
            .files
            .iter()
            .chain(&self.defaults)
            .filter(|one| !self.unreadable.iter().any(|error| Arc::ptr_eq(&error.source, &one.source)))
            .map(|one| (one.id.clone(), Arc::clone(&one.source)))
            .collect();
        let uses_built_in =
            self.root != Root::BuiltIn && self.files.iter().any(|one| one.source.text.contains(BUILT_IN));
        if uses_built_in {
            let built_in = Self::built_in(true);
            let files = built_in.files.into_iter().chain(built_in.defaults);
            sources.extend(files.map(|one| (one.id, one.source)));
        }
        sources
    }

    /// Adds files that loaded scenarios use and that are missing; whether there were any.
    fn add_used(&mut self, suite: &Suite) -> Result<bool, Failure> {
        let before = self.files.len();
        for one in suite.diagnostics.iter().filter(|one| one.code == "unknown-use") {
            let used = one.source.text.get(one.span.start..one.span.end).unwrap_or_default();
            let used = used.trim_matches(['"', '\'']).to_owned();
            self.add_id(&used)?;
        }
        Ok(self.files.len() > before)
    }
}

fn id_of(below_root: &Path) -> String {
    below_root.with_extension("").to_string_lossy().replace('\\', "/")
}

/// Ids of all scenarios below a folder, except slow ones, for tests that turn each into a test.
///
/// # Errors
///
/// When a file cannot be read, or there is no scenario.
pub fn scenario_ids(root: &Path) -> Result<Vec<String>, Failure> {
    let mut shelf = Shelf::below(root, root);
    shelf.add_all()?;
    let suite = shelf.load()?;
    let quick = suite.scenarios.iter().filter(|one| !one.tags.iter().any(|tag| tag == SLOW));
    let ids: Vec<String> = quick.map(|one| one.id.clone()).collect();
    if ids.is_empty() {
        return Err(Failure::nothing(format!("there is no scenario below {}", root.display())));
    }
    Ok(ids)
}

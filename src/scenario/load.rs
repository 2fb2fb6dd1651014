//! Loads scenarios from texts: parses, expands tables, decodes, and includes reused scenarios.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::assemble::assemble;
use super::check::check_file;
use super::decode::decode;
use super::decode_error::{DecodeError, Segment};
use super::defaults::{FolderDefaults, complete, is_of_defaults};
use super::diagnostic::{Diagnostic, tidy};
use super::draft::{Draft, Drafts};
use super::entries::Entries;
use super::expand::{ExpandedCase, expand};
use super::file::ScenarioFile;
use super::needed::too_new;
use super::source::Source;
use super::span::{Span, Spanned};
use super::story::Scenario;
use super::suggest::advice;
use super::tree::{NodeKind, Tree, read};
use super::vars::{FilledVars, GivenVars, Variable, fill_vars};

/// The scenarios in a set of files.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The scenarios that could be assembled, in the order of files and rows. They may still contain mistakes that
    /// [`super::check()`] finds.
    pub scenarios: Vec<Scenario>,
    /// What is wrong with the files.
    pub diagnostics: Vec<Diagnostic>,
}

/// Loads scenarios from texts, each given with its id: the path below `scenarios/`, without extension.
///
/// An error in one file does not hide those in another, and within a file each key and step is decoded on its own.
/// Scenarios that cannot be decoded, and those that use them, are left out.
pub fn load(sources: &[(String, Arc<Source>)]) -> Suite {
    load_with(sources, &GivenVars::new())
}

/// Like [`load`], with values for the variables of the files.
pub fn load_with(sources: &[(String, Arc<Source>)], given: &GivenVars) -> Suite {
    let mut diagnostics = Vec::new();
    let mut all = Drafts::default();
    let folders: Vec<FolderDefaults> =
        sources.iter().filter_map(|(id, source)| FolderDefaults::of(id, source, &mut diagnostics)).collect();
    for (id, source) in sources.iter().filter(|(id, _)| !is_of_defaults(id)) {
        if let Some((_, first)) =
            sources.iter().take_while(|(_, one)| !Arc::ptr_eq(one, source)).find(|(other, _)| other == id)
        {
            let message = format!("the id `{id}` is already used by {}", first.path);
            diagnostics.push(
                Diagnostic::error("duplicate-id", message, source, Span::default())
                    .help("rename one of the two files"),
            );
            continue;
        }
        let FileCases { mut cases, variables, mut found } = FileCases::read(source, given);
        for case in &mut cases {
            complete(case, id, source, &folders, &mut found);
        }
        let mut broken = !found.is_empty();
        diagnostics.extend(found);
        let rows: Vec<Spanned<String>> = cases.iter().filter_map(|case| case.row.clone()).collect();
        let mut drafts = Vec::new();
        for case in cases {
            let (draft, found) = draft(id, source, case, &variables);
            broken |= !found.is_empty();
            diagnostics.extend(found);
            drafts.extend(draft);
        }
        for draft in &drafts {
            diagnostics.extend(check_file(draft, &rows));
        }
        all.files.push((id.clone(), rows.iter().map(|row| format!("{id}/{}", row.value)).collect()));
        if !broken {
            all.drafts.extend(drafts);
        }
    }
    taken_by_rows(&all, sources, &mut diagnostics);
    let mut scenarios = Vec::new();
    for draft in &all.drafts {
        match assemble(draft, &all) {
            Ok(scenario) => scenarios.extend(scenario),
            Err(found) => diagnostics.extend(found),
        }
    }
    tidy(&mut diagnostics);
    Suite { scenarios, diagnostics }
}

/// What a file contains, before it is decoded.
#[derive(Default)]
struct FileCases {
    cases: Vec<ExpandedCase>,
    variables: Vec<Variable>,
    found: Vec<Diagnostic>,
}

impl FileCases {
    fn read(source: &Arc<Source>, given: &GivenVars) -> Self {
        let tree = match read(source) {
            Ok(tree) => tree,
            Err(diagnostic) => return Self { found: vec![*diagnostic], ..Self::default() },
        };
        if let Some(diagnostic) = too_new(&tree, source) {
            return Self { found: vec![diagnostic], ..Self::default() };
        }
        let FilledVars { tree, variables, diagnostics } = fill_vars(&tree, source, given);
        let (cases, mut found) = tree.map(|tree| expand(&tree, source)).unwrap_or_default();
        found.extend(diagnostics);
        Self { cases, variables, found }
    }
}

/// Reports rows whose id is also that of a file.
fn taken_by_rows(all: &Drafts, sources: &[(String, Arc<Source>)], diagnostics: &mut Vec<Diagnostic>) {
    for (file, rows) in &all.files {
        for row in rows {
            if let Some((_, source)) = sources.iter().find(|(id, _)| id == row) {
                let message = format!("the id `{row}` is already used by a row of `{file}`");
                let error = Diagnostic::error("duplicate-id", message, source, Span::default());
                diagnostics.push(error.help("rename the file or the row"));
            }
        }
    }
}

/// The top-level keys of a scenario file.
pub(super) const FILE_KEYS: &[&str] = &[
    "title",
    "why",
    "issue",
    "source",
    "tags",
    "requires",
    "vars",
    "config",
    "starts_on",
    "files",
    "env",
    "alone",
    "devices",
    "each",
    "use",
    "defaults",
    "owner",
    "observe",
    "steps",
    "finally",
    "vague",
    "deviations",
];

/// Decodes one case key by key, so that one error does not hide another.
fn draft(
    id: &str,
    source: &Arc<Source>,
    case: ExpandedCase,
    variables: &[Variable],
) -> (Option<Draft>, Vec<Diagnostic>) {
    let NodeKind::Map(entries) = &case.tree.kind else {
        let message = format!("a scenario is a mapping, found {}", case.tree.describe());
        let error = Diagnostic::error("wrong-type", message, source, case.tree.span);
        return (None, vec![error.help("start with `title:`, `why:` and `steps:`")]);
    };
    let mut diagnostics = Vec::new();
    for (key, _) in entries.iter().filter(|(key, _)| !FILE_KEYS.contains(&key.value.as_str())) {
        let message = format!("unknown key `{}`", key.value);
        let error = Diagnostic::error("unknown-key", message, source, key.span).label("unknown key");
        diagnostics.push(error.maybe_help(advice("allowed", &key.value, FILE_KEYS)));
    }
    for needed in ["title", "why", "steps"] {
        if case.tree.get(needed).is_none() {
            let start = entries.first().map_or(case.tree.span, |(key, _)| key.span);
            let error = Diagnostic::error("missing-key", format!("`{needed}` is missing"), source, start);
            diagnostics.push(error.label(format!("this file needs `{needed}`")));
        }
    }
    let mut keys = Keys { source, tree: &case.tree, diagnostics };
    let title: Option<Spanned<String>> = keys.one("title");
    let why: Option<Spanned<String>> = keys.one("why");
    let file = ScenarioFile {
        title: title.unwrap_or_default(),
        why: why.unwrap_or_default(),
        issue: keys.one("issue"),
        source: keys.list("source"),
        tags: keys.list("tags"),
        requires: keys.one("requires").unwrap_or_default(),
        vars: BTreeMap::new(),
        config: keys.one("config"),
        starts_on: keys.one("starts_on"),
        files: keys.one("files"),
        env: keys.one("env"),
        alone: keys.one("alone").unwrap_or_default(),
        devices: keys.entries("devices"),
        each: Vec::new(),
        uses: keys.list("use"),
        defaults: keys.one("defaults"),
        owner: keys.one("owner"),
        observe: keys.one("observe"),
        steps: keys.list("steps"),
        finally: keys.list("finally"),
        vague: keys.entries("vague"),
        deviations: keys.list("deviations"),
    };
    let diagnostics = keys.diagnostics;
    let title = match &case.row {
        Some(row) if !case.title_is_own => format!("{} ({})", file.title.value, row.value),
        _ => file.title.value.clone(),
    };
    let id = case.row.as_ref().map_or_else(|| id.to_owned(), |row| format!("{id}/{}", row.value));
    let variables = variables.to_vec();
    let source = Arc::clone(source);
    let draft = Draft { id, source, row: case.row, title, variables, file, tree: case.tree };
    (diagnostics.is_empty().then_some(draft), diagnostics)
}

/// Decodes the values of top-level keys.
struct Keys<'a> {
    source: &'a Arc<Source>,
    tree: &'a Tree,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Keys<'a> {
    fn value(&self, key: &str) -> Option<(Span, &'a Tree)> {
        let NodeKind::Map(entries) = &self.tree.kind else { return None };
        entries.iter().find(|(name, _)| name.value == key).map(|(name, value)| (name.span, value))
    }

    fn keep<T>(&mut self, value: Result<T, DecodeError>, key: &str, place: Span) -> Option<T> {
        let error = value.map_err(|error| error.at(place).below(Segment::Key(key.to_owned())));
        match error {
            Ok(value) => Some(value),
            Err(error) => {
                self.diagnostics.push(error.into_diagnostic(self.source));
                None
            }
        }
    }

    fn one<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let (place, tree) = self.value(key)?;
        self.keep(decode(tree), key, place)
    }

    /// Decodes a list, each element on its own.
    fn list<T: DeserializeOwned>(&mut self, key: &str) -> Vec<T> {
        let Some((place, tree)) = self.value(key) else { return Vec::new() };
        let NodeKind::List(list) = &tree.kind else {
            return self.keep(decode(tree), key, place).unwrap_or_default();
        };
        let element = |(index, one): (usize, &Tree)| {
            let value = decode(one);
            value.map_err(|error| error.at(one.span).below(Segment::Index(index)))
        };
        list.iter().enumerate().map(element).filter_map(|value| self.keep(value, key, place)).collect()
    }

    /// Decodes a mapping, each entry on its own.
    fn entries<T: DeserializeOwned>(&mut self, key: &str) -> Entries<T> {
        let Some((place, tree)) = self.value(key) else { return Entries::default() };
        let NodeKind::Map(entries) = &tree.kind else {
            return self.keep(decode(tree), key, place).unwrap_or_default();
        };
        let entry = |(name, value): &(Spanned<String>, Tree)| {
            let value = decode(value);
            value
                .map(|value| (name.clone(), value))
                .map_err(|error| error.at(name.span).below(Segment::Key(name.value.clone())))
        };
        Entries(entries.iter().map(entry).filter_map(|value| self.keep(value, key, place)).collect())
    }
}

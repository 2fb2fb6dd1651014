//! Exceptions: questions about a surface that need not be asked, or that scenarios ask without naming the entry.

use globset::{Glob, GlobMatcher};
use serde::Deserialize;

use crate::release::{Release, ReleaseRange};

/// The exceptions of this version, for a gatecrash that does not run in its repository.
pub const BUILT_IN: &str = include_str!("../../../coverage/surface.yaml");

/// Exceptions with their reasons.
#[derive(Debug)]
pub struct Exceptions {
    entries: Vec<ExceptionEntry>,
}

/// Why exceptions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionError {
    /// The text is not a list of exceptions.
    #[error("the exceptions of the surface cannot be read")]
    Shape(#[source] serde_saphyr::Error),
    /// A name is not a pattern.
    #[error("the exceptions of the surface cannot be read: a name is not a pattern")]
    Pattern(#[from] globset::Error),
    /// An entry has neither a reason nor scenarios.
    #[error("the exceptions of the surface cannot be read: {0} has neither a reason nor scenarios")]
    NoReason(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionsFile {
    table: String,
    names: Vec<String>,
    /// The questions that are not asked; all of them if the list is empty.
    #[serde(default)]
    questions: Vec<String>,
    releases: Option<ReleaseRange>,
    #[serde(default)]
    scenarios: Vec<String>,
    reason: Option<String>,
}

#[derive(Debug)]
struct ExceptionEntry {
    table: String,
    names: Vec<GlobMatcher>,
    questions: Vec<String>,
    releases: Option<ReleaseRange>,
    scenarios: Vec<String>,
    reason: Option<String>,
}

impl Exceptions {
    /// Reads exceptions from YAML.
    ///
    /// # Errors
    /// Fails if the text is not a list of exceptions, or if one has neither a reason nor scenarios.
    pub fn read(text: &str) -> Result<Self, ExceptionError> {
        let written: Vec<ExceptionsFile> = serde_saphyr::from_str(text).map_err(ExceptionError::Shape)?;
        let entries = written.into_iter().map(|one| {
            let reason = one.reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            if reason.is_none() && one.scenarios.is_empty() {
                return Err(ExceptionError::NoReason(one.names.join(", ")));
            }
            let names = one.names.iter().map(|name| Ok(Glob::new(name)?.compile_matcher()));
            let names: Result<Vec<GlobMatcher>, globset::Error> = names.collect();
            Ok(ExceptionEntry {
                table: one.table,
                names: names?,
                questions: one.questions,
                releases: one.releases,
                scenarios: one.scenarios,
                reason,
            })
        });
        Ok(Self { entries: entries.collect::<Result<_, _>>()? })
    }

    /// The scenarios that ask a question without naming the entry.
    pub(super) fn scenarios(&self, table: &str, name: &str, question: &str, release: &Release) -> Vec<&str> {
        let fitting = self.entries.iter().filter(|one| one.fits(table, name, question, release));
        fitting.flat_map(|one| &one.scenarios).map(String::as_str).collect()
    }

    /// Why a question is not asked.
    pub(super) fn reason(&self, table: &str, name: &str, question: &str, release: &Release) -> Option<&str> {
        let fitting = self.entries.iter().filter(|one| one.fits(table, name, question, release));
        fitting.filter(|one| one.scenarios.is_empty()).find_map(|one| one.reason.as_deref())
    }
}

impl ExceptionEntry {
    fn fits(&self, table: &str, name: &str, question: &str, release: &Release) -> bool {
        self.table == table
            && self.releases.as_ref().is_none_or(|releases| releases.contains(release))
            && (self.questions.is_empty() || self.questions.iter().any(|one| one == question))
            && self.names.iter().any(|one| one.is_match(name))
    }
}

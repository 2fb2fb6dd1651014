//! What a name on the command line selects.

use std::path::Path;
use std::sync::Arc;

use globset::{Glob, GlobMatcher};

use crate::cli::failure::Failure;
use crate::scenario::Source;

/// What a name selects in one suite.
#[derive(Clone, Debug)]
pub(super) enum Pick {
    /// The whole suite.
    All,
    /// The scenario of this id, the rows of a table, or all of a section.
    Id(String),
    /// Scenarios whose id or path matches a glob.
    Glob(GlobMatcher),
    /// The scenarios of these files.
    Files(Vec<Arc<Source>>),
}

impl Pick {
    /// Parses a glob.
    pub(super) fn glob(text: &str) -> Result<Self, Failure> {
        let glob = Glob::new(text)
            .map_err(|error| Failure::usage(error).context(format!("`{text}` is not a glob")))?;
        Ok(Self::Glob(glob.compile_matcher()))
    }

    /// Whether it selects a scenario.
    pub(super) fn picks(&self, id: &str, source: &Arc<Source>) -> bool {
        match self {
            Self::All => true,
            Self::Id(name) => is_or_is_below(id, name),
            Self::Glob(glob) => glob.is_match(id) || glob.is_match(&source.path),
            Self::Files(files) => files.iter().any(|one| Arc::ptr_eq(one, source)),
        }
    }

    /// Whether it may select a scenario of this file, judged without reading the file.
    pub(super) fn concerns(&self, id: &str, source: &Arc<Source>) -> bool {
        match self {
            Self::Id(name) => self.picks(id, source) || is_or_is_below(name, id),
            _ => self.picks(id, source),
        }
    }
}

fn is_or_is_below(id: &str, above: &str) -> bool {
    id.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a name can only be a path: an id has neither a leading `/` or `.`, nor an extension.
pub(super) fn is_path(name: &str) -> bool {
    let leads = ["/", "./", "../", "~"].iter().any(|lead| name.starts_with(lead));
    let extension = Path::new(name).extension();
    leads || matches!(name, "." | "..") || extension.is_some_and(|one| one == "yaml" || one == "yml")
}

/// Whether a name contains characters of a glob.
pub(super) fn is_glob(name: &str) -> bool {
    name.contains(['*', '?', '[', '{'])
}

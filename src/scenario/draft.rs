//! The cases of files before reused scenarios are put in place.

use std::sync::Arc;

use super::file::ScenarioFile;
use super::source::Source;
use super::span::Spanned;
use super::tree::Tree;

/// What the ids of built-in scenarios begin with where they stand beside those of another suite.
pub const BUILT_IN: &str = "builtin:";

/// One case of a file, decoded, before reused scenarios are put in place.
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) source: Arc<Source>,
    pub(super) row: Option<Spanned<String>>,
    pub(super) title: String,
    pub(super) file: ScenarioFile,
    /// The trees of `steps` and `finally`, for the places of references.
    pub(super) tree: Tree,
}

/// What is known of the files: all ids, and the drafts that could be decoded.
#[derive(Default)]
pub(super) struct Drafts {
    /// Id of each file with its rows; no rows where it has no table.
    pub(super) files: Vec<(String, Vec<String>)>,
    pub(super) drafts: Vec<Draft>,
}

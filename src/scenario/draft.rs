//! Drafts: decoded cases, before the scenarios they use are included.

use std::sync::Arc;

use super::file::ScenarioFile;
use super::source::Source;
use super::span::Spanned;
use super::tree::Tree;
use super::vars::Variable;

/// Prefix of the ids of built-in scenarios when they are used together with another suite.
pub const BUILT_IN: &str = "builtin:";

/// One decoded case of a file, before the scenarios it uses are included.
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) source: Arc<Source>,
    pub(super) row: Option<Spanned<String>>,
    pub(super) title: String,
    pub(super) variables: Vec<Variable>,
    pub(super) file: ScenarioFile,
    /// The whole tree of the case, for the positions of references.
    pub(super) tree: Tree,
}

/// All files of a suite: every id, and the drafts that could be decoded.
#[derive(Default)]
pub(super) struct Drafts {
    /// Id of each file, with the ids of its rows if it has a table.
    pub(super) files: Vec<(String, Vec<String>)>,
    pub(super) drafts: Vec<Draft>,
}

//! The documents in which the result of an exploration can be written.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::explore::{self, ReportedFinding};
use super::explore_page;
use crate::explore::Explored;

/// A requested report of an exploration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExploreReport {
    /// One JSON document.
    Json(PathBuf),
    /// Markdown.
    Markdown(PathBuf),
    /// One HTML page.
    Html(PathBuf),
}

impl FromStr for ExploreReport {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((_, "")) => Err(format!("`{text}` names no file")),
            Some(("json", file)) => Ok(Self::Json(file.into())),
            Some(("markdown", file)) => Ok(Self::Markdown(file.into())),
            Some(("html", file)) => Ok(Self::Html(file.into())),
            _ => Err(format!("`{text}` is no report: write json=FILE, markdown=FILE or html=FILE")),
        }
    }
}

impl ExploreReport {
    /// Where it goes; `-` is standard output.
    pub fn to(&self) -> &Path {
        match self {
            Self::Json(to) | Self::Markdown(to) | Self::Html(to) => to,
        }
    }

    /// Its text.
    pub fn render(&self, names: &[String], explored: &Explored, findings: &[ReportedFinding]) -> String {
        match self {
            Self::Json(_) => format!("{:#}\n", explore::document(names, explored, findings)),
            Self::Markdown(_) => explore::markdown(names, explored, findings),
            Self::Html(_) => explore_page::html(names, explored, findings),
        }
    }
}

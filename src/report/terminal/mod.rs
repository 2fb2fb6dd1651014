//! Terminal output: progress during a run, and its results at the end.

mod agreement;
mod code;
mod code_mutants;
mod comparison;
mod difference;
mod end;
mod explore;
mod list;
mod live;
mod matrix;
mod mutants;
mod palette;
mod rules;
mod story;
mod timelines;
mod topic;

pub use agreement::agreement;
pub use code::{code, executed_by, never_executed};
pub use code_mutants::code_mutants;
pub use comparison::comparison;
pub use end::{render, render_shown};
pub use explore::{explore_line, explored};
pub use live::{Detail, Live};
pub(crate) use matrix::headings;
pub use mutants::mutants;
pub use palette::Palette;
#[cfg(test)]
pub(crate) use palette::mark;
pub use rules::rules;
pub use story::story;
pub use topic::topic;

/// How a text should appear.
#[derive(Clone, Copy, Debug)]
pub struct Appearance {
    /// The width in columns.
    pub width: usize,
    /// The colours to use.
    pub palette: Palette,
}

/// What of a run is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Only what is not as expected, and the result.
    Differences,
    /// Everything, except that what is fine in a large run is counted.
    #[default]
    Usual,
    /// Every cell.
    All,
}

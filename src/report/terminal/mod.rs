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
pub use end::render;
pub use explore::{explore_line, explored};
pub use live::Live;
pub(crate) use matrix::headings;
pub use mutants::mutants;
pub use palette::Palette;
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

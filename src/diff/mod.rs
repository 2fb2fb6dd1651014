//! Compares two targets within one run, for example the model with the release that it stands for.

mod agreement;
mod comparable;

pub use agreement::{Agreement, FramePair, Incomparable, StepDifference, agreement};
pub use comparable::{comparable, differing_place};

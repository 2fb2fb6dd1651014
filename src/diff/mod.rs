//! What differs between two targets in one run. Used to hold the model against the real thing.

mod agreement;
mod comparable;

pub use agreement::{Agreement, FramePair, Incomparable, StepDifference, agreement};
pub use comparable::{comparable, differing_place};

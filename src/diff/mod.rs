//! What differs between two targets in one run. Used to hold the model against the real thing.

mod agreement;
mod essence;

pub use agreement::{Agreement, FramePair, Incomparable, StepDifference, agreement};
pub use essence::{differing_place, essence};

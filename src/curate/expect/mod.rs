//! Writing deviations from stored runs: `gatecrash expect update`.

mod candidate;
mod edit;
mod measured;
mod spans;
mod update;

pub use edit::DeviationEditError;
pub use measured::cut_short;
pub use update::{FileUpdate, LeftAlone, Problem, update};

//! Deviations written from stored runs: `gatecrash expect update`.

mod candidate;
mod edit;
mod spans;
mod update;

pub use update::{FileUpdate, LeftAlone, Problem, update};

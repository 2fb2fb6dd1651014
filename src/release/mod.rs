//! Releases of the gateway, which are versioned by date: parsing, order, ranges and sets.

mod published;
mod range;
mod set;
mod version;

pub use published::{PUBLISHED, are_neighbours, span_of_change};
pub use range::{ParseRangeError, ReleaseRange};
pub use set::ReleaseSet;
pub use version::{ParseReleaseError, Release, Suffix};

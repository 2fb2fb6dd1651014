//! Calendar releases: parsing, order and ranges.

mod published;
mod range;
mod set;
mod version;

pub use published::{PUBLISHED, are_neighbours, span_of_change};
pub use range::{ParseRangeError, ReleaseRange};
pub use set::ReleaseSet;
pub use version::{ParseReleaseError, Release, Suffix};

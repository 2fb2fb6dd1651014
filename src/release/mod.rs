//! Calendar releases: parsing, order and ranges.

mod published;
mod range;
mod version;

pub use published::{PUBLISHED, are_neighbours, span_of_change};
pub use range::{ParseRangeError, ReleaseRange};
pub use version::{ParseReleaseError, Release, Suffix};

//! Calendar releases: parsing, order and ranges.

mod range;
mod version;

pub use range::{ParseRangeError, ReleaseRange};
pub use version::{ParseReleaseError, Release, Suffix};

//! Which known cases the suite covers, and why it does not cover the others.

mod known_case;
mod table;

pub use known_case::{BUILT_IN, KnownCase, SourceKind, SourcesError, read};
pub use table::{CoveredSource, Section, SourceCoverage, coverage, markdown};

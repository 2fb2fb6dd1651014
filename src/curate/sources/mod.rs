//! The known cases that the suite is measured by: which of them it covers, and why not the others.

mod known_case;
mod table;

pub use known_case::{BUILT_IN, KnownCase, SourceKind, SourcesError, read};
pub use table::{CoveredSource, Section, SourceCoverage, coverage, markdown};

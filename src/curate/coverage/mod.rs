//! Which known cases the suite covers, and why it does not cover the others.

mod sources;
mod table;

pub use sources::{BUILT_IN, Source, SourceKind, SourcesError, read};
pub use table::{Coverage, CoveredSource, Section, coverage, markdown};

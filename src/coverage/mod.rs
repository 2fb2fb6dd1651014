//! The gateway's own code under the suite: which lines, branches and functions of the code in scope are
//! executed, and by which scenarios.

mod chunk;
mod collect;
mod measure;
mod place;
mod profile;
mod region;
mod scope;
#[cfg(test)]
mod tests;
mod units;

pub use chunk::{Chunk, Part, Spot};
pub use collect::{CollectError, Collected, chunks_of, collect, real_paths};
pub use measure::{
    COVERAGE_FORMAT, CodeCoverage, Counts, FileCoverage, Group, LeftOutFunction, Mark, Never, RunBy, Trace,
    measure,
};
pub use place::{Branch, Kind, Place, Unreadable, places};
pub use profile::{Counted, Executed, Function, Profile, Script};
pub use region::{Region, regions};
pub use scope::{BUILT_IN, Scope, ScopeError};
pub use units::Units;

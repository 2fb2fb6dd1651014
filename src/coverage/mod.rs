//! Code coverage of the gateway: which lines, branches and functions of its code in scope the suite executes, and which
//! scenarios do.

mod chunk;
mod collect;
mod log_call;
mod measure;
mod name;
mod place;
mod profile;
mod region;
mod scope;
mod surface;
#[cfg(test)]
mod tests;
mod units;

pub use chunk::{Chunk, ChunkPart, CodeSpot};
pub use collect::{CollectError, Collected, bundled_of, chunks_of, collect, real_paths};
pub use log_call::writes_to_the_log;
pub use measure::{
    COVERAGE_FORMAT, CodeCoverage, ExecutionMark, FileCoverage, LeftOutFunction, LeftOutPlace, Never,
    PlaceCounts, RunBy, ScenarioGroup, Trace, measure,
};
pub use name::without_numbers;
pub use place::{Branch, Place, PlaceKind, Unreadable, places};
pub use profile::{Counted, Executed, Function, V8Profile, V8Script};
pub use region::{Region, regions};
pub use scope::{BUILT_IN, Scope, ScopeError};
pub use surface::{
    AskedMethod, AskedSurface, BUILT_IN as BUILT_IN_EXCEPTIONS, Bundled, CloseSite, ErrorSite,
    ExceptionError, Exceptions, Guard, Limit, Method, NoTables, SURFACE_FORMAT, Surface, SurfaceQuestion,
    SurfaceReport, SurfaceTable, asked, compare, holds_tables, surface,
};
pub use units::Units;

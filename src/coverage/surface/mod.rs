//! The surface of a release: what it offers on the wire, read from its bundle, compared with what the suite tests of it.

mod asked;
mod compare;
mod constant;
mod exceptions;
mod read;
mod site;
#[cfg(test)]
mod tests;

pub use asked::{AskedMethod, AskedSurface, asked};
pub use compare::{SURFACE_FORMAT, SurfaceQuestion, SurfaceReport, SurfaceTable, compare};
pub use exceptions::{BUILT_IN, ExceptionError, Exceptions};
pub use read::{Bundled, Guard, Limit, Method, NoTables, Surface, holds_tables, surface};
pub use site::{CloseSite, ErrorSite};

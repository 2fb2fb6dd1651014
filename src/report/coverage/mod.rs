//! How the coverage of the gateway's own code is shown.

mod html;
mod json;
mod lcov;

pub use html::html;
pub use json::{json, schema};
pub use lcov::lcov;

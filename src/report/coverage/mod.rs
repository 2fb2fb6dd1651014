//! Reports of the code coverage of the gateway.

mod html;
mod json;
mod lcov;

pub use html::html;
pub use json::{json, schema};
pub use lcov::lcov;

//! The HTML report: one file without dependencies.

mod data;
mod page;

pub use page::render;

//! The HTML report: one file that needs nothing else.

mod data;
mod page;

pub use page::render;

//! Learnt machines as text, documents and pictures.

mod document;
mod graph;
mod page;
mod sink;
mod svg;
mod text;

pub use document::document;
pub use graph::{dot, mermaid};
pub use page::{html, markdown};
pub use sink::{MachineReport, MachineReportKind, WriteMachinesError, write};
pub use svg::svg;
pub use text::{nondeterminism, text};

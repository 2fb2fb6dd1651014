//! Reports of runs. Each report is a function of the event stream, or of the run record that is built from it.

mod badge;
pub mod bisect;
mod change;
mod compare;
pub mod coverage;
pub mod diagnostic;
mod difference;
pub mod events;
pub mod explain;
pub mod explore;
mod explore_page;
pub mod explore_report;
mod frames;
mod github;
pub mod html;
pub mod json;
pub mod junit;
mod kind_file;
mod known;
mod load;
pub mod machines;
mod markdown;
mod merge;
pub mod mutants;
pub mod news;
mod next_steps;
mod outcome_lines;
pub mod preflight;
pub mod preflight_page;
pub mod progress;
mod release_verdict;
#[cfg(test)]
#[path = "../../tests/sample/mod.rs"]
pub(crate) mod sample;
mod sarif;
mod sink;
mod standing;
mod store;
mod stream;
mod tap;
pub mod terminal;
pub(crate) mod text;
pub mod timeline_page;
pub(crate) mod undone;

pub use change::{BehaviourChange, ChangeDirection, changes};
pub use compare::{Changed, Comparison, ComparisonResult, compare};
pub use difference::{Difference, differences, reproduce};
pub(crate) use difference::{quoted, shell_line};
pub use kind_file::{ParseReportError, ReportDestination, parse_kind_file};
pub use load::{LoadError, Loaded, load};
pub use merge::{MergeError, merge};
pub use release_verdict::{ReleaseVerdict, release_verdict};
pub use sink::{ReportKind, ReportRequest, WriteReportError, check, write};
pub(crate) use standing::Standing;
pub use store::{Bounds, FindError, RunStore, StoredEntry};
pub use stream::EventStream;

//! Which scenarios a command is about: suites and their roots, names, tags.

mod catalogue;
mod names;
mod root;
mod select;
mod shelf;

pub(super) use catalogue::Catalogue;
pub(super) use root::{is_found, own_root, schema_of, shown};
pub(super) use select::{Chosen, Looked, Selection, look_at, scenarios, select};
pub use shelf::scenario_ids;

/// Options that say which suite a command is about.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct SuiteOptions {
    /// The folder that scenario ids are counted from [default: `scenarios` where that holds scenarios, else
    /// the built-in suite, whose scenarios are `builtin:ID` beside others]
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<std::path::PathBuf>,
}

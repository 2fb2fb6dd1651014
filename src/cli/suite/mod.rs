//! Selects the scenarios of a command: suites and their roots, names, tags.

mod built_in;
mod catalogue;
mod names;
mod root;
mod select;
mod shelf;
mod touched;

pub(super) use catalogue::Catalogue;
pub(super) use root::{
    default_folder, is_found, is_of_ones_own, is_read, is_scenario_name, own_root, schema_of, shown,
};
pub(super) use select::{Checked, Chosen, Selection, check_files, files, scenarios, select};
pub use shelf::scenario_ids;
pub(super) use touched::{real, touched};

/// Options that select the suite.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct SuiteOptions {
    /// The folder that scenario ids are relative to [default: `scenarios` if it contains scenarios, else the built-in suite,
    /// whose scenarios are also available as `builtin:ID`]
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<std::path::PathBuf>,
}

//! Options for mutants of the model and of releases.

use crate::cli::list::Format;
use crate::cli::suite::SuiteOptions;
use crate::cli::vars::VarOptions;

/// Which scenarios run, and how the result is printed.
#[derive(clap::Args, Debug)]
pub(super) struct MutantOptions {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite next to your own [default: all; with --gateway, all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    pub(super) selection: Vec<String>,
    /// Only scenarios with this tag (repeatable)
    #[arg(long = "tag", value_name = "TAG")]
    pub(super) tags: Vec<String>,
    #[command(flatten)]
    pub(super) suite: SuiteOptions,
    #[command(flatten)]
    pub(super) vars: VarOptions,
    /// List the mutants and their faults without running anything
    #[arg(long)]
    pub(super) list: bool,
    /// Seed of all keys and secrets, and of the sample
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) seed: u64,
    /// How to print the result
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

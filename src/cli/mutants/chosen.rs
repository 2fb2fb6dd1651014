//! What of the suite and the mutants is chosen, whatever the mutants are made of.

use crate::cli::list::Format;
use crate::cli::suite::SuiteOptions;

#[derive(clap::Args, Debug)]
pub(super) struct Chosen {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite beside your own [default: all, with --gateway all but those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    pub(super) selection: Vec<String>,
    /// Only scenarios with this tag (repeat it for more)
    #[arg(long = "tag", value_name = "TAG")]
    pub(super) tags: Vec<String>,
    #[command(flatten)]
    pub(super) suite: SuiteOptions,
    /// Name the mutants and what is wrong with them; run nothing
    #[arg(long)]
    pub(super) list: bool,
    /// Seed of all keys and secrets, and of the sample
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(super) seed: u64,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

//! The command line of `gatecrash mutants`.

use super::{code, model};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::list::Format;
use crate::cli::suite::SuiteOptions;

/// Plant faults into the model, or into a release's own code, and tell which of them the suite notices.
///
/// A fault that no scenario notices is a missing scenario. Without `--gateway`, single rules of the model are broken;
/// `run --gateway embedded:2026.9.6+NAME` shows how scenarios fare with one of these faults.
///
/// With `--gateway`, mutants are made of the code in scope (`coverage/scope.yaml`) in a private copy of the release:
/// conditions are fixed, comparisons negated, guards and calls removed, literals changed. All scenarios run once to
/// find out which mutants each of them reaches; then every mutant gets the scenarios that reach it, until one of them
/// no longer ends as it does without the mutant. Mutants that nobody can notice are listed with the reason in
/// `coverage/equivalent-mutants.yaml`.
///
/// Exit codes: 0 all noticed but those that cannot be, or with `--min-score` at least that share of those that scenarios
/// reach; 1 survivors, mutants that no scenario reaches or that were not tried, or less than that share; 2 bad usage or a
/// bad scenario; 3 no mutant was tried; 4 scenarios that are not fine without a fault, or a gateway that does not come
/// up; 130 interrupted.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
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
    #[command(flatten)]
    pub(super) model: model::ModelOptions,
    #[command(flatten)]
    pub(super) code: code::CodeOptions,
}

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.code.gateway.is_some() { code::run(args, context) } else { model::run(args, context) }
}

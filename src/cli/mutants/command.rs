//! The arguments of `gatecrash mutants`.

use super::options::MutantOptions;
use super::{code, model};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// Plant faults into the model or a release, and show which of them the suite notices.
///
/// A fault that no scenario notices is a missing scenario. Without `--gateway`, single rules of the model are broken;
/// `run --gateway embedded:2026.9.6+NAME` shows what scenarios do with one of these faults.
///
/// With `--gateway`, mutants are made of the code in scope (`suite-data/scope.yaml`) in a private copy of the release:
/// conditions are fixed, comparisons negated, guards and calls removed, literals changed. All scenarios run once to find out
/// which mutants each of them reaches; then every mutant is tried with the scenarios that reach it, until one of them ends
/// differently than without the mutant. Equivalent mutants, which nobody can notice, are listed with the reason in
/// `suite-data/equivalent-mutants.yaml`.
///
/// Exit codes: 0 all noticed except equivalent ones, or with `--min-score` at least that share of the mutants that scenarios
/// reach; 1 survivors, mutants that no scenario reaches or that were not tried, or less than that share; 2 bad usage or a bad
/// scenario; 3 no mutant was tried; 4 scenarios that are not fine without a fault, or a gateway that does not boot; 130
/// interrupted.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    options: MutantOptions,
    #[command(flatten)]
    model: model::ModelOptions,
    #[command(flatten)]
    code: code::CodeOptions,
}

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.code.gateway.is_some() {
        code::run(&args.options, &args.code, context)
    } else {
        model::run(&args.options, &args.model, context)
    }
}

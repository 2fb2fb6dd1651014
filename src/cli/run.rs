//! `gatecrash run`: runs scenarios on one target.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::provider;
use super::session::{RunOptions, execute};
use crate::model::NEWEST;

/// Run scenarios against a gateway and judge its behaviour.
///
/// Exit codes: 0 all fine (passes and listed deviations that are not denied), 1 an unlisted failure, a fixed or denied deviation,
/// or a flake, 2 bad usage or a bad scenario, 3 nothing to test, 4 harness or gateway broke, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite next to your own [default: all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// The gateway: a release (2026.3.31, latest), path:DIR, cmd:COMMAND, ws://127.0.0.1:PORT or
    /// embedded[:RELEASE] [default: embedded]
    #[arg(long, short, value_name = "TARGET", env = "GATECRASH_GATEWAY")]
    gateway: Option<String>,
    #[command(flatten)]
    options: RunOptions,
    /// Use the exit codes of `git bisect run`: 0 good, 1 bad (listed or not), 125 undecided
    #[arg(long)]
    bisect_exit: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let provider = provider(context, &args.options.gateways)?;
    let gateway = args.gateway.as_deref().unwrap_or_else(|| {
        anstream::eprintln!(
            "note: running on the embedded model of {NEWEST}, which needs no Node; `--gateway {NEWEST}` runs the real release"
        );
        "embedded"
    });
    let targets = args.options.gateways.targets(gateway)?;
    let record = execute(context, &provider, &args.selection, targets, &[], &args.options)?;
    Ok(if args.bisect_exit { Exit::for_bisect(&record) } else { Exit::of_run(&record) })
}

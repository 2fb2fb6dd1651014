//! `gatecrash run`: runs scenarios on one target.

use std::fmt::Write as _;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::provider;
use super::session::{RunOptions, execute, in_shard};
use super::shard::Shard;
use super::suite::{self, Selection};
use super::vars::refuse_unknown;
use crate::gateway::{Target, TargetProvider};
use crate::model::NEWEST;
use crate::report::text::count;
use crate::run::boots;
use crate::scenario::Scenario;

/// Run scenarios against a gateway and judge its behaviour.
///
/// Exit codes: 0 all fine (passes and listed deviations that are not denied), 1 an unlisted failure, a fixed or denied deviation,
/// or a flake, 2 bad usage or a bad scenario, 3 nothing to test, 4 harness or gateway broke, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite next to your own [default: all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// The gateway: a release (2026.3.31, latest, npm:TAG), tgz:FILE, path:DIR, cmd:COMMAND, ws://127.0.0.1:PORT or
    /// embedded[:RELEASE] [default: embedded]
    #[arg(long, short, value_name = "TARGET", env = "GATECRASH_GATEWAY")]
    gateway: Option<String>,
    #[command(flatten)]
    options: RunOptions,
    /// Run only the M-th of N parts: every N-th scenario; `gatecrash merge` joins the event streams of the parts
    #[arg(long, value_name = "M/N")]
    shard: Option<Shard>,
    /// Inject faults into the connections, drawn from this seed: latency, slices, reordering, resets and half-open
    /// connections. What a reset or a half-open connection could explain is an error that names it
    #[arg(long, value_name = "SEED")]
    chaos: Option<u64>,
    /// List what would run, and on how many gateways, without running anything
    #[arg(long)]
    list: bool,
    /// Use the exit codes of `git bisect run`: 0 good, 1 bad (listed or not), 125 undecided
    #[arg(long)]
    bisect_exit: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let provider = provider(context, &args.options.gateways)?;
    let gateway = args.gateway.as_deref().unwrap_or_else(|| {
        if !args.options.quiet {
            context.say(format!(
                "note: running on the embedded model of {NEWEST}, which needs no Node; `--gateway {NEWEST}` runs the real release"
            ));
        }
        "embedded"
    });
    let targets = args.options.gateways.targets(gateway)?;
    if args.list {
        return list(args, context, &provider, &targets);
    }
    let options = RunOptions { scenario_shard: args.shard, chaos: args.chaos, ..args.options.clone() };
    let record = execute(context, &provider, &args.selection, targets, &[], &options)?;
    Ok(if args.bisect_exit { Exit::for_bisect(&record) } else { Exit::of_run(&record) })
}

/// Prints the scenarios that would run on each target, and the number of gateways that they need.
fn list(
    args: &Args,
    context: &Context,
    provider: &TargetProvider,
    targets: &[Target],
) -> Result<Exit, Failure> {
    let options = &args.options;
    let folder = options.suite.folder.as_deref();
    let (tags, exclude) = (&options.tags, &options.exclude);
    let vars = options.vars.given();
    let names = &args.selection;
    let chosen = suite::scenarios(context, &Selection { folder, names, tags, exclude, vars: Some(&vars) })?;
    refuse_unknown(&vars, &chosen)?;
    let chosen = match args.shard {
        Some(shard) => in_shard(shard, chosen)?,
        None => chosen,
    };
    let mut text = String::new();
    for target in targets {
        let release = provider.release_of(target);
        let runs = |one: &&Scenario| match (&one.requires.releases, release) {
            (Some(required), Some(release)) => required.value.contains(&release),
            _ => true,
        };
        let running: Vec<&Scenario> = chosen.iter().filter(runs).collect();
        for one in &running {
            text.extend([one.id.as_str(), "\n"]);
        }
        let boots = boots(&running, release, &options.schedule(), options.repeat);
        let not_for_it = match chosen.len() - running.len() {
            0 => String::new(),
            rest => format!(", {rest} more are not for this release"),
        };
        let scenarios = count(running.len(), "scenario");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{scenarios} on {target}, at most {}{not_for_it}", count(boots, "boot"));
    }
    context.print(&text)?;
    Ok(Exit::Fine)
}

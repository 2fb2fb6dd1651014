//! `gatecrash diff`: runs the same scenarios on two targets and compares them.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{provider, resolve};
use super::list::Format;
use super::session::{RunOptions, measure};
use super::stored;
use crate::diff::{Agreement, agreement};
use crate::report::terminal::{self, Appearance, Palette};
use crate::run::RunRecord;

/// Run the same scenarios on two targets and show where they differ.
///
/// Expectations play no part: the outcome of every step on one target is compared with its outcome on the other, with ids and
/// times replaced; of a hello, only who was let in. Each difference is shown with both outcomes and the first frames that
/// differ.
///
/// Exit codes: 0 alike, 1 different, 2 bad usage or a bad scenario, 3 nothing to compare, 4 harness or gateway broke, 130
/// interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The first target, as for `run --gateway`
    #[arg(value_name = "TARGET_A")]
    first: String,
    /// The target to compare it with
    #[arg(value_name = "TARGET_B")]
    second: String,
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite next to your own [default: all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// Compare two targets of this stored run (a file, an id or `latest`) without running anything
    #[arg(long, value_name = "RUN", conflicts_with = "selection")]
    run: Option<String>,
    #[command(flatten)]
    options: RunOptions,
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let provider = provider(context, &args.options.gateways)?;
    let mut targets = args.options.gateways.targets(&args.first)?;
    targets.extend(args.options.gateways.targets(&args.second)?);
    let targets = resolve(context, &provider, targets)?;
    let [first, second] = &targets[..] else {
        return Err(Failure::usage("exactly two targets can be compared")
            .hint("name one target, such as 2026.3.31, on each side"));
    };
    if first == second {
        return Err(Failure::usage(format!("{first} would be compared with itself"))
            .hint("`run --repeat N` shows whether a target always behaves the same"));
    }
    let names = [first.to_string(), second.to_string()];
    let record = match &args.run {
        Some(run) => stored_run(context, run, &names)?,
        None => measure(context, &provider, &args.selection, targets, &[], &args.options)?,
    };
    let found = agreement(&record, &names[0], &names[1]);
    let text = match args.format {
        Format::Json => format!("{:#}\n", serde_json::to_value(&found).map_err(Failure::broke)?),
        Format::Text => {
            let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
            terminal::agreement(&found, &appearance)
        }
    };
    context.print(&text)?;
    Ok(if record.run.interrupted { Exit::Interrupted } else { exit(&found) })
}

fn stored_run(context: &Context, run: &str, names: &[String]) -> Result<RunRecord, Failure> {
    let record = stored::read(context, run)?.record;
    for name in names {
        if !record.targets.iter().any(|one| one.target == *name) {
            let known: Vec<&str> = record.targets.iter().map(|one| one.target.as_str()).collect();
            return Err(Failure::usage(format!("the run has no target {name}"))
                .hint(format!("it has {}", known.join(", "))));
        }
    }
    Ok(record)
}

const fn exit(found: &Agreement) -> Exit {
    if !found.different.is_empty() {
        Exit::Bad
    } else if !found.broken.is_empty() {
        Exit::Broke
    } else if found.alike == 0 {
        Exit::NothingTestable
    } else {
        Exit::Fine
    }
}

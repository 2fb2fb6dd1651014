//! `gatecrash runs`: lists and removes stored runs.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored::{bounds, store};
use crate::report::{Bounds, StoredEntry};

/// List or remove stored runs.
///
/// The latest runs are stored automatically, each in one file.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// List the stored runs, the latest first
    List,
    /// Remove the oldest runs
    Prune {
        /// Number of runs to keep
        #[arg(long, value_name = "NUMBER", default_value_t = 10)]
        keep: usize,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let store = store(context);
    match args.command {
        Command::List => {
            let runs = store.list().map_err(Failure::broke)?;
            let rows: String = runs.iter().map(line).collect();
            let Bounds { runs: most, fresh_ms, .. } = bounds(context);
            let recent = if fresh_ms > 0 { ", and those of the last 24 hours" } else { "" };
            let text = format!(
                "{rows}the latest {most} runs stay{recent}; `keep-runs` in gatecrash.toml changes that\n"
            );
            context.print(if runs.is_empty() { "no run is stored yet\n" } else { &text })?;
        }
        Command::Prune { keep } => {
            let gone =
                store.prune(Bounds { runs: keep, bytes: u64::MAX, fresh_ms: 0 }).map_err(Failure::broke)?;
            context.print(&format!("removed {}\n", gone.len()))?;
        }
    }
    Ok(Exit::Fine)
}

fn line(entry: &StoredEntry) -> String {
    let StoredEntry { path, bytes, started } = entry;
    let at = jiff::Timestamp::from_millisecond(started.started_ms)
        .map(|at| at.strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default();
    let targets: Vec<&str> = started.targets.iter().map(|one| one.target.as_str()).take(4).collect();
    let more = started.targets.len().saturating_sub(targets.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "{}  {at}  {} scenarios on {}{more}  {} kB  {}\n",
        started.id,
        started.scenarios.len(),
        targets.join(", "),
        bytes.div_ceil(1024),
        path.display()
    )
}

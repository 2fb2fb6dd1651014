//! `gatecrash compare`: what changed between two runs.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use crate::report::compare;
use crate::report::terminal::{self, Look, Palette};

/// Show what changed between two stored runs, cell by cell.
///
/// Runs on one target each are compared whatever their targets are. Exit codes: 0 alike, 1 something changed,
/// 2 bad usage, 3 nothing that both runs have looked at, 130 a run that was not finished.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A file, the id of a kept run, or `latest`
    #[arg(value_name = "RUN_A")]
    first: String,
    /// The run to compare it with
    #[arg(value_name = "RUN_B")]
    second: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let first = stored::read(context, &args.first)?;
    let second = stored::read(context, &args.second)?;
    let found = compare(&first.record, &second.record);
    let look = Look { width: context.width, palette: Palette::new(context.color) };
    context.print(&terminal::comparison(&found, &look))?;
    let is_whole = first.complete && second.complete;
    if !is_whole {
        anstream::eprintln!(
            "note: a run that was interrupted says nothing about the cells that it did not reach"
        );
    }
    Ok(match (found.changed.is_empty(), found.compares()) {
        (false, _) => Exit::Bad,
        (true, _) if !is_whole => Exit::Interrupted,
        (true, false) => Exit::NothingTestable,
        (true, true) => Exit::Fine,
    })
}

//! `gatecrash compare`: what changed between two runs.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use crate::report::terminal::{self, Appearance, Palette};
use crate::report::{ComparisonResult, compare};
use crate::run::Ending;

/// Show what changed between two stored runs, cell by cell.
///
/// Runs on one target each are compared whatever their targets are. Exit codes: 0 alike, 1 something changed, 3
/// no cell in common, 4 a run was cut off or lacks planned cells, 130 a run was interrupted.
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
    let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
    context.print(&terminal::comparison(&found, &appearance))?;
    Ok(match found.finding() {
        ComparisonResult::Changed => Exit::Bad,
        ComparisonResult::NotWhole(Ending::Interrupted) => Exit::Interrupted,
        ComparisonResult::NotWhole(_) => Exit::Broke,
        ComparisonResult::NothingInCommon => Exit::NothingTestable,
        ComparisonResult::Alike => Exit::Fine,
    })
}

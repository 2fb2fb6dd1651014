//! `gatecrash schema`: the JSON Schema of scenario files.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::scenario::schema_text;

/// Print the JSON Schema of scenario files, for editors
#[derive(clap::Args, Debug)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, context: &Context) -> Result<Exit, Failure> {
    context.print(&schema_text())?;
    Ok(Exit::Fine)
}

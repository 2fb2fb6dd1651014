//! `gatecrash __docs`: prints a reference document, as `docs/` keeps it.

use clap::Command;

use super::{commands_reference, format_reference};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::scenario::schema;

/// A reference document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Document {
    /// All commands and options: `docs/cli.md`.
    Cli,
    /// All keys of a scenario file: `docs/scenario-format.md`.
    Format,
}

/// Print a reference document as Markdown.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Which one
    document: Document,
}

pub(in crate::cli) fn run(args: &Args, context: &Context, command: Command) -> Result<Exit, Failure> {
    let text = match args.document {
        Document::Cli => commands_reference::render(command),
        Document::Format => format_reference::render(&schema()),
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

//! `gatecrash schema`: prints the JSON Schemas of what gatecrash reads and writes.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report::{coverage, json, mutants};
use crate::scenario::schema_text;

/// A document that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SchemaKind {
    /// Scenario files, for editors
    Scenario,
    /// The JSON report of a run
    Run,
    /// The JSON report of `coverage --code`
    Coverage,
    /// The JSON report of `mutants --gateway`
    Mutants,
}

/// Print the JSON Schema of scenario files or of a JSON report.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The document
    #[arg(default_value = "scenario")]
    kind: SchemaKind,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let text = match args.kind {
        SchemaKind::Scenario => schema_text(),
        SchemaKind::Run => format!("{:#}\n", json::schema()),
        SchemaKind::Coverage => format!("{:#}\n", coverage::schema()),
        SchemaKind::Mutants => format!("{:#}\n", mutants::schema()),
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

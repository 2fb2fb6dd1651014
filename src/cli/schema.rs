//! `gatecrash schema`: JSON Schemas of what gatecrash reads and writes.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::report::{coverage, json, mutants};
use crate::scenario::schema_text;

/// What a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Scenario files, for editors.
    Scenario,
    /// The JSON report of a run.
    Run,
    /// The JSON report of the coverage of code.
    Coverage,
    /// The JSON report of the mutants of a release.
    Mutants,
}

/// Print the JSON Schema of scenario files, for editors, or of a JSON report.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// What it is of
    #[arg(default_value = "scenario")]
    kind: Kind,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let text = match args.kind {
        Kind::Scenario => schema_text(),
        Kind::Run => format!("{:#}\n", json::schema()),
        Kind::Coverage => format!("{:#}\n", coverage::schema()),
        Kind::Mutants => format!("{:#}\n", mutants::schema()),
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

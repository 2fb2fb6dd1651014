//! `gatecrash reasons`: finds steps that pass for different reasons.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::list::Format;
use super::stored;
use crate::curate::reasons::{reasons, text};

/// List steps that pass on several releases for different reasons.
///
/// A release may refuse a step because of another rule than the one the scenario is about, and the step still passes. This
/// compares close codes, error codes, details and, failing those, messages of everything that met the same expectation in
/// stored runs. A reason that the expectation itself names is not listed.
///
/// Exit codes: 0 no step differs, 1 at least one does, 3 no step was refused on two targets.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Stored runs: files, ids of kept runs, or `latest`; a later one replaces cells of an earlier one
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// Always compare messages: a reworded message is a different reason
    #[arg(long)]
    texts: bool,
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let runs = args.runs.iter().map(|word| Ok(stored::read(context, word)?.record));
    let found = reasons(&runs.collect::<Result<Vec<_>, Failure>>()?, args.texts);
    context.print(&match args.format {
        Format::Text => text(&found),
        Format::Json => format!("{:#}\n", serde_json::to_value(&found).map_err(Failure::broke)?),
    })?;
    Ok(match (found.looked_at, found.differing.is_empty()) {
        (0, _) => Exit::NothingTestable,
        (_, true) => Exit::Fine,
        (_, false) => Exit::Bad,
    })
}

//! `gatecrash reasons`: steps that pass for different reasons.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::list::Format;
use super::stored;
use crate::curate::reasons::{reasons, text};

/// List steps that pass on several releases, each time for another reason.
///
/// A release may refuse by another rule than the one that a scenario is about, and the step still passes.
/// This compares close codes, error codes, details and, where those say nothing, messages, of all that met
/// one and the same expectation in stored runs. A reason that the expectation itself names is not listed.
/// Exit codes: 0 no step differs, 1 at least one does, 3 no step was refused on two targets.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Stored runs: files, ids of kept runs, or `latest`; a later one replaces cells of an earlier one
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// Compare messages everywhere: a reworded text is another reason
    #[arg(long)]
    texts: bool,
    /// How to print it
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

//! `gatecrash coverage`: which known cases the suite covers.

use std::fmt::Write as _;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::suite::{self, Selection, SuiteOptions};
use crate::curate::coverage::{BUILT_IN, Coverage, SourceKind, coverage, markdown, read};

/// Show which known cases the suite covers, and why it does not cover the others
///
/// The known cases are those of `coverage/sources.yaml`: cases of the gateway's own tests, and regressions
/// that users reported. The exit code is 1 where one is neither covered nor argued, or a scenario names a
/// source that is not known.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    suite: SuiteOptions,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
}

/// How the coverage is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Shares, and what is missing.
    Text,
    /// For programs.
    Json,
    /// The document that the repository keeps.
    Markdown,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let every = ["**".to_owned()];
    let folder = args.suite.folder.as_deref();
    let scenarios = suite::scenarios(context, &Selection { folder, names: &every, tags: &[] })?;
    let place = context.working_dir.join("coverage/sources.yaml");
    let text = if place.is_file() {
        std::fs::read_to_string(&place)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", place.display())))?
    } else {
        BUILT_IN.to_owned()
    };
    let found = coverage(&read(&text).map_err(Failure::usage)?, &scenarios);
    if found.sources.is_empty() {
        return Err(Failure::nothing("no case is known that the suite could cover")
            .hint("`coverage/sources.yaml` lists them"));
    }
    let text = match args.format {
        Format::Text => shares(&found),
        Format::Markdown => markdown(&found),
        Format::Json => {
            let mut text = serde_json::to_string_pretty(&found).map_err(Failure::broke)?;
            text.push('\n');
            text
        }
    };
    context.print(&text)?;
    let open = found.sources.iter().any(|one| one.covered_by.is_empty() && one.reason.is_none());
    Ok(if open || !found.unknown.is_empty() { Exit::Bad } else { Exit::Fine })
}

fn shares(found: &Coverage) -> String {
    let mut text = String::new();
    for kind in [SourceKind::Upstream, SourceKind::UpstreamPart, SourceKind::Report] {
        let (covered, argued, all) = found.share(kind);
        let _ = writeln!(text, "{}: {covered} of {all} covered, {argued} argued", kind.describe());
    }
    for one in found.sources.iter().filter(|one| one.covered_by.is_empty() && one.reason.is_none()) {
        let _ = writeln!(text, "neither covered nor argued: {} ({})", one.id, one.about);
    }
    for id in &found.unknown {
        let _ = writeln!(text, "unknown source: {id}");
    }
    text
}

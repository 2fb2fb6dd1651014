//! `gatecrash list`: lists scenarios.

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::suite::{self, Selection, SuiteOptions};
use super::vars::{VarOptions, refuse_unknown};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// List scenarios with their titles, tags and issues.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite next to your own [default: all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// Only scenarios with this tag (repeatable)
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Skip scenarios whose id matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    #[command(flatten)]
    suite: SuiteOptions,
    #[command(flatten)]
    vars: VarOptions,
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let folder = args.suite.folder.as_deref();
    let vars = args.vars.given();
    let scenarios = suite::scenarios(
        context,
        &Selection {
            folder,
            names: &args.selection,
            tags: &args.tags,
            exclude: &args.exclude,
            vars: Some(&vars),
        },
    )?;
    refuse_unknown(&vars, &scenarios)?;
    let text = match args.format {
        Format::Json => {
            let rows = scenarios.iter().map(|one| {
                json!({
                    "id": one.id, "title": one.title, "why": one.why, "issue": one.issue,
                    "source": one.origins, "tags": one.tags, "path": one.source.path,
                })
            });
            format!("{:#}\n", serde_json::Value::Array(rows.collect()))
        }
        Format::Text => {
            let width = scenarios.iter().map(|one| one.id.len()).max().unwrap_or(0);
            let rows = scenarios.iter().map(|one| {
                let issue = one.issue.as_ref().map(|issue| format!(" ({issue})")).unwrap_or_default();
                let id = &one.id;
                format!("{id:width$}  {}{issue} [{}]\n", one.title, one.tags.join(", "))
            });
            rows.collect()
        }
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

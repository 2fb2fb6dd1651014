//! `gatecrash check`: checks scenario files without running them.

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::list::Format;
use super::suite::{self, Checked, SuiteOptions};
use super::vars::VarOptions;
use crate::report::diagnostic::{render, to_json};
use crate::scenario::Severity;

/// Check scenario files without running them.
///
/// Every mistake is shown with its line, what is allowed there, and what was probably meant.
///
/// Exit codes: 0 no errors, 2 an error or no such file, 3 nothing to check.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Files, folders, ids or globs of ids [default: the whole suite]
    #[arg(value_name = "PATH|ID|GLOB")]
    names: Vec<String>,
    #[command(flatten)]
    suite: SuiteOptions,
    #[command(flatten)]
    vars: VarOptions,
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let folder = args.suite.folder.as_deref();
    let Checked { scenarios, found } =
        suite::check_files(context, folder, &args.names, &args.vars.given(), args.strict)?;
    let errors = found.iter().filter(|one| one.severity == Severity::Error).count();
    let warnings = found.len() - errors;
    let text = match args.format {
        Format::Json => {
            let diagnostics: Vec<_> = found.iter().map(to_json).collect();
            let summary = json!({"scenarios": scenarios, "errors": errors, "warnings": warnings});
            format!("{:#}\n", json!({"diagnostics": diagnostics, "summary": summary}))
        }
        Format::Text => {
            let mut text = String::new();
            for one in &found {
                text.push_str(&render(one, context.color, context.width));
                text.push('\n');
            }
            text + &summary(scenarios, errors, warnings)
        }
    };
    context.print(&text)?;
    Ok(if errors > 0 { Exit::Usage } else { Exit::Fine })
}

fn summary(scenarios: usize, errors: usize, warnings: usize) -> String {
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let good = count(scenarios, "scenario");
    match (errors, warnings) {
        (0, 0) => format!("{good}, nothing wrong\n"),
        _ => format!("{good}, {}, {}\n", count(errors, "error"), count(warnings, "warning")),
    }
}

//! `gatecrash check`: what is wrong with scenario files, without running them.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::list::Format;
use super::suite;
use crate::report::diagnostic::{render, to_json};
use crate::scenario::{self, Diagnostic, Severity, load};

/// Check scenario files without running them
///
/// Every fault is shown with its line, what is allowed there, and what was probably meant. The exit code is
/// 2 where there is an error.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Files and folders [default: scenarios]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// How to print it
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let paths: Vec<&Path> = args.paths.iter().map(PathBuf::as_path).collect();
    let sources = suite::read(context, &paths)?;
    let places: Vec<PathBuf> =
        paths.iter().filter_map(|path| context.working_dir.join(path).canonicalize().ok()).collect();
    // Scenarios that the named ones use are loaded too, and what is wrong with them is not asked for.
    let asked_for = |shown: &str| {
        let place = context.working_dir.join(shown).canonicalize();
        places.is_empty() || place.is_ok_and(|place| places.iter().any(|one| place.starts_with(one)))
    };
    let loaded = load(&sources);
    let found: Vec<Diagnostic> =
        scenario::check(&loaded, args.strict).into_iter().filter(|one| asked_for(&one.source.path)).collect();
    let scenarios = loaded.scenarios.iter().filter(|one| asked_for(&one.source.path)).count();
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

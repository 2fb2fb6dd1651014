//! `gatecrash fmt`: formats scenario files.

use std::fs;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::suite::{self, SuiteOptions};
use crate::report::diagnostic::render;
use crate::report::progress::Amount;
use crate::report::text::count;
use crate::scenario::formatted;

/// Format scenario files: a stable order of keys and stable spacing, with all comments.
///
/// A formatted file says the same as before. Exit codes: 0 formatted, 1 with --check: a file is not formatted, 2 a file is
/// not valid YAML or there is no such file, 3 nothing to format, 4 a file cannot be written.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Files, folders, ids or globs of ids [default: the whole suite]
    #[arg(value_name = "PATH|ID|GLOB")]
    names: Vec<String>,
    #[command(flatten)]
    suite: SuiteOptions,
    /// Change nothing; name the files that are not formatted
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let files = suite::files(context, args.suite.folder.as_deref(), &args.names)?;
    if files.is_empty() {
        return Err(Failure::nothing("the built-in suite has no files to format")
            .hint("name a file, or a folder with --folder; `gatecrash init` begins a suite of your own"));
    }
    let (mut changed, mut broken) = (Vec::new(), Vec::new());
    context.progress.stage("formatting");
    for (number, (path, source)) in files.iter().enumerate() {
        context.progress.amount(Amount::of(number, files.len(), "file"));
        match formatted(source) {
            Ok(text) if text == source.text => {}
            Ok(text) => {
                if !args.check {
                    fs::write(path, text).map_err(|error| {
                        Failure::broke(error).context(format!("cannot write {}", source.path))
                    })?;
                }
                changed.push(source.path.as_str());
            }
            Err(diagnostic) => broken.push(render(&diagnostic, context.color_of_errors, context.width)),
        }
    }
    context.progress.done();
    let word = if args.check { "not formatted" } else { "formatted" };
    let mut lines: Vec<String> = changed.iter().map(|path| format!("{word}: {path}")).collect();
    lines.push(format!("{}, {} {word}", count(files.len(), "file"), changed.len()));
    let text = lines.join("\n") + "\n";
    context.print(&text)?;
    if !broken.is_empty() {
        return Err(Failure::usage(format!(
            "{} cannot be read\n\n{}",
            count(broken.len(), "file"),
            broken.join("\n")
        )));
    }
    Ok(if args.check && !changed.is_empty() { Exit::Bad } else { Exit::Fine })
}

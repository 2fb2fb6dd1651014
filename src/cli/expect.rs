//! `gatecrash expect`: the outcomes that scenarios list.

use std::fmt::Write as _;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use super::suite::{self, Selection, SuiteOptions};
use crate::curate::expect::{cut_short, update};
use crate::scenario::{BUILT_IN, Scenario};

/// Look after the outcomes that scenarios list.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Update(UpdateArgs),
}

/// Write deviations from stored runs into the scenarios.
///
/// What a run shows beside the outcome that is right is listed in the fewest ranges of releases. New
/// deviations have the class `unreviewed`, which `check --strict` refuses until a person has given them
/// another one. Deviations that hold on other releases get other ranges; those that hold nowhere go.
/// Comments and layout stay. Where something unlisted ended a case early, its later steps are not known:
/// run those again after the update.
#[derive(clap::Args, Debug)]
struct UpdateArgs {
    /// Scenarios: ids, globs of ids, files or folders [default: all of the runs]
    #[arg(value_name = "SCENARIO")]
    selection: Vec<String>,
    /// Stored runs: files, ids of kept runs, or `latest`; a later one replaces an earlier one
    #[arg(long, value_name = "RUN", required = true, num_args = 1..)]
    from: Vec<String>,
    #[command(flatten)]
    suite: SuiteOptions,
    /// Show what would change, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Command::Update(args) = &args.command;
    let every = ["**".to_owned()];
    let names: &[String] = if args.selection.is_empty() { &every } else { &args.selection };
    let folder = args.suite.folder.as_deref();
    let scenarios = suite::scenarios(context, &Selection { folder, names, tags: &[] })?;
    if let Some(one) = scenarios.iter().find(|one| one.source.path.starts_with(BUILT_IN)) {
        return Err(Failure::usage(format!(
            "{} is part of this program and cannot be written",
            one.source.path
        ))
        .hint("name scenarios of a folder"));
    }
    let mut runs = Vec::new();
    for word in &args.from {
        let loaded = stored::read(context, word)?;
        stored::whole(word, &loaded.record)?;
        runs.push(loaded.record);
    }
    let is_measured = |one: &Scenario| {
        runs.iter().any(|run| {
            run.cells
                .iter()
                .any(|cell| cell.scenario == one.id && cell.release.is_some() && !cell.steps.is_empty())
        })
    };
    if !scenarios.iter().any(is_measured) {
        return Err(Failure::nothing("the runs have measured none of these scenarios on a release")
            .hint("`gatecrash show RUN` shows what a run has"));
    }
    let (updates, left) = update(&scenarios, &runs);
    let mut text = String::new();
    for one in &updates {
        if !args.dry_run {
            let place = context.working_dir.join(&one.path);
            std::fs::write(&place, &one.text)
                .map_err(|error| Failure::usage(format!("cannot write {}: {error}", place.display())))?;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {} added, {} changed", one.path, one.added, one.changed);
    }
    for one in &left {
        let line = one.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = writeln!(text, "{}{line}: {}", one.path, one.problem);
    }
    for (scenario, release) in cut_short(&scenarios, &runs) {
        let _ = writeln!(text, "{scenario} on {release}: ended early, so run it again for its later steps");
    }
    let would = if args.dry_run { " would change" } else { " changed" };
    let files = if updates.len() == 1 { "file" } else { "files" };
    let _ = writeln!(text, "{} {files}{would}, {} left to do by hand", updates.len(), left.len());
    context.print(&text)?;
    Ok(if left.is_empty() { Exit::Fine } else { Exit::Bad })
}

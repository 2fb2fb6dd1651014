//! `gatecrash expect`: maintains the deviations that scenarios list.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::stored;
use super::suite::{self, Chosen, Selection, SuiteOptions};
use crate::curate::expect::{FileUpdate, cut_short, update};
use crate::scenario::{BUILT_IN, Scenario};

/// Maintain the deviations that scenarios list.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Update(UpdateArgs),
}

/// Write the deviations that stored runs show into the scenarios.
///
/// Outcomes other than the right one are listed in as few ranges of releases as possible, and only for releases on which the
/// step ran. New deviations get the class `unreviewed`, which `check --strict` refuses until a person has chosen another one.
/// The ranges of existing deviations are adjusted, and deviations that no longer occur are removed. Nothing else in a file
/// changes. A file is read again and checked before it is replaced; changes that cannot be made safely are left to do by hand.
/// If something unlisted ended a case early, its later steps are unknown: run it again after the update. Deviations hold for the
/// default values of variables, so runs that were made with `--var` are refused.
#[derive(clap::Args, Debug)]
struct UpdateArgs {
    /// Scenarios: ids, globs of ids, files or folders [default: all in the runs]
    #[arg(value_name = "SCENARIO")]
    selection: Vec<String>,
    /// Stored runs: files, ids of kept runs, or `latest`; a later one replaces an earlier one
    #[arg(long, value_name = "RUN", required = true, num_args = 1..)]
    from: Vec<String>,
    #[command(flatten)]
    suite: SuiteOptions,
    /// Show the changes as a patch without writing them
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let Command::Update(args) = &args.command;
    let every = ["**".to_owned()];
    let names: &[String] = if args.selection.is_empty() { &every } else { &args.selection };
    let folder = args.suite.folder.as_deref();
    let Chosen { scenarios, sources, .. } =
        suite::select(context, &Selection { folder, names, tags: &[], exclude: &[], vars: None })?;
    if let Some(one) = scenarios.iter().find(|one| one.source.path.starts_with(BUILT_IN)) {
        return Err(Failure::usage(format!(
            "{} is built into this program and cannot be changed",
            one.source.path
        ))
        .hint("name scenarios of a folder"));
    }
    let mut runs = Vec::new();
    for word in &args.from {
        let loaded = stored::read(context, word)?;
        stored::require_complete(word, &loaded.record)?;
        if !loaded.record.run.rerun.vars.is_empty() {
            return Err(Failure::usage(format!("the run {word} was made with other values of variables"))
                .hint("deviations hold for the default values: run it again without `--var`"));
        }
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
        return Err(Failure::nothing("the runs contain none of these scenarios on a release")
            .hint("`gatecrash show RUN` shows what a run contains"));
    }
    let chosen: BTreeSet<&str> = scenarios.iter().map(|one| one.id.as_str()).collect();
    let (updates, left) = update(&sources, &chosen, &runs);
    let mut text = String::new();
    for one in &updates {
        let path = &one.source.path;
        if args.dry_run {
            text.push_str(&difference(one));
        } else {
            let place = context.working_dir.join(path);
            replace(&place, &one.source.text, &one.text).map_err(|error| {
                Failure::usage(error).context(format!("cannot write {}", place.display()))
            })?;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{path}: {} added, {} changed", one.added, one.changed);
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

/// The change of a file as a patch.
fn difference(update: &FileUpdate) -> String {
    let path = &update.source.path;
    let diff = similar::TextDiff::from_lines(&update.source.text, &update.text);
    diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}

/// Why a file was not replaced.
#[derive(Debug, thiserror::Error)]
enum ReplaceError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it was changed in the meantime")]
    Changed,
    #[error("it is read-only")]
    ReadOnly,
}

/// Replaces a file atomically if it still has the old text, and keeps its permissions.
fn replace(place: &Path, old: &str, new: &str) -> Result<(), ReplaceError> {
    // The target of a link is replaced, not the link.
    let place = place.canonicalize()?;
    if fs::read(&place)? != old.as_bytes() {
        return Err(ReplaceError::Changed);
    }
    let permissions = fs::metadata(&place)?.permissions();
    if permissions.readonly() {
        return Err(ReplaceError::ReadOnly);
    }
    let mut file = tempfile::NamedTempFile::new_in(place.parent().unwrap_or(Path::new(".")))?;
    file.write_all(new.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&place).map_err(|error| error.error)?;
    Ok(())
}

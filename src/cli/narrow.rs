//! Narrows a selection to what is worth running again: scenarios that changed, and scenarios that were not fine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use super::context::Context;
use super::failure::Failure;
use super::stored::{read, store};
use super::suite::{Chosen, real, touched};
use crate::gateway::Target;
use crate::report::Standing;
use crate::verdict::Verdict;

/// Options that narrow a selection.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct NarrowOptions {
    /// Only scenarios that differ from a git revision, through the files that they use as well [default revision: HEAD]
    #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = "HEAD", require_equals = true)]
    pub(super) changed: Option<String>,
    /// Only scenarios that were not fine, or did not end, in the last kept run of the same target
    #[arg(long)]
    pub(super) failed: bool,
}

impl NarrowOptions {
    /// The scenarios that are left.
    ///
    /// # Errors
    /// Fails if none is left, if git cannot tell what changed, or if no run of these targets is kept.
    pub(super) fn narrow(
        &self,
        context: &Context,
        chosen: Chosen,
        targets: &[Target],
    ) -> Result<Chosen, Failure> {
        let chosen = match &self.changed {
            Some(revision) => keep_changed(context, chosen, revision)?,
            None => chosen,
        };
        if self.failed { keep_failed(context, chosen, targets) } else { Ok(chosen) }
    }
}

fn keep_changed(context: &Context, chosen: Chosen, revision: &str) -> Result<Chosen, Failure> {
    let changed = changed_files(context, revision)?;
    let ids: BTreeSet<String> =
        touched(&chosen.scenarios, &changed, &context.working_dir).map(|one| one.id.clone()).collect();
    if ids.is_empty() {
        return Err(Failure::nothing(format!("no selected scenario differs from {revision}")));
    }
    Ok(chosen.map(|scenarios| scenarios.into_iter().filter(|one| ids.contains(&one.id)).collect()))
}

/// The files of the repository that differ from a revision, new ones included.
fn changed_files(context: &Context, revision: &str) -> Result<BTreeSet<PathBuf>, Failure> {
    let git = |arguments: &[&str]| -> Result<String, Failure> {
        let output =
            Command::new("git").arg("-C").arg(&context.working_dir).args(arguments).output().map_err(
                |error| Failure::usage(error).context("`--changed` needs git, which cannot be started"),
            )?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::usage(said.trim().trim_start_matches("fatal: ").to_owned())
                .context(format!("git cannot tell what differs from `{revision}`")));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?.trim_end_matches('\n'));
    let differing = git(&["diff", "--name-only", "-z", "--no-renames", "--end-of-options", revision, "--"])?;
    let new = git(&["ls-files", "-z", "--others", "--exclude-standard", "--full-name", "--", ":/"])?;
    let names = differing.split('\0').chain(new.split('\0')).filter(|name| !name.is_empty());
    Ok(names.map(|name| real(&top.join(name))).collect())
}

fn keep_failed(context: &Context, chosen: Chosen, targets: &[Target]) -> Result<Chosen, Failure> {
    let kept = store(context).list().map_err(Failure::broke)?;
    let mut ids = BTreeSet::new();
    for target in targets {
        let name = target.to_string();
        let Some(last) = kept.iter().find(|one| one.started.targets.iter().any(|one| one.target == name))
        else {
            return Err(Failure::nothing(format!("no run on {name} is kept"))
                .hint("run without `--failed` once; `gatecrash runs list` shows the runs that are kept"));
        };
        let record = read(context, &last.path.to_string_lossy())?.record;
        let bad = record.cells.iter().filter(|cell| {
            cell.target == name
                && (cell.verdict == Verdict::Error || Standing::of(&record.run.deny, cell).is_difference())
        });
        ids.extend(bad.map(|cell| cell.scenario.clone()));
        ids.extend(record.unfinished.iter().filter(|one| one.target == name).map(|one| one.scenario.clone()));
    }
    let chosen = chosen.map(|all| all.into_iter().filter(|one| ids.contains(&one.id)).collect());
    if chosen.scenarios.is_empty() {
        return Err(Failure::nothing("every selected scenario was fine in the last kept run")
            .hint("leave out `--failed` to run them all"));
    }
    Ok(chosen)
}

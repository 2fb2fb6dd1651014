//! The command from its arguments to its exit code.

use clap::Subcommand;
use serde_json::{Value, json};

use super::size::{Size, megabytes};
use super::table::{available_table, installed_table};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::gateway::install::{
    self, AvailableRelease, Cache, Cancel, InstallError, InstallEvent, Installed, Refresh, Removal,
};
use crate::release::Release;

/// Install, list, check and remove gateway releases.
///
/// A release is installed once, with the Node it needs, and used by every later run.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List releases: those installed, or those published
    List(ListArgs),
    /// Install releases that are missing or damaged
    Install {
        /// Releases, or `latest`
        #[arg(required = true, value_name = "RELEASE")]
        releases: Vec<Wanted>,
    },
    /// Remove releases; those in use stay
    Remove {
        /// Releases
        #[arg(required = true, value_name = "RELEASE")]
        releases: Vec<Release>,
    },
    /// Remove the longest unused releases until the cache is small enough
    Prune {
        /// Size that the whole cache may keep, such as 20GB, 500MB or 0
        #[arg(long, value_name = "SIZE", default_value = "20GB")]
        keep_size: Size,
    },
    /// Compare installed releases, file by file, with what was installed
    Verify {
        /// Releases [default: all that are installed]
        #[arg(value_name = "RELEASE")]
        releases: Vec<Release>,
    },
}

#[derive(clap::Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct ListArgs {
    /// What is installed, which is what is listed without an option
    #[arg(long, conflicts_with = "available")]
    installed: bool,
    /// What is published
    #[arg(long)]
    available: bool,
    /// With --available, betas too
    #[arg(long, requires = "available")]
    betas: bool,
    /// With --available, ask the registry even if it was asked today
    #[arg(long, requires = "available")]
    refresh: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

/// A release by its version or as the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Latest,
    Release(Release),
}

impl std::str::FromStr for Wanted {
    type Err = crate::release::ParseReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" { Ok(Self::Latest) } else { text.parse().map(Self::Release) }
    }
}

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    context.progress.stage("reading the cache");
    let cache = Cache::open(&context.cache_dir, context.tools()).map_err(Failure::broke)?;
    match &args.action {
        Action::List(list) if list.available => list_available(&cache, list, context),
        Action::List(list) => list_installed(&cache, list.format, context),
        Action::Install { releases } => install(&cache, releases, context),
        Action::Remove { releases } => remove(&cache, releases, context),
        Action::Prune { keep_size } => prune(&cache, *keep_size, context),
        Action::Verify { releases } => verify(&cache, releases, context),
    }
}

fn list_installed(cache: &Cache, format: Format, context: &Context) -> Result<Exit, Failure> {
    let installed = cache.installed().map_err(Failure::broke)?;
    context.print(&match format {
        Format::Json => json_text(&installed.iter().map(installed_json).collect::<Vec<_>>()),
        Format::Table if installed.is_empty() => {
            "No release is installed. `gatecrash releases install latest` installs the newest.\n".to_owned()
        }
        Format::Table => installed_table(&installed, cache.bytes().map_err(Failure::broke)?),
    })?;
    Ok(Exit::Fine)
}

fn installed_json(one: &Installed) -> Value {
    json!({
        "release": one.release,
        "installed": one.installed,
        "last_used": one.last_used,
        "bytes": one.bytes,
        "node": one.node,
        "whole": one.whole,
    })
}

fn list_available(cache: &Cache, list: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let refresh = if list.refresh { Refresh::Now } else { Refresh::WhenOld };
    let mut available = cache.available(refresh).map_err(Failure::broke)?;
    available.retain(|one| list.betas || !one.release.is_beta());
    let installed: Vec<Release> =
        cache.installed().map_err(Failure::broke)?.into_iter().map(|one| one.release).collect();
    context.print(&match list.format {
        Format::Json => {
            let entry = |one: &AvailableRelease| {
                json!({
                    "release": one.release,
                    "published": one.published,
                    "beta": one.release.is_beta(),
                    "installed": installed.contains(&one.release),
                })
            };
            json_text(&available.iter().map(entry).collect::<Vec<_>>())
        }
        Format::Table => available_table(&available, &installed),
    })?;
    Ok(Exit::Fine)
}

fn install(cache: &Cache, wanted: &[Wanted], context: &Context) -> Result<Exit, Failure> {
    let mut failed = Vec::new();
    for one in wanted {
        let release = match one {
            Wanted::Latest => cache.latest().map_err(Failure::broke)?,
            Wanted::Release(release) => *release,
        };
        let progress = |event: InstallEvent| context.progress.install(&event);
        let result = cache.install(release, &progress, &Cancel::default());
        context.progress.end();
        match result {
            Ok(build) => {
                context.print(&format!("{release} is installed, on node {}\n", build.node_version))?;
            }
            Err(error) => failed.push((release, error)),
        }
    }
    let not_published = failed.iter().all(|(_, error)| matches!(error, InstallError::NotPublished { .. }));
    let text: Vec<String> = failed.iter().map(|(_, error)| error.to_string()).collect();
    match text.as_slice() {
        [] => Ok(Exit::Fine),
        errors if not_published => Err(Failure::usage(errors.join("\nerror: "))),
        errors => Err(Failure::broke(errors.join("\nerror: "))),
    }
}

fn remove(cache: &Cache, releases: &[Release], context: &Context) -> Result<Exit, Failure> {
    let mut exit = Exit::Fine;
    for release in releases {
        let text = match cache.remove(*release).map_err(Failure::broke)? {
            Removal::Removed => "is removed",
            Removal::Absent => "is not installed",
            Removal::InUse => {
                exit = Exit::Broke;
                "is in use, and stays"
            }
        };
        context.print(&format!("{release} {text}\n"))?;
    }
    Ok(exit)
}

fn prune(cache: &Cache, keep: Size, context: &Context) -> Result<Exit, Failure> {
    context.progress.stage("removing what was not used for longest");
    let pruned = install::prune(cache, keep.0, &Cancel::default()).map_err(Failure::broke)?;
    context.progress.done();
    for release in &pruned.removed {
        context.print(&format!("{release} is removed\n"))?;
    }
    for release in &pruned.in_use {
        context.print(&format!("{release} is in use, and stays\n"))?;
    }
    let (before, after) = (megabytes(pruned.bytes_before), megabytes(pruned.bytes_after));
    context.print(&format!("The cache took {before} and takes {after}.\n"))?;
    Ok(Exit::Fine)
}

fn verify(cache: &Cache, releases: &[Release], context: &Context) -> Result<Exit, Failure> {
    let named = !releases.is_empty();
    let releases = if named {
        releases.to_vec()
    } else {
        cache.installed().map_err(Failure::broke)?.into_iter().map(|one| one.release).collect()
    };
    if releases.is_empty() {
        return Err(Failure::nothing("no release is installed")
            .hint("`gatecrash releases install latest` installs the newest"));
    }
    let mut exit = Exit::Fine;
    for release in releases {
        context.progress.stage(format!("comparing the files of {release} with what was installed"));
        let damage = cache.verify(release).map_err(Failure::broke)?;
        context.progress.done();
        let text = match damage {
            None => "is not installed".to_owned(),
            Some(damage) if damage.is_none() => {
                context.print(&format!("{release} is as it was installed\n"))?;
                continue;
            }
            Some(damage) => {
                let lists =
                    [("missing", &damage.missing), ("changed", &damage.changed), ("added", &damage.added)];
                let mut text = String::from("is damaged; the next install mends it");
                if damage.unreadable {
                    text.push_str("\n  what was installed is not fully known, or dependencies are gone");
                }
                for (word, files) in lists {
                    text.extend(files.iter().map(|file| format!("\n  {word} {file}")));
                }
                text
            }
        };
        exit = Exit::Bad;
        context.print(&format!("{release} {text}\n"))?;
    }
    Ok(exit)
}

fn json_text(releases: &[Value]) -> String {
    let whole = json!({"format": {"major": 1, "minor": 0}, "releases": releases});
    format!("{whole:#}\n")
}

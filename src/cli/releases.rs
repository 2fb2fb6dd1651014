//! `gatecrash releases`: what is installed, what could be.

use std::time::Duration;

use clap::Subcommand;
use comfy_table::{CellAlignment, Table, TableStyle};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::gateway::install::{
    AvailableRelease, Cache, Cancel, InstallError, InstallEvent, Installed, Refresh, Removal,
};
use crate::release::Release;

/// Install, list, check and remove gateway releases.
///
/// A release is installed once, with the Node it needs, and used by every later run.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
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

/// A number of bytes, written with a decimal unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size(u64);

const UNITS: [(&str, u64); 4] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1)];

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim();
        let factor = match UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
            Some((_, factor)) => Some(*factor),
            None if unit.is_empty() => Some(1),
            None => None,
        };
        let bytes = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| "write a whole number with GB, MB, kB or B, such as 20GB".to_owned())
    }
}

/// Bytes as people read them.
fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
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

fn installed_table(installed: &[Installed], total: u64) -> String {
    let mut table = new_table(&["release", "size", "node", "installed", "last used", ""]);
    for one in installed {
        table.add_row([
            one.release.to_string(),
            megabytes(one.bytes),
            one.node.clone(),
            day(one.installed),
            day(one.last_used),
            if one.whole { String::new() } else { "damaged".to_owned() },
        ]);
    }
    if let Some(sizes) = table.column_mut(1) {
        sizes.set_cell_alignment(CellAlignment::Right);
    }
    let text =
        format!("{table}\n\nThe cache takes {}; releases share most of their files.\n", megabytes(total));
    trim_lines(&text)
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

fn available_table(available: &[AvailableRelease], installed: &[Release]) -> String {
    let mut table = new_table(&["release", "published", ""]);
    for one in available {
        let here = if installed.contains(&one.release) { "installed" } else { "" };
        let published = one.published.map(day).unwrap_or_default();
        table.add_row([one.release.to_string(), published, here.to_owned()]);
    }
    trim_lines(&format!("{table}\n"))
}

fn install(cache: &Cache, wanted: &[Wanted], context: &Context) -> Result<Exit, Failure> {
    let mut failed = Vec::new();
    for one in wanted {
        let release = match one {
            Wanted::Latest => cache.latest().map_err(Failure::broke)?,
            Wanted::Release(release) => *release,
        };
        let display = Display::new(context.live);
        let progress = |event: InstallEvent| display.show(&event);
        let result = cache.install(release, &progress, &Cancel::default());
        display.end();
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
    let pruned = cache.prune(keep.0, &Cancel::default()).map_err(Failure::broke)?;
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
    let mut exit = Exit::Fine;
    for release in releases {
        let text = match cache.verify(release).map_err(Failure::broke)? {
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

/// Shows an installation on standard error: one changing line on a terminal, plain lines elsewhere.
struct Display(Option<ProgressBar>);

impl Display {
    fn new(live: bool) -> Self {
        Self(live.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        }))
    }

    fn show(&self, event: &InstallEvent) {
        match (&self.0, event) {
            (Some(bar), InstallEvent::Noted { .. }) => bar.println(event.to_string()),
            (Some(bar), _) => bar.set_message(event.to_string()),
            (None, InstallEvent::Advanced { .. }) => {}
            (None, _) => anstream::eprintln!("{event}"),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn day(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn json_text(releases: &[Value]) -> String {
    let whole = json!({"format": {"major": 1, "minor": 0}, "releases": releases});
    format!("{whole:#}\n")
}

fn new_table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_header(head);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    table
}

/// Cells are padded to their column; at the end of a line nobody wants that.
fn trim_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("20GB", Some(20_000_000_000))]
    #[case("500 mb", Some(500_000_000))]
    #[case("0", Some(0))]
    #[case("7B", Some(7))]
    #[case("", None)]
    #[case("GB", None)]
    #[case("20GiB", None)]
    #[case("-1GB", None)]
    #[case("99999999999GB", None)]
    fn a_size_is_a_number_with_a_unit(#[case] text: &str, #[case] bytes: Option<u64>) {
        assert_eq!(text.parse::<Size>().ok().map(|size| size.0), bytes);
    }

    #[test]
    fn installed_releases_are_a_table() {
        let time = "2026-11-22T12:00:00Z".parse().unwrap();
        let one = |release: &str, whole| Installed {
            release: release.parse().unwrap(),
            installed: time,
            last_used: time,
            bytes: 622_788_608,
            node: "24.21.0".into(),
            whole,
        };
        let table = installed_table(&[one("2026.3.31", true), one("2026.2.2-3", false)], 1_900_000_000);
        insta::assert_snapshot!(table, @r"
        release       size  node     installed   last used
        2026.3.31   623 MB  24.21.0  2026-11-22  2026-11-22
        2026.2.2-3  623 MB  24.21.0  2026-11-22  2026-11-22  damaged

        The cache takes 1900 MB; releases share most of their files.
        ");
    }

    #[test]
    fn published_releases_are_a_table() {
        let time = "2026-04-01T12:00:00Z".parse().unwrap();
        let one =
            |release: &str, published| AvailableRelease { release: release.parse().unwrap(), published };
        let list = [one("2026.3.28", None), one("2026.3.31", Some(time))];
        insta::assert_snapshot!(available_table(&list, &[list[1].release]), @r"
        release    published
        2026.3.28
        2026.3.31  2026-04-01  installed
        ");
    }
}

//! `gatecrash matrix`: runs scenarios on many releases.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::provider;
use super::session::{RunOptions, execute};
use super::shard::Shard;
use crate::gateway::{Target, TargetProvider};
use crate::release::Release;

/// Run scenarios against several releases and compare them.
///
/// Prints a table with a row for each scenario and a column for each release, and timelines below it. Exit codes are those of
/// `run`.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite next to your own [default: all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// The gateways, separated by commas
    #[arg(long, value_name = "TARGET,…", conflicts_with_all = ["from", "to", "every", "pre"])]
    gateways: Option<String>,
    /// First release of a range; the installed releases in the range are run
    #[arg(long, value_name = "RELEASE", requires = "to")]
    from: Option<Release>,
    /// Last release of the range; with --upgrade-from, the targets to upgrade to, separated by commas
    #[arg(long, value_name = "RELEASE|TARGET,…")]
    to: Option<String>,
    /// Releases to upgrade from, separated by commas: each scenario with an upgrade runs from each of them
    #[arg(long, value_name = "RELEASE,…", value_delimiter = ',', requires = "to", conflicts_with_all = ["from", "gateways"])]
    upgrade_from: Vec<Release>,
    /// Run every stable release of the range, or every published one, and install what is missing
    #[arg(long, conflicts_with = "upgrade_from")]
    every: bool,
    /// Include the betas of the range
    #[arg(long, conflicts_with = "upgrade_from")]
    pre: bool,
    /// Run only the M-th of N parts: every N-th gateway; `gatecrash merge` joins the event streams of the parts
    #[arg(long, value_name = "M/N")]
    shard: Option<Shard>,
    /// Inject faults into the connections, drawn from this seed: latency, slices, reordering, resets and half-open
    /// connections. What a reset or a half-open connection could explain is an error that names it
    #[arg(long, value_name = "SEED")]
    chaos: Option<u64>,
    #[command(flatten)]
    options: RunOptions,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let provider = provider(context, &args.options.gateways)?;
    // The gateways of the project file do not count where the command line asks for others.
    let others = args.from.is_some() || args.every || !args.upgrade_from.is_empty();
    let gateways = args.gateways.as_ref().filter(|_| !others);
    let targets = match (gateways, args.from, &args.to) {
        (Some(names), _, _) => args.options.gateways.targets(names)?,
        (None, Some(from), Some(to)) => {
            let to = to.parse().map_err(Failure::usage)?;
            span(&provider, Some((from, to)), args.every, args.pre)?
        }
        (None, None, None) if args.every => span(&provider, None, true, args.pre)?,
        (None, None, Some(to)) if !args.upgrade_from.is_empty() => args.options.gateways.targets(to)?,
        (None, _, _) => {
            return Err(Failure::usage("no gateway is named")
                .hint("use --gateways, or --from and --to, or --upgrade-from and --to"));
        }
    };
    let targets = match args.shard {
        Some(shard) => shard.of(targets),
        None => targets,
    };
    if targets.is_empty() {
        return Err(Failure::usage("this shard has no gateway").hint("there are more shards than gateways"));
    }
    let options = RunOptions { chaos: args.chaos, ..args.options.clone() };
    let record = execute(context, &provider, &args.selection, targets, &args.upgrade_from, &options)?;
    Ok(Exit::of_run(&record))
}

/// The releases of a range, or all of them: those that are installed, or every published one.
fn span(
    provider: &TargetProvider,
    span: Option<(Release, Release)>,
    every: bool,
    pre: bool,
) -> Result<Vec<Target>, Failure> {
    if let Some((from, to)) = span
        && from > to
    {
        return Err(Failure::usage(format!("{from} is later than {to}")).hint("swap --from and --to"));
    }
    let known = if every {
        provider.available().map_err(Failure::broke)?
    } else {
        provider.installed().map_err(Failure::broke)?
    };
    let inside = within(known, span, pre);
    if inside.is_empty() {
        let hint = if every {
            "see `gatecrash releases list --available`"
        } else {
            "--every installs what is missing"
        };
        let what = span.map_or_else(String::new, |(from, to)| format!(" from {from} to {to}"));
        return Err(Failure::usage(format!("no release{what}")).hint(hint));
    }
    Ok(inside.into_iter().map(Target::Release).collect())
}

/// The releases of a range in order of time, with betas if `pre` is set.
fn within(known: Vec<Release>, span: Option<(Release, Release)>, pre: bool) -> Vec<Release> {
    let inside = |release: &Release| span.is_none_or(|(from, to)| (from..=to).contains(release));
    let mut found: Vec<Release> =
        known.into_iter().filter(|release| inside(release) && (pre || !release.is_beta())).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::all(None, false, &["2026.3.28", "2026.3.31", "2026.4.2"])]
    #[case::with_betas(None, true, &["2026.3.28", "2026.3.31-beta.1", "2026.3.31", "2026.4.2"])]
    #[case::a_span(Some(("2026.3.28", "2026.3.31")), false, &["2026.3.28", "2026.3.31"])]
    #[case::a_span_with_betas(Some(("2026.3.31-beta.1", "2026.3.31")), true, &["2026.3.31-beta.1", "2026.3.31"])]
    fn a_range_contains_its_releases_in_order(
        #[case] span: Option<(&str, &str)>,
        #[case] pre: bool,
        #[case] expected: &[&str],
    ) {
        let known = ["2026.4.2", "2026.3.31", "2026.3.28", "2026.3.31-beta.1"];
        let known = known.into_iter().filter_map(|one| one.parse().ok()).collect();
        let span = span.and_then(|(from, to)| from.parse().ok().zip(to.parse().ok()));
        let found: Vec<String> = within(known, span, pre).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }
}

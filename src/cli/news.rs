//! `gatecrash news`: what new releases do differently.

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::provider;
use super::known::measured;
use super::session::{RunOptions, measure};
use super::stored;
use crate::gateway::install::Refresh;
use crate::gateway::{Target, TargetProvider};
use crate::release::Release;
use crate::report::news::News;
use crate::run::RunRecord;

/// Say what new releases do differently from the one before.
///
/// Asks the registry for releases that are newer than the last one that was measured for this version of gatecrash, or than
/// `--since`, installs them, runs the suite on all of them, and prints what changed as a changelog of behaviour.
///
/// Exit codes: 0 nothing new, or nothing broke, 1 something broke that a paired device relies on, 2 bad usage, 4 a release
/// cannot be asked, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Scenarios: ids, globs of ids, files or folders; `builtin:ID` for the built-in suite next to your own [default: all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// The release before the news [default: the last one that was measured]
    #[arg(long, value_name = "RELEASE")]
    since: Option<Release>,
    /// Betas are news, too
    #[arg(long)]
    pre: bool,
    /// Tell the news of this stored run (a file, an id or `latest`) without running anything
    #[arg(long, value_name = "RUN", conflicts_with_all = ["selection", "since", "pre"])]
    run: Option<String>,
    #[command(flatten)]
    options: RunOptions,
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: NewsFormat,
}

/// How news are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum NewsFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For issues and changelogs
    Markdown,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (record, exit) = match &args.run {
        Some(run) => {
            let record = stored::read(context, run)?.record;
            let exit = Exit::of_stored(&record);
            (record, exit)
        }
        None => match new_run(args, context)? {
            Some(record) => {
                let exit = if record.run.interrupted { Exit::Interrupted } else { Exit::Fine };
                (record, exit)
            }
            None => return nothing_new(args, context),
        },
    };
    let news = News::of(&record);
    context.print(&printed(&news, args.format)?)?;
    Ok(match exit {
        Exit::Fine if news.is_alarming() => Exit::Bad,
        Exit::Fine if !record.run.unusable.is_empty() => Exit::Broke,
        other => other,
    })
}

fn printed(news: &News, format: NewsFormat) -> Result<String, Failure> {
    Ok(match format {
        NewsFormat::Text => news.text(),
        NewsFormat::Markdown => news.markdown(),
        NewsFormat::Json => format!("{:#}\n", serde_json::to_value(news).map_err(Failure::broke)?),
    })
}

/// Runs the suite on the release before the news and on all newer ones; none if there is none.
fn new_run(args: &Args, context: &Context) -> Result<Option<RunRecord>, Failure> {
    let provider = provider(context, &args.options.gateways)?;
    let since = since(args)?;
    context.progress.stage("asking the registry for releases");
    let newer = newer(&published(&provider)?, since, args.pre);
    context.progress.done();
    if newer.is_empty() {
        return Ok(None);
    }
    let targets = std::iter::once(since).chain(newer).map(Target::Release).collect();
    measure(context, &provider, &args.selection, targets, &[], &args.options).map(Some)
}

fn nothing_new(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let since = since(args)?;
    let text = match args.format {
        NewsFormat::Text => format!("no release is newer than {since}\n"),
        NewsFormat::Markdown => format!("No release is newer than {since}.\n"),
        NewsFormat::Json => {
            let none = News { targets: vec![since.to_string()], entries: Vec::new(), broken: Vec::new() };
            printed(&none, args.format)?
        }
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

/// The release before the news.
fn since(args: &Args) -> Result<Release, Failure> {
    let last = || measured().last().copied();
    args.since.or_else(last).ok_or_else(|| Failure::usage("no release was measured yet").hint("use --since"))
}

/// All published releases: those of now, or offline those that were known last.
fn published(provider: &TargetProvider) -> Result<Vec<Release>, Failure> {
    let refresh = if provider.cache().is_offline() { Refresh::WhenOld } else { Refresh::Now };
    let list = provider.cache().available(refresh).map_err(Failure::broke)?;
    Ok(list.into_iter().map(|one| one.release).collect())
}

/// The releases after one, in order; betas only on request.
fn newer(published: &[Release], since: Release, pre: bool) -> Vec<Release> {
    let mut found: Vec<Release> =
        published.iter().copied().filter(|one| *one > since && (pre || !one.is_beta())).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::stable(false, &["2026.4.1", "2026.4.2"])]
    #[case::with_betas(true, &["2026.4.1", "2026.4.2-beta.1", "2026.4.2"])]
    fn news_are_newer_releases_in_order(#[case] pre: bool, #[case] expected: &[&str]) {
        let all = ["2026.4.2", "2026.3.31", "2026.4.2-beta.1", "2026.4.1", "2026.3.28"];
        let all: Vec<Release> = all.iter().map(|one| one.parse().unwrap()).collect();
        let found: Vec<String> =
            newer(&all, "2026.3.31".parse().unwrap(), pre).iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }
}

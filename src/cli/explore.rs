//! `gatecrash explore`: random stories on two targets, and what differs as minimal scenarios.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::bundle;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{GatewayOptions, provider};
use super::interrupt::cancel_on_interrupt;
use super::suite::{self, Selection, SuiteOptions};
use crate::explore::{
    BUILT_IN, ExploreRequest, Explored, Finding, Generator, KnownCases, Progress, Stage, Weights, explore,
};
use crate::gateway::{PreparedTarget, TargetProvider};
use crate::release::Release;
use crate::report::explore::{ExploreReport, ReportedFinding, write_files};
use crate::report::terminal::{self, Appearance, Palette};
use crate::run::Settings;
use crate::scenario::{Capability, Millis};

/// How long a step waits for an answer. Gateways answer within milliseconds, so silence is an outcome.
const PATIENCE: Duration = Duration::from_secs(5);

/// What happens to findings that the suite already shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum KnownFindings {
    /// They are counted, but not listed and not written
    Hide,
    /// They are listed with the scenario that shows them
    #[default]
    Show,
}

/// Run random stories on two targets and shrink what differs to minimal scenarios.
///
/// A story is devices with records of any shape, and clients that connect, are revoked, rotated, removed and approved.
/// The same stories run on both targets. What differs is folded into classes by what kind of step it is, by both outcomes
/// and by what is out of the ordinary about the step; each class is shrunk to a minimal story, run three times alone, and
/// written as a scenario that still needs a review. The same seed makes the same stories.
///
/// Exit codes: 0 nothing differs, 1 differences, 2 bad usage, 3 nothing could be compared, 4 harness or gateway broke, 130
/// interrupted (what was found so far is reported).
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The first target, as for `run --gateway`
    #[arg(value_name = "TARGET_A")]
    first: String,
    /// The target to compare it with; the right outcomes of the written scenarios are this one's
    #[arg(value_name = "TARGET_B")]
    second: String,
    /// How long to explore; more than half of it is left for shrinking and confirming what is found [default: 5m, unless --stories is given]
    #[arg(long, value_name = "DURATION")]
    time: Option<Millis>,
    /// How many stories to run at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    stories: Option<u64>,
    /// Seed of the stories and of all keys and secrets
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Only stories about this (repeatable): tokens, roles, scopes, pairing, proxy, proof, origin, protocol, restart
    #[arg(long, value_name = "WORD", num_args = 1..)]
    focus: Vec<String>,
    /// Write the findings as scenarios into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on from an earlier exploration that was written to `--out`
    #[arg(long, requires = "out")]
    resume: bool,
    /// Which target is right about the findings, for the scenarios that are written
    #[arg(long, value_name = "SIDE", default_value = "second", value_parser = ["first", "second"])]
    right: String,
    /// Stop looking for new differences as soon as there is one
    #[arg(long)]
    first_only: bool,
    /// What to do with findings that scenarios of the suite already show
    #[arg(long, value_name = "WHAT", default_value = "show")]
    known: KnownFindings,
    #[command(flatten)]
    suite: SuiteOptions,
    /// Release by which a `cmd:` or `path:` target is judged
    #[arg(long, value_name = "RELEASE")]
    assume_release: Option<Release>,
    /// Write the result: json=FILE or markdown=FILE; `-` is standard output (repeatable)
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<ExploreReport>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let weights = bundle::data(context, "explore-weights.yaml", BUILT_IN, Weights::read)?;
    let generator = generator(&weights, &args.focus)?;
    if args.time.is_some_and(|time| time.as_duration().is_zero()) {
        return Err(Failure::usage("--time must be longer than 0"));
    }
    let gateways = GatewayOptions { assume_release: args.assume_release, ..GatewayOptions::default() };
    let provider = provider(context, &gateways)?;
    let mut targets = gateways.targets(&args.first)?;
    let again = gateways.targets(&args.second)?;
    if targets.len() != 1 || again.len() != 1 {
        return Err(Failure::usage("name one target on each side, such as 2026.3.31"));
    }
    targets.extend(again);
    let targets = provider.resolve(targets).map_err(Failure::broke)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let prepared: Vec<Arc<PreparedTarget>> = targets
        .iter()
        .map(|target| runtime.block_on(prepare(&provider, target)))
        .collect::<Result<_, Failure>>()?;
    let cancel = CancellationToken::new();
    let settings = Settings {
        interrupt: cancel.clone(),
        ..Settings::new(args.seed, PATIENCE, Arc::clone(&context.now_ms))
    };
    let [first, second] = &prepared[..] else {
        return Err(Failure::usage("exactly two targets can be compared"));
    };
    let cases = known_cases(args, context, [first, second])?;
    let earlier = match &args.out {
        Some(folder) if args.resume => crate::report::explore::read_state(folder).map_err(Failure::usage)?,
        _ => None,
    };
    let request = request(args, earlier);
    let sides = [first, second].map(|one| Stage::new(Arc::clone(one), settings.clone()));
    let tell = teller(context, &cases);
    let explored = runtime.block_on(async {
        tokio::spawn(cancel_on_interrupt(cancel.clone()));
        Box::pin(explore(sides, &generator, &request, &tell, &cancel)).await
    });
    if context.live {
        eprintln!();
    }
    let explored = explored.map_err(Failure::broke)?;
    finish(args, context, [first, second], &explored, &cases)
}

fn generator<'a>(weights: &'a Weights, focus: &[String]) -> Result<Generator<'a>, Failure> {
    Generator::new(weights, focus).map_err(|word| {
        let known: Vec<&str> = weights.focus.keys().map(String::as_str).collect();
        Failure::usage(format!("no story is about `{word}`"))
            .hint(format!("--focus takes {}", known.join(", ")))
    })
}

async fn prepare(
    provider: &TargetProvider,
    target: &crate::gateway::Target,
) -> Result<Arc<PreparedTarget>, Failure> {
    let tell = Arc::new(|text: String| anstream::eprintln!("{text}"));
    let prepared = provider.prepare(target, tell).await.map_err(Failure::broke)?;
    let needed = [Capability::Seed, Capability::State, Capability::Restart, Capability::Config];
    if let Some(lacking) = needed.into_iter().find(|one| !prepared.capabilities().contains(one)) {
        return Err(Failure::usage(format!("{target} cannot be explored: it has no {}", lacking.describe()))
            .hint("stories place records in the store of a gateway that gatecrash starts itself"));
    }
    Ok(Arc::new(prepared))
}

fn request(args: &Args, earlier: Option<(usize, Vec<Finding>)>) -> ExploreRequest {
    let time = match (args.time, args.stories) {
        (None, None) => Some(Duration::from_mins(5)),
        (time, _) => time.map(Millis::as_duration),
    };
    let (skip, known) = earlier.unwrap_or_default();
    ExploreRequest {
        seed: args.seed,
        time,
        stories: args.stories.map(|all| usize::try_from(all).unwrap_or(usize::MAX).saturating_add(skip)),
        first_only: args.first_only,
        stored: true,
        known,
        skip,
    }
}

/// What the suite already knows to differ between the two targets.
fn known_cases(
    args: &Args,
    context: &Context,
    sides: [&Arc<PreparedTarget>; 2],
) -> Result<KnownCases, Failure> {
    let [Some(first), Some(second)] = sides.map(|side| side.release()) else {
        return Ok(KnownCases::default());
    };
    let every = ["*".to_owned()];
    let folder = args.suite.folder.as_deref();
    let selection = Selection { folder, names: &every, tags: &[], exclude: &[] };
    Ok(KnownCases::of(&suite::scenarios(context, &selection)?, first, second))
}

/// A line that shows how far the exploration is.
fn teller<'a>(context: &Context, cases: &'a KnownCases) -> impl Fn(Progress, &[Finding]) + Sync + 'a {
    let live = context.live;
    let begun = std::time::Instant::now();
    move |progress, findings| {
        if !live {
            return;
        }
        let known = findings.iter().filter(|one| cases.of_finding(one).is_some()).count();
        let line = terminal::explore_line(progress, known, begun.elapsed());
        let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
    }
}

fn finish(
    args: &Args,
    context: &Context,
    sides: [&Arc<PreparedTarget>; 2],
    explored: &Explored,
    cases: &KnownCases,
) -> Result<Exit, Failure> {
    let names = sides.map(|side| side.name().to_owned());
    let releases = sides.map(|side| side.release());
    let right = usize::from(args.right == "second");
    let mut reported: Vec<ReportedFinding> = explored
        .findings
        .iter()
        .map(|finding| ReportedFinding::of(finding, cases.of_finding(finding), releases, right))
        .filter(|one| args.known == KnownFindings::Show || one.known_as.is_none())
        .collect();
    ReportedFinding::sort(&mut reported);
    if let Some(folder) = &args.out {
        write_files(folder, &mut reported, explored).map_err(Failure::broke)?;
    }
    for report in &args.reports {
        let text = report.render(&names, explored, &reported);
        write_report(context, report.to(), &text)?;
    }
    if !args.reports.iter().any(|report| report.to() == Path::new("-")) {
        let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
        context.print(&terminal::explored(&names, explored, &reported, &appearance))?;
    }
    Ok(if explored.interrupted {
        Exit::Interrupted
    } else if !reported.is_empty() {
        Exit::Bad
    } else if explored.progress.stories == explored.progress.broken {
        if explored.progress.stories == 0 { Exit::NothingTestable } else { Exit::Broke }
    } else {
        Exit::Fine
    })
}

fn write_report(context: &Context, to: &Path, text: &str) -> Result<(), Failure> {
    if to == Path::new("-") {
        return context.print(text);
    }
    std::fs::write(to, text)
        .map_err(|error| Failure::broke(error).context(format!("cannot write {}", to.display())))
}

//! `gatecrash explore`: random stories on two targets, or on one that has to obey laws, and what comes out as minimal scenarios.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use tokio_util::sync::CancellationToken;

use super::bundle;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{GatewayOptions, provider, resolve, tell_of_installing};
use super::interrupt::cancel_on_interrupt;
use super::matrix;
use super::suite::{self, Selection, SuiteOptions};
use crate::explore::{
    BUILT_IN, ExploreRequest, Explored, Finding, Followers, Generator, HuntState, KnownCases, LawsOf, Looks,
    Progress, Stage, Weights, explore,
};
use crate::gateway::{PreparedTarget, TargetProvider};
use crate::laws::{self, LawBook};
use crate::release::Release;
use crate::report::explore::{ReportedFinding, write_files, write_state};
use crate::report::explore_report::ExploreReport;
use crate::report::terminal::{self, Appearance, Palette};
use crate::run::Settings;
use crate::scenario::{Capability, Millis};

/// How long a step waits for an answer. Gateways answer within milliseconds, so silence is an outcome.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same if a process answers, which may have to wait for a processor.
const PATIENCE_WITH_PROCESSES: Duration = Duration::from_secs(20);

/// What happens to findings that the suite already shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum KnownFindings {
    /// They are counted, but not listed and not written
    Hide,
    /// They are listed with the scenario that shows them
    #[default]
    Show,
}

/// The releases of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span(Release, Release);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, last) = text.split_once("..").ok_or("write FIRST..LAST, such as 2026.3.2..2026.9.6")?;
        let read = |text: &str| text.parse::<Release>().map_err(|error| error.to_string());
        let (first, last) = (read(first)?, read(last)?);
        if first > last { Err(format!("{first} is later than {last}")) } else { Ok(Self(first, last)) }
    }
}

/// The line of `gatecrash matrix` by which findings are run on other releases.
#[derive(clap::Parser, Debug)]
struct MatrixLine {
    #[command(flatten)]
    matrix: matrix::Args,
}

/// Run random stories on two targets, or hold one to laws, and shrink what comes out to minimal scenarios.
///
/// A story is devices with records of any shape, and clients that connect, are revoked, rotated, removed and approved.
/// The same stories run on both targets. What differs is folded into classes by what kind of step it is, by both outcomes
/// and by what is out of the ordinary about the step; each class is shrunk to a minimal story, run three times alone, and
/// written as a scenario that still needs a review. The same seed makes the same stories.
///
/// With --laws, one target is held to the laws of `suite-data/laws.yaml`: that a revoked token never lets in again, that a
/// restart changes no answer, and others. A law that compares two stories is tested by running both.
///
/// Stories have no variables, so there is no `--var`: what the suite knows already is that of its default values.
///
/// Exit codes: 0 nothing differs and no law is broken, 1 differences or broken laws, 2 bad usage, 3 nothing could be compared, 4 harness or gateway broke, 130
/// interrupted (what was found so far is reported).
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The first target, as for `run --gateway`
    #[arg(value_name = "TARGET_A")]
    first: String,
    /// The target to compare it with; the right outcomes of the written scenarios are this one's
    #[arg(value_name = "TARGET_B", required_unless_present = "laws")]
    second: Option<String>,
    /// Hold the first target to the laws instead of comparing it with another one
    #[arg(long, conflicts_with_all = ["second", "right"])]
    laws: bool,
    /// How long to explore; more than half of it is left for shrinking and confirming what is found [default: 5m, unless --stories is given]
    #[arg(long, value_name = "DURATION")]
    time: Option<Millis>,
    /// How many stories to run at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    stories: Option<u64>,
    /// Seed of the stories and of all keys and secrets
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Only stories about this (repeatable): tokens, roles, scopes, pairing, nodes, proxy, proof, origin, protocol, restart
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
    /// Then run the written findings on these releases: FIRST..LAST of those that are installed
    #[arg(long, value_name = "FIRST..LAST", requires = "out")]
    timeline: Option<Span>,
    #[command(flatten)]
    suite: SuiteOptions,
    /// Release by which a `cmd:` or `path:` target is judged
    #[arg(long, value_name = "RELEASE")]
    assume_release: Option<Release>,
    /// Write the result: json=FILE, markdown=FILE or html=FILE; `-` is standard output (repeatable)
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
    let mut targets = Vec::new();
    for word in std::iter::once(&args.first).chain(&args.second) {
        let named = gateways.targets(word)?;
        if named.len() != 1 {
            return Err(Failure::usage("name one target on each side, such as 2026.3.31"));
        }
        targets.extend(named);
    }
    let targets = resolve(context, &provider, targets)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let prepared: Vec<Arc<PreparedTarget>> = targets
        .iter()
        .map(|target| runtime.block_on(prepare(context, &provider, target)))
        .collect::<Result<_, Failure>>()?;
    let cancel = CancellationToken::new();
    let patience =
        if prepared.iter().all(|one| one.is_embedded()) { PATIENCE } else { PATIENCE_WITH_PROCESSES };
    let settings = Settings {
        interrupt: cancel.clone(),
        transcripts: false,
        ..Settings::new(args.seed, patience, Arc::clone(&context.now_ms))
    };
    let laws = laws(args, context, &prepared)?;
    let cases = known_cases(args, context, &prepared)?;
    let earlier = match &args.out {
        Some(folder) if args.resume => {
            let names: Vec<String> = prepared.iter().map(|one| one.name().to_owned()).collect();
            crate::report::explore::read_state(folder, &names).map_err(Failure::usage)?
        }
        _ => None,
    };
    let request = request(args, earlier, laws, &prepared);
    let sides = prepared.iter().map(|one| Stage::new(Arc::clone(one), settings.clone())).collect();
    let names: Vec<String> = prepared.iter().map(|one| one.name().to_owned()).collect();
    let tell = teller(context, &cases);
    let keep = |state: &HuntState| match &args.out {
        Some(folder) => write_state(folder, &names, state),
        None => Ok(()),
    };
    let followers = Followers { tell: &tell, keep: &keep };
    let explored = runtime.block_on(async {
        tokio::spawn(cancel_on_interrupt(cancel.clone()));
        Box::pin(explore(sides, &generator, &request, &followers, &cancel)).await
    });
    context.progress.end();
    let explored = explored.map_err(Failure::broke)?;
    finish(args, context, &prepared, &explored, &cases, request.laws.as_ref().map(|laws| &laws.book))
}

fn generator<'a>(weights: &'a Weights, focus: &[String]) -> Result<Generator<'a>, Failure> {
    Generator::new(weights, focus).map_err(|word| {
        let known: Vec<&str> = weights.focus.keys().map(String::as_str).collect();
        Failure::usage(format!("no story is about `{word}`"))
            .hint(format!("--focus takes {}", known.join(", ")))
    })
}

async fn prepare(
    context: &Context,
    provider: &TargetProvider,
    target: &crate::gateway::Target,
) -> Result<Arc<PreparedTarget>, Failure> {
    let prepared = provider.prepare(target, tell_of_installing(context)).await.map_err(Failure::broke)?;
    let needed = [Capability::Seed, Capability::State, Capability::Restart, Capability::Config];
    if let Some(lacking) = needed.into_iter().find(|one| !prepared.capabilities().contains(one)) {
        return Err(Failure::usage(format!("{target} cannot be explored: it has no {}", lacking.describe()))
            .hint("stories place records in the store of a gateway that gatecrash starts itself"));
    }
    Ok(Arc::new(prepared))
}

/// The laws to hold the target to, if that is asked for.
fn laws(args: &Args, context: &Context, prepared: &[Arc<PreparedTarget>]) -> Result<Option<LawsOf>, Failure> {
    if !args.laws {
        return Ok(None);
    }
    let book = bundle::data(context, "laws.yaml", laws::BUILT_IN, LawBook::read)?;
    Ok(Some(LawsOf { book, release: prepared.first().and_then(|one| one.release()) }))
}

fn request(
    args: &Args,
    earlier: Option<HuntState>,
    laws: Option<LawsOf>,
    prepared: &[Arc<PreparedTarget>],
) -> ExploreRequest {
    let time = match (args.time, args.stories) {
        (None, None) => Some(Duration::from_mins(5)),
        (time, _) => time.map(Millis::as_duration),
    };
    let before = earlier.as_ref().map_or(0, HuntState::stories);
    ExploreRequest {
        seed: args.seed,
        time,
        stories: args.stories.map(|all| usize::try_from(all).unwrap_or(usize::MAX).saturating_add(before)),
        first_only: args.first_only,
        // Models are right about every step, or they are mended; of releases only what they come to counts.
        looks: if prepared.iter().any(|one| one.is_embedded()) { Looks::AfterEachStep } else { Looks::AtEnd },
        laws,
        earlier,
    }
}

/// What the suite already knows to differ between the two targets, or of the one that is held to laws.
fn known_cases(args: &Args, context: &Context, sides: &[Arc<PreparedTarget>]) -> Result<KnownCases, Failure> {
    let every = ["*".to_owned()];
    let folder = args.suite.folder.as_deref();
    let selection = Selection { folder, names: &every, tags: &[], exclude: &[], vars: None };
    let releases: Vec<Release> = sides.iter().filter_map(|side| side.release()).collect();
    Ok(match releases[..] {
        [first, second] => KnownCases::of(&suite::scenarios(context, &selection)?, first, second),
        [only] if args.laws => KnownCases::of_one(&suite::scenarios(context, &selection)?, only),
        _ => KnownCases::default(),
    })
}

/// A line that shows how far the exploration is.
fn teller<'a>(context: &Context, cases: &'a KnownCases) -> impl Fn(Progress, &[Finding]) + Sync + 'a {
    let shown = context.progress.clone();
    let begun = std::time::Instant::now();
    shown.begin("running stories");
    move |progress, findings| {
        let known = findings.iter().filter(|one| cases.of_finding(one).is_some()).count();
        shown.reword(terminal::explore_line(progress, known, begun.elapsed()));
    }
}

fn finish(
    args: &Args,
    context: &Context,
    sides: &[Arc<PreparedTarget>],
    explored: &Explored,
    cases: &KnownCases,
    laws: Option<&LawBook>,
) -> Result<Exit, Failure> {
    let names: Vec<String> = sides.iter().map(|side| side.name().to_owned()).collect();
    let release = |side: usize| sides.get(side).and_then(|side| side.release());
    // What a law wants stands where the first target does, and what the target did where the second does.
    let releases = if args.laws { [None, release(0)] } else { [release(0), release(1)] };
    let right = usize::from(!args.laws && args.right == "second");
    let mut reported: Vec<ReportedFinding> = explored
        .findings
        .iter()
        .map(|finding| {
            let broken = || {
                let law = finding.pair.law?;
                laws?.known_breach(law, &finding.situation, &release(0)?)
            };
            let known_as = broken().or_else(|| cases.of_finding(finding));
            ReportedFinding::of(finding, known_as, releases, right, laws)
        })
        .filter(|one| args.known == KnownFindings::Show || one.known_as.is_none())
        .collect();
    ReportedFinding::sort(&mut reported);
    if let Some(folder) = &args.out {
        write_files(folder, &names, &mut reported, explored).map_err(Failure::broke)?;
    }
    for report in &args.reports {
        let text = report.render(&names, explored, &reported);
        write_report(context, report.to(), &text)?;
    }
    if !args.reports.iter().any(|report| report.to() == Path::new("-")) {
        let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
        context.print(&terminal::explored(&names, explored, &reported, &appearance))?;
    }
    if let (Some(Span(first, last)), Some(folder), false) =
        (&args.timeline, &args.out, explored.interrupted || reported.is_empty())
    {
        show_timeline(context, folder, [first, last])?;
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

/// Runs the written findings on the installed releases of a range, and says how to find the change behind one.
fn show_timeline(context: &Context, folder: &Path, [first, last]: [&Release; 2]) -> Result<(), Failure> {
    let folder = folder.display().to_string();
    let (first, last) = (first.to_string(), last.to_string());
    let words = ["matrix", &folder, "--from", &first, "--to", &last];
    let line = MatrixLine::try_parse_from(words).map_err(Failure::broke)?;
    matrix::run(&line.matrix, context)?;
    context.print(&format!(
        "The change behind one of them: gatecrash bisect {folder}/FILE.yaml --good {first} --bad {last}\n"
    ))
}

fn write_report(context: &Context, to: &Path, text: &str) -> Result<(), Failure> {
    if to == Path::new("-") {
        return context.print(text);
    }
    std::fs::write(to, text)
        .map_err(|error| Failure::broke(error).context(format!("cannot write {}", to.display())))
}

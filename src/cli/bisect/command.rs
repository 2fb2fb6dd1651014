//! The command, from its arguments to its exit code.

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::args::BisectArgs;
use super::failure::failure;
use super::report::BisectReportArg;
use super::scenarios::scenarios;
use crate::bisect::{
    BisectReport, Bisected, Conclusion, Log, LogEntry, Progress, bisect, is_doubtful, read_log,
};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::interrupt::cancel_on_interrupt;
use crate::gateway::TargetProvider;
use crate::report::bisect::{progress, text};
use crate::report::quoted;

/// Find where behaviour changed, with a scenario as the oracle.
///
/// Only the failure that the bad end shows counts as bad. A build that fails in another way, or that cannot be installed
/// or booted, is skipped and named. Results that a run, a matrix or a bisect has measured before cost no boot.
///
/// Exit codes: 0 found, 1 the ends do not differ, 2 bad usage, 3 no answer, 4 harness or gateway broke, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    bisect: BisectArgs,
    /// Builds at the same time; with more than one, likely next candidates are tested ahead
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Resume the bisect of this log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenario", "replay"])]
    resume: Option<PathBuf>,
    /// Show the answer of this log again, without testing anything
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    replay: Option<PathBuf>,
    /// Where to write the log [default: a new file below the cache directory]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "replay"])]
    log: Option<PathBuf>,
    /// Write a report: json=FILE or markdown=FILE; `-` is standard output
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<BisectReportArg>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.reports.iter().filter(|report| report.is_to_stdout()).count() > 1 {
        return Err(Failure::usage("only one report can go to standard output"));
    }
    if let Some(file) = &args.replay {
        let entries = read_log(&context.working_dir.join(file)).map_err(Failure::usage)?;
        let arguments = logged_arguments(&entries)?;
        return show(args, context, &arguments, &entries);
    }
    let (arguments, past, path) = if let Some(file) = &args.resume {
        let path = context.working_dir.join(file);
        let past = read_log(&path).map_err(Failure::usage)?;
        (logged_arguments(&past)?, past, path)
    } else {
        let mut arguments = args.bisect.clone();
        arguments.seed.get_or_insert(context.entropy & 0xffff_ffff);
        (arguments, Vec::new(), new_log(args, context)?)
    };
    let scenarios = scenarios(context, &arguments)?;
    let provider = TargetProvider::open(context.provider_settings(None)).map_err(Failure::broke)?;
    let request = arguments.request(context, &provider, scenarios, args.jobs)?;
    let mut log = Log::open(&path).map_err(Failure::broke)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let Bisected { entries, interrupted } = runtime
        .block_on(async {
            let cancel = CancellationToken::new();
            tokio::spawn(cancel_on_interrupt(cancel.clone()));
            let mut show = |what: Progress<'_>| show_progress(context, what);
            bisect(&request, past, &mut log, &mut show, &cancel).await
        })
        .map_err(failure)?;
    context.progress.end();
    if interrupted {
        let cache = quoted(&context.cache_dir.display().to_string());
        let log = quoted(&path.display().to_string());
        context.say(format!("resume with: gatecrash --cache-dir {cache} bisect --resume {log}"));
    }
    let exit = show(args, context, &arguments, &entries)?;
    Ok(if interrupted { Exit::Interrupted } else { exit })
}

fn show_progress(context: &Context, what: Progress<'_>) {
    match what {
        Progress::Resumed { probes } => context.say(format!("resuming after {probes} probes")),
        Progress::Entry(start, entry) => {
            if let Some(line) = progress(start, entry) {
                context.say(line);
            }
        }
    }
}

/// Where the log of a new bisect is written.
fn new_log(args: &Args, context: &Context) -> Result<PathBuf, Failure> {
    let Some(file) = &args.log else {
        let name = format!("{}-{:08x}.jsonl", (context.now_ms)(), context.entropy & 0xffff_ffff);
        return Ok(context.cache_dir.join("bisects").join(name));
    };
    let path = context.working_dir.join(file);
    if path.exists() {
        return Err(Failure::usage(format!("{} exists already", path.display()))
            .hint("resume that bisect with --resume, or name another file"));
    }
    Ok(path)
}

/// The arguments of the bisect that a log is of.
fn logged_arguments(entries: &[LogEntry]) -> Result<BisectArgs, Failure> {
    let Some(LogEntry::Started(start)) = entries.first() else {
        return Err(Failure::usage("the log does not begin with a question"));
    };
    serde_json::from_value(start.arguments.clone())
        .map_err(|error| Failure::usage(error).context("the arguments in the log cannot be read"))
}

/// Writes the reports and prints the answer.
fn show(
    args: &Args,
    context: &Context,
    arguments: &BisectArgs,
    entries: &[LogEntry],
) -> Result<Exit, Failure> {
    let Some(report) = BisectReport::of(entries) else {
        return Err(Failure::usage("the log does not begin with a question"));
    };
    let at = report.first_bad.as_deref().or(report.first_good.as_deref());
    let change = report.before.as_deref().zip(at);
    let reproduce = change.map(|(before, at)| arguments.reproduce(report.kind, before, at));
    for wanted in &args.reports {
        wanted.write(context, entries, reproduce.as_deref())?;
    }
    if !args.reports.iter().any(BisectReportArg::is_to_stdout) {
        context.print(&text(entries, reproduce.as_deref()))?;
    }
    Ok(exit(&report))
}

fn exit(report: &BisectReport) -> Exit {
    match report.result {
        Conclusion::Found | Conclusion::FoundDespiteSkips if is_doubtful(&report.checks) => {
            Exit::NothingTestable
        }
        Conclusion::Found | Conclusion::FoundDespiteSkips => Exit::Fine,
        Conclusion::EndsDoNotDiffer | Conclusion::EndsSwapped => Exit::Bad,
        Conclusion::Indeterminate => Exit::NothingTestable,
        Conclusion::Unfinished => Exit::Interrupted,
    }
}

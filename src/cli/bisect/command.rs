//! The command from its arguments to its exit code.

use std::path::PathBuf;

use super::args::BisectArgs;
use super::report::Report;
use super::session::Session;
use crate::bisect::{Answer, Conclusion, Entry, Log, doubtful, entries, text};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::report::quoted;

/// Find where behaviour changed, with a scenario as the oracle.
///
/// Only the failure that the bad end shows counts as bad; a build with another failure, or one that cannot
/// be installed or booted, is skipped and named. What a run, a matrix or a bisect has measured before costs
/// no boot.
///
/// Exit codes: 0 found, 1 the ends do not differ, 2 bad usage, 3 it cannot be said, 4 harness or gateway
/// broke, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    wish: BisectArgs,
    /// Builds at the same time; more than one tests ahead
    #[arg(long, short, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Go on with the bisect of this log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenario", "replay"])]
    resume: Option<PathBuf>,
    /// Show the answer of this log again, without testing anything
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    replay: Option<PathBuf>,
    /// Where the log is written [default: a new file below the cache directory]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "replay"])]
    log: Option<PathBuf>,
    /// Write a report: json=FILE or markdown=FILE; `-` is standard output
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<Report>,
}

/// Runs the command.
pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.reports.iter().filter(|report| report.is_to_stdout()).count() > 1 {
        return Err(Failure::usage("only one report can go to standard output"));
    }
    if let Some(file) = &args.replay {
        let entries = entries(&context.working_dir.join(file)).map_err(Failure::usage)?;
        let wish = wish_of(&entries)?;
        return show(args, context, &wish, &entries);
    }
    let (wish, past, path) = if let Some(file) = &args.resume {
        let path = context.working_dir.join(file);
        let past = entries(&path).map_err(Failure::usage)?;
        (wish_of(&past)?, past, path)
    } else {
        let mut wish = args.wish.clone();
        wish.seed.get_or_insert(context.entropy & 0xffff_ffff);
        (wish, Vec::new(), new_log(args, context)?)
    };
    let session = Session::open(context, &wish, args.jobs, &past)?;
    let mut log = Log::open(&path).map_err(Failure::broke)?;
    let (entries, interrupted) = session.search(&mut log, past)?;
    if interrupted {
        let cache = quoted(&context.cache_dir.display().to_string());
        let log = quoted(&path.display().to_string());
        anstream::eprintln!("go on with: gatecrash --cache-dir {cache} bisect --resume {log}");
    }
    let exit = show(args, context, &wish, &entries)?;
    Ok(if interrupted { Exit::Interrupted } else { exit })
}

/// Where the log of a new bisect is written.
fn new_log(args: &Args, context: &Context) -> Result<PathBuf, Failure> {
    let Some(file) = &args.log else {
        let name = format!("{}-{:08x}.jsonl", (context.now_ms)(), context.entropy & 0xffff_ffff);
        return Ok(context.cache_dir.join("bisects").join(name));
    };
    let path = context.working_dir.join(file);
    if path.exists() {
        return Err(Failure::usage(format!("{} is there already", path.display()))
            .hint("go on with it by --resume, or name another file"));
    }
    Ok(path)
}

fn wish_of(entries: &[Entry]) -> Result<BisectArgs, Failure> {
    let Some(Entry::Asked(asked)) = entries.first() else {
        return Err(Failure::usage("the log has no question"));
    };
    serde_json::from_value(asked.wish.clone())
        .map_err(|error| Failure::usage(format!("the log's question cannot be read: {error}")))
}

/// Writes the reports and the answer.
fn show(args: &Args, context: &Context, wish: &BisectArgs, entries: &[Entry]) -> Result<Exit, Failure> {
    let Some(answer) = Answer::of(entries) else { return Err(Failure::usage("the log has no question")) };
    let at = answer.first_bad.as_deref().or(answer.first_good.as_deref());
    let change = answer.before.as_deref().zip(at);
    let reproduce = change.map(|(before, at)| wish.reproduce(answer.kind, before, at));
    for report in &args.reports {
        report.write(context, entries, reproduce.as_deref())?;
    }
    if !args.reports.iter().any(Report::is_to_stdout) {
        context.print(&text(entries, reproduce.as_deref()))?;
    }
    Ok(exit(&answer))
}

fn exit(answer: &Answer) -> Exit {
    match answer.result {
        Conclusion::Found | Conclusion::FoundDespiteSkips if doubtful(&answer.checks) => {
            Exit::NothingTestable
        }
        Conclusion::Found | Conclusion::FoundDespiteSkips => Exit::Fine,
        Conclusion::EndsDoNotDiffer | Conclusion::EndsSwapped => Exit::Bad,
        Conclusion::Indeterminate => Exit::NothingTestable,
        Conclusion::Unfinished => Exit::Interrupted,
    }
}

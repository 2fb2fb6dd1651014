//! The command line of the program.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::context::{Color, Context};
use super::exit::Exit;
use super::failure::Failure;
use super::{
    bisect, broker, check, compare, completions, coverage, diff, docs, expect, explain, explore, fmt, help,
    learn, list, logging, man, matrix, merge, mutants, new, news, preflight, project, reasons, releases,
    report, rules, run, runs, schema, serve_model, show, timeline, watch,
};

/// Replays handshake and pairing scenarios against real OpenClaw gateways.
///
/// A scenario is a YAML file that says what devices do and what the gateway should answer. gatecrash boots a released gateway
/// in a temporary home, plays the scenario, and judges the answers by close codes and details, release by release.
#[derive(Parser, Debug)]
#[command(name = "gatecrash", version, propagate_version = true)]
struct App {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args, Debug)]
struct Global {
    /// Where releases are installed [default: gatecrash in the user's cache directory]
    #[arg(long, global = true, value_name = "DIR", env = "GATECRASH_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
    /// Fetch nothing; use only what is installed
    #[arg(long, global = true)]
    offline: bool,
    /// Let scenarios and builds write outside of their homes and connect to other machines
    #[arg(long, global = true)]
    allow_outside: bool,
    /// When to colour output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Log to standard error what the engine does; twice: also every frame. `GATECRASH_LOG` takes a filter instead
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(run::Args),
    Watch(watch::Args),
    Matrix(matrix::Args),
    Preflight(preflight::Args),
    Bisect(bisect::Args),
    Diff(diff::Args),
    News(news::Args),
    Learn(learn::Args),
    Explore(explore::Args),
    Mutants(mutants::Args),
    List(list::Args),
    Releases(releases::Args),
    Check(check::Args),
    Fmt(fmt::Args),
    Schema(schema::Args),
    Report(report::Args),
    Show(show::Args),
    Compare(compare::Args),
    Merge(merge::Args),
    Runs(runs::Args),
    Coverage(coverage::Args),
    Expect(expect::Args),
    Explain(explain::Args),
    Timeline(timeline::Args),
    Reasons(reasons::Args),
    Rules(rules::Args),
    New(new::Args),
    Init(project::InitArgs),
    Config(project::ConfigArgs),
    Completions(completions::Args),
    Man(man::Args),
    #[command(name = "__broker", hide = true)]
    Broker(broker::Args),
    #[command(name = "__model", hide = true)]
    ServeModel(serve_model::Args),
    #[command(name = "__docs", hide = true)]
    Docs(docs::Args),
}

/// The definition of the command line: all commands with their arguments and help.
pub fn command() -> clap::Command {
    project::with_environment(help::with_help(App::command()))
}

/// Runs the program: reads the project file and the command line, runs the command, and shows its failure.
pub fn main() -> ExitCode {
    completions::answer(command);
    match start() {
        Ok(exit) => exit.into(),
        Err(failure) => {
            anstream::eprintln!("{failure}");
            failure.exit().into()
        }
    }
}

fn start() -> Result<Exit, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::usage(error).context("there is no working directory"))?;
    let project = project::find(&here)?;
    let command = || project::with_file(self::command(), &project);
    let matches = command().get_matches();
    let app = App::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command()).exit());
    let global = &app.global;
    let filter = std::env::var("GATECRASH_LOG").ok();
    let logs = logging::start(global.verbose, filter.as_deref())?;
    let context = Context::read(global.cache_dir.clone(), global.offline, global.color, logs)?;
    let keep_runs = project.keep_runs(std::env::var("GATECRASH_KEEP_RUNS").ok().as_deref())?;
    let context = Context { keep_runs, allow_outside: global.allow_outside, ..context };
    let result = dispatch(&app.command, &context);
    context.progress.end();
    result
}

fn dispatch(command: &Command, context: &Context) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(args, context),
        Command::Watch(args) => watch::run(args, context),
        Command::Matrix(args) => matrix::run(args, context),
        Command::Preflight(args) => preflight::run(args, context),
        Command::Bisect(args) => bisect::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::News(args) => news::run(args, context),
        Command::Learn(args) => learn::run(args, context),
        Command::Explore(args) => explore::run(args, context),
        Command::Mutants(args) => mutants::run(args, context),
        Command::List(args) => list::run(args, context),
        Command::Releases(args) => releases::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Fmt(args) => fmt::run(args, context),
        Command::Schema(args) => schema::run(args, context),
        Command::Report(args) => report::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Compare(args) => compare::run(args, context),
        Command::Merge(args) => merge::run(args, context),
        Command::Runs(args) => runs::run(args, context),
        Command::Coverage(args) => coverage::run(args, context),
        Command::Expect(args) => expect::run(args, context),
        Command::Explain(args) => explain::run(args, context),
        Command::Timeline(args) => timeline::run(args, context),
        Command::Reasons(args) => reasons::run(args, context),
        Command::Rules(args) => rules::run(args, context),
        Command::New(args) => new::run(args, context),
        Command::Init(args) => project::init(args, context),
        Command::Config(args) => project::config(args, context),
        Command::Completions(args) => completions::run(args, context),
        Command::Man(args) => man::run(args, context, self::command()),
        Command::Broker(args) => broker::run(args, context),
        Command::ServeModel(args) => serve_model::run(args, context),
        Command::Docs(args) => docs::run(args, context, self::command()),
    }
}

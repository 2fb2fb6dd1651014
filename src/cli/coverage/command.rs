//! The command line of `gatecrash coverage`.

use super::cases;
use super::code;
use super::format::Format;
use super::surface;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::suite::SuiteOptions;

/// Show what the suite covers: the known cases, or with `--code` the gateway's own code.
///
/// The known cases are those of `suite-data/sources.yaml`: cases of the gateway's own tests, and regressions
/// that users reported. The exit code is 1 where one is neither covered nor argued, or a scenario names a
/// source that is not known.
///
/// With `--code`, the suite runs on a real release that V8 watches, and the report tells which lines, branches
/// and functions of its code are executed. `suite-data/scope.yaml` names the source files that count; branches in
/// what is only written to the log never do. Exit codes:
/// 0 measured, 1 less than `--min-lines` or `--min-branches`, 2 bad usage or a bad scenario, 3 the build does not
/// name its source files or has none in scope, 4 a gateway or scenario broke or a gateway left no profile at all,
/// 130 interrupted.
///
/// With `--surface`, the tables of a release are read from its bundle (methods and their scopes, events and who
/// hears them, clients, refusals, limits), and the report tells which of them the suite asks. Nothing is booted.
/// `suite-data/surface.yaml` holds what need not be asked and why. Exit codes: 0 read, 1 something is neither asked
/// nor argued (with `--all-asked`), 2 bad usage, 3 the build has no such tables.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    suite: SuiteOptions,
    /// How to print it
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
    #[command(flatten)]
    code: code::Options,
    #[command(flatten)]
    surface: surface::SurfaceOptions,
}

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.surface.surface {
        return surface::run(&args.surface, &args.code, &args.suite, args.format, context);
    }
    match (args.code.code, args.format) {
        (false, Format::Html | Format::Lcov) => {
            Err(Failure::usage("the known cases are printed as text, json or markdown")
                .hint("`--code` measures the gateway's own code"))
        }
        (true, Format::Markdown) => {
            Err(Failure::usage("the coverage of code is printed as text, json, html or lcov"))
        }
        (false, format) => cases::run(format, args.suite.folder.as_deref(), context),
        (true, format) => code::run(&args.code, &args.suite, format, context),
    }
}

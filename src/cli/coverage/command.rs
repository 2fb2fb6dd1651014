//! The arguments of `gatecrash coverage`.

use super::cases;
use super::code;
use super::format::CoverageFormat;
use super::surface;
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::suite::SuiteOptions;

/// Show what the suite covers: known cases, the gateway's code, or its wire surface.
///
/// The known cases are those of `suite-data/sources.yaml`: cases of the gateway's own tests, and regressions
/// that users reported. The exit code is 1 if one is neither covered nor has a reason, or a scenario names an unknown source.
///
/// With `--code`, the suite runs on a real release under V8's coverage, and the report shows which lines, branches and
/// functions are executed. `suite-data/scope.yaml` names the source files that count; branches
/// that only affect log output never count. Exit codes: 0 measured, 1 less than `--min-lines` or `--min-branches`, 2 bad usage
/// or a bad scenario, 3 the build does not name its source files or has none in scope, 4 a gateway or scenario broke or a
/// gateway left no profile, 130 interrupted.
///
/// With `--surface`, the tables of a release are read from its bundle (methods and their scopes, events and their receivers,
/// clients, refusals, limits), and the report shows which entries the suite exercises. Nothing is booted.
/// `suite-data/surface.yaml` holds the exceptions with their reasons. Exit codes: 0 read, 1 an entry is neither
/// exercised nor an exception (with `--all-asked`), 2 bad usage, 3 the build has no such tables.
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    suite: SuiteOptions,
    /// How to print the result
    #[arg(long, default_value = "text")]
    pub(super) format: CoverageFormat,
    #[command(flatten)]
    code: code::CodeCoverageOptions,
    #[command(flatten)]
    surface: surface::SurfaceOptions,
}

pub(in crate::cli) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.surface.surface {
        return surface::run(&args.surface, &args.code, &args.suite, args.format, context);
    }
    match (args.code.code, args.format) {
        (false, CoverageFormat::Html | CoverageFormat::Lcov) => {
            Err(Failure::usage("the known cases are printed as text, json or markdown")
                .hint("`--code` measures the gateway's own code"))
        }
        (true, CoverageFormat::Markdown) => {
            Err(Failure::usage("the coverage of code is printed as text, json, html or lcov"))
        }
        (false, format) => cases::run(format, args.suite.folder.as_deref(), context),
        (true, format) => code::run(&args.code, &args.suite, format, context),
    }
}

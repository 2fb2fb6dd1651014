//! `gatecrash coverage --code`: measures which of the gateway's own code the suite executes.

use super::format::CoverageFormat;
use crate::cli::bundle::{self, Bundle};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::gateways::{GatewayOptions, provider};
use crate::cli::memory::Memory;
use crate::cli::narrow::NarrowOptions;
use crate::cli::session::{FrameOptions, RunOptions, TakeOverOptions, measure};
use crate::cli::suite::SuiteOptions;
use crate::cli::vars::{VarOptions, assignment};
use crate::coverage::{self, CodeCoverage, ScenarioGroup};
use crate::gateway::Profiles;
use crate::release::Release;
use crate::report::coverage::{html, json, lcov};
use crate::report::terminal::{self, Appearance, Palette};
use crate::report::text::count;
use crate::report::{ParseReportError, ReportDestination, parse_kind_file};
use crate::run::RunRecord;
use crate::scenario::Millis;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Options of `--code`.
#[derive(clap::Args, Debug)]
pub(super) struct CodeCoverageOptions {
    /// Measure which of the gateway's own code the suite executes
    #[arg(long, requires = "gateway", group = "of_a_release")]
    pub(super) code: bool,
    /// Scenarios: ids, globs of ids, files or folders [default: all except those tagged `slow`]
    #[arg(value_name = "PATH|ID|GLOB", requires = "code")]
    selection: Vec<String>,
    /// The gateway: a release (2026.3.31, latest) or path:DIR
    #[arg(long, short, value_name = "TARGET", requires = "of_a_release")]
    pub(super) gateway: Option<String>,
    /// Measure each scenario separately, one at a time
    #[arg(long, requires = "code")]
    each: bool,
    /// Show which scenarios execute a line, such as src/gateway/auth.ts:120; line numbers are those of the bundled file
    #[arg(long = "at", value_name = "SOURCE:LINE", requires = "code")]
    at: Vec<SourceLine>,
    /// List the code that is never executed
    #[arg(long, requires = "code")]
    never: bool,
    /// Write a report: html=FILE, json=FILE or lcov=FILE
    #[arg(long = "report", value_name = "KIND=FILE", requires = "code")]
    reports: Vec<CoverageReportArg>,
    /// The share of lines that must be executed, in percent
    #[arg(long, value_name = "PERCENT", requires = "code")]
    min_lines: Option<f64>,
    /// The share of branches that must be taken, in percent
    #[arg(long, value_name = "PERCENT", requires = "code")]
    min_branches: Option<f64>,
    /// Only scenarios with this tag (repeatable)
    #[arg(long = "tag", value_name = "TAG", requires = "code")]
    tags: Vec<String>,
    /// Give a variable of the scenarios another value than its default (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = assignment, requires = "code")]
    vars: Vec<String>,
    /// Gateways at the same time [default: one per processor]
    #[arg(long, short, value_name = "N", requires = "code")]
    jobs: Option<usize>,
    /// Release by which a `path:` target is judged
    #[arg(long, value_name = "RELEASE", requires = "of_a_release")]
    pub(super) assume_release: Option<Release>,
    /// Seed of all keys and secrets [default: a different one each run]
    #[arg(long, value_name = "NUMBER", requires = "code")]
    seed: Option<u64>,
    /// How long a step waits for an answer, unless the scenario says otherwise
    #[arg(long, value_name = "DURATION", default_value = "30s", requires = "code")]
    timeout: Millis,
    /// How long a gateway may take to boot [default: what its release is known to need]
    #[arg(long, value_name = "DURATION", requires = "code")]
    boot_timeout: Option<Millis>,
    /// Memory that gateways and programs may use together [default: half of the machine's]
    #[arg(long, value_name = "SIZE", requires = "code")]
    memory: Option<Memory>,
}

/// A line of a source file.
#[derive(Clone, Debug)]
struct SourceLine {
    source: String,
    line: usize,
}

impl FromStr for SourceLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.rsplit_once(':').and_then(|(source, line)| Some((source, line.parse().ok()?)));
        let (source, line) =
            parts.ok_or_else(|| "write SOURCE:LINE, such as src/gateway/auth.ts:120".to_owned())?;
        Ok(Self { source: source.to_owned(), line })
    }
}

const REPORTS: &[(&str, CoverageFormat)] =
    &[("html", CoverageFormat::Html), ("json", CoverageFormat::Json), ("lcov", CoverageFormat::Lcov)];

/// A report to write.
#[derive(Clone, Debug)]
struct CoverageReportArg {
    format: CoverageFormat,
    to: ReportDestination,
}

impl FromStr for CoverageReportArg {
    type Err = ParseReportError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (format, to) = parse_kind_file(text, REPORTS)?;
        Ok(Self { format, to })
    }
}

pub(super) fn run(
    args: &CodeCoverageOptions,
    suite: &SuiteOptions,
    format: CoverageFormat,
    context: &Context,
) -> Result<Exit, Failure> {
    for report in &args.reports {
        let ReportDestination::File(path) = &report.to else { continue };
        let folder = path.parent().filter(|folder| !folder.as_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !context.working_dir.join(folder.as_std_path()).is_dir())
        {
            return Err(Failure::usage(format!("there is no folder {folder}")));
        }
    }
    let scope = bundle::scope(context)?;
    let gateways =
        GatewayOptions { jobs: args.jobs, assume_release: args.assume_release, allow_remote: false };
    let provider = provider(context, &gateways)?;
    let name = args.gateway.as_deref().unwrap_or_default();
    let Bundle { target, package, .. } = Bundle::open(context, name, &gateways, &provider)?;
    context.progress.stage(format!("reading the code of {target}"));
    let found = coverage::chunks_of(&package, &scope).map_err(bundle::unnamed)?;
    let paths = coverage::real_paths(&package, &found.chunks);
    let place = provider
        .place()
        .map_err(|error| Failure::broke(error).context("cannot make a folder for profiles"))?;
    let each = args.each.then(|| paths.keys().cloned().collect());
    let profiles = Profiles::new(place.path().join("profiles"), each);
    let options = RunOptions {
        narrow: NarrowOptions::default(),
        take_over: TakeOverOptions { cold: true, warm: false },
        exclude: Vec::new(),
        suite: suite.clone(),
        vars: VarOptions::of(args.vars.clone()),
        tags: args.tags.clone(),
        gateways,
        seed: args.seed,
        repeat: 1,
        timeout: args.timeout,
        case_timeout: None,
        chaos: None,
        boot_timeout: args.boot_timeout,
        memory: args.memory,
        shuffle: None,
        at_once: None,
        isolate: false,
        fail_fast: false,
        deny: Vec::new(),
        keep_state: None,
        reports: Vec::new(),
        quiet: false,
        verdict: false,
        all: false,
        scenario_shard: None,
        frames: FrameOptions { check_frames: false, no_check_frames: true },
        profiles: Some(profiles.clone()),
    };
    let record = measure(context, &provider, &args.selection, vec![target.clone()], &[], &options)?;
    let gateways = groups(&record, &profiles);
    context.progress.stage(format!("reading what {} executed", count(gateways.len(), "gateway")));
    let (traces, lost) =
        coverage::collect(&gateways, &package, &found.chunks, &paths).map_err(Failure::broke)?;
    let lost = found.unreadable.into_iter().chain(lost).collect();
    context.progress.stage("counting what was executed");
    let measured = coverage::measure(&target.to_string(), &found.chunks, &traces, lost);
    context.progress.done();
    show(args, format, &measured, &package, context)?;
    Ok(exit(args, &record, &measured))
}

/// The gateways of a run with their scenarios and the folders of their profiles.
fn groups(record: &RunRecord, profiles: &Profiles) -> Vec<(ScenarioGroup, PathBuf)> {
    let mut scenarios: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for cell in &record.cells {
        if let Some(gateway) = cell.gateway {
            scenarios.entry(gateway).or_default().push(cell.scenario.clone());
        }
    }
    let one = |(number, gateway): (usize, &crate::run::GatewayRecord)| {
        let group = ScenarioGroup {
            label: gateway.lane.clone(),
            gateway: number,
            scenarios: scenarios.remove(&number).unwrap_or_default(),
        };
        (group, profiles.folder(number))
    };
    record.gateways.iter().enumerate().map(one).collect()
}

fn show(
    args: &CodeCoverageOptions,
    format: CoverageFormat,
    measured: &CodeCoverage,
    package: &Path,
    context: &Context,
) -> Result<(), Failure> {
    let rendered = |format: CoverageFormat| match format {
        CoverageFormat::Html => html(measured),
        CoverageFormat::Lcov => lcov(measured, package),
        CoverageFormat::Json => json(measured),
        CoverageFormat::Text | CoverageFormat::Markdown => terminal::code(
            measured,
            &Appearance { width: context.width, palette: Palette::new(context.color) },
        ),
    };
    for report in &args.reports {
        let text = rendered(report.format);
        match &report.to {
            ReportDestination::Stdout => context.print(&text)?,
            ReportDestination::File(path) => fs::write(context.working_dir.join(path.as_std_path()), text)
                .map_err(|error| Failure::broke(error).context(format!("cannot write {path}")))?,
        }
    }
    if args.never {
        context.print(&terminal::never_executed(measured))?;
    }
    let mut wrong = None;
    for spot in &args.at {
        match terminal::executed_by(measured, &spot.source, spot.line) {
            Ok(text) => context.print(&text)?,
            Err(reason) => wrong = Some(reason),
        }
    }
    context.print(&rendered(format))?;
    wrong.map_or(Ok(()), |reason| Err(Failure::usage(reason)))
}

fn exit(args: &CodeCoverageOptions, record: &RunRecord, measured: &CodeCoverage) -> Exit {
    let of_run = Exit::of_run(record);
    let nothing_left = |group: &ScenarioGroup| {
        let reached = measured.files.iter().flat_map(|file| &file.run_by).any(|one| {
            one.groups.iter().any(|number| {
                measured.groups.get(*number).is_some_and(|other| other.gateway == group.gateway)
            })
        });
        !reached
    };
    let less = |least: Option<f64>, share: f64| least.is_some_and(|least| share < least);
    match of_run {
        Exit::Interrupted | Exit::Broke | Exit::NothingTestable => of_run,
        _ if measured.groups.iter().any(nothing_left) => Exit::Broke,
        _ if less(args.min_lines, measured.total.share_of_lines())
            || less(args.min_branches, measured.total.share_of_branches()) =>
        {
            Exit::Bad
        }
        _ => Exit::Fine,
    }
}

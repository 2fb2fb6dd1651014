//! A run from the command line: selection, events, progress, reports, interrupts.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use indicatif::ProgressDrawTarget;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::failure::Failure;
use super::gateways::{GatewayOptions, resolve};
use super::interrupt::cancel_on_interrupt;
use super::known::check_targets;
use super::memory::Memory;
use super::narrow::NarrowOptions;
use super::origins::from_origins;
use super::shard::Shard;
use super::stored::store;
use super::suite::{self, Chosen, Selection, SuiteOptions};
use super::vars::{VarOptions, given_of, refuse_unknown};
use crate::bisect::{Conditions, EvidenceStore};
use crate::error_chain::chain;
use crate::gateway::install::{Cancel, InstallEvent};
use crate::gateway::{Profiles, Target, TargetProvider, not_enforced};
use crate::release::Release;
use crate::report::terminal::{self, Appearance, Detail, Live, Palette, Shown};
use crate::report::{self, EventStream, ReportDestination, ReportRequest};
use crate::run::{
    Deny, Emit, Event, Folders, KeptTranscripts, Rerun, RunRecord, RunRequest, ScenarioOrder, Schedule,
    Settings, TakeOver,
};
use crate::scenario::{Millis, Scenario};
use crate::wire::ProtocolSchemas;

/// How long nothing may happen in a run before it is asked what it is doing.
const REMINDER: Duration = Duration::from_secs(1);

/// Options that `run` and `matrix` share.
#[derive(clap::Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "these are independent flags")]
pub(super) struct RunOptions {
    /// Only scenarios with this tag (repeatable)
    #[arg(long = "tag", value_name = "TAG")]
    pub(super) tags: Vec<String>,
    /// Skip scenarios whose id matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(super) exclude: Vec<String>,
    #[command(flatten)]
    pub(super) narrow: NarrowOptions,
    #[command(flatten)]
    pub(super) suite: SuiteOptions,
    #[command(flatten)]
    pub(super) vars: VarOptions,
    #[command(flatten)]
    pub(super) gateways: GatewayOptions,
    /// Seed of all keys and secrets; the same seed sends the same frames [default: a different one each run]
    #[arg(long, value_name = "NUMBER")]
    pub(super) seed: Option<u64>,
    /// Run each cell this often; a cell whose result varies is flaky
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) repeat: u32,
    /// How long a step waits for an answer, unless the scenario says otherwise
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub(super) timeout: Millis,
    /// How long a scenario may take as a whole [default: what its steps may take together]
    #[arg(long, value_name = "DURATION")]
    pub(super) case_timeout: Option<Millis>,
    /// How long a gateway may take to boot [default: what its release is known to need]
    #[arg(long, value_name = "DURATION")]
    pub(super) boot_timeout: Option<Millis>,
    /// Memory that gateways and programs may use together [default: half of the machine's]
    #[arg(long, value_name = "SIZE")]
    pub(super) memory: Option<Memory>,
    /// Shuffle the scenarios of each gateway, in the same way for the same number
    #[arg(long, value_name = "NUMBER")]
    pub(super) shuffle: Option<u64>,
    /// Scenarios at the same time on one gateway [default: what its release is known to handle]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(super) at_once: Option<u32>,
    /// Give every scenario a gateway of its own
    #[arg(long)]
    pub(super) isolate: bool,
    #[command(flatten)]
    pub(super) take_over: TakeOverOptions,
    /// Stop at the first cell that is not fine
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// Fail for listed deviations of these classes, too, or for those of security (repeatable, or separated by commas)
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',', value_parser = denied_classes())]
    pub(super) deny: Vec<Deny>,
    /// Copy the state of every gateway to this folder when it stops
    #[arg(long, value_name = "DIR")]
    pub(super) keep_state: Option<PathBuf>,
    /// Write a report: html=FILE, json=FILE, events=FILE, junit=FILE, markdown=FILE, github=FILE, tap=FILE, sarif=FILE, or badge=FILE (a picture if it ends in .svg, else for shields.io); `-` is standard output
    #[arg(long = "report", value_name = "KIND=FILE")]
    pub(super) reports: Vec<ReportRequest>,
    /// Show only what is not as expected, and the result
    #[arg(long, short, conflicts_with = "all")]
    pub(super) quiet: bool,
    /// Print only whether to ship: `ship`, `do not ship`, `partial` with what was not tested, or `blocked`, with the reason
    #[arg(long, conflicts_with = "all")]
    pub(super) verdict: bool,
    /// Show every cell, also where nobody watches
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) frames: FrameOptions,
    /// The seed of the faults to inject; `run` and `matrix` set it.
    #[arg(skip)]
    pub(super) chaos: Option<u64>,
    /// The part of the scenarios to run; `run` sets it.
    #[arg(skip)]
    pub(super) scenario_shard: Option<Shard>,
    /// Where gateways record which code they execute; not set on the command line.
    #[arg(skip)]
    pub(super) profiles: Option<Profiles>,
}

/// Options that say whether frames are checked against upstream's schema.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub(super) struct FrameOptions {
    /// Fetch the JSON Schema that upstream publishes for its protocol (for 2026.8.1 and later), and fail if it cannot be had.
    /// Without this, all frames are checked if it is in the cache, where the first such release brings it. Violations by a
    /// gateway are reported, violations by gatecrash are errors
    #[arg(long, conflicts_with = "no_check_frames")]
    pub(super) check_frames: bool,
    /// Do not check frames against upstream's schema
    #[arg(long)]
    pub(super) no_check_frames: bool,
}

/// Options that say whether gateways that are up are taken over.
#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub(super) struct TakeOverOptions {
    /// Boot a gateway for every group of scenarios. Otherwise a gateway that is up is given the configuration of the next
    /// group, on releases for which that was measured to change no outcome
    #[arg(long, conflicts_with = "warm")]
    pub(super) cold: bool,
    /// Give a gateway that is up the configuration of the next group on every release
    #[arg(long)]
    pub(super) warm: bool,
}

impl TakeOverOptions {
    const fn choice(self) -> TakeOver {
        match self {
            Self { cold: true, .. } => TakeOver::Never,
            Self { warm: true, .. } => TakeOver::Always,
            Self { .. } => TakeOver::WhereMeasured,
        }
    }
}

impl RunOptions {
    /// What of the result is shown.
    const fn shown(&self) -> Shown {
        match (self.quiet, self.all) {
            (true, _) => Shown::Differences,
            (false, true) => Shown::All,
            (false, false) => Shown::Usual,
        }
    }

    pub(super) fn schedule(&self) -> Schedule {
        Schedule {
            order: self.shuffle.map_or(ScenarioOrder::Given, ScenarioOrder::Shuffled),
            at_once: self.at_once.map(|number| number as usize),
            isolate: self.isolate,
            apart: false,
            take_over: self.take_over.choice(),
        }
    }
}

/// Runs the selected scenarios on targets, shows progress, writes the reports, and prints the result.
pub(super) fn execute(
    context: &Context,
    provider: &TargetProvider,
    selection: &[String],
    targets: Vec<Target>,
    origins: &[Release],
    options: &RunOptions,
) -> Result<RunRecord, Failure> {
    let record = measure(context, provider, selection, targets, origins, options)?;
    let to_stdout = options.reports.iter().any(|report| report.to == ReportDestination::Stdout);
    if !to_stdout {
        let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
        let text = if options.verdict {
            report::release_verdict(&record)
        } else {
            terminal::render_shown(&record, options.shown(), &appearance)
        };
        context.print(&text)?;
    }
    Ok(record)
}

/// Runs the selected scenarios on targets, from these origins if there are any, shows progress, and writes the reports.
pub(super) fn measure(
    context: &Context,
    provider: &TargetProvider,
    selection: &[String],
    targets: Vec<Target>,
    origins: &[Release],
    options: &RunOptions,
) -> Result<RunRecord, Failure> {
    report::check(&options.reports).map_err(Failure::usage)?;
    let folder = options.suite.folder.as_deref();
    let vars = options.vars.given();
    let chosen = suite::select(
        context,
        &Selection {
            folder,
            names: selection,
            tags: &options.tags,
            exclude: &options.exclude,
            vars: Some(&vars),
        },
    )?;
    refuse_unknown(&vars, &chosen.scenarios)?;
    let chosen = options.narrow.narrow(context, chosen, &targets)?;
    let Chosen { scenarios, folders, .. } =
        if origins.is_empty() { chosen } else { chosen.map(|scenarios| from_origins(scenarios, origins)) };
    let scenarios = match options.scenario_shard {
        Some(shard) => in_shard(shard, scenarios)?,
        None => scenarios,
    };
    if scenarios.is_empty() {
        return Err(Failure::nothing("none of these scenarios starts on another release")
            .hint("those below `upgrade` do; add `starts_on` to a scenario to make it one"));
    }
    check_targets(provider, &targets, origins, options.gateways.assume_release)?;
    let targets = resolve(context, provider, targets)?;
    let timeout = timeout(options)?;
    let boot_timeout = options.boot_timeout.map(Millis::as_duration);
    let rerun = rerun(context, options, &scenarios, folders, timeout);
    let seed = options.seed.unwrap_or(context.entropy & 0xffff_ffff);
    let schemas = schemas(context, options.frames, provider, &targets)?;
    context.progress.done();
    let request = RunRequest {
        id: format!("{}-{seed:08x}", (context.now_ms)()),
        scenarios,
        targets,
        settings: Settings {
            case_timeout: options.case_timeout.map(Millis::as_duration),
            boot_timeout,
            keep_state: options.keep_state.clone(),
            schedule: options.schedule(),
            profiles: options.profiles.clone(),
            chaos: options.chaos,
            schemas,
            open_files: context.open_files,
            ..Settings::new(seed, timeout, Arc::clone(&context.now_ms))
        },
        jobs: options.gateways.jobs(context),
        memory: options.memory.map(|one| one.0).or(context.memory.map(|all| all / 2)),
        repeat: options.repeat,
        fail_fast: options.fail_fast,
        deny: options.deny.clone(),
        rerun,
    };
    tell_of_the_machine(context, &request.targets);
    let mut stream = EventStream::of(&options.reports, std::io::stdout());
    // Progress bars would overwrite what a reader of the events prints.
    let mut live = live(context, context.live && !stream.is_open(), options);
    let (mut events, mut kept) = (Vec::new(), KeptTranscripts::default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::broke(error).context("cannot start the runtime"))?;
    let (sender, receiver) = std::sync::mpsc::channel::<Event>();
    let emit: Emit = Arc::new(move |event| {
        // The listener outlives the run.
        let _ = sender.send(event);
    });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for_each_event(receiver, &mut live, |live, mut event| {
                live.take(&event);
                stream.take(&event);
                if let Event::CellFinished(cell) = &mut event {
                    cell.transcript = kept.keep(cell.verdict, std::mem::take(&mut cell.transcript));
                }
                events.push(event);
            });
        });
        runtime.block_on(async {
            let cancel = CancellationToken::new();
            tokio::spawn(cancel_on_interrupt(cancel.clone()));
            crate::run::run(provider, &request, &emit, &cancel).await;
        });
        drop(emit);
    });
    tell_of_writing(context, options);
    let record = RunRecord::of(&events);
    let reports = stream.finish(&options.reports);
    let mut out = std::io::stdout().lock();
    reports.and_then(|rest| report::write(&rest, &events, &record, &mut out)).map_err(Failure::broke)?;
    drop(out);
    // If storing fails, a later bisect merely boots again. What faults were injected into is no evidence.
    if options.profiles.is_none() && options.chaos.is_none() {
        let conditions = Conditions::of(&request.settings, request.repeat);
        let _ = EvidenceStore::below(&context.cache_dir, conditions).keep_run(&record, &request.scenarios);
    }
    if let Err(error) = store(context).keep(&events) {
        // The run itself is not affected.
        context.say(format!("warning: the run cannot be kept: {}", chain(&error)));
    }
    context.progress.done();
    Ok(record)
}

/// Says that reports are written, unless one goes to the terminal meanwhile.
fn tell_of_writing(context: &Context, options: &RunOptions) {
    if options.reports.iter().all(|report| report.to != ReportDestination::Stdout) {
        context.progress.stage("writing the reports");
    }
}

/// Takes the events of a run as they come. While none comes, it is told what goes on.
#[expect(clippy::needless_pass_by_value, reason = "a receiver belongs to one thread")]
fn for_each_event(receiver: Receiver<Event>, live: &mut Live, mut take: impl FnMut(&mut Live, Event)) {
    loop {
        match receiver.recv_timeout(REMINDER) {
            Ok(event) => take(live, event),
            Err(RecvTimeoutError::Timeout) => live.remind(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The options that a run of one cell needs.
fn rerun(
    context: &Context,
    options: &RunOptions,
    scenarios: &[Scenario],
    folders: Folders,
    timeout: Duration,
) -> Rerun {
    let vars = options.vars.given();
    Rerun {
        folders,
        timeout_ms: Some(millis(timeout)),
        case_timeout_ms: options.case_timeout.map(Millis::as_duration).map(millis),
        boot_timeout_ms: options.boot_timeout.map(Millis::as_duration).map(millis),
        assume_release: options.gateways.assume_release,
        vars_of: scenarios.iter().filter_map(|one| Some((one.id.clone(), given_of(one, &vars)?))).collect(),
        vars,
        chaos: options.chaos,
        allow_remote: options.gateways.allow_remote,
        allow_outside: context.allow_outside,
    }
}

/// Says once what this machine is short of, and what it cannot keep builds from.
fn tell_of_the_machine(context: &Context, targets: &[Target]) {
    if let (true, Some(limit)) = (context.open_files.is_low(), context.open_files.0) {
        context.say(format!(
            "note: only {limit} files may be open at the same time (`ulimit -n`), so fewer scenarios run at once"
        ));
    }
    let is_build =
        |target: &Target| !matches!(target, Target::Embedded(_) | Target::Attach(_) | Target::Command(_));
    if let Some(from) = not_enforced()
        && !context.allow_outside
        && targets.iter().any(is_build)
    {
        context.say(format!("note: this system cannot keep a gateway {from}"));
    }
}

/// The part of the scenarios that a shard runs.
pub(super) fn in_shard(shard: Shard, scenarios: Vec<Scenario>) -> Result<Vec<Scenario>, Failure> {
    let part = shard.of(scenarios);
    if part.is_empty() {
        return Err(
            Failure::nothing("this shard has no scenario").hint("there are more shards than scenarios")
        );
    }
    Ok(part)
}

/// Whether upstream published a schema for the build of a target.
fn has_a_schema(provider: &TargetProvider, target: &Target) -> bool {
    let release = provider.release_of(target).filter(|_| !matches!(target, Target::Embedded(_)));
    release.is_some_and(ProtocolSchemas::is_published_for)
}

/// Whether a release with a schema has to be fetched anyway.
fn needs_network(provider: &TargetProvider, targets: &[Target]) -> Result<bool, Failure> {
    let installed = provider.installed().map_err(Failure::broke)?;
    let is_missing = |target: &Target| match target {
        Target::Release(release) => !installed.contains(release),
        _ => false,
    };
    let mut with_a_schema = targets.iter().filter(|one| has_a_schema(provider, one));
    Ok(!provider.cache().is_offline() && with_a_schema.any(is_missing))
}

/// No schemas, which is told once.
fn without_schemas(context: &Context, why: &str) -> ProtocolSchemas {
    context.say(format!("note: frames are not checked against upstream's schema: {why}"));
    ProtocolSchemas::default()
}

/// Upstream's schemas, for frames to be checked against.
///
/// # Errors
/// Fails if they are demanded and cannot be had.
fn schemas(
    context: &Context,
    options: FrameOptions,
    provider: &TargetProvider,
    targets: &[Target],
) -> Result<ProtocolSchemas, Failure> {
    if options.no_check_frames {
        return Ok(ProtocolSchemas::default());
    }
    let cache = provider.cache();
    let texts = match cache.protocol_schemas_here() {
        Some(texts) => texts,
        None if options.check_frames || needs_network(provider, targets)? => {
            let tell = |event: InstallEvent| context.progress.install(&event);
            match cache.protocol_schemas(&tell, &Cancel::default()) {
                Ok(texts) => texts,
                Err(error) if options.check_frames => {
                    let hint = "without `--check-frames`, the run does without the schema";
                    return Err(Failure::broke(error).hint(hint));
                }
                Err(error) => return Ok(without_schemas(context, &chain(&error))),
            }
        }
        // The model is tested with the schema where it is there.
        None if targets.iter().all(|one| !has_a_schema(provider, one)) => {
            return Ok(ProtocolSchemas::default());
        }
        None => {
            return Ok(without_schemas(context, "it is not in the cache, where `--check-frames` brings it"));
        }
    };
    let texts = texts.iter().map(|(version, text)| (*version, text.as_str()));
    ProtocolSchemas::read(texts).map_err(Failure::broke)
}

/// The words of `--deny`, for the help and completion.
fn denied_classes() -> impl TypedValueParser<Value = Deny> {
    PossibleValuesParser::new(Deny::ALL.map(Deny::word)).try_map(|word| word.parse::<Deny>())
}

/// Progress goes to standard error, so that reports on standard output stay clean.
fn live(context: &Context, bars: bool, options: &RunOptions) -> Live {
    let palette = Palette::new(context.color_of_errors);
    let lines = |detail| Live::lines(Box::new(std::io::stderr()), detail, palette);
    match options.shown() {
        Shown::Differences => Live::silent(),
        _ if bars => Live::bars(ProgressDrawTarget::stderr(), palette),
        Shown::All => lines(Detail::All),
        Shown::Usual => lines(Detail::Sparse),
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn timeout(options: &RunOptions) -> Result<Duration, Failure> {
    let timeout = options.timeout.as_duration();
    if timeout.is_zero() {
        return Err(Failure::usage("--timeout must be longer than 0"));
    }
    Ok(timeout)
}

//! `gatecrash watch`: runs what a saved file concerns, on gateways that stay up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{EventKind, RecursiveMode, Watcher};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{GatewayOptions, provider, resolve, tell_of_installing};
use super::interrupt::interrupt;
use super::suite::{self, Selection, SuiteOptions, real, touched};
use super::vars::{VarOptions, refuse_unknown};
use crate::gateway::{Target, TargetProvider};
use crate::report::Standing;
use crate::report::terminal::{self, Appearance, Palette};
use crate::report::text::count;
use crate::run::{KeptGateways, RunRecord, Settings};
use crate::scenario::{Millis, Scenario};

/// Editors save a file in several steps, which are one change.
const ONE_SAVE: Duration = Duration::from_millis(20);

/// Run scenarios again whenever one of their files is saved, on gateways that stay up.
///
/// A saved file concerns the scenarios in it, those that reuse its steps, and for defaults all scenarios below. Named
/// scenarios also run at the start; without names, nothing runs until a file is saved. On a terminal: `a` runs all, `f` those
/// that were not fine, `t` goes on with the next target, `q` quits.
///
/// Exit codes: 0 ended by `q`, 2 bad usage, 3 nothing to watch, 4 harness or gateway broke, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Scenarios: ids, globs of ids, files or folders [default: the whole suite]
    #[arg(value_name = "PATH|ID|GLOB")]
    selection: Vec<String>,
    /// The gateway: a release, path:DIR, cmd:COMMAND or embedded[:RELEASE]; several separated by commas
    #[arg(long, short, value_name = "TARGET,…", env = "GATECRASH_GATEWAY", default_value = "embedded")]
    gateway: String,
    #[command(flatten)]
    suite: SuiteOptions,
    #[command(flatten)]
    vars: VarOptions,
    #[command(flatten)]
    gateways: GatewayOptions,
    /// Seed of all keys and secrets [default: a different one each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// How long a step waits for an answer, unless the scenario says otherwise
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: Millis,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.timeout.as_duration().is_zero() {
        return Err(Failure::usage("--timeout must be longer than 0"));
    }
    let provider = provider(context, &args.gateways)?;
    let targets = resolve(context, &provider, args.gateways.targets(&args.gateway)?)?;
    let known = select(args, context, &args.selection)?;
    refuse_unknown(&args.vars.given(), &known.scenarios)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::broke(error).context("cannot start the runtime"))?;
    runtime.block_on(async {
        let cancel = CancellationToken::new();
        let mut watched = Watched::new(args, context, &provider, targets, known, cancel.clone())?;
        tokio::select! {
            ended = watched.go_on() => ended?,
            () = interrupt() => {
                cancel.cancel();
                watched.stop().await;
                return Ok(Exit::Interrupted);
            }
        }
        watched.stop().await;
        Ok(Exit::Fine)
    })
}

/// Loads scenarios with the folders that they are in.
fn select(args: &Args, context: &Context, names: &[String]) -> Result<suite::Chosen, Failure> {
    let folder = args.suite.folder.as_deref();
    let vars = args.vars.given();
    suite::select(context, &Selection { folder, names, tags: &[], exclude: &[], vars: Some(&vars) })
}

/// Something that `watch` reacts to.
enum Happened {
    /// Files changed.
    Changed(Vec<PathBuf>),
    /// A key was pressed.
    Key(u8),
}

/// The scenarios that are watched, and the gateways that they run on.
struct Watched<'a> {
    args: &'a Args,
    context: &'a Context,
    provider: &'a TargetProvider,
    targets: Vec<Target>,
    /// The number of the target that is used.
    at: usize,
    gateways: Option<KeptGateways>,
    known: BTreeMap<String, Scenario>,
    /// Ids of scenarios that were not fine when they last ran.
    bad: BTreeSet<String>,
    cancel: CancellationToken,
    happened: UnboundedReceiver<Happened>,
    /// Keys that were pressed while a change was read.
    waiting: VecDeque<Happened>,
    #[expect(dead_code, reason = "files are watched as long as it lives")]
    watcher: notify::RecommendedWatcher,
    /// Keys come without a line end as long as it lives.
    keys: Option<KeyMode>,
}

impl<'a> Watched<'a> {
    fn new(
        args: &'a Args,
        context: &'a Context,
        provider: &'a TargetProvider,
        targets: Vec<Target>,
        known: suite::Chosen,
        cancel: CancellationToken,
    ) -> Result<Self, Failure> {
        let (sender, happened) = unbounded_channel();
        let folders: BTreeSet<PathBuf> = known
            .scenarios
            .iter()
            .filter_map(|one| known.folders.folder(&one.id))
            .map(|folder| real(&context.working_dir.join(folder)))
            .chain(suite::default_folder(&context.working_dir, args.suite.folder.as_deref()))
            .collect();
        if folders.is_empty() {
            return Err(Failure::nothing("the built-in suite has no files to watch").hint(
                "`gatecrash new scenario` writes a scenario of your own; or name a folder with --folder",
            ));
        }
        let watcher = watch(&folders, sender.clone())?;
        let keys = std::io::stdin().is_terminal().then(|| KeyMode::start(sender)).flatten();
        let known = known.scenarios.into_iter().map(|one| (one.id.clone(), one)).collect();
        Ok(Self {
            args,
            context,
            provider,
            targets,
            at: 0,
            gateways: None,
            known,
            bad: BTreeSet::new(),
            cancel,
            happened,
            waiting: VecDeque::new(),
            watcher,
            keys,
        })
    }

    /// Runs what is asked for until somebody quits.
    async fn go_on(&mut self) -> Result<(), Failure> {
        self.prepare().await?;
        if !self.args.selection.is_empty() {
            let all = self.known.values().cloned().collect();
            self.round("all", all, Instant::now()).await?;
        }
        self.invite();
        while let Some(happened) = self.next().await {
            let begun = Instant::now();
            match happened {
                Happened::Changed(paths) => self.changed(paths, begun).await?,
                Happened::Key(b'q') => return Ok(()),
                Happened::Key(b'a') => {
                    let all = self.known.values().cloned().collect();
                    self.round("all", all, begun).await?;
                }
                Happened::Key(b'f') => {
                    let bad = self.bad.iter().filter_map(|id| self.known.get(id)).cloned().collect();
                    self.round("those that were not fine", bad, begun).await?;
                }
                Happened::Key(b't') => {
                    self.at = (self.at + 1) % self.targets.len();
                    self.stop().await;
                    self.prepare().await?;
                    self.bad.clear();
                    self.invite();
                }
                Happened::Key(_) => {}
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Happened> {
        match self.waiting.pop_front() {
            Some(waiting) => Some(waiting),
            None => self.happened.recv().await,
        }
    }

    /// Runs what changed files concern.
    async fn changed(&mut self, mut paths: Vec<PathBuf>, begun: Instant) -> Result<(), Failure> {
        tokio::time::sleep(ONE_SAVE).await;
        while let Ok(next) = self.happened.try_recv() {
            match next {
                Happened::Changed(more) => paths.extend(more),
                key @ Happened::Key(_) => self.waiting.push_back(key),
            }
        }
        let changed: BTreeSet<PathBuf> = paths.iter().map(|path| real(path)).collect();
        match self.reload(&changed) {
            Ok(scenarios) if scenarios.is_empty() => Ok(()),
            Ok(scenarios) => self.round(&self.names(&changed), scenarios, begun).await,
            // A file with mistakes is what one gets while writing it.
            Err(failure) => {
                self.context.say(failure.to_string());
                Ok(())
            }
        }
    }

    /// The scenarios that changed files concern, as they are now.
    fn reload(&mut self, changed: &BTreeSet<PathBuf>) -> Result<Vec<Scenario>, Failure> {
        let working_dir = &self.context.working_dir;
        let before: Vec<Scenario> = self.known.values().cloned().collect();
        let concerned: Vec<String> =
            touched(&before, changed, working_dir).map(|one| one.id.clone()).collect();
        let names = if self.args.selection.is_empty() {
            let files = changed.iter().filter(|path| path.is_file() && suite::is_scenario_name(path));
            let files: Vec<String> = files.map(|path| path.display().to_string()).collect();
            let written_there = |id: &&String| {
                let one = &self.known[*id];
                changed.contains(&real(&working_dir.join(&one.source.path)))
            };
            let (gone_or_here, elsewhere): (Vec<&String>, Vec<&String>) =
                concerned.iter().partition(written_there);
            for id in gone_or_here {
                self.known.remove(id);
            }
            files.into_iter().chain(elsewhere.into_iter().cloned()).collect()
        } else {
            self.args.selection.clone()
        };
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let now = select(self.args, self.context, &names)?.scenarios;
        let concerned: Vec<Scenario> = touched(&now, changed, working_dir).cloned().collect();
        self.known.extend(now.into_iter().map(|one| (one.id.clone(), one)));
        Ok(concerned)
    }

    fn names(&self, changed: &BTreeSet<PathBuf>) -> String {
        let shown = changed.iter().map(|path| suite::shown(&self.context.working_dir, path));
        shown.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    async fn round(&mut self, what: &str, scenarios: Vec<Scenario>, begun: Instant) -> Result<(), Failure> {
        let Some(gateways) = &mut self.gateways else { return Ok(()) };
        self.context.progress.stage(format!("{what}: {}", count(scenarios.len(), "scenario")));
        let record = gateways.run(&scenarios).await;
        self.context.progress.done();
        let took = begun.elapsed().as_millis();
        for cell in &record.cells {
            self.bad.remove(&cell.scenario);
        }
        self.bad.extend(not_fine(&record));
        let appearance = Appearance { width: self.context.width, palette: Palette::new(self.context.color) };
        let head = format!("{what}: {} after {took} ms", count(scenarios.len(), "scenario"));
        self.context.print(&format!("\n{head}\n{}", terminal::render(&record, &appearance)))
    }

    /// Prepares the target that is used now, which installs it if necessary.
    async fn prepare(&mut self) -> Result<(), Failure> {
        let target = &self.targets[self.at];
        let prepared =
            self.provider.prepare(target, tell_of_installing(self.context)).await.map_err(Failure::broke)?;
        let seed = self.args.seed.unwrap_or(self.context.entropy & 0xffff_ffff);
        let settings = Settings {
            interrupt: self.cancel.clone(),
            ..Settings::new(seed, self.args.timeout.as_duration(), Arc::clone(&self.context.now_ms))
        };
        let most = self.args.gateways.jobs(self.context);
        let mut gateways = KeptGateways::new(Arc::new(prepared), settings, most);
        self.context.progress.begin(format!("{target} boots"));
        let booted = gateways.boot_plain().await;
        if booted.is_ok() {
            self.context.progress.done();
        }
        self.gateways = Some(gateways);
        booted.map_err(Failure::broke)
    }

    fn invite(&self) {
        let keys = if self.keys_are_read() { "; keys: a all, f failed, t next target, q quit" } else { "" };
        let known = count(self.known.len(), "scenario");
        self.context.say(format!("watching {known} on {}{keys}", self.targets[self.at]));
    }

    const fn keys_are_read(&self) -> bool {
        self.keys.is_some()
    }

    /// Stops the gateways.
    async fn stop(&mut self) {
        if let Some(gateways) = self.gateways.take() {
            for leak in gateways.stop().await {
                self.context.say(format!("warning: {leak}"));
            }
        }
    }
}

/// The scenarios of a run that a person has to look at.
fn not_fine(record: &RunRecord) -> impl Iterator<Item = String> {
    let bad = record.cells.iter().filter(|cell| Standing::of(&record.run.deny, cell).is_difference());
    bad.map(|cell| cell.scenario.clone())
}

/// Tells of changes below folders.
fn watch(
    folders: &BTreeSet<PathBuf>,
    sender: UnboundedSender<Happened>,
) -> Result<notify::RecommendedWatcher, Failure> {
    let cannot = |error: notify::Error| Failure::broke(error).context("the files cannot be watched");
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let is_change = !matches!(event.kind, EventKind::Access(_) | EventKind::Other);
        let files: Vec<PathBuf> = event.paths.into_iter().filter(|path| suite::is_read(path)).collect();
        if is_change && !files.is_empty() {
            // The receiver lives as long as the watcher.
            let _ = sender.send(Happened::Changed(files));
        }
    })
    .map_err(cannot)?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::Recursive).map_err(cannot)?;
    }
    Ok(watcher)
}

/// A terminal that sends each key at once and does not show it; it is as it was before when this is dropped.
struct KeyMode {
    before: Termios,
}

impl KeyMode {
    /// Sends every key that is pressed; `None` if the terminal cannot do that.
    fn start(sender: UnboundedSender<Happened>) -> Option<Self> {
        let before = termios::tcgetattr(std::io::stdin()).ok()?;
        let mut mode = before.clone();
        mode.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &mode).ok()?;
        std::thread::spawn(move || {
            for key in std::io::stdin().lock().bytes() {
                let Ok(key) = key else { return };
                if sender.send(Happened::Key(key)).is_err() {
                    return;
                }
            }
        });
        Some(Self { before })
    }
}

impl Drop for KeyMode {
    fn drop(&mut self) {
        // Nothing can be done if the terminal is gone.
        let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}

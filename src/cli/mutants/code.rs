//! Mutants of a release's own code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use globset::{Glob, GlobMatcher};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::options::MutantOptions;
use crate::cli::bundle::{self, Bundle};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::gateways::{GatewayOptions, provider};
use crate::cli::interrupt::cancel_on_interrupt;
use crate::cli::list::Format;
use crate::cli::suite::{self, Selection};
use crate::cli::vars::refuse_unknown;
use crate::coverage::{self, Chunk, Scope};
use crate::gateway::{Launch, Target, TargetProvider, copy_package};
use crate::mutation::{
    CodeMutant, CodeScore, EQUIVALENT, Equivalents, MutantVerdict, PATIENCE, Reach, Trial, TrialProgress,
    TrialRequest, by_operator, mutants_of, reach, report_of, sample, switchable, try_all,
};
use crate::release::Release;
use crate::report;
use crate::report::progress::Amount;
use crate::report::terminal::{self, Appearance, Palette};
use crate::run::Settings;
use crate::scenario::{Millis, Scenario};
use crate::suggest::did_you_mean;

/// Options for mutants of a release.
#[derive(clap::Args, Debug)]
pub(super) struct CodeOptions {
    /// Try mutants of this gateway's own code: a release (2026.3.31, latest) or path:DIR
    #[arg(long, short, value_name = "TARGET")]
    pub(super) gateway: Option<String>,
    /// Only mutants in these source files of upstream (repeatable); `*` matches anything
    #[arg(long = "file", value_name = "GLOB", requires = "gateway")]
    files: Vec<String>,
    /// Only the mutant with this id (repeatable)
    #[arg(long = "id", value_name = "ID", requires = "gateway")]
    ids: Vec<String>,
    /// Try only this many, chosen by the seed
    #[arg(long, value_name = "N", requires = "gateway")]
    sample: Option<usize>,
    /// Start no further mutant after this time; `--resume` continues
    #[arg(long, value_name = "DURATION", requires = "gateway")]
    time: Option<Millis>,
    /// Continue an earlier call with the same release and suite
    #[arg(long, requires = "gateway")]
    resume: bool,
    /// Gateways at the same time [default: one per processor]
    #[arg(long, short, value_name = "N", requires = "gateway")]
    jobs: Option<usize>,
    /// Release by which a `path:` target is judged
    #[arg(long, value_name = "RELEASE", requires = "gateway")]
    assume_release: Option<Release>,
    /// Write the JSON report to this file
    #[arg(long, value_name = "FILE", requires = "gateway")]
    json: Option<PathBuf>,
    /// The share of mutants that must be noticed, in percent [default: 100]
    #[arg(long, value_name = "PERCENT", requires = "gateway")]
    min_score: Option<f64>,
}

/// The mutants of a package, and the text of its bundled files.
struct Found {
    mutants: Vec<CodeMutant>,
    texts: BTreeMap<String, String>,
}

pub(super) fn run(args: &MutantOptions, options: &CodeOptions, context: &Context) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let scope = bundle::scope(context)?;
    let equivalents = bundle::data(context, "equivalent-mutants.yaml", EQUIVALENT, Equivalents::read)?;
    let gateways =
        GatewayOptions { jobs: options.jobs, assume_release: options.assume_release, allow_remote: false };
    let provider = provider(context, &gateways)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let bundle = Bundle::open(context, options.gateway.as_deref().unwrap_or_default(), &gateways, &provider)?;
    context.progress.stage(format!("reading the code of {}", bundle.target));
    let found = found(&bundle, &scope)?;
    context.progress.done();
    let chosen = chosen(options, args.seed, &found.mutants, &equivalents)?;
    if args.list {
        return list(&found.mutants, &chosen, &equivalents, args.format, context);
    }
    let folder = args.suite.folder.as_deref();
    let vars = args.vars.given();
    let selection =
        Selection { folder, names: &args.selection, tags: &args.tags, exclude: &[], vars: Some(&vars) };
    let scenarios = suite::scenarios(context, &selection)?;
    refuse_unknown(&vars, &scenarios)?;
    let stored = StoredTrials::of(context, &bundle, &found, &scenarios, args.seed);

    let place = provider
        .place()
        .map_err(|error| Failure::broke(error).context("cannot make a folder for the copy"))?;
    let copy = place.path().join("package");
    let all = found.mutants.len();
    context.say(format!(
        "{all} mutants in the code in scope of {}, {} of them chosen",
        bundle.target,
        chosen.len()
    ));
    context.progress.stage("making a private copy of the package");
    let replaced = with_mutants(&found)?;
    copy_package(&bundle.package, &copy, &replaced).map_err(Failure::broke)?;
    let cancel = CancellationToken::new();
    let settings = Settings {
        interrupt: cancel.clone(),
        ..Settings::new(args.seed, PATIENCE, Arc::clone(&context.now_ms))
    };
    let request = TrialRequest {
        scenarios: &scenarios,
        mutants: &found.mutants,
        target: Target::Path(copy),
        settings,
        place: place.path().join("switches"),
        jobs: options.jobs.unwrap_or(context.processors).max(1),
    };
    let result = runtime.block_on(async {
        let listening = tokio::spawn(cancel_on_interrupt(cancel.clone()));
        let result = tried(
            context,
            &provider,
            &request,
            &stored,
            options,
            &found,
            &chosen,
            &equivalents,
            &cancel,
            begun,
        )
        .await;
        listening.abort();
        result
    });
    context.progress.end();
    if let Ok(prepared) = runtime.block_on(provider.prepare(&request.target, Arc::new(|_| {})))
        && let Some(Launch::Node(build)) = prepared.launch()
    {
        // The compile cache of the copy is useless without the copy.
        let _ = fs::remove_dir_all(build.compile_cache);
    }
    let (reach, trials) = result?;
    let score = scored(&bundle.target, args.seed, &found, &chosen, &reach, &equivalents, trials, &scenarios);
    show(args, options.json.as_deref(), &score, context)?;
    Ok(exit(options, &score, &cancel))
}

/// Measures which mutants scenarios reach, unless that is stored, and tries the chosen mutants.
#[expect(clippy::too_many_arguments, reason = "each is read once and passed down")]
async fn tried(
    context: &Context,
    provider: &TargetProvider,
    request: &TrialRequest<'_>,
    stored: &StoredTrials,
    options: &CodeOptions,
    found: &Found,
    chosen: &[usize],
    equivalents: &Equivalents,
    cancel: &CancellationToken,
    begun: Instant,
) -> Result<(Reach, BTreeMap<String, Trial>), Failure> {
    let reach = if let Some(reach) = stored.reach() {
        reach
    } else {
        let done = Mutex::new(0);
        let all = request.scenarios.len();
        let count = |_: &crate::run::Cell| {
            let mut done = done.lock();
            *done += 1;
            context.progress.amount(Amount::of(*done, all, "scenario"));
        };
        context.progress.begin("the scenarios run without a mutant");
        let reach = reach(request, provider, &count, cancel).await.map_err(Failure::broke)?;
        if !cancel.is_cancelled() {
            stored.keep_reach(&reach);
        }
        reach
    };
    let reached: BTreeSet<usize> = reach.reached.values().flatten().copied().collect();
    context.say(format!(
        "{} scenarios are fine without a mutant; they reach {} of {} mutants ({:.0} s so far)",
        reach.sound.len(),
        reached.len(),
        found.mutants.len(),
        begun.elapsed().as_secs_f64()
    ));
    let mut trials = if options.resume { stored.trials() } else { BTreeMap::new() };
    if !options.resume {
        stored.forget_trials();
    }
    let id = |number: &usize| found.mutants.get(*number).map_or("", |one| one.id.as_str());
    let wanted: Vec<usize> = chosen
        .iter()
        .copied()
        .filter(|number| !trials.contains_key(id(number)) && equivalents.reason(id(number)).is_none())
        .collect();
    let until = options.time.map(|time| begun + time.as_duration());
    let new = Mutex::new(Vec::new());
    let turns = Mutex::new(0);
    // Once fresh gateways decide: how many were decided before, and how many were open then.
    let decided_before = Mutex::new(None);
    let progress = |progress: TrialProgress| match progress {
        TrialProgress::Decided(number, trial) => {
            stored.keep_trial(&trial);
            if trial.verdict == MutantVerdict::Survived
                && let Some(mutant) = found.mutants.get(number)
            {
                context.say(format!(
                    "survived: {}:{} {} `{}`",
                    mutant.source,
                    mutant.line,
                    mutant.operator.name(),
                    short(&mutant.before)
                ));
            }
            let mut new = new.lock();
            new.push(trial);
            if let Some((before, open)) = *decided_before.lock() {
                context.progress.amount(Amount::of(new.len().saturating_sub(before), open, "mutant"));
            }
        }
        TrialProgress::TriedOnRunning => {
            let mut turns = turns.lock();
            *turns += 1;
            context.progress.amount(Amount::of(*turns, wanted.len(), "mutant"));
        }
        TrialProgress::Open(open) => {
            let seconds = begun.elapsed().as_secs();
            context.say(format!("{open} are still open after {seconds} s and get fresh gateways together"));
            context.progress.begin("what is still open runs on fresh gateways");
            *decided_before.lock() = Some((new.lock().len(), open));
        }
    };
    context.progress.begin("mutants are tried on running gateways");
    let tried = try_all(request, provider, &reach, &wanted, until, &progress, cancel).await;
    tried.map_err(Failure::broke)?;
    let new = new.into_inner();
    trials.extend(new.into_iter().map(|trial| (trial.id.clone(), trial)));
    Ok((reach, trials))
}

fn short(text: &str) -> String {
    const LONGEST: usize = 70;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(LONGEST).collect();
    if cut.len() < line.len() { format!("{cut}…") } else { cut }
}

fn found(bundle: &Bundle, scope: &Scope) -> Result<Found, Failure> {
    let collected = coverage::chunks_of(&bundle.package, scope).map_err(bundle::unnamed)?;
    let mutants = collected.chunks.iter().flat_map(|chunk| mutants_of(chunk, scope.only_logged())).collect();
    let texts = collected.chunks.into_iter().map(|Chunk { path, text, .. }| (path, text)).collect();
    Ok(Found { mutants, texts })
}

/// The bundled files with all their mutants.
fn with_mutants(found: &Found) -> Result<BTreeMap<String, String>, Failure> {
    let mut by_chunk: BTreeMap<&str, Vec<(usize, &CodeMutant)>> = BTreeMap::new();
    for (number, mutant) in found.mutants.iter().enumerate() {
        by_chunk.entry(&mutant.chunk).or_default().push((number, mutant));
    }
    let one = |(chunk, mutants): (&str, Vec<(usize, &CodeMutant)>)| {
        let text = found.texts.get(chunk).map_or("", String::as_str);
        let text = switchable(text, &mutants).map_err(|error| {
            Failure::broke(error).context(format!("mutants of {chunk} cannot be combined"))
        })?;
        Ok((chunk.to_owned(), text))
    };
    by_chunk.into_iter().map(one).collect()
}

/// The numbers of the chosen mutants.
fn chosen(
    options: &CodeOptions,
    seed: u64,
    mutants: &[CodeMutant],
    equivalents: &Equivalents,
) -> Result<Vec<usize>, Failure> {
    let globs: Vec<GlobMatcher> = options
        .files
        .iter()
        .map(|text| {
            let anywhere = if text.contains('/') { text.clone() } else { format!("**/{text}") };
            Glob::new(&anywhere)
                .map(|glob| glob.compile_matcher())
                .map_err(|error| Failure::usage(error).context(format!("`{text}` is not a pattern of files")))
        })
        .collect::<Result<_, _>>()?;
    for (glob, text) in globs.iter().zip(&options.files) {
        if !mutants.iter().any(|one| glob.is_match(&one.source)) {
            let sources: BTreeSet<&str> = mutants.iter().map(|one| one.source.as_str()).collect();
            let failure = Failure::usage(format!("no source file in scope is called `{text}`"));
            // A name without its folders is compared with names.
            let part = |source: &'_ str| match (text.contains('/'), source.rsplit_once('/')) {
                (false, Some((_, name))) => name.to_owned(),
                _ => source.to_owned(),
            };
            let parts: Vec<String> = sources.iter().map(|one| part(one)).collect();
            let meant = did_you_mean(text, parts.iter().map(String::as_str));
            let meant = sources.iter().find(|one| meant.is_some_and(|meant| part(one) == meant));
            let hint = meant
                .map_or_else(|| "`--list` names them".to_owned(), |one| format!("did you mean `{one}`?"));
            return Err(failure.hint(hint));
        }
    }
    for id in &options.ids {
        if !mutants.iter().any(|one| one.id == *id) {
            return Err(Failure::usage(format!("there is no mutant `{id}`")).hint("`--list` names them"));
        }
    }
    let all: Vec<usize> = mutants
        .iter()
        .enumerate()
        .filter(|(_, one)| globs.is_empty() || globs.iter().any(|glob| glob.is_match(&one.source)))
        .filter(|(_, one)| options.ids.is_empty() || options.ids.contains(&one.id))
        .map(|(number, _)| number)
        .collect();
    if all.is_empty() {
        return Err(Failure::nothing("the code in scope has no mutants"));
    }
    let open: Vec<usize> = all
        .iter()
        .copied()
        .filter(|number| mutants.get(*number).is_some_and(|one| equivalents.reason(&one.id).is_none()))
        .collect();
    Ok(match options.sample {
        Some(count) => sample(mutants, &open, count, seed),
        None => all,
    })
}

fn list(
    mutants: &[CodeMutant],
    chosen: &[usize],
    equivalents: &Equivalents,
    format: Format,
    context: &Context,
) -> Result<Exit, Failure> {
    let own = chosen.iter().filter_map(|number| mutants.get(*number));
    let text = match format {
        Format::Json => {
            let rows: Vec<_> = own
                .map(|one| {
                    serde_json::json!({
                        "id": one.id, "source": one.source, "chunk": one.chunk, "line": one.line,
                        "function": one.function, "operator": one.operator, "before": one.before,
                        "after": one.after, "equivalent": equivalents.reason(&one.id),
                    })
                })
                .collect();
            format!("{:#}\n", serde_json::Value::from(rows))
        }
        Format::Text => {
            let mut text = String::new();
            for one in own {
                let _ = writeln!(text, "{}\n    {} -> {}", one.id, short(&one.before), short(&one.after));
            }
            let counts = by_operator(mutants, chosen);
            let counts: Vec<String> =
                counts.iter().map(|(operator, count)| format!("{count} {}", operator.name())).collect();
            let _ = writeln!(text, "\n{} mutants: {}", chosen.len(), counts.join(", "));
            text
        }
    };
    context.print(&text)?;
    Ok(Exit::Fine)
}

#[expect(clippy::too_many_arguments, reason = "a score depends on all of them")]
fn scored(
    target: &Target,
    seed: u64,
    found: &Found,
    chosen: &[usize],
    reach: &Reach,
    equivalents: &Equivalents,
    mut trials: BTreeMap<String, Trial>,
    scenarios: &[Scenario],
) -> CodeScore {
    let mut not_tried = 0;
    let mut reports = Vec::new();
    for mutant in chosen.iter().filter_map(|number| found.mutants.get(*number)) {
        let reason = equivalents.reason(&mutant.id);
        let trial = match (trials.remove(&mutant.id), reason) {
            (Some(trial), None) => trial,
            (_, Some(_)) => Trial {
                id: mutant.id.clone(),
                verdict: MutantVerdict::Equivalent,
                killed_by: None,
                scenarios_run: Vec::new(),
                duration_ms: 0,
            },
            (None, None) => {
                not_tried += 1;
                continue;
            }
        };
        let text = found.texts.get(&mutant.chunk).map_or("", String::as_str);
        reports.push(report_of(mutant, trial, reason, text));
    }
    let ids = scenarios.iter().map(|one| one.id.clone());
    CodeScore::new(target.to_string(), seed, found.mutants.len(), not_tried, reach, ids, reports)
}

fn show(
    args: &MutantOptions,
    to: Option<&Path>,
    score: &CodeScore,
    context: &Context,
) -> Result<(), Failure> {
    let json = report::mutants::json(score);
    if let Some(to) = to {
        let place = context.working_dir.join(to);
        fs::write(&place, &json)
            .map_err(|error| Failure::broke(error).context(format!("cannot write {}", place.display())))?;
    }
    let appearance = Appearance { width: context.width, palette: Palette::new(context.color) };
    context.print(&match args.format {
        Format::Json => json,
        Format::Text => terminal::code_mutants(score, &appearance),
    })
}

fn exit(options: &CodeOptions, score: &CodeScore, cancel: &CancellationToken) -> Exit {
    if cancel.is_cancelled() {
        return Exit::Interrupted;
    }
    if score.mutants.is_empty() || options.min_score.is_some() && !score.has_decided() {
        return Exit::NothingTestable;
    }
    let enough = match options.min_score {
        Some(least) => score.score * 100.0 >= least,
        None => score.is_all_noticed(),
    };
    if !enough {
        Exit::Bad
    } else if score.blind.is_empty() {
        Exit::Fine
    } else {
        Exit::Broke
    }
}

/// Results of earlier calls with the same code and suite.
struct StoredTrials {
    folder: PathBuf,
    name: String,
}

impl StoredTrials {
    fn of(context: &Context, bundle: &Bundle, found: &Found, scenarios: &[Scenario], seed: u64) -> Self {
        let mut digest = Sha256::new();
        for (path, text) in &found.texts {
            digest.update(path);
            digest.update(text);
        }
        for scenario in scenarios {
            digest.update(format!("{scenario:?}"));
        }
        for mutant in &found.mutants {
            digest.update(&mutant.id);
        }
        digest.update(format!("{} {seed}", env!("CARGO_PKG_VERSION")));
        let mut name = bundle.prepared.release().map_or_else(
            || bundle.target.to_string().chars().filter(char::is_ascii_alphanumeric).take(20).collect(),
            |release| release.to_string(),
        );
        name.push('-');
        name.push_str(&hex::encode(&digest.finalize()[..8]));
        Self { folder: context.cache_dir.join("mutants"), name }
    }

    fn place(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    fn reach(&self) -> Option<Reach> {
        serde_json::from_slice(&fs::read(self.place("reach.json")).ok()?).ok()
    }

    /// If storing fails, the next call measures again.
    fn keep_reach(&self, reach: &Reach) {
        let Ok(text) = serde_json::to_vec(reach) else { return };
        let place = self.place("reach.json");
        let beside = self.place("reach.json.new");
        let _ = fs::create_dir_all(&self.folder)
            .and_then(|()| fs::write(&beside, text))
            .and_then(|()| fs::rename(&beside, place));
    }

    fn trials(&self) -> BTreeMap<String, Trial> {
        let text = fs::read_to_string(self.place("trials.jsonl")).unwrap_or_default();
        // A torn line means that its mutant is tried again.
        text.lines()
            .filter_map(|line| serde_json::from_str::<Trial>(line).ok())
            .map(|trial| (trial.id.clone(), trial))
            .collect()
    }

    fn forget_trials(&self) {
        let _ = fs::remove_file(self.place("trials.jsonl"));
    }

    fn keep_trial(&self, trial: &Trial) {
        let Ok(line) = serde_json::to_string(trial) else { return };
        let _ = fs::create_dir_all(&self.folder);
        let file = fs::OpenOptions::new().create(true).append(true).open(self.place("trials.jsonl"));
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}

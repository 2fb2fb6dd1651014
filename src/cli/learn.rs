//! `gatecrash learn`: learns what targets do as machines, and compares them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{GatewayOptions, provider, resolve, tell_of_installing};
use super::interrupt::cancel_on_interrupt;
use crate::error_chain::chain;
use crate::gateway::{PreparedTarget, Target, TargetProvider};
use crate::learn::{
    Alphabet, AlphabetError, AskError, LearnError, LearnProgress, LearnRequest, Purpose, StudiedTarget,
    Study, Thoroughness, Word, learn, written,
};
use crate::report::ReportDestination;
use crate::report::machines::{self, MachineReport};
use crate::run::Settings;
use crate::scenario::Millis;

/// Learn what gateways do as machines, and show where the machines differ.
///
/// A learner asks words: sequences of inputs out of an alphabet, such as connecting in a role or revoking a token, each word
/// with a fresh device. It ends with a machine that answers every word as the gateway does if the gateway has at most `--k` states
/// more than the machine. With several targets, each is compared with the next: the shortest words that they answer
/// differently, and the states that were added or merged.
///
/// Exit codes: 0 no difference, 1 the machines differ or a gateway is not deterministic, 2 bad usage or a bad alphabet, 3 a
/// target cannot be asked, 4 harness or gateway broke, 130 interrupted.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Targets, as for `run --gateway`, from the oldest to the newest
    #[arg(value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// The inputs: handshake, lifecycle, roles, scopes, nodes, two-devices, or a file of one's own
    #[arg(long, value_name = "NAME|FILE", default_value = "handshake")]
    alphabet: String,
    /// A machine is right if the gateway has at most this many states more
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    k: u8,
    /// Random walks in addition
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    walks: u32,
    /// Seed of keys, secrets and random walks
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Learn every machine from nothing, not from that of the target before
    #[arg(long)]
    from_nothing: bool,
    #[command(flatten)]
    gateways: GatewayOptions,
    /// How long a step waits for an answer
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: Millis,
    /// Write the words that tell targets apart to this folder, as scenarios to be reviewed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a report: json=FILE, md=FILE, html=FILE, svg=FILE, dot=FILE or mermaid=FILE; `-` is standard output
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<MachineReport>,
}

/// Why a study ended early.
enum Ended {
    /// A target is not deterministic; its report is printed, and this is the exit.
    Told,
    /// The user ended it.
    Interrupted,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    if args.timeout.as_duration().is_zero() {
        return Err(Failure::usage("--timeout must be longer than 0"));
    }
    let alphabet = Arc::new(alphabet(&args.alphabet)?);
    let provider = provider(context, &args.gateways)?;
    let targets = args.gateways.targets(&args.targets.join(","))?;
    let targets = resolve(context, &provider, targets)?;
    let cancel = CancellationToken::new();
    let settings = Settings {
        interrupt: cancel.clone(),
        ..Settings::new(args.seed, args.timeout.as_duration(), Arc::clone(&context.now_ms))
    };
    let thoroughness =
        Thoroughness { extra_states: usize::from(args.k), walks: args.walks as usize, seed: args.seed };
    let jobs = args.gateways.jobs(context);
    let request = LearnRequest { alphabet: Arc::clone(&alphabet), thoroughness, settings, jobs };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::broke(error).context("cannot start the runtime"))?;
    let mut studied = Vec::new();
    let mut prepared = Vec::new();
    let ended = runtime.block_on(async {
        tokio::spawn(cancel_on_interrupt(cancel.clone()));
        study_all(args, context, &provider, &targets, &request, &mut studied, &mut prepared).await
    })?;
    let mut study = Study::new(alphabet, thoroughness, studied);
    if let (Some(folder), None) = (&args.out, &ended) {
        runtime.block_on(write_words(folder, &mut study, &prepared, &request))?;
    }
    let stdout = args.reports.iter().any(|report| report.to == ReportDestination::Stdout);
    if !stdout {
        context.print(&machines::text(&study))?;
    }
    machines::write(&args.reports, &study, &mut std::io::stdout().lock()).map_err(Failure::broke)?;
    Ok(match ended {
        Some(Ended::Interrupted) => Exit::Interrupted,
        Some(Ended::Told) => Exit::Bad,
        None if study.differs() => Exit::Bad,
        None => Exit::Fine,
    })
}

/// Learns the machines of all targets, until one of them ends it.
async fn study_all(
    args: &Args,
    context: &Context,
    provider: &TargetProvider,
    targets: &[Target],
    request: &LearnRequest,
    studied: &mut Vec<StudiedTarget>,
    all: &mut Vec<Arc<PreparedTarget>>,
) -> Result<Option<Ended>, Failure> {
    for target in targets {
        let prepared = tokio::select! {
            prepared = provider.prepare(target, tell_of_installing(context)) => Arc::new(prepared.map_err(Failure::broke)?),
            () = request.settings.interrupt.cancelled() => return Ok(Some(Ended::Interrupted)),
        };
        all.push(Arc::clone(&prepared));
        let last: Option<&StudiedTarget> = studied.last().filter(|_| !args.from_nothing);
        context.progress.begin(format!("{target} boots"));
        let tell = |progress: LearnProgress| context.progress.reword(told(target, &progress));
        let found = learn(prepared, request, last.map(|one| &one.learnt.machine), &tell).await;
        context.progress.end();
        match found {
            Ok(learnt) => studied.push(StudiedTarget { target: target.to_string(), learnt }),
            Err(LearnError::Ask(AskError::Interrupted)) => return Ok(Some(Ended::Interrupted)),
            Err(LearnError::Nondeterminism(found)) => {
                context.print(&machines::nondeterminism(&found))?;
                return Ok(Some(Ended::Told));
            }
            Err(LearnError::Ask(error)) => return Err(failure(error)),
        }
    }
    Ok(None)
}

fn failure(error: AskError) -> Failure {
    match error {
        AskError::Lacks { .. } => Failure::nothing(error)
            .hint("name a release, path:DIR or embedded:RELEASE, or take another alphabet"),
        AskError::Alphabet(_) => Failure::usage(error),
        _ => Failure::broke(error),
    }
}

/// Writes a scenario for every word, from what the targets do with it now.
async fn write_words(
    folder: &Path,
    study: &mut Study,
    prepared: &[Arc<PreparedTarget>],
    request: &LearnRequest,
) -> Result<(), Failure> {
    let unwritten = |path: &Path, error: std::io::Error| {
        Failure::broke(error).context(format!("cannot write {}", path.display()))
    };
    for (at, comparison) in study.comparisons.iter_mut().enumerate() {
        let (Some(first), Some(second)) = (prepared.get(at), prepared.get(at + 1)) else { continue };
        let words: Vec<Word> = comparison.words.iter().map(|one| one.found.word.clone()).collect();
        if words.is_empty() {
            continue;
        }
        let pair = [Arc::clone(first), Arc::clone(second)];
        let texts = written(pair, request, &words).await.map_err(failure)?;
        fs::create_dir_all(folder).map_err(|error| unwritten(folder, error))?;
        for (number, (shown, text)) in comparison.words.iter_mut().zip(texts).enumerate() {
            let Some(text) = text else { continue };
            let name = file_name(&comparison.first, &comparison.second, number + 1);
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| unwritten(&path, error))?;
            shown.file = Some(path.display().to_string());
        }
    }
    Ok(())
}

/// The name of the file for a word, such as `2026-3-28-to-2026-3-31-1.yaml`.
fn file_name(first: &str, second: &str, number: usize) -> String {
    let plain = |name: &str| -> String {
        let dashed =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        dashed.collect::<String>().trim_matches('-').to_owned()
    };
    format!("{}-to-{}-{number}.yaml", plain(first), plain(second))
}

/// How far the learner of one target is.
fn told(target: &Target, progress: &LearnProgress) -> String {
    let LearnProgress { purpose, asked, steps, .. } = progress;
    let what = match purpose {
        Purpose::Explore => "exploring".to_owned(),
        Purpose::Test { states, remaining } => format!("testing {states} states, {remaining} words left"),
    };
    format!("{target}: {what}; {asked} words, {steps} steps")
}

/// The alphabet of a name or a file.
fn alphabet(named: &str) -> Result<Alphabet, Failure> {
    let usage = |error: AlphabetError| Failure::usage(chain(&error));
    let path = Path::new(named);
    if path.extension().is_none() && !named.contains('/') {
        return Alphabet::built_in(named).map_err(usage);
    }
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(error).context(format!("cannot read {named}")))?;
    let name = path.file_stem().map(|one| one.to_string_lossy().into_owned()).unwrap_or_default();
    Alphabet::read(&name, &text).map_err(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_after_both_targets() {
        let name = file_name("embedded:2026.3.28", "path:../x", 2);
        assert_eq!(name, "embedded-2026-3-28-to-path----x-2.yaml");
    }
}

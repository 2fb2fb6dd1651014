//! `gatecrash completions`: shell completion, including scenarios, releases, targets, runs and tags.

use std::ffi::OsStr;

use clap::{Arg, Command};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

use super::context::{Color, Context};
use super::exit::Exit;
use super::failure::Failure;
use super::stored::store;
use super::suite::Catalogue;
use crate::release::Release;

/// When it is set, the program answers with candidates; the scripts set it.
const VARIABLE: &str = "GATECRASH_COMPLETE";

/// A supported shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    /// Bash
    Bash,
    /// Z shell
    Zsh,
    /// Fish
    Fish,
}

/// Print a completion script for a shell.
///
/// The script asks gatecrash itself, so scenarios and installed releases are completed, too:
///
/// bash: source <(gatecrash completions bash)
///
/// zsh: source <(gatecrash completions zsh)
///
/// fish: gatecrash completions fish | source
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
    };
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "gatecrash", "gatecrash", "gatecrash", &mut script)
        .map_err(Failure::broke)?;
    context.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

/// Answers a shell that asks for candidates, and then ends the program.
pub(super) fn answer(command: fn() -> Command) {
    CompleteEnv::with_factory(|| with_candidates(command())).var(VARIABLE).complete();
}

/// The command line with candidates for values that clap does not know.
fn with_candidates(command: Command) -> Command {
    command.mut_args(completed).mut_subcommands(with_candidates)
}

fn completed(arg: Arg) -> Arg {
    let name = arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string).unwrap_or_default();
    let words: fn(&Context) -> Vec<String> = match name.as_str() {
        "PATH|ID|GLOB" | "SCENARIO" => scenarios,
        "RUN" | "RUN_A" | "RUN_B" => runs,
        "TAG" => tags,
        "RELEASE" => releases,
        "RELEASE,…" => {
            return arg.add(ArgValueCompleter::new(|current: &OsStr| of_list(current, releases)));
        }
        "TARGET,…" => return arg.add(ArgValueCompleter::new(|current: &OsStr| of_list(current, targets))),
        "TARGET" | "TARGET_A" | "TARGET_B" => targets,
        _ => return arg,
    };
    arg.add(ArgValueCompleter::new(move |current: &OsStr| candidates(current, words)))
}

/// The words that start with what has been typed.
fn candidates(current: &OsStr, words: fn(&Context) -> Vec<String>) -> Vec<CompletionCandidate> {
    let written = current.to_string_lossy();
    let fitting = known(words).into_iter().filter(|word| word.starts_with(written.as_ref()));
    fitting.map(CompletionCandidate::new).collect()
}

/// The same for the last part of a list.
fn of_list(current: &OsStr, words: fn(&Context) -> Vec<String>) -> Vec<CompletionCandidate> {
    let written = current.to_string_lossy();
    let (before, last) =
        written.rsplit_once(',').map_or(("", written.as_ref()), |(before, last)| (before, last));
    let before = if before.is_empty() { String::new() } else { format!("{before},") };
    let fitting = known(words).into_iter().filter(|word| word.starts_with(last));
    fitting.map(|word| CompletionCandidate::new(format!("{before}{word}"))).collect()
}

/// The words to complete; errors give none, since a shell cannot show them.
fn known(words: fn(&Context) -> Vec<String>) -> Vec<String> {
    Context::read(None, true, Color::Never, false).map(|context| words(&context)).unwrap_or_default()
}

fn scenarios(context: &Context) -> Vec<String> {
    Catalogue::open(context, None).and_then(|mut all| all.ids()).unwrap_or_default()
}

fn tags(context: &Context) -> Vec<String> {
    Catalogue::open(context, None).and_then(|mut all| all.tags()).unwrap_or_default()
}

/// Installed releases: completion must not wait for a registry.
fn releases(context: &Context) -> Vec<String> {
    let names = std::fs::read_dir(context.cache_dir.join("releases")).into_iter().flatten().flatten();
    let mut releases: Vec<Release> =
        names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    releases.sort();
    releases.iter().map(ToString::to_string).collect()
}

fn targets(context: &Context) -> Vec<String> {
    let releases = releases(context);
    let embedded = releases.iter().map(|release| format!("embedded:{release}"));
    let words = ["latest", "embedded", "path:", "cmd:", "ws://127.0.0.1:"].map(str::to_owned);
    words.into_iter().chain(releases.iter().cloned()).chain(embedded).collect()
}

fn runs(context: &Context) -> Vec<String> {
    let kept = store(context).list().unwrap_or_default();
    std::iter::once("latest".to_owned()).chain(kept.into_iter().map(|one| one.started.id)).collect()
}

//! `gatecrash preflight`: what an upgrade would do to the devices of a real gateway.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{self, GatewayOptions, provider, resolve, tell_of_installing};
use super::interrupt::interrupt;
use super::known::check_targets;
use crate::gateway::{EmbeddedTarget, PreparedTarget, Remote, Target, TargetProvider};
use crate::preflight::{
    Preflight, PreflightDoing, PreflightError, PreflightProgress, PreflightRequest, SourceError, copy_state,
    is_archive, preflight, unpack,
};
use crate::release::Release;
use crate::report::preflight::{markdown, text};
use crate::report::preflight_page::html;

/// Predict what an upgrade would do to the paired devices of a gateway.
///
/// Copies the relevant parts of a state directory (pairings, identities, exec approvals; no channels, credentials or
/// plugins), boots the present release and the new one on the copies, and lets a stand-in for every device reconnect in
/// every role. The state directory is only read, nothing outside this machine is contacted, and no token is shown.
///
/// Exit codes: 0 nothing breaks, 1 something would break, 2 bad usage, 3 no device is paired, 4 a release cannot be asked.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The state directory, usually ~/.openclaw; or a backup of it: .tar, .tar.gz, .tgz or .zip
    #[arg(long, value_name = "DIR|ARCHIVE")]
    state: PathBuf,
    /// The releases to upgrade to, separated by commas (2026.4.2, latest), or path:DIR or cmd:COMMAND; each is asked by itself.
    /// embedded:RELEASE asks the model of its rules: at once, without Node, and without the exec tool
    #[arg(long, value_name = "TARGET,…")]
    to: String,
    /// The present release [default: the one that last wrote the configuration]
    #[arg(long, value_name = "TARGET")]
    from: Option<String>,
    /// Upgrade through the releases of --to one after the other, as if the gateway ran each of them for a while
    #[arg(long)]
    stepwise: bool,
    /// The configuration [default: openclaw.json in the state directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: PreflightFormat,
}

/// How a preflight is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PreflightFormat {
    /// For people
    Text,
    /// For programs; several upgrades are a list
    Json,
    /// For issues and wikis
    Markdown,
    /// One page for a browser
    Html,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let options = GatewayOptions { jobs: None, allow_remote: false, assume_release: None };
    let to: Vec<Target> =
        options.targets(&args.to)?.into_iter().map(store_of_its_own).collect::<Result<_, _>>()?;
    let from = args.from.as_deref().map(target).transpose()?;
    let provider = provider(context, &options)?;
    let named: Vec<Target> = to.iter().cloned().chain(from.clone()).collect();
    check_targets(&provider, &named, &[], None)?;
    let place = provider
        .place()
        .map_err(|error| Failure::broke(error).context("cannot make a folder for the copy"))?;
    let copy = place.state();
    let state = context.working_dir.join(&args.state);
    let config = args.config.as_ref().map(|config| context.working_dir.join(config));
    let unpacked = place.path().join("unpacked");
    let state = if is_archive(&state) {
        unpack(&state, &unpacked).map_err(source_failure)?;
        unpacked
    } else {
        state
    };
    context.progress.stage(format!("copying what decides about devices from {}", args.state.display()));
    let copied = copy_state(&state, config.as_deref(), &copy).map_err(source_failure)?;
    let between = place.path().join("between");
    fs::create_dir_all(&between).map_err(Failure::broke)?;
    let from = from.or_else(|| copied.release.map(|release| present(release, &to)));
    let resolved = |target: Target| -> Result<Target, Failure> {
        let mut one = resolve(context, &provider, vec![target])?;
        one.pop().ok_or_else(|| Failure::usage("no release is named"))
    };
    let to = to.into_iter().map(&resolved).collect::<Result<Vec<Target>, Failure>>()?;
    let from = from.map(&resolved).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let mut found = runtime.block_on(async {
        let mut asked = Vec::new();
        for to in &to {
            asked.push(prepared(context, &provider, to).await?);
        }
        let from = match &from {
            Some(from) => Some(prepared(context, &provider, from).await?),
            None => None,
        };
        let request = PreflightRequest {
            state: &copy,
            config: &copied.config,
            from: from.as_ref(),
            to: &asked,
            stepwise: args.stepwise.then_some(&*between),
            tell: &|progress| tell(context, &progress),
            seed: context.entropy,
            now_ms: Arc::clone(&context.now_ms),
        };
        tokio::select! {
            found = preflight(&request) => found.map_err(failure),
            () = interrupt() => Err(Failure::new(Exit::Interrupted, "interrupted")),
        }
    })?;
    context.progress.done();
    for one in &mut found {
        one.notes.clone_from(&copied.notes);
    }
    context.print(&printed(&found, args.format)?)?;
    Ok(if found.iter().any(Preflight::breaks) { Exit::Bad } else { Exit::Fine })
}

/// One upgrade is one document; several are a list of them.
fn printed(found: &[Preflight], format: PreflightFormat) -> Result<String, Failure> {
    Ok(match (format, found) {
        (PreflightFormat::Text, found) => found.iter().map(text).collect::<Vec<_>>().join("\n"),
        (PreflightFormat::Html, found) => html(found),
        (PreflightFormat::Markdown, found) => found.iter().map(markdown).collect::<Vec<_>>().join("\n"),
        (PreflightFormat::Json, [one]) => {
            format!("{:#}\n", serde_json::to_value(one).map_err(Failure::broke)?)
        }
        (PreflightFormat::Json, several) => {
            format!("{:#}\n", serde_json::to_value(several).map_err(Failure::broke)?)
        }
    })
}

/// The present release as a target: its model, if only models are asked about the upgrade.
fn present(release: Release, to: &[Target]) -> Target {
    let only_models = to.iter().all(|target| matches!(target, Target::Embedded(_)));
    if only_models {
        Target::Embedded(EmbeddedTarget { release: Some(release), mutant: None })
    } else {
        Target::Release(release)
    }
}

/// What a target is kept under: a release by its name, any other target by its kind, because its words may hold secrets.
fn kind(target: &str) -> &str {
    target.split_once(':').map_or(target, |(kind, _)| kind)
}

/// Shows what is done. A boot and what follows it take about as long each time.
fn tell(context: &Context, progress: &PreflightProgress) {
    match progress.doing {
        PreflightDoing::Boots => {
            context
                .progress
                .begin_as_before(&format!("boot {}", kind(&progress.release)), progress.to_string());
        }
        PreflightDoing::Reconnects { .. } => context.progress.begin(progress.to_string()),
        PreflightDoing::Exec => {
            context
                .progress
                .begin_as_before(&format!("exec {}", kind(&progress.release)), progress.to_string());
        }
    }
}

fn target(text: &str) -> Result<Target, Failure> {
    store_of_its_own(Target::parse(text, Remote::Refused).map_err(gateways::failure)?)
}

/// Refuses targets that cannot be started on a copy.
fn store_of_its_own(target: Target) -> Result<Target, Failure> {
    match target {
        Target::Attach(_) => Err(Failure::usage("a running gateway cannot be asked about a copy")
            .hint("name a release, such as 2026.4.2")),
        target => Ok(target),
    }
}

async fn prepared(
    context: &Context,
    provider: &TargetProvider,
    target: &Target,
) -> Result<PreparedTarget, Failure> {
    provider.prepare(target, tell_of_installing(context)).await.map_err(Failure::broke)
}

fn source_failure(error: SourceError) -> Failure {
    let is_foreign =
        matches!(&error, SourceError::Copy { source, .. } if source.kind() == ErrorKind::PermissionDenied);
    let failure = Failure::usage(error);
    if is_foreign {
        failure.hint(
            "it belongs to another user: let that user make a backup, `tar czf state.tar.gz -C ~/.openclaw .`, and name that \
             with --state",
        )
    } else {
        failure
    }
}

fn failure(error: PreflightError) -> Failure {
    match error {
        PreflightError::NoDevice => Failure::nothing(error),
        other => Failure::broke(other),
    }
}

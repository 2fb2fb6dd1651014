//! `gatecrash preflight`: what an upgrade would do to the devices of a real gateway.

use std::path::PathBuf;
use std::sync::Arc;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::gateways::{self, GatewayOptions, provider};
use super::interrupt::interrupt;
use super::known::check_targets;
use super::list::Format;
use crate::gateway::{PreparedTarget, Remote, Target, TargetProvider};
use crate::preflight::{PreflightError, PreflightRequest, copy_state, preflight};
use crate::report::preflight::text;

/// Predict what an upgrade would do to the paired devices of a gateway.
///
/// Copies the relevant parts of a state directory (pairings, identities, exec approvals; no channels, credentials or
/// plugins), boots the present release and the new one on the copies, and lets a stand-in for every device reconnect in
/// every role. The state directory is only read, nothing outside this machine is contacted, and no token is shown.
///
/// Exit codes: 0 nothing breaks, 1 something would break, 2 bad usage, 3 no device is paired, 4 a release cannot be asked.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The state directory, usually ~/.openclaw
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The release to upgrade to (2026.4.2, latest), or path:DIR or cmd:COMMAND
    #[arg(long, value_name = "TARGET")]
    to: String,
    /// The present release [default: the one that last wrote the configuration]
    #[arg(long, value_name = "TARGET")]
    from: Option<String>,
    /// The configuration [default: openclaw.json in the state directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print the result
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let options = GatewayOptions { jobs: None, allow_remote: false, assume_release: None };
    let to = target(&args.to)?;
    let from = args.from.as_deref().map(target).transpose()?;
    let provider = provider(context, &options)?;
    let named: Vec<Target> = std::iter::once(to.clone()).chain(from.clone()).collect();
    check_targets(&provider, &named, &[], None)?;
    let place = provider
        .place()
        .map_err(|error| Failure::broke(error).context("cannot make a folder for the copy"))?;
    let copy = place.state();
    let state = context.working_dir.join(&args.state);
    let config = args.config.as_ref().map(|config| context.working_dir.join(config));
    let copied = copy_state(&state, config.as_deref(), &copy).map_err(Failure::usage)?;
    let from = from.or(copied.release.map(Target::Release));
    let resolved = |target: Target| -> Result<Target, Failure> {
        let mut one = provider
            .resolve(vec![target])
            .map_err(|error| Failure::broke(error).hint("name a release, such as 2026.3.31"))?;
        one.pop().ok_or_else(|| Failure::usage("no release is named"))
    };
    let (to, from) = (resolved(to)?, from.map(resolved).transpose()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
    let mut found = runtime.block_on(async {
        let to = prepared(&provider, &to).await?;
        let from = match &from {
            Some(from) => Some(prepared(&provider, from).await?),
            None => None,
        };
        let request = PreflightRequest {
            state: &copy,
            config: &copied.config,
            from: from.as_ref(),
            to: &to,
            seed: context.entropy,
            now_ms: Arc::clone(&context.now_ms),
        };
        tokio::select! {
            found = preflight(&request) => found.map_err(failure),
            () = interrupt() => Err(Failure::new(Exit::Interrupted, "interrupted")),
        }
    })?;
    found.notes.extend(copied.notes);
    let text = match args.format {
        Format::Text => text(&found),
        Format::Json => format!("{:#}\n", serde_json::to_value(&found).map_err(Failure::broke)?),
    };
    context.print(&text)?;
    Ok(if found.breaks() { Exit::Bad } else { Exit::Fine })
}

fn target(text: &str) -> Result<Target, Failure> {
    match Target::parse(text, Remote::Refused).map_err(gateways::failure)? {
        Target::Attach(_) => Err(Failure::usage("a running gateway cannot be asked about a copy")
            .hint("name a release, such as 2026.4.2")),
        Target::Embedded(_) => Err(Failure::usage("the model has no store that a copy could be put into")
            .hint("name a release, such as 2026.4.2")),
        target => Ok(target),
    }
}

async fn prepared(provider: &TargetProvider, target: &Target) -> Result<PreparedTarget, Failure> {
    let tell = Arc::new(|text: String| anstream::eprintln!("… {text}"));
    provider.prepare(target, tell).await.map_err(Failure::broke)
}

fn failure(error: PreflightError) -> Failure {
    match error {
        PreflightError::NoDevice => Failure::nothing(error),
        other => Failure::broke(other),
    }
}

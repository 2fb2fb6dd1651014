//! Options that name gateways, and the provider that prepares them.

use std::sync::Arc;

use clap::Args;

use super::context::Context;
use super::failure::Failure;
use super::known;
use crate::error_chain::chain;
use crate::gateway::{ParseTargetError, Remote, Target, TargetProvider, Tell};

/// Options about gateways that all commands with runs share.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct GatewayOptions {
    /// Gateways at the same time; four embedded ones count as one [default: one per processor]
    #[arg(long, short, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Allow `ws://` to name another machine; everything else stays on loopback
    #[arg(long)]
    pub(super) allow_remote: bool,
    /// Release by which a `cmd:`, `path:` or `ws:` target is judged
    #[arg(long, value_name = "RELEASE")]
    pub(super) assume_release: Option<crate::release::Release>,
}

impl GatewayOptions {
    /// Gateways at the same time.
    pub(super) fn jobs(&self, context: &Context) -> usize {
        self.jobs.unwrap_or(context.processors).max(1)
    }

    /// The targets that a text names, separated by commas.
    pub(super) fn targets(&self, text: &str) -> Result<Vec<Target>, Failure> {
        let remote = if self.allow_remote { Remote::Allowed } else { Remote::Refused };
        let mut targets: Vec<Target> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let target = Target::parse(name, remote).map_err(failure)?;
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if targets.is_empty() {
            return Err(Failure::usage("no gateway is named").hint("name a release, such as 2026.3.31"));
        }
        Ok(targets)
    }
}

/// Why a text names no target; for a misspelt release, with the known one that was probably meant.
pub(super) fn failure(error: ParseTargetError) -> Failure {
    match &error {
        ParseTargetError::Release(release) => {
            let hint = known::advice(&release.text, &known::measured());
            Failure::usage(error).hint(hint)
        }
        _ => Failure::usage(error),
    }
}

/// Opens the provider of this machine, which also cleans up after runs that died.
pub(super) fn provider(context: &Context, options: &GatewayOptions) -> Result<TargetProvider, Failure> {
    context.progress.stage("looking for what dead runs have left");
    let provider =
        TargetProvider::open(context.provider_settings(options.assume_release)).map_err(Failure::broke)?;
    for stuck in provider.stuck() {
        context.say(format!("warning: {}", chain(stuck)));
    }
    context.progress.done();
    Ok(provider)
}

/// The targets with `latest` and the tags of the registry replaced by releases, for which the registry is asked.
pub(super) fn resolve(
    context: &Context,
    provider: &TargetProvider,
    targets: Vec<Target>,
) -> Result<Vec<Target>, Failure> {
    context.progress.stage("asking the registry for releases");
    let resolved = provider.resolve(targets);
    context.progress.done();
    resolved.map_err(|error| Failure::broke(error).hint("name a release, such as 2026.3.31"))
}

/// Shows what an installation does.
pub(super) fn tell_of_installing(context: &Context) -> Tell {
    let progress = context.progress.clone();
    Arc::new(move |event| progress.install(&event))
}

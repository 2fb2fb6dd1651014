//! Options that name gateways, and the provider that makes them ready.

use clap::Args;

use super::context::Context;
use super::failure::Failure;
use super::known;
use crate::gateway::{ParseTargetError, Remote, Target, TargetProvider};

/// Options about gateways that all running commands share.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct GatewayOptions {
    /// Gateways at the same time; four embedded ones count as one [default: one a processor]
    #[arg(long, short, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Let `ws://` name another machine. Everything else stays on loopback
    #[arg(long)]
    pub(super) allow_remote: bool,
    /// Release to judge a `cmd:`, `path:` or `ws:` target by
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
            let target = Target::parse(name, remote).map_err(|error| failure(&error))?;
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

/// Why a text names no target; what looks like a release is held against those that are known.
pub(super) fn failure(error: &ParseTargetError) -> Failure {
    match error {
        ParseTargetError::Release(release) => {
            Failure::usage(error).hint(known::advice(&release.text, &known::measured()))
        }
        other => Failure::usage(other),
    }
}

/// The provider of this machine; sweeps what dead runs have left.
pub(super) fn provider(context: &Context, options: &GatewayOptions) -> Result<TargetProvider, Failure> {
    TargetProvider::open(context.provider_settings(options.assume_release)).map_err(Failure::broke)
}

//! A build whose bundled code is read: its target, its package and the code in scope.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::failure::Failure;
use super::gateways::{GatewayOptions, resolve, tell_of_installing};
use crate::coverage::{BUILT_IN, CollectError, Scope};
use crate::gateway::{Launch, PreparedTarget, Target, TargetProvider};

/// A prepared build and its package.
pub(super) struct Bundle {
    /// The target, with `latest` resolved.
    pub(super) target: Target,
    /// The target, ready to start.
    pub(super) prepared: PreparedTarget,
    /// The folder of its package.
    pub(super) package: PathBuf,
}

impl Bundle {
    /// Prepares the build that a text names, installing it if necessary.
    pub(super) fn open(
        context: &Context,
        name: &str,
        gateways: &GatewayOptions,
        provider: &TargetProvider,
    ) -> Result<Self, Failure> {
        let targets = resolve(context, provider, gateways.targets(name)?)?;
        let target = match <[Target; 1]>::try_from(targets) {
            Ok([target @ (Target::Release(_) | Target::Path(_))]) => target,
            Ok([other]) => return Err(no_bundle(&other)),
            Err(_) => return Err(Failure::usage("name one gateway: the code of only one is read at a time")),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broke)?;
        let prepared = runtime
            .block_on(provider.prepare(&target, tell_of_installing(context)))
            .map_err(Failure::broke)?;
        let Some(Launch::Node(build)) = prepared.launch() else { return Err(no_bundle(&target)) };
        let package = build.entry.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { target, prepared, package })
    }
}

fn no_bundle(target: &Target) -> Failure {
    Failure::usage(format!("the code of `{target}` cannot be read"))
        .hint("name a release, such as 2026.3.31, or path:DIR")
}

/// The failure for a build that does not name its source files, or has none in scope.
pub(super) fn unnamed(error: CollectError) -> Failure {
    match error {
        CollectError::NoNames(_) | CollectError::NothingInScope(_) => Failure::nothing(error)
            .hint("builds name them with lines such as `//#region src/gateway/auth.ts`"),
        CollectError::Read { .. } => Failure::broke(error),
    }
}

/// The code in scope.
pub(super) fn scope(context: &Context) -> Result<Scope, Failure> {
    data(context, "scope.yaml", BUILT_IN, Scope::read)
}

/// A file of `suite-data/` in the working directory, or else the one that is built in.
pub(super) fn data<T, E: Error + Send + Sync + 'static>(
    context: &Context,
    name: &str,
    built_in: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<T, Failure> {
    let place = context.working_dir.join("suite-data").join(name);
    if !place.is_file() {
        return read(built_in).map_err(Failure::broke);
    }
    let text = fs::read_to_string(&place)
        .map_err(|error| Failure::usage(error).context(format!("cannot read {}", place.display())))?;
    read(&text).map_err(|error| Failure::usage(error).context(format!("cannot read {}", place.display())))
}

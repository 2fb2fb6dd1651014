//! A gateway that can be started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::LockGuard;
use super::quirks::Quirks;
use super::steps::PackageJson;
use crate::release::Release;

/// An installed release, a checkout or an unpacked package, with all that is needed to start it.
///
/// While a build of the cache or a clone of it lives, nobody removes the release.
#[derive(Clone, Debug)]
pub struct Build {
    /// The release, where the package tells one.
    pub release: Option<Release>,
    /// The package's `openclaw.mjs`.
    pub entry: PathBuf,
    /// The `node` executable.
    pub node: PathBuf,
    /// Version of that Node.
    pub node_version: String,
    /// Node's compile cache, shared by all runs of the build.
    pub compile_cache: PathBuf,
    /// Names the content: the same for the same package and dependencies.
    pub digest: String,
    /// What is special about booting it.
    pub quirks: Quirks,
    #[expect(dead_code, reason = "holding it keeps the release in its place")]
    pub(super) in_use: Option<Arc<LockGuard>>,
}

impl Build {
    /// The release that the package in `dir` says it is.
    pub fn release_in(dir: &Path) -> Option<Release> {
        PackageJson::read(&package_in(dir))?.version?.parse().ok()
    }

    /// Where a folder of [`Quirks::shared_temporary`] lies for this build.
    pub fn shared_temporary(&self, folder: &str) -> PathBuf {
        self.compile_cache.join(folder)
    }
}

/// `dir` itself, or the package installed below it.
pub(super) fn package_in(dir: &Path) -> PathBuf {
    let below = dir.join("node_modules/openclaw");
    if !dir.join("openclaw.mjs").is_file() && below.join("openclaw.mjs").is_file() {
        below
    } else {
        dir.to_owned()
    }
}

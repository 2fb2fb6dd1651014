//! Builds: gateways on disk that can be started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::LockGuard;
use super::package_json::PackageJson;
use super::quirks::Quirks;
use crate::release::Release;

/// An installed release, a checkout or an unpacked package, with everything that is needed to start it.
///
/// As long as a build from the cache or a clone of it lives, its release is not removed.
#[derive(Clone, Debug)]
pub struct Build {
    /// The release, if the package states it.
    pub release: Option<Release>,
    /// The package's `openclaw.mjs`.
    pub entry: PathBuf,
    /// The `node` executable.
    pub node: PathBuf,
    /// The version of that Node.
    pub node_version: String,
    /// Node's compile cache, shared by all runs of the build.
    pub compile_cache: PathBuf,
    /// A digest of the content: the same for the same package and dependencies.
    pub digest: String,
    /// What is special about booting it.
    pub quirks: Quirks,
    #[expect(dead_code, reason = "holding it keeps the release from being removed")]
    pub(super) in_use: Option<Arc<LockGuard>>,
}

impl Build {
    /// The release that the package in `dir` states.
    pub fn release_in(dir: &Path) -> Option<Release> {
        PackageJson::read(&package_in(dir))?.version?.parse().ok()
    }

    /// The place of a folder of [`Quirks::shared_temporary`] for this build.
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

//! A gateway that can be started.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::Cache;
use super::digest::{sha256, shape};
use super::error::{At, InstallError};
use super::lock::Held;
use super::quirks::Quirks;
use super::runtime::Get;
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
    pub(super) in_use: Option<Arc<Held>>,
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
fn package_in(dir: &Path) -> PathBuf {
    let below = dir.join("node_modules/openclaw");
    if !dir.join("openclaw.mjs").is_file() && below.join("openclaw.mjs").is_file() {
        below
    } else {
        dir.to_owned()
    }
}

impl Cache {
    /// The build in a directory that somebody else looks after: a checkout, an unpacked package, or a
    /// project that has one installed.
    pub fn build_at(&self, dir: &Path) -> Result<Build, InstallError> {
        let dir = std::path::absolute(dir).at(dir)?;
        let package = package_in(&dir);
        let no_build =
            |problem: &str| InstallError::NoBuild { path: dir.clone(), problem: problem.to_owned() };
        if !package.is_dir() {
            return Err(no_build("there is no such directory"));
        }
        let entry = package.join("openclaw.mjs");
        if !entry.is_file() {
            return Err(no_build("it has no openclaw.mjs"));
        }
        let json = PackageJson::read(&package).ok_or_else(|| no_build("it has no readable package.json"))?;
        if json.name.as_deref() != Some("openclaw") {
            return Err(no_build("its package.json is of another package than openclaw"));
        }
        let engines = json.engines.get("node").map(String::as_str);
        let silent = |_| {};
        let cancel = super::Cancel::default();
        let get = if self.tools.offline() { Get::Installed } else { Get::Fetched(&silent, &cancel) };
        let node = self.node_for(engines, get)?;
        let release = json.version.and_then(|text| text.parse().ok());
        let name = format!("path-{}", &sha256(package.as_os_str().as_encoded_bytes())[..16]);
        Ok(Build {
            release,
            entry,
            compile_cache: self.layout.compile_cache(&name, &node.version.to_string()),
            node: node.path,
            node_version: node.version.to_string(),
            digest: shape(&package).at(&package)?,
            quirks: Quirks::of(release),
            in_use: None,
        })
    }
}

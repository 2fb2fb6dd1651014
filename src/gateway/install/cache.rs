//! The cache of installed releases.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::available::{self, AvailableRelease, Refresh};
use super::build::{Build, package_in};
use super::command::Cancel;
use super::digest::{inodes, sha256, shape};
use super::error::{At, InstallError};
use super::event::{CachePart, InstallEvent, InstallProgress, report};
use super::layout::CacheLayout;
use super::lock::{LockGuard, LockMode, lock, try_lock};
use super::manifest::{self, Damage, Manifest, package_dir};
use super::npm;
use super::package_json::PackageJson;
use super::protocol;
use super::quirks::Quirks;
use super::release_install::install_anew;
use super::scratch::{Scratch, sweep};
use super::site::{Get, InstallSite};
use super::tarball::install_tarball;
use super::tools::Tools;
use crate::release::Release;

/// The file in the directory of a release whose time is that of its last use.
const LAST_USED: &str = "last-used";

/// How many times a release is installed if somebody else keeps removing or damaging it.
const ATTEMPTS: usize = 3;

/// A directory with installed releases, which any number of processes may share.
#[derive(Debug)]
pub struct Cache {
    pub(super) site: InstallSite,
    /// Why nothing can be written to it.
    unwritable: Option<std::io::Error>,
}

/// An installed release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The release that is installed.
    pub release: Release,
    /// When it was installed.
    pub installed: Timestamp,
    /// When it was last used.
    pub last_used: Timestamp,
    /// The size of its tree in bytes, most of them shared with other releases.
    pub bytes: u64,
    /// The version of the Node that was chosen for it.
    pub node: String,
    /// Whether it is intact, judging by sizes and counts.
    pub whole: bool,
}

/// The result of removing a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The release was removed.
    Removed,
    /// The release was not installed.
    Absent,
    /// The release is in use and was not removed.
    InUse,
}

impl Cache {
    /// Opens a cache directory, which is made if necessary, and removes what dead installations have left. A directory that
    /// cannot be made or written is an error only for what has to write to it.
    ///
    /// # Errors
    /// Fails if the path is not valid.
    pub fn open(root: impl AsRef<Path>, tools: Tools) -> Result<Self, InstallError> {
        let root = root.as_ref();
        let made = std::fs::create_dir_all(root);
        let root = root.canonicalize().or_else(|_| std::path::absolute(root)).at(root)?;
        let layout = CacheLayout::new(root);
        let prepared = made.and_then(|()| npm::prepare_watch(&layout));
        let unwritable = prepared.and_then(|()| sweep(&layout.scratch())).err();
        Ok(Self { site: InstallSite { layout, tools }, unwritable })
    }

    /// Fails if nothing can be installed into the directory.
    fn is_writable(&self) -> Result<(), InstallError> {
        let Some(error) = &self.unwritable else { return Ok(()) };
        Err(std::io::Error::new(error.kind(), error.to_string())).at(self.site.layout.root())
    }

    /// The installed releases in chronological order, including damaged ones.
    ///
    /// # Errors
    /// Fails if the cache cannot be read, or a newer version of this program wrote to it.
    pub fn installed(&self) -> Result<Vec<Installed>, InstallError> {
        let mut found = Vec::new();
        for release in self.installed_names()? {
            let dir = self.site.layout.release(&release);
            let Some(manifest) = manifest::read(&dir)? else { continue };
            found.push(Installed {
                release,
                installed: manifest.installed,
                last_used: self.last_used(&release).unwrap_or(manifest.installed),
                bytes: manifest.tree_bytes,
                node: manifest.node.clone(),
                whole: manifest::looks_whole(&dir, &manifest),
            });
        }
        Ok(found)
    }

    /// The releases that are installed, in chronological order, without looking at their files.
    ///
    /// # Errors
    /// Fails if the cache cannot be read, or a newer version of this program wrote to it.
    pub fn installed_releases(&self) -> Result<Vec<Release>, InstallError> {
        let mut found = Vec::new();
        for release in self.installed_names()? {
            if manifest::read(&self.site.layout.release(&release))?.is_some() {
                found.push(release);
            }
        }
        Ok(found)
    }

    /// The releases that have a directory, intact or not.
    pub(super) fn installed_names(&self) -> Result<Vec<Release>, InstallError> {
        let dir = self.site.layout.releases();
        let entries = match std::fs::read_dir(&dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.at(&dir)?,
        };
        let mut names: Vec<Release> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// The build of a release if it is installed and intact and there is a Node for it; the network is not used.
    ///
    /// # Errors
    /// Fails if the cache cannot be read, or a newer version of this program wrote to it.
    pub fn build(&self, release: Release) -> Result<Option<Build>, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let Some(held) = try_lock(&path, LockMode::Shared).at(&path)? else { return Ok(None) };
        match self.ready(release, held, Get::Installed) {
            Err(InstallError::Offline { .. } | InstallError::NoNode { .. }) => Ok(None),
            other => other,
        }
    }

    /// The build in a directory outside the cache: a checkout, an unpacked package, or a project that has the package
    /// installed.
    ///
    /// # Errors
    /// Fails if the directory does not contain a gateway, or there is no Node for it.
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
        let cancel = Cancel::default();
        let get = if self.site.tools.offline() { Get::Installed } else { Get::Fetched(&silent, &cancel) };
        let node = self.site.node_for(engines, get)?;
        let release = json.version.and_then(|text| text.parse().ok());
        let name = format!("path-{}", &sha256(package.as_os_str().as_encoded_bytes())[..16]);
        Ok(Build {
            release,
            entry,
            compile_cache: self.site.layout.compile_cache(&name, &node.version.to_string()),
            node: node.path,
            node_version: node.version.to_string(),
            digest: shape(&package).at(&package)?,
            quirks: Quirks::of(release),
            in_use: None,
        })
    }

    /// The build of a package in a tarball, which is installed with its dependencies first. Blocks until it is.
    ///
    /// # Errors
    /// Fails if the tarball cannot be read or installed, or holds no gateway.
    pub fn build_of_tarball(
        &self,
        file: &Path,
        progress: &dyn InstallProgress,
        cancel: &Cancel,
    ) -> Result<Build, InstallError> {
        self.build_at(&install_tarball(&self.site, file, progress, cancel)?)
    }

    /// The build of a release, which is installed first if it is missing or damaged. Blocks unless it is installed. Of several
    /// callers, in this process or others, one installs and all get the result.
    ///
    /// # Errors
    /// Fails if the release cannot be installed, or if it is cancelled.
    pub fn install(
        &self,
        release: Release,
        progress: &dyn InstallProgress,
        cancel: &Cancel,
    ) -> Result<Build, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let waiting = || report(progress, InstallEvent::Waiting(CachePart::Release(release)));
        for _ in 0..ATTEMPTS {
            let held = lock(&path, LockMode::Shared, cancel, waiting).at(&path)?;
            let held = held.ok_or(InstallError::Cancelled)?;
            if let Some(build) = self.ready(release, held, Get::Fetched(progress, cancel))? {
                return Ok(build);
            }
            if self.site.tools.offline() && self.site.layout.release(&release).exists() {
                return Err(InstallError::Unusable {
                    what: CachePart::Release(release).to_string(),
                    problem: "it is installed but damaged, and this run is offline".to_owned(),
                });
            }
            self.is_writable()?;
            let held = lock(&path, LockMode::Exclusive, cancel, waiting).at(&path)?;
            let _held = held.ok_or(InstallError::Cancelled)?;
            // Somebody else may have been first.
            if self.whole(&release)?.is_none() {
                install_anew(&self.site, release, progress, cancel)?;
            }
        }
        Err(InstallError::Unusable {
            what: CachePart::Release(release).to_string(),
            problem: "it is damaged or removed again each time it is installed".to_owned(),
        })
    }

    /// Compares an installed release, file by file, with what was installed. `None` if it is not installed.
    ///
    /// # Errors
    /// Fails if the cache cannot be read.
    pub fn verify(&self, release: Release) -> Result<Option<Damage>, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let _held = lock(&path, LockMode::Shared, &Cancel::default(), || {}).at(&path)?;
        let dir = self.site.layout.release(&release);
        if !dir.exists() {
            return Ok(None);
        }
        let damage = match manifest::read(&dir)? {
            Some(manifest) if manifest.release == release => manifest::find_damage(&dir, &manifest),
            _ => Damage { unreadable: true, ..Damage::default() },
        };
        Ok(Some(damage))
    }

    /// Removes a release and its compile cache. Its files in the shared store are removed by the next prune.
    ///
    /// # Errors
    /// Fails if the release cannot be locked, moved away or deleted.
    pub fn remove(&self, release: Release) -> Result<Removal, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let Some(_held) = try_lock(&path, LockMode::Exclusive).at(&path)? else { return Ok(Removal::InUse) };
        let dir = self.site.layout.release(&release);
        if dir.symlink_metadata().is_err() {
            return Ok(Removal::Absent);
        }
        // One rename, so that nobody ever sees half a release.
        let scratch = Scratch::new(&self.site.layout.scratch(), "removed").at(&self.site.layout.scratch())?;
        std::fs::rename(&dir, scratch.path().join("release")).at(&dir)?;
        for cache in self.compile_caches(&release) {
            std::fs::remove_dir_all(&cache).at(&cache)?;
        }
        Ok(Removal::Removed)
    }

    /// Bytes of the whole cache on disk, each file counted once.
    ///
    /// # Errors
    /// Fails if the cache cannot be read.
    pub fn bytes(&self) -> Result<u64, InstallError> {
        let root = self.site.layout.root();
        Ok(inodes(root).at(root)?.iter().map(|(_, bytes)| bytes).sum())
    }

    /// All published releases in chronological order, betas included.
    ///
    /// # Errors
    /// Fails if there is no stored list that may be used and the registry does not give one.
    pub fn available(&self, refresh: Refresh) -> Result<Vec<AvailableRelease>, InstallError> {
        available::available(&self.site, refresh)
    }

    /// The published releases as they were listed last, however long ago; the network is not used.
    pub fn listed(&self) -> Vec<AvailableRelease> {
        available::listed(&self.site)
    }

    /// The newest stable release.
    ///
    /// # Errors
    /// Fails as [`available`](Self::available) does, or if no release is stable.
    pub fn latest(&self) -> Result<Release, InstallError> {
        available::latest(&self.site)
    }

    /// The release that the registry has under a tag or version of openclaw, such as `beta`.
    ///
    /// # Errors
    /// Fails if the registry cannot be asked, or has no release under that name.
    pub fn tagged(&self, spec: &str) -> Result<Release, InstallError> {
        available::tagged(&self.site, spec)
    }

    /// Whether nothing may be fetched.
    pub fn is_offline(&self) -> bool {
        self.site.tools.offline()
    }

    /// Upstream's schemas of its protocol, each with the version of its package. What is missing is fetched.
    ///
    /// # Errors
    /// Fails if a schema cannot be fetched or is not the one that was published.
    pub fn protocol_schemas(
        &self,
        progress: &dyn InstallProgress,
        cancel: &Cancel,
    ) -> Result<Vec<(&'static str, String)>, InstallError> {
        protocol::fetch_schemas(&self.site, progress, cancel)
    }

    /// The same schemas if all of them are in the cache; the network is not used.
    pub fn protocol_schemas_here(&self) -> Option<Vec<(&'static str, String)>> {
        protocol::cached_schemas(&self.site.layout)
    }

    /// The compile caches of a release, one for each Node that it has run on.
    pub(super) fn compile_caches(&self, release: &Release) -> Vec<PathBuf> {
        let of_release = |name: &str| {
            // `2026.2.2-24.21.0` is of 2026.2.2, `2026.2.2-3-24.21.0` of its respin.
            name.rsplit_once('-').is_some_and(|(build, _)| build.parse() == Ok(*release))
        };
        let dirs = std::fs::read_dir(self.site.layout.compile_caches()).into_iter().flatten().flatten();
        dirs.filter(|dir| dir.file_name().to_str().is_some_and(of_release)).map(|dir| dir.path()).collect()
    }

    fn whole(&self, release: &Release) -> Result<Option<Manifest>, InstallError> {
        let dir = self.site.layout.release(release);
        let manifest = manifest::read(&dir)?;
        Ok(manifest.filter(|one| one.release == *release && manifest::looks_whole(&dir, one)))
    }

    fn ready(&self, release: Release, held: LockGuard, get: Get<'_>) -> Result<Option<Build>, InstallError> {
        let Some(manifest) = self.whole(&release)? else { return Ok(None) };
        let node = self.site.node_for(manifest.engines.as_deref(), get)?;
        let dir = self.site.layout.release(&release);
        self.touch(&release);
        Ok(Some(Build {
            release: Some(release),
            entry: package_dir(&dir).join("openclaw.mjs"),
            compile_cache: self.site.layout.compile_cache(&release.to_string(), &node.version.to_string()),
            node: node.path,
            node_version: node.version.to_string(),
            digest: manifest.digest(),
            quirks: Quirks::of(Some(release)),
            in_use: Some(Arc::new(held)),
        }))
    }

    /// Notes that a release is used. A read-only cache can still be used.
    fn touch(&self, release: &Release) {
        let stamp = self.site.layout.release(release).join(LAST_USED);
        if let Ok(file) = std::fs::File::create(stamp) {
            let _ = file.set_modified(self.site.tools.now().into());
        }
    }

    pub(super) fn last_used(&self, release: &Release) -> Option<Timestamp> {
        let stamp = self.site.layout.release(release).join(LAST_USED);
        Timestamp::try_from(stamp.metadata().ok()?.modified().ok()?).ok()
    }
}

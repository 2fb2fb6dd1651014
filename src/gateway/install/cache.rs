//! The cache of releases: what is there, what can be used, what has to be installed.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::build::{Build, package_in};
use super::command::Cancel;
use super::digest::{sha256, shape};
use super::error::{At, InstallError};
use super::event::{InstallEvent, Part, Progress};
use super::layout::Layout;
use super::lock::{LockGuard, Mode, lock, try_lock};
use super::manifest::{self, Damage, Manifest, package_dir};
use super::npm;
use super::quirks::Quirks;
use super::runtime::{Get, InstallSite};
use super::scratch::sweep;
use super::steps::{PackageJson, install_anew};
use super::tools::Tools;
use crate::release::Release;

/// Name of the stamp in a release's directory whose time is that of its last use.
const LAST_USED: &str = "last-used";

/// How often an installation is tried again when somebody takes the release away right after it.
const ATTEMPTS: usize = 3;

/// A directory with installed releases, shared by all processes that use it.
#[derive(Debug)]
pub struct Cache {
    pub(super) site: InstallSite,
}

/// An installed release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The release.
    pub release: Release,
    /// When it was installed.
    pub installed: Timestamp,
    /// When it was last used.
    pub last_used: Timestamp,
    /// Bytes of its tree; most of them shared with other releases.
    pub bytes: u64,
    /// Version of the Node that was chosen at installation.
    pub node: String,
    /// Whether it is whole, as far as sizes and counts tell.
    pub whole: bool,
}

impl Cache {
    /// Opens a cache directory, makes it if need be, and sweeps what installations left that died.
    pub fn open(root: impl AsRef<Path>, tools: Tools) -> Result<Self, InstallError> {
        let root = root.as_ref();
        std::fs::create_dir_all(root).at(root)?;
        let root = root.canonicalize().at(root)?;
        let layout = Layout::new(root);
        npm::prepare_watch(&layout).at(&layout.watch_script())?;
        sweep(&layout.scratch()).at(&layout.scratch())?;
        Ok(Self { site: InstallSite { layout, tools } })
    }

    /// The releases that are installed, in the order of time. Damaged ones are among them.
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

    /// What lies in the place of a release, whole or not.
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

    /// The build of a release if it is installed whole, with a Node for it; the network is not used.
    pub fn build(&self, release: Release) -> Result<Option<Build>, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let Some(held) = try_lock(&path, Mode::Shared).at(&path)? else { return Ok(None) };
        match self.ready(release, held, Get::Installed) {
            Err(InstallError::Offline { .. } | InstallError::NoNode { .. }) => Ok(None),
            other => other,
        }
    }

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

    /// The build of a release; installs it first if it is missing or damaged. Blocks; returns at once when
    /// it is installed. Of several callers, in this process or others, one installs and all get the result.
    pub fn install(
        &self,
        release: Release,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Build, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let waiting = || progress.tell(InstallEvent::Waiting(Part::Release(release)));
        for _ in 0..ATTEMPTS {
            let held = lock(&path, Mode::Shared, cancel, waiting).at(&path)?;
            let held = held.ok_or(InstallError::Cancelled)?;
            if let Some(build) = self.ready(release, held, Get::Fetched(progress, cancel))? {
                return Ok(build);
            }
            let held = lock(&path, Mode::Exclusive, cancel, waiting).at(&path)?;
            let _held = held.ok_or(InstallError::Cancelled)?;
            // Somebody else may have been first.
            if self.whole(&release)?.is_none() {
                install_anew(&self.site, release, progress, cancel)?;
            }
        }
        Err(InstallError::Unusable {
            what: Part::Release(release).to_string(),
            problem: "it is damaged or removed again each time it is installed".to_owned(),
        })
    }

    /// Compares an installed release, file by file, with what was installed. `None` when there is none.
    pub fn verify(&self, release: Release) -> Result<Option<Damage>, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let _held = lock(&path, Mode::Shared, &Cancel::default(), || {}).at(&path)?;
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

    /// Stamps a use. A cache that cannot be written to can still be used.
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

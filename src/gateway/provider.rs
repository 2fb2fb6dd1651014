//! Makes targets ready: installs releases, finds builds, sweeps what dead runs have left.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::boot_request::Machine;
use super::builds::PrepareError;
use super::builds::{Builds, Tell};
use super::embedded::EmbeddedBuild;
use super::home::{Home, Homes};
use super::install::{Build, Cache, InstallError, Refresh, Tools};
use super::prepared::{Backend, PreparedTarget};
use super::target::Target;
use crate::model::{Clock, NEWEST};
use crate::release::Release;

/// What a provider has to know about the machine and the session.
pub struct ProviderSettings {
    /// The gatecrash binary, which is also the watcher of gateways.
    pub executable: PathBuf,
    /// Where releases are installed.
    pub cache_dir: PathBuf,
    /// The system's temporary directory.
    pub temp_dir: PathBuf,
    /// The user's home.
    pub user_home: Option<PathBuf>,
    /// Search path.
    pub path: OsString,
    /// What installs releases.
    pub tools: Tools,
    /// Shared token of an attached gateway.
    pub attach_token: Option<String>,
    /// Release to judge targets by that do not tell theirs.
    pub assumed: Option<Release>,
    /// Milliseconds since 1970.
    pub clock: Clock,
}

impl ProviderSettings {
    /// Settings that keep everything below `folder`, fetch nothing and start no process: enough for embedded targets.
    pub fn offline(folder: &Path, clock: Clock) -> Self {
        let now = Timestamp::from_millisecond(clock()).unwrap_or_default();
        Self {
            executable: PathBuf::from("gatecrash"),
            cache_dir: folder.join("cache"),
            temp_dir: folder.to_owned(),
            user_home: None,
            path: OsString::new(),
            tools: Tools::new("npm", [], true, now),
            attach_token: None,
            assumed: None,
            clock,
        }
    }
}

/// Makes targets ready.
pub struct TargetProvider {
    machine: Machine,
    cache: Arc<Cache>,
    builds: Arc<Builds>,
    attach_token: Option<String>,
    assumed: Option<Release>,
    clock: Clock,
}

/// Why there is no provider.
#[derive(Debug, thiserror::Error)]
pub enum OpenProviderError {
    /// The place for temporary homes cannot be made.
    #[error("cannot make a place for temporary homes below {place}: {source}")]
    Homes {
        /// The temporary directory.
        place: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The cache cannot be opened.
    #[error(transparent)]
    Cache(#[from] InstallError),
}

impl TargetProvider {
    /// Opens the cache, and removes homes and processes of runs that died.
    pub fn open(facts: ProviderSettings) -> Result<Self, OpenProviderError> {
        let homes = Homes::open(&facts.temp_dir).and_then(|homes| homes.sweep().map(|_| homes));
        let homes =
            homes.map_err(|source| OpenProviderError::Homes { place: facts.temp_dir.clone(), source })?;
        let cache = Arc::new(Cache::open(facts.cache_dir, facts.tools)?);
        let machine = Machine {
            executable: facts.executable,
            homes,
            temps: vec![facts.temp_dir, PathBuf::from("/tmp")],
            user_home: facts.user_home,
            path: facts.path,
        };
        let builds = Arc::new(Builds::new(Arc::clone(&cache)));
        Ok(Self {
            machine,
            cache,
            builds,
            attach_token: facts.attach_token,
            assumed: facts.assumed,
            clock: facts.clock,
        })
    }

    /// A private place for copies, removed with the value; one that a dead run left is swept.
    pub fn place(&self) -> std::io::Result<Home> {
        self.machine.homes.create()
    }

    /// The cache of releases.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Installed releases in the order of time.
    pub fn installed(&self) -> Result<Vec<Release>, InstallError> {
        let mut releases: Vec<Release> = self.cache.installed()?.into_iter().map(|one| one.release).collect();
        releases.sort();
        Ok(releases)
    }

    /// Published releases in the order of time.
    pub fn available(&self) -> Result<Vec<Release>, InstallError> {
        let mut releases: Vec<Release> =
            self.cache.available(Refresh::WhenOld)?.into_iter().map(|one| one.release).collect();
        releases.sort();
        Ok(releases)
    }

    /// The same targets with `latest` replaced by the release that it is today.
    pub fn resolve(&self, targets: Vec<Target>) -> Result<Vec<Target>, InstallError> {
        targets
            .into_iter()
            .map(|target| match target {
                Target::Latest => Ok(Target::Release(self.cache.latest()?)),
                other => Ok(other),
            })
            .collect()
    }

    /// The release of a target, as far as its name tells it.
    pub fn release_of(&self, target: &Target) -> Option<Release> {
        match target {
            Target::Release(release) => Some(*release),
            Target::Embedded(model) => Some(model.release.unwrap_or(NEWEST)),
            Target::Path(dir) => self.assumed.or_else(|| Build::release_in(dir)),
            Target::Command(_) | Target::Attach(_) => self.assumed,
            Target::Latest => None,
        }
    }

    /// Makes a target ready to start; tells what it is doing on the way.
    pub async fn prepare(&self, target: &Target, tell: Tell) -> Result<PreparedTarget, PrepareError> {
        let way = match target {
            Target::Release(release) => Backend::Build(Box::new(self.builds.install(*release, tell).await?)),
            Target::Path(dir) => Backend::Build(Box::new(self.cache.build_at(dir)?)),
            Target::Command(command) => Backend::Command(command.clone()),
            Target::Attach(address) => Backend::Attach(address.clone(), self.attach_token.clone()),
            Target::Embedded(model) => Backend::Embedded(EmbeddedBuild {
                release: model.release.unwrap_or(NEWEST),
                fault: model.mutant.map(|mutant| mutant.fault),
                clock: Arc::clone(&self.clock),
            }),
            Target::Latest => {
                Backend::Build(Box::new(self.builds.install(self.cache.latest()?, tell).await?))
            }
        };
        let release = self.release_of(target);
        Ok(PreparedTarget::new(
            target.to_string(),
            release,
            self.machine.clone(),
            Arc::clone(&self.builds),
            way,
        ))
    }
}

//! Prepares targets: installs releases, finds builds, and removes what dead runs have left.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::builds::{Builds, PrepareError, Tell};
use super::embedded::EmbeddedBuild;
use super::home::{Home, Homes, StuckHome};
use super::install::{Build, Cache, InstallError, Refresh, Tools};
use super::machine::Machine;
use super::prepared::{Backend, PreparedTarget};
use super::target::Target;
use crate::model::{Clock, NEWEST};
use crate::release::Release;
use crate::wire::LOG_MASK;

/// What a provider has to know about the machine and the session.
pub struct ProviderSettings {
    /// The gatecrash binary, which is also the watcher of gateways.
    pub executable: PathBuf,
    /// Where releases are installed.
    pub cache_dir: PathBuf,
    /// The system's temporary directory.
    pub temp_dir: PathBuf,
    /// The user's home directory.
    pub user_home: Option<PathBuf>,
    /// The search path for programs.
    pub path: OsString,
    /// The tools that install releases.
    pub tools: Tools,
    /// The shared token of an attached gateway.
    pub attach_token: Option<String>,
    /// The release by which to judge targets that do not state theirs.
    pub assumed: Option<Release>,
    /// Whether builds may write outside of their homes and connect to other machines.
    pub allow_outside: bool,
    /// The clock: milliseconds since 1970.
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
            allow_outside: false,
            clock,
        }
    }
}

/// Prepares targets.
pub struct TargetProvider {
    machine: Machine,
    stuck: Vec<StuckHome>,
    cache: Arc<Cache>,
    builds: Arc<Builds>,
    attach_token: Option<String>,
    assumed: Option<Release>,
    clock: Clock,
}

/// Why the provider cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenProviderError {
    /// The place for temporary homes cannot be made.
    #[error("cannot make a place for temporary homes below {}", place.display())]
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
    ///
    /// # Errors
    /// Fails if there is no place for homes, or the cache cannot be opened.
    pub fn open(settings: ProviderSettings) -> Result<Self, OpenProviderError> {
        let homes = Homes::open(&settings.temp_dir)
            .and_then(|homes| homes.sweep().map(|report| (homes, report.stuck)));
        let (homes, stuck) =
            homes.map_err(|source| OpenProviderError::Homes { place: settings.temp_dir.clone(), source })?;
        settings.attach_token.iter().for_each(|token| LOG_MASK.learn(token));
        let cache = Arc::new(Cache::open(settings.cache_dir, settings.tools)?);
        let machine = Machine {
            executable: settings.executable,
            homes,
            temps: vec![settings.temp_dir, PathBuf::from("/tmp")],
            user_home: settings.user_home,
            path: settings.path,
            allow_outside: settings.allow_outside,
        };
        let builds = Arc::new(Builds::new(Arc::clone(&cache)));
        Ok(Self {
            machine,
            stuck,
            cache,
            builds,
            attach_token: settings.attach_token,
            assumed: settings.assumed,
            clock: settings.clock,
        })
    }

    /// A private folder for copies, which is removed with the value; a later run removes those of runs that died.
    ///
    /// # Errors
    /// Fails if the folder cannot be made.
    pub fn place(&self) -> std::io::Result<Home> {
        self.machine.homes.create()
    }

    /// Homes of dead runs that cannot be removed and were not told of before.
    pub fn stuck(&self) -> &[StuckHome] {
        &self.stuck
    }

    /// The cache of releases.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Installed releases in chronological order.
    ///
    /// # Errors
    /// Fails if the cache cannot be read.
    pub fn installed(&self) -> Result<Vec<Release>, InstallError> {
        self.cache.installed_releases()
    }

    /// Published releases in chronological order.
    ///
    /// # Errors
    /// Fails if there is no list of them.
    pub fn available(&self) -> Result<Vec<Release>, InstallError> {
        let mut releases: Vec<Release> =
            self.cache.available(Refresh::WhenOld)?.into_iter().map(|one| one.release).collect();
        releases.sort();
        Ok(releases)
    }

    /// The same targets with `latest` and the tags of the registry replaced by the releases that they stand for.
    ///
    /// # Errors
    /// Fails if there is no list of published releases.
    pub fn resolve(&self, targets: Vec<Target>) -> Result<Vec<Target>, InstallError> {
        targets
            .into_iter()
            .map(|target| match target {
                Target::Latest => Ok(Target::Release(self.cache.latest()?)),
                Target::Npm(spec) => Ok(Target::Release(match spec.parse() {
                    Ok(release) => release,
                    Err(_) => self.cache.tagged(&spec)?,
                })),
                other => Ok(other),
            })
            .collect()
    }

    /// The release of a target, if it is known without preparing it.
    pub fn release_of(&self, target: &Target) -> Option<Release> {
        match target {
            Target::Release(release) => Some(*release),
            Target::Embedded(model) => Some(model.release.unwrap_or(NEWEST)),
            Target::Path(dir) => self.assumed.or_else(|| Build::release_in(dir)),
            // That of a tarball is known once the package is unpacked.
            Target::Command(_) | Target::Attach(_) | Target::Tarball(_) => self.assumed,
            Target::Npm(spec) => spec.parse().ok(),
            Target::Latest => None,
        }
    }

    /// Prepares a target to be started. `tell` is told about the progress.
    ///
    /// # Errors
    /// Fails if a release cannot be installed or a directory does not contain a gateway.
    pub async fn prepare(&self, target: &Target, tell: Tell) -> Result<PreparedTarget, PrepareError> {
        let backend = match target {
            Target::Release(release) => Backend::Build(Box::new(self.builds.install(*release, tell).await?)),
            Target::Path(dir) => {
                let dir = dir.clone();
                Backend::Build(Box::new(self.builds.blocking(move |cache| cache.build_at(&dir)).await?))
            }
            Target::Command(command) => Backend::Command(command.clone()),
            Target::Attach(address) => Backend::Attach(address.clone(), self.attach_token.clone()),
            Target::Embedded(model) => Backend::Embedded(EmbeddedBuild {
                release: model.release.unwrap_or(NEWEST),
                fault: model.mutant.map(|mutant| mutant.fault),
                clock: Arc::clone(&self.clock),
            }),
            Target::Tarball(file) => Backend::Build(Box::new(self.builds.tarball(file.clone(), tell).await?)),
            Target::Npm(spec) => {
                let spec = spec.clone();
                let release = self.builds.blocking(move |cache| cache.tagged(&spec)).await?;
                Backend::Build(Box::new(self.builds.install(release, tell).await?))
            }
            Target::Latest => {
                let latest = self.builds.blocking(Cache::latest).await?;
                Backend::Build(Box::new(self.builds.install(latest, tell).await?))
            }
        };
        let of_tarball = match (&backend, target) {
            (Backend::Build(build), Target::Tarball(_)) => build.release,
            _ => None,
        };
        let release = self.release_of(target).or(of_tarball);
        Ok(PreparedTarget::new(
            target.to_string(),
            release,
            self.machine.clone(),
            Arc::clone(&self.builds),
            backend,
        ))
    }
}

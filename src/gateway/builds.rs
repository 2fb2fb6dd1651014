//! Installs releases on demand and keeps them from being removed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinError;

use super::install::{Build, Cache, Cancel, InstallError, InstallEvent};
use crate::release::Release;

/// Why a target cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The thread that did the work ended without a result.
    #[error("the installation ended without a result")]
    Lost(#[source] JoinError),
}

/// Is told what an installation is doing.
pub type Tell = Arc<dyn Fn(InstallEvent) + Send + Sync>;

/// Installs releases and keeps those in use from being removed.
#[derive(Debug)]
pub(super) struct Builds {
    cache: Arc<Cache>,
    held: Mutex<HashMap<Release, Build>>,
}

impl Builds {
    /// Installs into this cache.
    pub(super) fn new(cache: Arc<Cache>) -> Self {
        Self { cache, held: Mutex::default() }
    }

    /// The build of a release, installed if it is not there; it stays locked as long as `self` lives.
    pub(super) async fn held(&self, release: Release, tell: Tell) -> Result<Build, PrepareError> {
        let mut held = self.held.lock().await;
        if let Some(build) = held.get(&release) {
            return Ok(build.clone());
        }
        let build = self.install(release, tell).await?;
        held.insert(release, build.clone());
        Ok(build)
    }

    /// The build of a release, installed if it is not there.
    pub(super) async fn install(&self, release: Release, tell: Tell) -> Result<Build, PrepareError> {
        let cancel = Cancel::default();
        // Dropping this future, as an interrupt does, ends the installation.
        let _guard = CancelOnDrop(cancel.clone());
        self.blocking(move |cache| {
            let progress = move |event: InstallEvent| tell(event);
            cache.install(release, &progress, &cancel)
        })
        .await
    }

    /// The build of a package in a tarball, installed if it is not there.
    pub(super) async fn tarball(&self, file: PathBuf, tell: Tell) -> Result<Build, PrepareError> {
        let cancel = Cancel::default();
        let _guard = CancelOnDrop(cancel.clone());
        self.blocking(move |cache| {
            let progress = move |event: InstallEvent| tell(event);
            cache.build_of_tarball(&file, &progress, &cancel)
        })
        .await
    }

    /// Does something with the cache that waits for files or package managers, on a thread that may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Cache) -> Result<T, InstallError> + Send + 'static,
    ) -> Result<T, PrepareError> {
        let cache = Arc::clone(&self.cache);
        let done = tokio::task::spawn_blocking(move || work(&cache)).await;
        Ok(done.map_err(PrepareError::Lost)??)
    }
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

//! Releases on demand: what a target's own build is not.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::install::{Build, Cache, Cancel, InstallError, InstallEvent};
use crate::release::Release;

/// Why a target cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It cannot be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The work was lost.
    #[error("the installation ended without a result")]
    Lost,
}

/// Takes what an installation says it is doing.
pub(super) type Tell = Arc<dyn Fn(String) + Send + Sync>;

/// Installs releases and holds them against removal.
#[derive(Debug)]
pub(super) struct Builds {
    cache: Arc<Cache>,
    held: Mutex<HashMap<Release, Build>>,
}

impl Builds {
    /// Builds of this cache.
    pub(super) fn new(cache: Arc<Cache>) -> Self {
        Self { cache, held: Mutex::default() }
    }

    /// The build of a release, installed where it is not; it stays locked while this value lives.
    pub(super) async fn held(&self, release: Release, tell: Tell) -> Result<Build, PrepareError> {
        let mut held = self.held.lock().await;
        if let Some(build) = held.get(&release) {
            return Ok(build.clone());
        }
        let build = self.install(release, tell).await?;
        held.insert(release, build.clone());
        Ok(build)
    }

    /// The build of a release, installed where it is not.
    pub(super) async fn install(&self, release: Release, tell: Tell) -> Result<Build, PrepareError> {
        let cache = Arc::clone(&self.cache);
        let cancel = Cancel::default();
        // Dropping this future, as an interrupt does, ends the installation.
        let _guard = CancelOnDrop(cancel.clone());
        let installing = tokio::task::spawn_blocking(move || {
            let progress = move |event: InstallEvent| tell(event.to_string());
            cache.install(release, &progress, &cancel)
        });
        installing.await.map_err(|_| PrepareError::Lost)?.map_err(PrepareError::Install)
    }
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

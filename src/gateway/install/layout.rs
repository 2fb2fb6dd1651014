//! The layout of the cache directory.

use std::path::{Path, PathBuf};

use crate::release::Release;

/// The paths below one cache directory.
#[derive(Clone, Debug)]
pub(super) struct CacheLayout {
    root: PathBuf,
}

impl CacheLayout {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    pub(super) fn release(&self, release: &Release) -> PathBuf {
        self.releases().join(release.to_string())
    }

    pub(super) fn nodes(&self) -> PathBuf {
        self.root.join("node")
    }

    pub(super) fn pnpm(&self, version: &str) -> PathBuf {
        self.root.join("pnpm").join(version)
    }

    /// The package with upstream's schema of the protocol.
    pub(super) fn protocol(&self, version: &str) -> PathBuf {
        self.root.join("protocol").join(version)
    }

    /// The store from which the files of all releases are linked.
    pub(super) fn pnpm_store(&self) -> PathBuf {
        self.root.join("pnpm-store")
    }

    /// Folders for what pnpm would otherwise write below the user's home.
    pub(super) fn pnpm_private(&self, what: &str) -> PathBuf {
        self.root.join("pnpm-home").join(what)
    }

    /// The logs of npm, which it would otherwise write below the user's home.
    pub(super) fn npm_logs(&self) -> PathBuf {
        self.root.join("npm-logs")
    }

    /// Shared by all runs of one build on one Node: nearly all of a boot is compiling.
    pub(super) fn compile_cache(&self, build: &str, node: &str) -> PathBuf {
        self.root.join("compile-cache").join(format!("{build}-{node}"))
    }

    pub(super) fn compile_caches(&self) -> PathBuf {
        self.root.join("compile-cache")
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(super) fn lock(&self, name: &str) -> PathBuf {
        self.root.join("locks").join(format!("{name}.lock"))
    }

    pub(super) fn release_lock(&self, release: &Release) -> PathBuf {
        self.lock(&format!("release-{release}"))
    }

    pub(super) fn available(&self) -> PathBuf {
        self.root.join("available.json")
    }

    /// The script that ends a package manager when its installer dies.
    pub(super) fn watch_script(&self) -> PathBuf {
        self.root.join("watch.cjs")
    }
}

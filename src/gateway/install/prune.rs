//! Removing releases, one by one or down to a size.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::cache::Cache;
use super::command::Cancel;
use super::digest::{Inode, inodes};
use super::error::{At, InstallError};
use super::lock::{Mode, try_lock};
use super::npm;
use super::runtime::Get;
use super::scratch::Scratch;
use crate::release::Release;

/// What became of a release that should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// It was not there.
    Absent,
    /// Somebody uses it, so it stays.
    InUse,
}

/// What a prune did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Releases that went, the longest unused first.
    pub removed: Vec<Release>,
    /// Releases that should have gone and are in use.
    pub in_use: Vec<Release>,
    /// Bytes of the cache before, each file once.
    pub bytes_before: u64,
    /// Bytes of the cache after.
    pub bytes_after: u64,
}

/// Which files a release has: a file is freed when the last release that has it goes.
#[derive(Clone, Debug)]
struct Usage {
    release: Release,
    last_used: Timestamp,
    files: Vec<(Inode, u64)>,
}

impl Cache {
    /// Removes a release and its compile cache. Its files in the shared store go with the next prune.
    pub fn remove(&self, release: Release) -> Result<Removal, InstallError> {
        let path = self.site.layout.release_lock(&release);
        let Some(_held) = try_lock(&path, Mode::Exclusive).at(&path)? else { return Ok(Removal::InUse) };
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

    /// Removes the longest unused releases until the cache takes no more than `keep` bytes, then what no
    /// release has any more from the shared store. Releases in use stay.
    pub fn prune(&self, keep: u64, cancel: &Cancel) -> Result<Pruned, InstallError> {
        let mut pruned = Pruned { bytes_before: self.bytes()?, ..Pruned::default() };
        let mut usages = Vec::new();
        for release in self.installed_names()? {
            let mut files = self.disk_use(&self.site.layout.release(&release))?;
            for cache in self.compile_caches(&release) {
                files.extend(self.disk_use(&cache)?);
            }
            let last_used = self.last_used(&release).unwrap_or(Timestamp::UNIX_EPOCH);
            usages.push(Usage { release, last_used, files });
        }
        let mut base = Vec::new();
        for dir in [self.site.layout.nodes(), self.site.layout.root().join("pnpm")] {
            base.extend(self.disk_use(&dir)?);
        }
        let mut ledger = Ledger::new(&base, usages);
        while ledger.bytes > keep {
            if cancel.is_set() {
                return Err(InstallError::Cancelled);
            }
            let Some(usage) = ledger.oldest() else { break };
            match self.remove(usage.release)? {
                Removal::InUse => pruned.in_use.push(usage.release),
                Removal::Removed | Removal::Absent => {
                    ledger.free(&usage);
                    pruned.removed.push(usage.release);
                }
            }
        }
        self.prune_store(cancel)?;
        pruned.bytes_after = self.bytes()?;
        Ok(pruned)
    }

    /// Bytes of the whole cache on disk, each file once.
    pub fn bytes(&self) -> Result<u64, InstallError> {
        Ok(self.disk_use(self.site.layout.root())?.iter().map(|(_, bytes)| bytes).sum())
    }

    /// Only a pnpm that is there can have filled the store.
    fn prune_store(&self, cancel: &Cancel) -> Result<(), InstallError> {
        let pnpm = std::fs::read_dir(self.site.layout.root().join("pnpm")).ok().and_then(|dirs| {
            dirs.flatten().map(|dir| dir.path()).find(|dir| dir.join("bin/pnpm.cjs").is_file())
        });
        let (Some(pnpm), Ok(node)) = (pnpm, self.site.node_for(Some(">=18.12"), Get::Installed)) else {
            return Ok(());
        };
        if !self.site.layout.pnpm_store().exists() {
            return Ok(());
        }
        npm::store_prune(&self.site.tools, &self.site.layout, (&node.path, &pnpm), cancel)
            .map_err(|error| InstallError::from_command("a smaller store", &error))
    }

    fn compile_caches(&self, release: &Release) -> Vec<PathBuf> {
        let of_release = |name: &str| {
            // `2026.2.2-24.21.0` is of 2026.2.2, `2026.2.2-3-24.21.0` of its respin.
            name.rsplit_once('-').is_some_and(|(build, _)| build.parse() == Ok(*release))
        };
        let dirs = std::fs::read_dir(self.site.layout.compile_caches()).into_iter().flatten().flatten();
        dirs.filter(|dir| dir.file_name().to_str().is_some_and(of_release)).map(|dir| dir.path()).collect()
    }

    #[expect(clippy::unused_self, reason = "reads as a question to the cache beside its neighbours")]
    fn disk_use(&self, dir: &Path) -> Result<Vec<(Inode, u64)>, InstallError> {
        inodes(dir).at(dir)
    }
}

/// How many bytes stay when releases go.
#[derive(Debug)]
struct Ledger {
    bytes: u64,
    owners: HashMap<Inode, u32>,
    /// The longest unused last.
    left: Vec<Usage>,
}

impl Ledger {
    /// `base` stays whatever goes.
    fn new(base: &[(Inode, u64)], mut usages: Vec<Usage>) -> Self {
        usages.sort_by_key(|usage| std::cmp::Reverse((usage.last_used, usage.release)));
        let mut ledger = Self { bytes: 0, owners: HashMap::new(), left: Vec::new() };
        let all = base.iter().chain(usages.iter().flat_map(|usage| &usage.files));
        for (inode, bytes) in all {
            let owners = ledger.owners.entry(*inode).or_default();
            if *owners == 0 {
                ledger.bytes += bytes;
            }
            *owners += 1;
        }
        ledger.left = usages;
        ledger
    }

    fn oldest(&mut self) -> Option<Usage> {
        self.left.pop()
    }

    fn free(&mut self, usage: &Usage) {
        for (inode, bytes) in &usage.files {
            if let Some(owners) = self.owners.get_mut(inode) {
                *owners -= 1;
                if *owners == 0 {
                    self.bytes -= bytes;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(day: u16, used: i64, files: &[(u64, u64)]) -> Usage {
        Usage {
            release: Release::new(2026, 3, day),
            last_used: Timestamp::from_second(used).unwrap(),
            files: files.iter().map(|(inode, bytes)| (Inode(0, *inode), *bytes)).collect(),
        }
    }

    #[test]
    fn the_longest_unused_goes_first_and_shared_files_are_freed_with_their_last_release() {
        let usages = vec![usage(31, 300, &[(1, 10), (2, 5)]), usage(28, 100, &[(1, 10), (3, 7)])];
        let mut ledger = Ledger::new(&[(Inode(0, 9), 100)], usages);
        assert_eq!(ledger.bytes, 122);
        let first = ledger.oldest().unwrap();
        assert_eq!(first.release, Release::new(2026, 3, 28));
        ledger.free(&first);
        assert_eq!(ledger.bytes, 115);
        let second = ledger.oldest().unwrap();
        ledger.free(&second);
        assert_eq!(ledger.bytes, 100);
        assert!(ledger.oldest().is_none());
    }
}

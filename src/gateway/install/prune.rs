//! Shrinks the cache to a size: the releases that were not used for the longest time go first.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;

use super::cache::{Cache, Removal};
use super::command::Cancel;
use super::digest::{Inode, inodes};
use super::error::{At, InstallError};
use super::npm;
use super::site::{Get, InstallSite};
use crate::release::Release;

/// The result of pruning a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The releases that were removed, the longest unused first.
    pub removed: Vec<Release>,
    /// Releases that would have been removed but are in use.
    pub in_use: Vec<Release>,
    /// Bytes of the cache before, each file counted once.
    pub bytes_before: u64,
    /// Bytes of the cache after.
    pub bytes_after: u64,
}

/// The files of a release. A file is freed when the last release that has it is removed.
#[derive(Clone, Debug)]
struct Usage {
    release: Release,
    last_used: Timestamp,
    files: Vec<(Inode, u64)>,
}

/// Removes the releases that have not been used for the longest time until the cache takes no more than `keep` bytes,
/// then whatever no release uses any more from the shared store. Releases in use stay.
///
/// # Errors
/// Fails if the cache cannot be read or a release cannot be removed, if pnpm fails, or if it is cancelled.
pub fn prune(cache: &Cache, keep: u64, cancel: &Cancel) -> Result<Pruned, InstallError> {
    let layout = &cache.site.layout;
    let mut pruned = Pruned { bytes_before: cache.bytes()?, ..Pruned::default() };
    let mut usages = Vec::new();
    for release in cache.installed_names()? {
        let mut files = disk_use(&layout.release(&release))?;
        for compiled in cache.compile_caches(&release) {
            files.extend(disk_use(&compiled)?);
        }
        let last_used = cache.last_used(&release).unwrap_or(Timestamp::UNIX_EPOCH);
        usages.push(Usage { release, last_used, files });
    }
    let mut base = Vec::new();
    for dir in [layout.nodes(), layout.root().join("pnpm")] {
        base.extend(disk_use(&dir)?);
    }
    let mut ledger = Ledger::new(&base, usages);
    while ledger.bytes > keep {
        if cancel.is_set() {
            return Err(InstallError::Cancelled);
        }
        let Some(usage) = ledger.oldest() else { break };
        match cache.remove(usage.release)? {
            Removal::InUse => pruned.in_use.push(usage.release),
            Removal::Removed | Removal::Absent => {
                ledger.free(&usage);
                pruned.removed.push(usage.release);
            }
        }
    }
    prune_store(&cache.site, cancel)?;
    pruned.bytes_after = cache.bytes()?;
    Ok(pruned)
}

/// Without a pnpm in the cache nothing can have filled the store.
fn prune_store(site: &InstallSite, cancel: &Cancel) -> Result<(), InstallError> {
    let pnpm = std::fs::read_dir(site.layout.root().join("pnpm"))
        .ok()
        .and_then(|dirs| dirs.flatten().map(|dir| dir.path()).find(|dir| dir.join("bin/pnpm.cjs").is_file()));
    let (Some(pnpm), Ok(node)) = (pnpm, site.node_for(Some(">=18.12"), Get::Installed)) else {
        return Ok(());
    };
    if !site.layout.pnpm_store().exists() {
        return Ok(());
    }
    npm::store_prune(&site.tools, &site.layout, (&node.path, &pnpm), cancel)
        .map_err(|error| InstallError::from_command("a smaller store", error))
}

fn disk_use(dir: &Path) -> Result<Vec<(Inode, u64)>, InstallError> {
    inodes(dir).at(dir)
}

/// How many bytes remain as releases are removed.
#[derive(Debug)]
struct Ledger {
    bytes: u64,
    owners: HashMap<Inode, u32>,
    /// The longest unused release comes last.
    left: Vec<Usage>,
}

impl Ledger {
    /// `base` remains whatever is removed.
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
    fn the_longest_unused_release_goes_first_and_shared_files_go_with_their_last_release() {
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

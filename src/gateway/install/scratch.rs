//! Temporary directories on the cache's own file system, swept when their owner is dead.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::{At, InstallError};
use super::lock::{LockGuard, LockMode, try_lock};

/// A directory that becomes part of the cache by one rename, or disappears.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: PathBuf,
    owner: PathBuf,
    held: Option<LockGuard>,
}

impl Scratch {
    /// A new empty directory below `parent`, with a lock beside it that says its owner lives.
    pub(super) fn new(parent: &Path, what: &str) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        std::fs::create_dir_all(parent)?;
        loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{what}-{}-{n}", std::process::id());
            let owner = parent.join(format!("{name}.lock"));
            let Some(held) = try_lock(&owner, LockMode::Exclusive)? else { continue };
            let dir = parent.join(name);
            match std::fs::create_dir(&dir) {
                Ok(()) if owner.exists() => return Ok(Self { dir, owner, held: Some(held) }),
                // A sweep removed the lock file before it was locked.
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is left to the next sweep.
        let _ = std::fs::remove_dir_all(&self.dir);
        let _ = std::fs::remove_file(&self.owner);
        drop(self.held.take());
    }
}

/// Removes what dead owners have left below `parent`.
pub(super) fn sweep(parent: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        let is_lock = path.extension().is_some_and(|end| end == "lock");
        let (dir, owner) =
            if is_lock { (path.with_extension(""), path) } else { (path.clone(), lock_beside(&path)) };
        // Taking the lock makes the file when it is missing: a directory without one has no owner.
        let Some(_held) = try_lock(&owner, LockMode::Exclusive)? else { continue };
        // A child of the dead owner may still be writing: the next sweep removes the rest.
        let _ = std::fs::remove_dir_all(&dir);
        if !dir.exists() {
            let _ = std::fs::remove_file(&owner);
        }
    }
    Ok(())
}

/// `with_extension` would cut `2026.3.31-77-0` at its last point.
fn lock_beside(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Moves `from` to `place` by one rename; what was there before is removed with the scratch directory.
pub(super) fn put(from: &Path, place: &Path, scratch: &Scratch) -> Result<(), InstallError> {
    if let Some(parent) = place.parent() {
        std::fs::create_dir_all(parent).at(parent)?;
    }
    if place.symlink_metadata().is_ok() {
        std::fs::rename(place, scratch.path().join("old")).at(place)?;
    }
    std::fs::rename(from, place).at(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_removes_only_what_dead_owners_left() {
        let dir = tempfile::tempdir().unwrap();
        let living = Scratch::new(dir.path(), "release-2026.3.31").unwrap();
        std::fs::write(living.path().join("half"), "x").unwrap();
        std::fs::create_dir_all(dir.path().join("release-2026.3.28-1-0/node_modules")).unwrap();
        std::fs::write(dir.path().join("release-2026.3.28-1-0.lock"), "").unwrap();
        std::fs::create_dir(dir.path().join("unowned-2026.4.2")).unwrap();
        sweep(dir.path()).unwrap();
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(living.path().join("half").exists());
        drop(living);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

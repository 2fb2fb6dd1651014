//! Advisory locks between threads and processes, which the kernel releases when their holder dies.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::command::Cancel;

/// How long to wait before trying a taken lock again: short compared to an installation, and cheap.
const RETRY: Duration = Duration::from_millis(40);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct LockGuard(#[expect(dead_code, reason = "the open file is the lock")] Option<File>);

/// How a lock is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockMode {
    Shared,
    Exclusive,
}

/// Takes the lock if it is free.
pub(super) fn try_lock(path: &Path, mode: LockMode) -> io::Result<Option<LockGuard>> {
    let file = match open(path) {
        // Nobody installs into a read-only cache: what is in it can be shared without a new file.
        Err(error) if mode == LockMode::Shared && is_read_only(&error) => match File::open(path) {
            Ok(file) => file,
            Err(_) => return Ok(Some(LockGuard(None))),
        },
        other => other?,
    };
    let taken = match mode {
        LockMode::Shared => file.try_lock_shared(),
        LockMode::Exclusive => file.try_lock(),
    };
    match taken {
        Ok(()) => Ok(Some(LockGuard(Some(file)))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    File::options().create(true).append(true).open(path)
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Takes the lock, waiting as long as somebody else holds it; `on_wait` is called once if somebody does. `None` if cancelled.
pub(super) fn lock(
    path: &Path,
    mode: LockMode,
    cancel: &Cancel,
    on_wait: impl FnOnce(),
) -> io::Result<Option<LockGuard>> {
    let mut on_wait = Some(on_wait);
    loop {
        if cancel.is_set() {
            return Ok(None);
        }
        if let Some(held) = try_lock(path, mode)? {
            return Ok(Some(held));
        }
        if let Some(tell) = on_wait.take() {
            tell();
        }
        std::thread::sleep(RETRY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_lock_excludes_only_exclusive_locks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/one.lock");
        let first = try_lock(&path, LockMode::Shared).unwrap().unwrap();
        assert!(try_lock(&path, LockMode::Shared).unwrap().is_some());
        assert!(try_lock(&path, LockMode::Exclusive).unwrap().is_none());
        drop(first);
        assert!(try_lock(&path, LockMode::Exclusive).unwrap().is_some());
    }

    #[test]
    fn waiting_for_a_lock_can_be_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one.lock");
        let _held = try_lock(&path, LockMode::Exclusive).unwrap().unwrap();
        let cancel = Cancel::default();
        let mut waited = false;
        let got = lock(&path, LockMode::Shared, &cancel, || {
            waited = true;
            cancel.set();
        });
        assert!(got.unwrap().is_none());
        assert!(waited);
    }
}

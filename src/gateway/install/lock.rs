//! Advisory locks between threads and processes; the kernel frees them when their holder dies.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::command::Cancel;

/// How often a taken lock is tried again: short against an installation, cheap against a core.
const RETRY: Duration = Duration::from_millis(40);

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub(super) struct LockGuard(#[expect(dead_code, reason = "the open file is the lock")] File);

/// How a lock is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Shared,
    Exclusive,
}

/// Takes the lock if it is free.
pub(super) fn try_lock(path: &Path, mode: Mode) -> io::Result<Option<LockGuard>> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let file = File::options().create(true).append(true).open(path)?;
    let taken = match mode {
        Mode::Shared => file.try_lock_shared(),
        Mode::Exclusive => file.try_lock(),
    };
    match taken {
        Ok(()) => Ok(Some(LockGuard(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes the lock, waiting as long as it is held elsewhere; `on_wait` is called once if it is.
/// `None` when cancelled.
pub(super) fn lock(
    path: &Path,
    mode: Mode,
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
    fn a_shared_lock_admits_readers_and_keeps_writers_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks/one.lock");
        let first = try_lock(&path, Mode::Shared).unwrap().unwrap();
        assert!(try_lock(&path, Mode::Shared).unwrap().is_some());
        assert!(try_lock(&path, Mode::Exclusive).unwrap().is_none());
        drop(first);
        assert!(try_lock(&path, Mode::Exclusive).unwrap().is_some());
    }

    #[test]
    fn waiting_for_a_lock_can_be_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one.lock");
        let _held = try_lock(&path, Mode::Exclusive).unwrap().unwrap();
        let cancel = Cancel::default();
        let mut waited = false;
        let got = lock(&path, Mode::Shared, &cancel, || {
            waited = true;
            cancel.set();
        });
        assert!(got.unwrap().is_none());
        assert!(waited);
    }
}

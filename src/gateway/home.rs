//! Homes: the temporary directories of gateways, and the removal of those that dead runs have left.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::tree;

/// The environment variable that marks every process of a home; its value is the home's path.
pub const HOME_VARIABLE: &str = "GATECRASH_HOME";

const OWNER: &str = "owner.lock";
const PREFIX: &str = "home-";

/// The place of all homes of this user: `gatecrash-UID` in the system's temporary directory.
#[derive(Clone, Debug)]
pub struct Homes {
    root: PathBuf,
}

/// A home that a dead run had left and that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    /// The path that it had.
    pub home: PathBuf,
    /// The processes that were still running in it and were killed.
    pub processes: Vec<u32>,
}

impl Homes {
    /// Makes the place for homes below `temp`, private to this user.
    ///
    /// # Errors
    /// Fails if it cannot be made, or if others own it or have access to it.
    pub fn open(temp: &Path) -> io::Result<Self> {
        let user = rustix::process::getuid().as_raw();
        let root = fs::canonicalize(temp)?.join(format!("gatecrash-{user}"));
        make_private(&root)?;
        let about = fs::symlink_metadata(&root)?;
        if !about.is_dir() || about.uid() != user || about.mode() & 0o077 != 0 {
            let text = format!("{} is not a directory of this user alone", root.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(Self { root })
    }

    /// A directory that all homes share, made on first use.
    pub(super) fn shared(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.root.join(name);
        make_private(&path)?;
        Ok(path)
    }

    /// A new, empty home, which is removed when the value is dropped.
    ///
    /// # Errors
    /// Fails if the directory cannot be made.
    pub fn create(&self) -> io::Result<Home> {
        let _creating = self.lock_root()?;
        let private = Permissions::from_mode(0o700);
        let dir = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(&self.root)?;
        let owner = File::create(dir.path().join(OWNER))?;
        owner.lock()?;
        for name in ["state", "tmp", "logs", "user"] {
            make_private(&dir.path().join(name))?;
        }
        Ok(Home { path: dir.keep(), _owner: owner })
    }

    /// Removes the homes whose owners are dead, and kills what still runs in them. Homes in use are never touched.
    ///
    /// # Errors
    /// Fails if a home cannot be removed.
    pub fn sweep(&self) -> io::Result<Vec<Swept>> {
        let _sweeping = self.lock_root()?;
        let mut swept = Vec::new();
        for entry in fs::read_dir(&self.root)?.flatten() {
            let home = entry.path();
            if !entry.file_name().to_string_lossy().starts_with(PREFIX) || is_owned(&home) {
                continue;
            }
            let processes = kill_marked(&home);
            fs::remove_dir_all(&home)?;
            swept.push(Swept { home, processes });
        }
        Ok(swept)
    }

    /// Keeps others from sweeping between the making of a home and its locking.
    fn lock_root(&self) -> io::Result<File> {
        let file = File::create(self.root.join("lock"))?;
        file.lock()?;
        Ok(file)
    }
}

fn is_owned(home: &Path) -> bool {
    match File::open(home.join(OWNER)) {
        Ok(file) => matches!(file.try_lock(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

fn make_private(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Kills every process that carries the mark of a home and returns their ids.
fn kill_marked(home: &Path) -> Vec<u32> {
    let mark = format!("{HOME_VARIABLE}={}", home.display());
    let mut killed = Vec::new();
    let end = Instant::now() + Duration::from_secs(2);
    loop {
        let left = tree::marked(&mark);
        if left.is_empty() || Instant::now() > end {
            return killed;
        }
        for pid in left {
            tree::kill(pid);
            if !killed.contains(&pid) {
                killed.push(pid);
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The temporary directory of one gateway, with its configuration, state, logs and `TMPDIR`. Dropping it removes the
/// directory.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    /// Locked as long as the owner lives; the kernel unlocks it when the owner dies.
    _owner: File,
}

impl Home {
    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state directory of the gateway, its `OPENCLAW_STATE_DIR`.
    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The configuration file of the gateway, its `OPENCLAW_CONFIG_PATH`.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// The temporary directory of the gateway, its `TMPDIR`.
    pub fn temp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// The folder to which the harness writes the output of the gateway.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The home directory of the user as the gateway sees it, its `HOME`.
    pub fn user(&self) -> PathBuf {
        self.path.join("user")
    }

    pub(super) fn mark(&self) -> (OsString, OsString) {
        (HOME_VARIABLE.into(), self.path.clone().into())
    }

    pub(super) fn write_config(&self, config: &Value) -> io::Result<()> {
        write_private(&self.config(), &serde_json::to_vec_pretty(config)?)
    }

    /// Replaces the configuration while a gateway watches it: at no moment is the file missing or incomplete.
    pub(super) fn replace_config(&self, config: &Value) -> io::Result<()> {
        let beside = self.path.join("config.json.next");
        write_private(&beside, &serde_json::to_vec_pretty(config)?)?;
        fs::rename(beside, self.config())
    }

    /// Writes a file into the state directory; `place` must be relative and lead nowhere else.
    pub(super) fn write_state(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        if !place.components().all(|part| matches!(part, Component::Normal(_))) {
            let text = format!("{} leads out of the state directory", place.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let path = self.state().join(place);
        if let Some(dir) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        write_private(&path, bytes)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep, which the dead lock allows.
        let _ = fs::remove_dir_all(&self.path);
    }
}

pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, bytes)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn homes() -> (tempfile::TempDir, Homes) {
        let temp = tempfile::tempdir().unwrap();
        let homes = Homes::open(temp.path()).unwrap();
        (temp, homes)
    }

    #[test]
    fn a_home_is_private_and_removed_with_its_owner() {
        let (_temp, homes) = homes();
        let home = homes.create().unwrap();
        let path = home.path().to_owned();
        for dir in [&path, &home.state(), &home.temp(), &home.user(), &home.logs()] {
            assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700);
        }
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn a_sweep_removes_only_the_homes_of_dead_owners() {
        let (_temp, homes) = homes();
        let alive = homes.create().unwrap();
        let dead = homes.create().unwrap();
        let path = dead.path().to_owned();
        // A dead owner holds no lock any more, but the directory stays.
        let copy = path.with_extension("copy");
        fs::rename(&path, &copy).unwrap();
        drop(dead);
        fs::rename(&copy, &path).unwrap();
        let swept = homes.sweep().unwrap();
        assert_eq!(swept, [Swept { home: path.clone(), processes: Vec::new() }]);
        assert!(alive.path().exists() && !path.exists());
    }

    #[test]
    fn a_directory_that_others_can_read_is_refused() {
        let (temp, homes) = homes();
        fs::set_permissions(&homes.root, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Homes::open(temp.path()).is_err());
    }

    #[rstest]
    #[case("../outside")]
    #[case("/etc/outside")]
    #[case("devices/../../outside")]
    fn files_outside_the_state_directory_are_refused(#[case] place: &str) {
        let (_temp, homes) = homes();
        let home = homes.create().unwrap();
        assert!(home.write_state(Path::new(place), b"").is_err());
    }
}

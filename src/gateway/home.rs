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

/// The beginning of the names of homes that could not be removed and were told of.
const STUCK: &str = "stuck-";

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

/// What a sweep did.
#[derive(Debug, Default)]
pub struct SweepReport {
    /// Homes that were removed.
    pub swept: Vec<Swept>,
    /// Homes that could not be removed. Where it can be renamed, the next sweep does not tell of it again.
    pub stuck: Vec<StuckHome>,
}

/// A home of a dead run that cannot be removed.
#[derive(Debug, thiserror::Error)]
#[error("the home of a dead run cannot be removed: {}", home.display())]
pub struct StuckHome {
    /// Where it is now.
    pub home: PathBuf,
    /// What the system said.
    source: io::Error,
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

    /// Removes the homes whose owners are dead, and kills what still runs in them. Homes in use are never touched, and one
    /// that cannot be removed does not keep the others.
    ///
    /// # Errors
    /// Fails if the place of the homes cannot be locked or read.
    pub fn sweep(&self) -> io::Result<SweepReport> {
        let _sweeping = self.lock_root()?;
        let mut report = SweepReport::default();
        for entry in fs::read_dir(&self.root)?.flatten() {
            let home = entry.path();
            if !entry.file_name().to_string_lossy().starts_with(PREFIX) || is_owned(&home) {
                continue;
            }
            let processes = kill_marked(&home);
            match remove(&home) {
                Ok(()) => report.swept.push(Swept { home, processes }),
                Err(source) => report.stuck.push(StuckHome { home: self.put_aside(home), source }),
            }
        }
        Ok(report)
    }

    /// Renames a home that cannot be removed, so that it is told of only once; where it then is.
    fn put_aside(&self, home: PathBuf) -> PathBuf {
        let name = home.file_name().unwrap_or_default().to_string_lossy().replacen(PREFIX, STUCK, 1);
        let aside = self.root.join(name);
        if fs::rename(&home, &aside).is_ok() { aside } else { home }
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

/// Removes a directory with everything in it, whatever permissions its owner has taken from its folders.
fn remove(path: &Path) -> io::Result<()> {
    if fs::remove_dir_all(path).is_ok() {
        return Ok(());
    }
    let open = |entry: &walkdir::DirEntry| {
        if entry.file_type().is_dir() {
            // What stays closed shows when it is removed.
            let _ = fs::set_permissions(entry.path(), Permissions::from_mode(0o700));
        }
        true
    };
    walkdir::WalkDir::new(path).into_iter().filter_entry(open).for_each(drop);
    fs::remove_dir_all(path)
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

    /// The path of a file below the home, unless a gateway has put a link there that leads elsewhere.
    ///
    /// # Errors
    /// Fails if it leads out of the home, or its folder does not exist.
    pub fn safe(&self, file: &Path) -> io::Result<PathBuf> {
        let folder = fs::canonicalize(file.parent().unwrap_or(&self.path))?;
        let name = file.file_name().unwrap_or_default();
        if !folder.starts_with(fs::canonicalize(&self.path)?) {
            let text = format!("a link of the gateway makes {} lead out of its home", file.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(folder.join(name))
    }

    pub(super) fn write_config(&self, config: &Value) -> io::Result<()> {
        self.safe(&self.config())?;
        write_private(&self.config(), &serde_json::to_vec_pretty(config)?)
    }

    /// Replaces the configuration while a gateway watches it: at no moment is the file missing or incomplete.
    pub(super) fn replace_config(&self, config: &Value) -> io::Result<()> {
        let beside = self.path.join("config.json.next");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
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
        write_private(&self.safe(&path)?, bytes)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep, which the dead lock allows.
        let _ = remove(&self.path);
    }
}

/// Writes a file that only its owner can read. A link is replaced and not followed.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|about| !about.is_file()) {
        fs::remove_file(path)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = options.open(path)?;
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
    fn no_link_of_a_gateway_leads_a_write_out_of_its_home() {
        use std::os::unix::fs::symlink;
        let (temp, homes) = homes();
        let home = homes.create().unwrap();
        let victim = temp.path().join("victim.json");
        fs::write(&victim, "mine").unwrap();
        for link in [home.config(), home.path().join("config.json.next"), home.state().join("x.json")] {
            symlink(&victim, link).unwrap();
        }
        symlink(temp.path(), home.state().join("deep")).unwrap();
        home.write_config(&Value::Null).unwrap();
        home.replace_config(&Value::Null).unwrap();
        home.write_state(Path::new("x.json"), b"theirs").unwrap();
        assert!(home.write_state(Path::new("deep/victim.json"), b"theirs").is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        fs::remove_dir_all(home.state()).unwrap();
        symlink(temp.path(), home.state()).unwrap();
        assert!(home.write_state(Path::new("victim.json"), b"theirs").is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
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
        let report = homes.sweep().unwrap();
        assert_eq!(report.swept, [Swept { home: path.clone(), processes: Vec::new() }]);
        assert!(alive.path().exists() && !path.exists());
    }

    /// A home that a dead run has left, with a file in a folder.
    fn left_behind(homes: &Homes) -> PathBuf {
        let path = homes.root.join("home-dead");
        fs::create_dir_all(path.join("state/deep")).unwrap();
        fs::write(path.join("state/deep/file"), "x").unwrap();
        path
    }

    #[test]
    fn a_home_with_closed_folders_is_removed() {
        let (_temp, homes) = homes();
        let path = left_behind(&homes);
        fs::set_permissions(path.join("state/deep"), Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(path.join("state"), Permissions::from_mode(0o000)).unwrap();
        let report = homes.sweep().unwrap();
        assert_eq!((report.swept.len(), report.stuck.len()), (1, 0));
        assert!(!path.exists());
    }

    /// Where the file system has no immutable files, there is nothing to see.
    #[test]
    fn a_home_that_cannot_be_removed_is_named_once_and_keeps_no_other() {
        let (_temp, homes) = homes();
        let path = left_behind(&homes);
        let other = homes.root.join("home-other");
        fs::create_dir(&other).unwrap();
        let immutable = |flag: &str, path: &Path| {
            std::process::Command::new("chattr")
                .arg(flag)
                .arg(path)
                .status()
                .is_ok_and(|status| status.success())
        };
        if !immutable("+i", &path.join("state/deep/file")) {
            return;
        }
        let report = homes.sweep().unwrap();
        let aside = homes.root.join("stuck-dead");
        let again = homes.sweep().unwrap();
        immutable("-i", &aside.join("state/deep/file"));
        assert_eq!((report.swept.len(), report.stuck.len()), (1, 1));
        assert!(report.stuck[0].to_string().contains("stuck-dead") && !other.exists());
        assert!(again.stuck.is_empty() && aside.exists());
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

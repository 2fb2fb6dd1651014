//! Finds what a gateway touched or left outside its home.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::sockets::{datagram_sockets, listening_sockets, socket_inode};
use super::tree::{self, Stray};

/// Something that a gateway did or left outside its home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Leak {
    /// A process outlived the gateway; the harness killed it.
    Process(Stray),
    /// A socket still listened after the stop.
    Listening {
        /// The address of the socket.
        address: SocketAddr,
    },
    /// A socket listened on more than the loopback interface.
    BeyondLoopback {
        /// The address of the socket.
        address: SocketAddr,
    },
    /// A UDP socket was open on more than the loopback interface just before the stop.
    Datagrams {
        /// The address of the socket.
        address: SocketAddr,
    },
    /// A file outside the home was open for writing just before the stop.
    OpenFile {
        /// The file.
        path: PathBuf,
    },
    /// It was kept from something.
    Denied {
        /// What it tried to do: `connect`, `send`, `look up`, `write` or `open a UDP socket`.
        what: String,
        /// The file, address or name.
        #[serde(rename = "where")]
        wanted: String,
    },
    /// A file in a shared place was created or changed and mentions this home.
    File {
        /// The file.
        path: PathBuf,
    },
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(stray) => write!(f, "process {} was left: {}", stray.pid, stray.command),
            Self::Listening { address } => write!(f, "{address} was still listened on after the stop"),
            Self::BeyondLoopback { address } => write!(f, "{address} was listened on, which is not loopback"),
            Self::Datagrams { address } => write!(f, "UDP {address} was open, which is not loopback"),
            Self::OpenFile { path } => write!(f, "{} outside the home was open for writing", path.display()),
            Self::Denied { what, wanted } => write!(f, "it was kept from this: {what} {wanted}"),
            Self::File { path } => write!(f, "{} outside the home was written", path.display()),
        }
    }
}

const FILES_WATCHED: usize = 5000;
const DEPTH_WATCHED: usize = 3;
const BYTES_READ: u64 = 1 << 20;

/// The state before a boot of the shared places that gateways are known to write to.
#[derive(Debug)]
pub(super) struct Outside {
    places: Vec<PathBuf>,
    before: HashMap<PathBuf, (u64, Option<SystemTime>)>,
}

impl Outside {
    /// Remembers the contents of `openclaw*` in the system's temporary directories and of the user's own `.openclaw`.
    pub(super) fn remember(temps: &[PathBuf], user_home: Option<&Path>) -> Self {
        let mut places = temps.to_vec();
        places.sort();
        places.dedup();
        places.extend(user_home.map(|home| home.join(".openclaw")));
        let before = listing(&places);
        Self { places, before }
    }

    /// The files that changed since and mention `home`.
    pub(super) fn changed(&self, home: &Path) -> Vec<Leak> {
        let name = home.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut leaks: Vec<Leak> = listing(&self.places)
            .into_iter()
            .filter(|(path, about)| self.before.get(path) != Some(about))
            .filter(|(path, _)| {
                let known = self.before.get(path).map_or(0, |about| about.0);
                path.to_string_lossy().contains(&name) || mentions(path, known, &name)
            })
            .map(|(path, _)| Leak::File { path })
            .collect();
        leaks.sort_by_key(ToString::to_string);
        leaks
    }
}

fn listing(places: &[PathBuf]) -> HashMap<PathBuf, (u64, Option<SystemTime>)> {
    let mut found = HashMap::new();
    for place in places {
        let own = place.file_name().is_some_and(|name| name == ".openclaw");
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if own || entry.file_name().to_string_lossy().starts_with("openclaw") {
                list(&entry.path(), DEPTH_WATCHED, &mut found);
            }
        }
    }
    found
}

fn list(path: &Path, depth: usize, found: &mut HashMap<PathBuf, (u64, Option<SystemTime>)>) {
    let Ok(about) = fs::symlink_metadata(path) else { return };
    if about.is_dir() && depth > 0 {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            list(&entry.path(), depth - 1, found);
        }
    } else if about.is_file() && found.len() < FILES_WATCHED {
        found.insert(path.to_owned(), (about.len(), about.modified().ok()));
    }
}

/// Only what was appended counts: a shared log may still mention older homes.
fn mentions(path: &Path, known: u64, name: &str) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    let shrunk = file.metadata().is_ok_and(|about| about.len() < known);
    if !shrunk && file.seek(SeekFrom::Start(known)).is_err() {
        return false;
    }
    let mut bytes = Vec::new();
    let _ = file.take(BYTES_READ).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).contains(name)
}

/// What the processes below a watcher have open just before the stop.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    listening: HashMap<u64, SocketAddr>,
    datagrams: Vec<SocketAddr>,
    files: Vec<PathBuf>,
}

impl OpenFiles {
    /// Reads the open files and listening sockets of all processes below `watcher`.
    ///
    /// Files that this process has open too were inherited from whoever started it, and are skipped.
    pub(super) fn read(watcher: u32, allowed: &[&Path]) -> Self {
        let (sockets, datagrams) = (listening_sockets(), datagram_sockets());
        let handed_down = tree::open_files(std::process::id());
        let mut open = Self::default();
        for pid in tree::descendants(watcher) {
            let own = tree::open_files(pid).into_iter().filter(|one| !handed_down.contains(one));
            for (descriptor, path) in own {
                if let Some(inode) = socket_inode(&path) {
                    open.listening.extend(sockets.get(&inode).map(|address| (inode, *address)));
                    open.datagrams.extend(datagrams.get(&inode));
                } else if is_outside(&path, allowed)
                    && is_writable(pid, &descriptor)
                    && !open.files.contains(&path)
                {
                    open.files.push(path);
                }
            }
        }
        open
    }

    /// The leaks among them; call it after the stop.
    pub(super) fn leaks(&self) -> Vec<Leak> {
        let still: HashSet<u64> = if self.listening.is_empty() {
            HashSet::new()
        } else {
            listening_sockets().into_keys().collect()
        };
        let left = self.listening.iter().filter(|(inode, _)| still.contains(inode));
        let left = left.map(|(_, address)| Leak::Listening { address: *address });
        let wide = self.listening.values().filter(|address| !address.ip().is_loopback());
        let wide = wide.map(|address| Leak::BeyondLoopback { address: *address });
        let datagrams = self.datagrams.iter().filter(|address| !address.ip().is_loopback());
        let datagrams = datagrams.map(|address| Leak::Datagrams { address: *address });
        let files = self.files.iter().map(|path| Leak::OpenFile { path: path.clone() });
        left.chain(wide).chain(datagrams).chain(files).collect()
    }
}

/// Pipes, sockets and memory files have no absolute path; devices belong to the system.
fn is_outside(path: &Path, allowed: &[&Path]) -> bool {
    let system =
        ["/dev", "/proc", "/sys", "/memfd:"].iter().any(|place| path.to_string_lossy().starts_with(place));
    path.is_absolute() && !system && !allowed.iter().any(|place| path.starts_with(place))
}

fn is_writable(pid: u32, descriptor: &str) -> bool {
    let about = fs::read_to_string(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap_or_default();
    let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 0o3 != 0)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_changed_file_that_mentions_the_home_is_a_leak() {
        let temp = tempfile::tempdir().unwrap();
        let user = tempfile::tempdir().unwrap();
        let dir = temp.path().join("openclaw-0");
        fs::create_dir(&dir).unwrap();
        fs::create_dir(user.path().join(".openclaw")).unwrap();
        fs::write(dir.join("old.log"), "home-abc long ago\n").unwrap();
        let outside = Outside::remember(&[temp.path().to_owned()], Some(user.path()));
        fs::write(dir.join("old.log"), "home-abc long ago\nand something else\n").unwrap();
        fs::write(dir.join("other.log"), "home-xyz").unwrap();
        fs::write(temp.path().join("unrelated"), "home-abc").unwrap();
        assert_eq!(outside.changed(Path::new("/tmp/home-abc")), []);
        fs::write(dir.join("new.log"), "in /tmp/home-abc").unwrap();
        fs::write(user.path().join(".openclaw/state"), "home-abc").unwrap();
        let leaks = outside.changed(Path::new("/tmp/home-abc"));
        let mut expected = vec![
            Leak::File { path: dir.join("new.log") },
            Leak::File { path: user.path().join(".openclaw/state") },
        ];
        expected.sort_by_key(ToString::to_string);
        assert_eq!(leaks, expected);
    }

    #[test]
    fn an_inherited_file_is_not_a_leak_and_an_opened_one_is() {
        let temp = tempfile::tempdir().unwrap();
        let (handed_down, opened) = (temp.path().join("handed-down"), temp.path().join("opened"));
        let file = File::create(&handed_down).unwrap();
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
        let script = format!("exec 99>{}; echo; read line", opened.display());
        let mut bash = Command::new("bash");
        let bash = bash.arg("-c").arg(script);
        let mut child = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
        let open = OpenFiles::read(std::process::id(), &[]);
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(open.files.contains(&opened), "{:?}", open.files);
        assert!(!open.files.contains(&handed_down), "{:?}", open.files);
    }

    #[test]
    fn only_regular_files_outside_the_allowed_places_count() {
        let allowed = [Path::new("/tmp/home-abc"), Path::new("/cache")];
        for inside in
            ["/tmp/home-abc/state/x", "/cache/v8/1", "/dev/null", "pipe:[1]", "anon_inode:[eventpoll]"]
        {
            assert!(!is_outside(Path::new(inside), &allowed), "{inside}");
        }
        for outside in ["/tmp/home-abcd/x", "/tmp/openclaw/openclaw.log"] {
            assert!(is_outside(Path::new(outside), &allowed), "{outside}");
        }
    }
}

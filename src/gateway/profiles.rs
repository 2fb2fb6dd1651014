//! V8's coverage profiles of gateways: where they are written, and how they are requested.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Loaded into every thread of a gateway.
const THREADS: &str = include_str!("threads.cjs");

/// How long a thread may take to hand out what it has executed. One that is busy for longer is not asked again.
const HANDS_OUT: Duration = Duration::from_secs(10);

/// How long a gateway with profiles to write may take to end.
const WRITES: Duration = Duration::from_mins(1);

const COVERAGE: &str = "NODE_V8_COVERAGE";

/// How long a gateway with this environment may take to end, if others get `usual`.
pub(super) fn grace(env: &[(String, String)], usual: Duration) -> Duration {
    if env.iter().any(|(name, _)| name == COVERAGE) { WRITES } else { usual }
}

/// How long a gateway with this environment may take to boot, if others get `usual`: V8 counts while it loads, and there is
/// no compile cache.
pub(super) fn patience(env: &[(String, String)], usual: Duration) -> Duration {
    if env.iter().any(|(name, _)| name == COVERAGE) { usual * 3 } else { usual }
}

/// Profiles of all gateways of a run.
#[derive(Clone, Debug)]
pub struct Profiles {
    place: PathBuf,
    /// The files whose code matters, if each scenario is measured by itself.
    each: Option<Vec<PathBuf>>,
}

/// Profiles of one gateway and of all that it starts.
#[derive(Debug)]
pub struct GatewayProfiles {
    folder: PathBuf,
    each: bool,
    asked: AtomicUsize,
    silent: Mutex<HashSet<String>>,
}

impl Profiles {
    /// Profiles below a folder; `each` has the files whose code matters if each scenario is measured by itself.
    pub fn new(place: PathBuf, each: Option<Vec<PathBuf>>) -> Self {
        Self { place, each }
    }

    /// Whether each scenario is measured by itself.
    pub const fn each(&self) -> bool {
        self.each.is_some()
    }

    /// The folder of a gateway's profiles.
    pub fn folder(&self, gateway: usize) -> PathBuf {
        self.place.join(format!("gateway-{gateway}"))
    }

    /// Makes the folder for the profiles of a gateway.
    ///
    /// # Errors
    /// Fails if the folder or its scripts cannot be written.
    pub fn of(&self, gateway: usize) -> io::Result<GatewayProfiles> {
        let folder = self.folder(gateway);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("threads.cjs"), THREADS)?;
        if let Some(files) = &self.each {
            fs::write(folder.join("wanted.json"), serde_json::to_vec(files)?)?;
        }
        Ok(GatewayProfiles {
            folder,
            each: self.each(),
            asked: AtomicUsize::new(0),
            silent: Mutex::default(),
        })
    }
}

impl GatewayProfiles {
    /// The environment variables that make Node write profiles.
    pub fn env(&self) -> [(String, String); 2] {
        [
            (COVERAGE.to_owned(), self.folder.to_string_lossy().into_owned()),
            // V8 does not count the blocks of functions that come out of a cache.
            ("NODE_DISABLE_COMPILE_CACHE".to_owned(), "1".to_owned()),
        ]
    }

    /// Makes every thread hand out what it has executed since the last time, under the name of a scenario; an empty name is for
    /// what a boot executes.
    ///
    /// Does nothing if scenarios are not measured by themselves.
    pub async fn take(&self, name: &str) {
        if !self.each {
            return;
        }
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        // What cannot be written is missing from the report, which says so.
        let _ = fs::write(self.folder.join(format!("name-{number}")), name);
        let _ = fs::write(self.folder.join(format!("take-{number}")), "");
        let patience = Instant::now() + HANDS_OUT;
        loop {
            let waiting = self.waiting(number);
            if waiting.is_empty() {
                return;
            }
            if Instant::now() > patience {
                self.silent.lock().extend(waiting);
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The threads that have not handed out this part yet and can still do so.
    fn waiting(&self, number: usize) -> Vec<String> {
        let names = names_in(&self.folder);
        let silent = self.silent.lock();
        let has = |name: &str| names.iter().any(|one| one == name);
        let started = names.iter().filter_map(|name| name.strip_prefix("started-"));
        let waiting = started.filter(|thread| {
            let (process, _) = thread.split_once('-').unwrap_or((thread, ""));
            !silent.contains(*thread)
                && !has(&format!("part-{number}-{thread}.json"))
                && profile_of(thread, &names).is_none()
                && is_running(process)
        });
        waiting.map(str::to_owned).collect()
    }
}

/// The names of what is in a folder.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// The profile that a thread (`PROCESS-THREAD`) wrote when it ended: `coverage-PROCESS-TIME-THREAD.json`.
fn profile_of<'a>(thread: &str, names: &'a [String]) -> Option<&'a str> {
    let (process, number) = thread.split_once('-')?;
    let (begin, end) = (format!("coverage-{process}-"), format!("-{number}.json"));
    names.iter().map(String::as_str).find(|name| name.starts_with(&begin) && name.ends_with(&end))
}

/// Whether a process is running; zombies are not.
fn is_running(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// The profiles that the threads of a gateway have left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Profiles that threads wrote when they ended: what was executed since the last request.
    pub profiles: Vec<PathBuf>,
    /// Profiles that were requested, with the name of the request.
    pub parts: Vec<(String, PathBuf)>,
    /// Threads that ended without a profile: process, thread and command line.
    pub without: Vec<(String, String, String)>,
}

impl Left {
    /// Reads the folder of a gateway.
    pub fn read(folder: &Path) -> Self {
        let mut names = names_in(folder);
        names.sort();
        let mut left = Self::default();
        for name in &names {
            if let Some(thread) = name.strip_prefix("started-") {
                if profile_of(thread, &names).is_none() {
                    let (process, number) = thread.split_once('-').unwrap_or((thread, "0"));
                    let command = fs::read_to_string(folder.join(name)).unwrap_or_default();
                    left.without.push((process.to_owned(), number.to_owned(), command));
                }
            } else if name.starts_with("coverage-") {
                left.profiles.push(folder.join(name));
            } else if let Some((number, _)) = name
                .strip_suffix(".json")
                .and_then(|name| name.strip_prefix("part-"))
                .and_then(|part| part.split_once('-'))
            {
                let asked = fs::read_to_string(folder.join(format!("name-{number}"))).unwrap_or_default();
                left.parts.push((asked, folder.join(name)));
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_profile_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("started-10-0", "openclaw.mjs gateway run"),
            ("started-10-3", "openclaw.mjs gateway run"),
            ("started-11-0", "openclaw.mjs gateway run"),
            ("coverage-10-1700000000000-0.json", "{}"),
            ("coverage-110-1700000000000-0.json", "{}"),
            ("name-4", "auth/a"),
            ("part-4-11-0.json", "{}"),
            ("threads.cjs", ""),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let left = Left::read(dir.path());
        let run = "openclaw.mjs gateway run";
        let without = [("10", "3", run), ("11", "0", run)];
        assert_eq!(left.without, without.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
        assert_eq!(left.profiles.len(), 2);
        assert_eq!(left.parts, [("auth/a".to_owned(), dir.path().join("part-4-11-0.json"))]);
    }

    #[test]
    fn a_gateway_with_coverage_gets_more_time() {
        let usual = Duration::from_secs(10);
        let watched = [(COVERAGE.to_owned(), "/profiles".to_owned())];
        assert_eq!(patience(&watched, usual), Duration::from_secs(30));
        assert_eq!(patience(&[("OTHER".to_owned(), String::new())], usual), usual);
    }

    #[tokio::test]
    async fn threads_of_dead_processes_are_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let profiles = Profiles::new(dir.path().to_owned(), Some(vec![PathBuf::from("/a.js")]));
        let one = profiles.of(3).unwrap();
        fs::write(profiles.folder(3).join("started-4000000000-0"), "gone").unwrap();
        let begun = Instant::now();
        one.take("auth/a").await;
        assert!(begun.elapsed() < HANDS_OUT);
        assert_eq!(fs::read_to_string(profiles.folder(3).join("name-0")).unwrap(), "auth/a");
    }
}

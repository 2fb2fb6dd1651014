//! Switches mutants on and off in a gateway whose code contains many of them, and tells which ones it has reached.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::profiles::names_in;

const SCRIPT: &str = include_str!("switch.cjs");

/// The environment variable that names the folder of a gateway's switch.
pub(super) const VARIABLE: &str = "GATECRASH_MUTANTS";

/// How long a thread may take to switch. One that is busy for longer has a mutant that never ends.
const TURNS: Duration = Duration::from_secs(5);

/// Switches of the gateways of a run.
#[derive(Clone, Debug)]
pub struct Switches {
    place: PathBuf,
    mutants: usize,
    active: Vec<usize>,
}

/// The switch of one gateway and of all that it starts.
#[derive(Debug)]
pub struct Switch {
    folder: PathBuf,
    mutants: usize,
    turns: AtomicUsize,
}

/// Why a gateway did not switch to other mutants.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The request cannot be written.
    #[error("cannot write the switch of the gateway's mutants")]
    Write(#[source] io::Error),
    /// A thread did not answer in time.
    #[error("a thread of the gateway did not switch to other mutants within {} s", TURNS.as_secs())]
    Silent,
}

impl Switches {
    /// Switches below a folder, for this many mutants; `active` are those that gateways start with.
    pub fn new(place: PathBuf, mutants: usize, active: &[usize]) -> Self {
        Self { place, mutants, active: active.to_vec() }
    }

    /// The same switches with other mutants active at the start.
    #[must_use]
    pub fn starting_with(&self, active: &[usize]) -> Self {
        Self { active: active.to_vec(), ..self.clone() }
    }

    /// Makes the switch of a gateway.
    ///
    /// # Errors
    /// Fails if its folder cannot be written.
    pub fn of(&self, gateway: usize) -> io::Result<Switch> {
        let folder = self.place.join(format!("gateway-{gateway}"));
        // A number may be used again in another run.
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("switch.cjs"), SCRIPT)?;
        fs::write(folder.join("first.json"), first(&self.active, self.mutants))?;
        Ok(Switch { folder, mutants: self.mutants, turns: AtomicUsize::new(0) })
    }

    /// What the gateway with this number reached between the last switch and its end.
    pub fn rest(&self, gateway: usize) -> BTreeSet<usize> {
        let folder = self.place.join(format!("gateway-{gateway}"));
        read_all(&folder, |name| name.starts_with("rest-"))
    }
}

fn first(active: &[usize], mutants: usize) -> String {
    json!({"active": active, "count": mutants}).to_string()
}

impl Switch {
    /// The environment variable that loads the switch into a gateway.
    pub fn env(&self) -> (String, String) {
        (VARIABLE.to_owned(), self.folder.to_string_lossy().into_owned())
    }

    /// Makes these mutants active in every thread, and no others. Returns the mutants whose code was reached since the last
    /// switch.
    ///
    /// # Errors
    /// Fails if a thread does not answer within five seconds.
    pub async fn turn(&self, active: &[usize]) -> Result<BTreeSet<usize>, TurnError> {
        let number = self.turns.fetch_add(1, Ordering::SeqCst);
        // Threads that start from here on begin with the same mutants.
        write(&self.folder.join("first.json"), &first(active, self.mutants)).map_err(TurnError::Write)?;
        write(&self.folder.join(format!("turn-{number}.json")), &json!({"active": active}).to_string())
            .map_err(TurnError::Write)?;
        let answer = format!("reached-{number}-");
        let end = Instant::now() + TURNS;
        while self.is_waiting(&answer) {
            if Instant::now() > end {
                return Err(TurnError::Silent);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(read_all(&self.folder, |name| name.starts_with(&answer)))
    }

    /// Whether a running thread has not answered yet.
    fn is_waiting(&self, answer: &str) -> bool {
        let names = names_in(&self.folder);
        names.iter().filter_map(|name| name.strip_prefix("started-")).any(|thread| {
            let (process, _) = thread.split_once('-').unwrap_or((thread, ""));
            let has = |name: String| names.contains(&name);
            !has(format!("{answer}{thread}.json"))
                && !has(format!("rest-{thread}.json"))
                && Path::new("/proc").join(process).exists()
        })
    }
}

/// Writes a file in one step, so that nobody reads half of it.
fn write(place: &Path, text: &str) -> io::Result<()> {
    let mut beside = place.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, text)?;
    fs::rename(&beside, place)
}

fn read_all(folder: &Path, wanted: impl Fn(&str) -> bool) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    for name in names_in(folder)
        .iter()
        .filter(|name| wanted(name) && Path::new(name).extension() == Some("json".as_ref()))
    {
        let bytes = fs::read(folder.join(name)).unwrap_or_default();
        reached.extend(serde_json::from_slice::<Vec<usize>>(&bytes).unwrap_or_default());
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_starts_with_its_active_mutants() {
        let dir = tempfile::tempdir().unwrap();
        let switches = Switches::new(dir.path().to_owned(), 12, &[]).starting_with(&[7]);
        let switch = switches.of(3).unwrap();
        assert_eq!(switch.env().1, dir.path().join("gateway-3").to_string_lossy());
        let text = fs::read_to_string(dir.path().join("gateway-3/first.json")).unwrap();
        assert_eq!(text, r#"{"active":[7],"count":12}"#);
        fs::write(dir.path().join("gateway-3/rest-1-0.json"), "[2,5]").unwrap();
        assert_eq!(switches.rest(3), BTreeSet::from([2, 5]));
    }

    #[tokio::test]
    async fn threads_of_dead_processes_are_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let switch = Switches::new(dir.path().to_owned(), 2, &[]).of(0).unwrap();
        fs::write(dir.path().join("gateway-0/started-4000000000-0"), "").unwrap();
        fs::write(dir.path().join("gateway-0/reached-0-1-0.json"), "[1]").unwrap();
        assert_eq!(switch.turn(&[1]).await.unwrap(), BTreeSet::from([1]));
        let text = fs::read_to_string(dir.path().join("gateway-0/turn-0.json")).unwrap();
        assert_eq!(text, r#"{"active":[1]}"#);
    }
}

//! How long things took before on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// How long things took the last time, in a file of the cache. Without the file, nothing is known; what cannot be written is
/// forgotten.
#[derive(Debug, Default)]
pub struct EarlierTimes {
    file: Option<PathBuf>,
    /// Milliseconds by what was done; read when they are needed first.
    times: Option<BTreeMap<String, u64>>,
}

impl EarlierTimes {
    /// Times that are kept in this file.
    pub const fn kept_in(file: PathBuf) -> Self {
        Self { file: Some(file), times: None }
    }

    /// How long something took the last time.
    pub fn of(&mut self, what: &str) -> Option<Duration> {
        self.times().get(what).copied().map(Duration::from_millis)
    }

    /// Keeps how long something took.
    pub fn keep(&mut self, what: &str, took: Duration) {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.times().insert(what.to_owned(), took);
        let (Some(file), Some(times)) = (&self.file, &self.times) else { return };
        let Ok(text) = serde_json::to_vec(times) else { return };
        // Replaced in one step, because other processes read it; an estimate is not worth an error.
        let beside = file.with_extension(format!("{}.part", std::process::id()));
        if fs::write(&beside, text).and_then(|()| fs::rename(&beside, file)).is_err() {
            let _ = fs::remove_file(beside);
        }
    }

    fn times(&mut self) -> &mut BTreeMap<String, u64> {
        let file = &self.file;
        self.times.get_or_insert_with(|| {
            let text = file.as_ref().and_then(|file| fs::read(file).ok()).unwrap_or_default();
            serde_json::from_slice(&text).unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_is_known_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("times.json");
        let mut times = EarlierTimes::kept_in(file.clone());
        assert_eq!(times.of("boot 2026.3.31"), None);
        times.keep("boot 2026.3.31", Duration::from_millis(2100));
        let mut again = EarlierTimes::kept_in(file.clone());
        assert_eq!(again.of("boot 2026.3.31"), Some(Duration::from_millis(2100)));
        fs::write(&file, "no JSON").unwrap();
        assert_eq!(EarlierTimes::kept_in(file).of("boot 2026.3.31"), None);
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_no_error() {
        let mut times = EarlierTimes::kept_in("/proc/no/such/times.json".into());
        times.keep("x", Duration::from_secs(1));
        assert_eq!(times.of("x"), Some(Duration::from_secs(1)));
    }
}

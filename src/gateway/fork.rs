//! Forks of a home: one prepared state for many releases.

use std::fs;
use std::io;
use std::path::Path;

use super::home::Home;

const REMEMBERED: &str = "fork";
/// What a release sees of a home: its state, the user's files, its configuration.
const PARTS: [&str; 3] = ["state", "user", "config.json"];

/// At the first call remembers what is in the home, at later ones restores it. The gateway must be stopped.
pub(super) fn fork(home: &Home) -> io::Result<()> {
    let remembered = home.path().join(REMEMBERED);
    if !remembered.exists() {
        // An interrupted copy must not be mistaken for a complete one.
        let growing = home.path().join("fork.part");
        fs::create_dir_all(&growing)?;
        for part in PARTS {
            copy(&home.path().join(part), &growing.join(part))?;
        }
        return fs::rename(growing, remembered);
    }
    for part in PARTS {
        let place = home.path().join(part);
        if place.is_dir() {
            fs::remove_dir_all(&place)?;
        } else if place.exists() {
            fs::remove_file(&place)?;
        }
        copy(&remembered.join(part), &place)?;
    }
    Ok(())
}

/// Copies a file, or a folder with everything in it; other things are skipped.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(about) = fs::symlink_metadata(from) else { return Ok(()) };
    if about.is_file() {
        fs::copy(from, to)?;
    } else if about.is_dir() {
        fs::create_dir_all(to)?;
        fs::set_permissions(to, about.permissions())?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Homes;

    #[test]
    fn every_fork_starts_from_the_state_at_the_first_fork() {
        let temp = tempfile::tempdir().unwrap();
        let home = Homes::open(temp.path()).unwrap().create().unwrap();
        home.write_state(Path::new("devices/paired.json"), b"before").unwrap();
        fork(&home).unwrap();
        home.write_state(Path::new("devices/paired.json"), b"after").unwrap();
        home.write_state(Path::new("state/openclaw.sqlite"), b"new").unwrap();
        fork(&home).unwrap();
        assert_eq!(fs::read(home.state().join("devices/paired.json")).unwrap(), b"before");
        assert!(!home.state().join("state/openclaw.sqlite").exists());
    }
}
